use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use ferrocket_client::{Message, SendStatus};
use ferrocket_protocol::message::compression::Compression;
use ferrocket_protocol::message::properties;

use crate::fake::{Cluster, TOPIC, until};

#[tokio::test]
async fn degraded_stores_are_told_and_not_repeated() {
    let cluster = Cluster::start(1, 1);
    let producer = cluster.client().producer("p").unwrap();
    let expected = [
        (10, SendStatus::FlushDiskTimeout),
        (12, SendStatus::FlushSlaveTimeout),
        (11, SendStatus::SlaveNotAvailable),
        (0, SendStatus::Ok),
    ];
    for (offset, (code, status)) in (0..).zip(expected) {
        cluster.brokers[0].send_code.store(code, Ordering::SeqCst);
        let receipt = producer.send(&Message::new(TOPIC, "x")).await.unwrap();
        assert_eq!((receipt.status, receipt.queue_offset), (status, offset));
    }
}

#[tokio::test]
async fn messages_take_turns_over_all_queues_and_carry_unique_keys() {
    let cluster = Cluster::start(2, 4);
    let producer = cluster.client().producer("p").unwrap();
    let mut ids = BTreeSet::new();
    for n in 0..16 {
        let receipt = producer
            .send(&Message::new(TOPIC, format!("{n}")).tag("A"))
            .await
            .unwrap();
        ids.insert(receipt.message_id);
    }
    for broker in &cluster.brokers {
        let queues = broker.queues.lock();
        assert_eq!(
            queues.values().map(Vec::len).collect::<Vec<_>>(),
            [2, 2, 2, 2]
        );
    }
    let stored = cluster.stored();
    let key = |p: &[u8]| properties::find(p, "UNIQ_KEY").unwrap().to_owned();
    let keys: BTreeSet<_> = stored.iter().map(|s| key(&s.properties)).collect();
    assert_eq!(keys, ids);
    assert!(
        stored
            .iter()
            .all(|s| properties::find(&s.properties, "TAGS") == Some("A"))
    );
}

#[tokio::test]
async fn large_bodies_are_compressed() {
    let cluster = Cluster::start(1, 1);
    let producer = cluster.client().producer("p").unwrap();
    producer
        .send(&Message::new(TOPIC, vec![7; 4095]))
        .await
        .unwrap();
    producer
        .send(&Message::new(TOPIC, vec![7; 4096]))
        .await
        .unwrap();
    let stored = cluster.stored();
    assert_eq!((stored[0].sys_flag, stored[0].body.len()), (0, 4095));
    assert_eq!(stored[1].sys_flag, Compression::Zlib.flag());
    let plain = Compression::Zlib
        .decompress(&stored[1].body, 1 << 20)
        .unwrap();
    assert_eq!(plain, vec![7; 4096]);
}

#[tokio::test]
async fn a_batch_stays_together_and_in_order() {
    let cluster = Cluster::start(2, 4);
    let producer = cluster.client().producer("p").unwrap();
    let batch: Vec<_> = (0..5)
        .map(|n| Message::new(TOPIC, format!("{n}")))
        .collect();
    let receipt = producer.send_batch(&batch).await.unwrap();
    assert_eq!(receipt.message_id.split(',').count(), 5);
    let bodies: Vec<_> = cluster.stored().into_iter().map(|s| s.body).collect();
    assert_eq!(bodies, [b"0", b"1", b"2", b"3", b"4"]);
    let mixed = [Message::new(TOPIC, "a"), Message::new("Other", "b")];
    assert!(
        producer
            .send_batch(&mixed)
            .await
            .unwrap_err()
            .to_string()
            .contains("same topic")
    );
}

#[tokio::test]
async fn one_way_messages_and_chosen_queues_arrive() {
    let cluster = Cluster::start(1, 4);
    let producer = cluster.client().producer("p").unwrap();
    let queue = producer.queues(TOPIC).await.unwrap()[2].clone();
    let receipt = producer
        .send_to(&queue, &Message::new(TOPIC, "there"))
        .await
        .unwrap();
    assert_eq!(receipt.queue, queue);
    producer
        .send_oneway(&Message::new(TOPIC, "somewhere"))
        .await
        .unwrap();
    until("both are stored", || cluster.stored().len() == 2).await;
    assert_eq!(cluster.brokers[0].queues.lock()[&2][0].body, b"there");
}
