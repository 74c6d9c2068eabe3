use std::sync::atomic::Ordering;
use std::time::Duration;

use ferrocket_client::{Error, Message};
use ferrocket_protocol::codes::response;

use crate::fake::{Cluster, TOPIC};

#[tokio::test]
async fn a_busy_broker_is_avoided() {
    let cluster = Cluster::start(2, 4);
    cluster.brokers[0]
        .send_code
        .store(response::SYSTEM_BUSY, Ordering::SeqCst);
    let producer = cluster.client().producer("p").unwrap();
    for n in 0..8 {
        let receipt = producer
            .send(&Message::new(TOPIC, format!("{n}")))
            .await
            .unwrap();
        assert_eq!(receipt.queue.broker_name, "broker-1");
    }
    assert!(
        cluster.brokers[0].sends.load(Ordering::SeqCst) > 0,
        "it had its turn"
    );
    assert_eq!(cluster.stored().len(), 8);
}

#[tokio::test]
async fn a_refusal_that_no_other_broker_would_take_back_is_final() {
    let cluster = Cluster::start(2, 4);
    for broker in &cluster.brokers {
        broker
            .send_code
            .store(response::MESSAGE_ILLEGAL, Ordering::SeqCst);
    }
    let producer = cluster.client().producer("p").unwrap();
    let error = producer.send(&Message::new(TOPIC, "x")).await.unwrap_err();
    assert_eq!(error.code(), Some(response::MESSAGE_ILLEGAL));
    let sends: usize = cluster
        .brokers
        .iter()
        .map(|b| b.sends.load(Ordering::SeqCst))
        .sum();
    assert_eq!(sends, 1);
}

#[tokio::test]
async fn when_all_brokers_refuse_the_error_tells_where_it_was_tried() {
    let cluster = Cluster::start(2, 4);
    for broker in &cluster.brokers {
        broker
            .send_code
            .store(response::SYSTEM_BUSY, Ordering::SeqCst);
    }
    let producer = cluster.client().producer("p").unwrap();
    let error = producer.send(&Message::new(TOPIC, "x")).await.unwrap_err();
    let Error::SendFailed {
        attempts: 3,
        brokers,
        ..
    } = &error
    else {
        panic!("{error}");
    };
    assert_ne!(brokers[0], brokers[1]);
    assert_ne!(brokers[1], brokers[2]);
    assert!(error.to_string().contains("SYSTEM_BUSY"), "{error}");
}

#[tokio::test]
async fn a_topic_without_route_is_named() {
    let cluster = Cluster::start(1, 1);
    let client = cluster.client();
    let producer = client.producer("p").unwrap();
    let error = producer
        .send(&Message::new("Unknown", "x"))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::NoRoute { topic } if topic == "Unknown"),
        "{error}"
    );
    client.close(Duration::from_secs(1)).await;
    let error = producer.send(&Message::new(TOPIC, "x")).await.unwrap_err();
    assert!(!error.to_string().is_empty());
}
