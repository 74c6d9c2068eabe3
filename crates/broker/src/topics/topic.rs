//! One topic: its settings, and what the broker counts and holds for it while it runs.

use std::sync::Arc;

use ferrocket_protocol::bodies::{TopicConfig, TopicFilterType};

use ferrocket_store::QueueType;

use super::attributes;
use super::names::{self, DLQ_PREFIX, RETRY_PREFIX};
use crate::config::{PERM_INHERIT, PERM_READ, PERM_WRITE};
use crate::pull::waiting::Waiting;
use crate::stats::{Counter, Meter};

/// A topic as it is at one moment. A change of settings makes a new one that shares `live`.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) config: TopicConfig,
    pub(crate) kind: TopicKind,
    /// Clients may never write here.
    pub(crate) send_forbidden: bool,
    /// The name breaks the rules for names that clients may use, which topics made by brokers do.
    pub(crate) name_invalid: bool,
    /// `queue.type` is `BatchCQ`.
    pub(crate) batch_queues: bool,
    /// `cleanup.policy` is `COMPACTION`.
    pub(crate) compacted: bool,
    pub(crate) live: Arc<TopicLive>,
}

/// What the name of a topic says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TopicKind {
    Ordinary,
    /// `%RETRY%group`.
    Retry,
    /// `%DLQ%group`.
    DeadLetter,
    /// Where messages with a delay level wait.
    Schedule,
}

/// What lives as long as the topic, whatever becomes of its settings.
#[derive(Debug)]
pub(crate) struct TopicLive {
    pub(crate) name: Arc<str>,
    /// Pulls that wait for messages of this topic.
    pub(crate) waiting: Waiting,
    pub(crate) put_messages: Meter,
    pub(crate) put_bytes: Counter,
}

impl Topic {
    pub(crate) fn new(config: TopicConfig, live: Option<Arc<TopicLive>>) -> Self {
        let name = config.topic_name.as_str();
        let live = live.unwrap_or_else(|| {
            Arc::new(TopicLive {
                name: name.into(),
                waiting: Waiting::default(),
                put_messages: Meter::default(),
                put_bytes: Counter::default(),
            })
        });
        let kind = if name.starts_with(RETRY_PREFIX) {
            TopicKind::Retry
        } else if name.starts_with(DLQ_PREFIX) {
            TopicKind::DeadLetter
        } else if name == names::SCHEDULE_TOPIC {
            TopicKind::Schedule
        } else {
            TopicKind::Ordinary
        };
        Self {
            kind,
            send_forbidden: names::is_forbidden_to_send(name),
            name_invalid: names::validate_topic(name).is_err(),
            batch_queues: has_batch_queues(&config),
            compacted: is(&config, attributes::CLEANUP_POLICY, "COMPACTION"),
            config,
            live,
        }
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.live.name
    }

    pub(crate) fn queue_type(&self) -> QueueType {
        if self.batch_queues {
            QueueType::Batch
        } else {
            QueueType::Simple
        }
    }

    pub(crate) fn readable(&self) -> bool {
        self.config.perm & PERM_READ != 0
    }

    pub(crate) fn inheritable(&self) -> bool {
        self.config.perm & PERM_INHERIT != 0
    }

    /// `TopicConfig#toString`, which remarks of refused sends carry.
    pub(crate) fn describe(&self) -> String {
        let config = &self.config;
        let attributes: Vec<String> = config
            .attributes
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        format!(
            "TopicConfig [topicName={}, readQueueNums={}, writeQueueNums={}, perm={}, topicFilterType={}, topicSysFlag={}, order={}, attributes={{{}}}]",
            config.topic_name,
            config.read_queue_nums,
            config.write_queue_nums,
            permission_text(config.perm),
            match config.topic_filter_type {
                TopicFilterType::SingleTag => "SINGLE_TAG",
                TopicFilterType::MultiTag => "MULTI_TAG",
            },
            config.topic_sys_flag,
            config.order,
            attributes.join(", "),
        )
    }
}

pub(super) fn has_batch_queues(config: &TopicConfig) -> bool {
    is(config, attributes::QUEUE_TYPE, "BatchCQ")
}

fn is(config: &TopicConfig, attribute: &str, wanted: &str) -> bool {
    config
        .attributes
        .get(attribute)
        .is_some_and(|value| value == wanted)
}

/// `PermName#perm2String`.
fn permission_text(perm: i32) -> String {
    let letter = |bit, letter| if perm & bit != 0 { letter } else { '-' };
    [
        letter(PERM_READ, 'R'),
        letter(PERM_WRITE, 'W'),
        letter(PERM_INHERIT, 'X'),
    ]
    .iter()
    .collect()
}
