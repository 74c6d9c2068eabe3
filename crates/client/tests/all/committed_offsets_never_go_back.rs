use std::time::Duration;

use ferrocket_client::{Client, ClientConfig, Message};

use crate::fake::{Cluster, PATIENCE, TOPIC, until};
use crate::remember::{Remember, settings};

#[tokio::test]
async fn not_even_over_several_connections_and_at_the_end() {
    let cluster = Cluster::start(1, 1);
    let mut config = ClientConfig::new([cluster.name_server.to_string()]);
    config.lanes = 4;
    let client = Client::start(config).unwrap();
    let seen = Remember::default();
    let mut settings = settings();
    settings.commit_interval = Duration::from_millis(1);
    let consumer = client.push_consumer(settings, seen.clone()).await.unwrap();
    let producer = client.producer("p").unwrap();
    for number in 0..100 {
        let message = Message::new(TOPIC, number.to_string());
        producer.send(&message).await.unwrap();
    }
    until("all are consumed", || seen.0.lock().len() == 100).await;
    consumer.shutdown(PATIENCE).await;
    let commits = cluster.brokers[0].commits.lock();
    assert!(commits.is_sorted(), "{commits:?}");
    assert_eq!(commits.last(), Some(&100));
}
