use ferrocket_client::Message;

use crate::fake::{Cluster, PATIENCE, TOPIC, until};
use crate::remember::{Remember, settings};

#[tokio::test]
async fn and_reads_no_more() {
    let cluster = Cluster::start(1, 1);
    let client = cluster.client();
    let broker = &cluster.brokers[0];
    let dropped = Remember::default();
    let consumer = client
        .push_consumer(settings(), dropped.clone())
        .await
        .unwrap();
    until("the queue is read", || consumer.assigned().len() == 1).await;
    assert_eq!(broker.members(), 1);
    drop(consumer);
    until("the broker is told", || broker.members() == 0).await;

    // The same client may join again, and nobody else gets the messages.
    let second = Remember::default();
    let consumer = client
        .push_consumer(settings(), second.clone())
        .await
        .unwrap();
    let producer = client.producer("p").unwrap();
    for body in ["one", "two"] {
        producer.send(&Message::new(TOPIC, body)).await.unwrap();
    }
    until("all are consumed", || second.0.lock().len() == 2).await;
    consumer.shutdown(PATIENCE).await;
    assert!(dropped.0.lock().is_empty());
    assert_eq!(broker.members(), 0);
}
