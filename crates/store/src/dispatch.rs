//! What is derived from a record, in the order of the log: its consume queue entry. Index
//! keys are made in `index::keys`, entries in further queues of the message in `multi_dispatch`.

use ferrocket_protocol::message::{properties, property, sys_flag, tags_code};

use crate::config::StoreConfig;

/// The topic whose entries carry the time of delivery in place of a hash
/// (`TopicValidator#RMQ_SYS_SCHEDULE_TOPIC`).
pub(crate) const SCHEDULE_TOPIC: &str = "SCHEDULE_TOPIC_XXXX";

/// Delay of a level that the table does not know.
const UNKNOWN_LEVEL_DELAY_MS: i64 = 1000;

/// What a filter sees of a message before its record is read. A delay becomes a time only when the
/// message is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TagsCode {
    Known(i64),
    /// The time of the append plus this; the record has only its store time, from which the entry is
    /// made again.
    DeliverAfter {
        delay_ms: i64,
    },
}

impl TagsCode {
    pub(crate) fn of(config: &StoreConfig, topic: &str, text: &[u8]) -> Self {
        Self::of_tags(config, topic, text, properties::find(text, property::TAGS))
    }

    /// As [`of`](Self::of), with tags that were found already.
    pub(crate) fn of_tags(
        config: &StoreConfig,
        topic: &str,
        text: &[u8],
        tags: Option<&str>,
    ) -> Self {
        if topic == SCHEDULE_TOPIC
            && let Some(level) = properties::find(text, property::DELAY_TIME_LEVEL)
            && let Ok(level) = level.parse::<usize>()
            && let Some(index) = level.min(config.delay_levels_ms.len()).checked_sub(1)
        {
            let known = config.delay_levels_ms.get(index).copied();
            return Self::DeliverAfter {
                delay_ms: known.unwrap_or(UNKNOWN_LEVEL_DELAY_MS),
            };
        }
        Self::Known(tags.map_or(0, tags_code))
    }

    pub(crate) fn at(self, stored_ms: i64) -> i64 {
        match self {
            Self::Known(code) => code,
            Self::DeliverAfter { delay_ms } => stored_ms + delay_ms,
        }
    }
}

/// The delay of the messages in a queue of the schedule topic, of which each level has one.
pub(crate) fn delay_of_queue_ms(config: &StoreConfig, queue_id: i32) -> i64 {
    let level = usize::try_from(queue_id).ok();
    let known = level.and_then(|index| config.delay_levels_ms.get(index));
    known.copied().unwrap_or(UNKNOWN_LEVEL_DELAY_MS)
}

/// Whether a record gets an entry in its queue, and a queue offset: prepared and rolled back halves
/// of old brokers do not.
pub(crate) fn is_queued(sys_flag: i32) -> bool {
    !matches!(
        sys_flag::transaction(sys_flag),
        sys_flag::TRANSACTION_PREPARED | sys_flag::TRANSACTION_ROLLBACK
    )
}
