use std::sync::Arc;

use ferrocket_client::{Listener, Message, Outcome, PushSettings, StartFrom, StoredMessage};
use parking_lot::Mutex;

use crate::fake::{Cluster, PATIENCE, TOPIC, until};

struct Collector {
    seen: Arc<Mutex<Vec<i64>>>,
}

impl Listener for Collector {
    async fn consume(&self, messages: &[StoredMessage]) -> Outcome {
        self.seen
            .lock()
            .extend(messages.iter().map(|m| m.queue_offset));
        Outcome::Ack
    }
}

fn settings() -> PushSettings {
    let mut settings = PushSettings::new("g").subscribe(TOPIC, "*");
    settings.start_from = StartFrom::Earliest;
    settings.batch_messages_max = 2;
    settings
}

#[tokio::test]
async fn the_next_consumer_of_a_group_gets_what_the_last_one_did_not() {
    let cluster = Cluster::start(1, 1);
    let client = cluster.client();
    let producer = client.producer("p").unwrap();
    for (round, expected) in [(0..5), (5..10)].into_iter().enumerate() {
        for n in 0..5 {
            producer
                .send(&Message::new(TOPIC, format!("{round} {n}")))
                .await
                .unwrap();
        }
        let seen = Arc::default();
        let listener = Collector {
            seen: Arc::clone(&seen),
        };
        let consumer = client.push_consumer(settings(), listener).await.unwrap();
        until("five have come", || seen.lock().len() >= 5).await;
        consumer.shutdown(PATIENCE).await;
        assert_eq!(*seen.lock(), expected.collect::<Vec<i64>>());
    }
}

#[tokio::test]
async fn a_group_is_joined_once_by_a_client() {
    let cluster = Cluster::start(1, 1);
    let client = cluster.client();
    let listener = || Collector {
        seen: Arc::default(),
    };
    let first = client.push_consumer(settings(), listener()).await.unwrap();
    let error = client
        .push_consumer(settings(), listener())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("already"), "{error}");
    first.shutdown(PATIENCE).await;
    client.push_consumer(settings(), listener()).await.unwrap();
}
