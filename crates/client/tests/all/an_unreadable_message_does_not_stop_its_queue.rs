use ferrocket_client::Message;

use crate::fake::{Cluster, PATIENCE, TOPIC, until};
use crate::remember::{Remember, settings};

#[tokio::test]
async fn what_is_around_it_is_delivered() {
    let cluster = Cluster::start(1, 1);
    let client = cluster.client();
    let producer = client.producer("p").unwrap();
    for body in ["one", "broken", "three"] {
        producer.send(&Message::new(TOPIC, body)).await.unwrap();
    }
    let broker = &cluster.brokers[0];
    // The magic code of the second record.
    broker.queues.lock().get_mut(&0).unwrap()[1].record[4] = 0;
    let seen = Remember::default();
    let consumer = client
        .push_consumer(settings(), seen.clone())
        .await
        .unwrap();
    until("the others are consumed", || seen.0.lock().len() == 2).await;
    consumer.shutdown(PATIENCE).await;
    assert_eq!(*seen.0.lock(), ["one", "three"]);
    assert_eq!(broker.commits.lock().last(), Some(&3));
}
