//! A consumer that notes what it gets.

use std::sync::Arc;

use ferrocket_client::{Listener, Outcome, PushSettings, StartFrom, StoredMessage};
use parking_lot::Mutex;

use crate::fake::TOPIC;

/// The bodies of all messages, in the order in which they came; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Remember(pub(crate) Arc<Mutex<Vec<String>>>);

impl Listener for Remember {
    async fn consume(&self, messages: &[StoredMessage]) -> Outcome {
        let bodies = messages.iter().map(|m| m.body.clone());
        let bodies = bodies.map(|body| String::from_utf8(body).unwrap());
        self.0.lock().extend(bodies);
        Outcome::Ack
    }
}

/// Group `g`, from the first message of the topic on.
pub(crate) fn settings() -> PushSettings {
    let mut settings = PushSettings::new("g").subscribe(TOPIC, "*");
    settings.start_from = StartFrom::Earliest;
    settings
}
