use std::sync::Arc;
use std::time::Duration;

use ferrocket_client::{Listener, Message, Outcome, PushSettings, StartFrom, StoredMessage};
use parking_lot::Mutex;

use crate::fake::{Cluster, PATIENCE, TOPIC, until};

/// Fails every message once; panics on the one that says so.
struct Reluctant {
    seen: Arc<Mutex<Vec<String>>>,
}

impl Listener for Reluctant {
    async fn consume(&self, messages: &[StoredMessage]) -> Outcome {
        let body = String::from_utf8(messages[0].body.clone()).unwrap();
        let mut seen = self.seen.lock();
        let first = !seen.contains(&body);
        seen.push(body.clone());
        drop(seen);
        assert!(!first || body != "panic", "as told");
        if first { Outcome::Retry } else { Outcome::Ack }
    }
}

#[tokio::test]
async fn what_fails_is_given_again_before_what_follows() {
    let cluster = Cluster::start(1, 1);
    let client = cluster.client();
    let producer = client.producer("p").unwrap();
    let seen = Arc::default();
    let mut settings = PushSettings::new("g").subscribe(TOPIC, "*");
    settings.start_from = StartFrom::Earliest;
    settings.retry_pause = Duration::from_millis(1);
    let listener = Reluctant {
        seen: Arc::clone(&seen),
    };
    let consumer = client.push_consumer(settings, listener).await.unwrap();
    for body in ["one", "panic", "three"] {
        producer.send(&Message::new(TOPIC, body)).await.unwrap();
    }
    until("all are acknowledged", || seen.lock().len() == 6).await;
    assert_eq!(
        *seen.lock(),
        ["one", "one", "panic", "panic", "three", "three"]
    );
    consumer.shutdown(PATIENCE).await;
    let committed = cluster.brokers[0]
        .offsets
        .lock()
        .get(&("g".to_owned(), 0))
        .copied();
    assert_eq!(committed, Some(3));
}
