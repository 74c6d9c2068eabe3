//! What a put of a delayed message turns into (`HookUtils#handleScheduleMessage`).

use std::sync::Arc;

use ferrocket_protocol::bodies::TopicConfig;
use ferrocket_protocol::message::{properties, property};

use crate::Broker;
use crate::topics::Topic;
use crate::topics::names::SCHEDULE_TOPIC;

/// Wishes for a time that a level takes the place of.
const TIMES: [&str; 3] = [
    property::TIMER_DELIVER_MS,
    property::TIMER_DELAY_SEC,
    property::TIMER_DELAY_MS,
];

/// The level that a message asks for with its property `DELAY`, when that is a number above 0.
pub(crate) fn level(text: &str) -> Option<i32> {
    text.parse().ok().filter(|level| *level > 0)
}

impl Broker {
    /// Where a message that asks for a level is stored until it is due. Its properties, as they are to
    /// be stored, get what the delivery needs. `None` without any level in `messageDelayLevel`.
    pub(crate) fn scheduled(
        &self,
        level: i32,
        topic: &str,
        queue_id: i32,
        text: &mut Vec<u8>,
    ) -> Option<(Arc<Topic>, i32)> {
        let levels = self.store.config().delay_levels_ms.len();
        let levels = i32::try_from(levels).unwrap_or(i32::MAX);
        let last = levels.checked_sub(1).filter(|last| *last >= 0)?;
        for wish in TIMES {
            properties::remove(text, wish);
        }
        if level > levels {
            properties::set(text, property::DELAY_TIME_LEVEL, &levels.to_string());
        }
        properties::set(text, property::REAL_TOPIC, topic);
        properties::set(text, property::REAL_QUEUE_ID, &queue_id.to_string());
        let schedule = self
            .topics
            .get(SCHEDULE_TOPIC)
            .unwrap_or_else(|| nameless(SCHEDULE_TOPIC));
        Some((schedule, last.min(level - 1)))
    }
}

/// A topic that the table does not have: its queues are all that there is of it.
pub(super) fn nameless(name: &str) -> Arc<Topic> {
    let config = TopicConfig {
        topic_name: name.to_owned(),
        ..TopicConfig::default()
    };
    Arc::new(Topic::new(config, None))
}
