//! What a topic or a group may be called (`TopicValidator`), and which topics belong to the system.

/// Prefix of the topic that holds a group's messages to be tried again.
pub(crate) const RETRY_PREFIX: &str = "%RETRY%";
/// Prefix of the topic that holds a group's messages given up on.
pub(crate) const DLQ_PREFIX: &str = "%DLQ%";
/// Prefix of light queues and of groups that only read such (`MixAll#LMQ_PREFIX`).
pub(crate) const LIGHT_PREFIX: &str = "%LMQ%";
/// Prefix of topics that brokers keep for themselves.
pub(crate) const SYSTEM_PREFIX: &str = "rmq_sys_";
/// The template of auto-created topics.
pub(crate) const AUTO_CREATE_TOPIC: &str = "TBW102";
pub(crate) const SELF_TEST_TOPIC: &str = "SELF_TEST_TOPIC";
pub(crate) const BENCHMARK_TOPIC: &str = "BenchmarkTest";
pub(crate) const OFFSET_MOVED_EVENT: &str = "OFFSET_MOVED_EVENT";
pub(crate) const SCHEDULE_TOPIC: &str = "SCHEDULE_TOPIC_XXXX";
pub(crate) const TRACE_TOPIC: &str = "RMQ_SYS_TRACE_TOPIC";
pub(crate) const HALF_TOPIC: &str = "RMQ_SYS_TRANS_HALF_TOPIC";
pub(crate) const OP_HALF_TOPIC: &str = "RMQ_SYS_TRANS_OP_HALF_TOPIC";
pub(crate) const ROCKSDB_HALF_TOPIC: &str = "RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC";
pub(crate) const ROCKSDB_OP_HALF_TOPIC: &str = "RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC";
pub(crate) const CHECK_MAX_TIME_TOPIC: &str = "TRANS_CHECK_MAX_TIME_TOPIC";
const CHECKPOINT_TOPIC: &str = "CHECKPOINT_TOPIC";

const TOPIC_CHARS_MAX: usize = 127;
const RETRY_TOPIC_CHARS_MAX: usize = 255;
const GROUP_CHARS_MAX: usize = 120;
const PATTERN: &str = "^[%|a-zA-Z0-9_-]+$";

/// Topics of the system by their fixed names; those named after the broker or the cluster are in
/// the topic table, marked.
const STATIC_SYSTEM_TOPICS: [&str; 12] = [
    AUTO_CREATE_TOPIC,
    SCHEDULE_TOPIC,
    BENCHMARK_TOPIC,
    HALF_TOPIC,
    TRACE_TOPIC,
    OP_HALF_TOPIC,
    CHECK_MAX_TIME_TOPIC,
    SELF_TEST_TOPIC,
    OFFSET_MOVED_EVENT,
    CHECKPOINT_TOPIC,
    ROCKSDB_HALF_TOPIC,
    ROCKSDB_OP_HALF_TOPIC,
];

/// System topics by name alone, sorted as Java's set has no order.
pub(crate) fn static_system_topics() -> impl Iterator<Item = &'static str> {
    STATIC_SYSTEM_TOPICS.into_iter()
}

/// Whether `topic` is one of the system's by its name alone.
pub(crate) fn is_static_system_topic(topic: &str) -> bool {
    STATIC_SYSTEM_TOPICS.contains(&topic) || topic.starts_with(SYSTEM_PREFIX)
}

/// Topics that no client may write to (`TopicValidator#isNotAllowedSendTopic`).
pub(crate) fn is_forbidden_to_send(topic: &str) -> bool {
    matches!(
        topic,
        SCHEDULE_TOPIC
            | HALF_TOPIC
            | OP_HALF_TOPIC
            | ROCKSDB_HALF_TOPIC
            | ROCKSDB_OP_HALF_TOPIC
            | CHECK_MAX_TIME_TOPIC
            | SELF_TEST_TOPIC
            | OFFSET_MOVED_EVENT
    )
}

/// Whether a directory can have the name, which the store gives it as it is.
pub(crate) fn may_be_directory(name: &str) -> bool {
    name.len() <= RETRY_TOPIC_CHARS_MAX && !name.contains(['/', '\0'])
}

/// Why a name is refused; the text is the remark of an INVALID_PARAMETER answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    #[error("The specified {kind} is blank.")]
    Blank { kind: &'static str },
    #[error("The specified {kind}: {name}, contains illegal characters, allowing only {PATTERN}")]
    Characters { kind: &'static str, name: String },
    #[error("The specified {kind}: {name}, is longer than {kind} max length: {max}")]
    TooLong {
        kind: &'static str,
        name: String,
        max: usize,
    },
    #[error(
        "The specified topic is DLQ or Retry topic: {name}, and it's longer than topic max length: {RETRY_TOPIC_CHARS_MAX}"
    )]
    RetryTooLong { name: String },
}

fn characters(kind: &'static str, name: &str) -> Result<(), NameError> {
    if name.trim().is_empty() {
        return Err(NameError::Blank { kind });
    }
    let legal =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'%' | b'-' | b'_' | b'|');
    if !name.bytes().all(legal) {
        return Err(NameError::Characters {
            kind,
            name: name.to_owned(),
        });
    }
    Ok(())
}

/// `TopicValidator#validateTopic`.
pub(crate) fn validate_topic(topic: &str) -> Result<(), NameError> {
    characters("topic", topic)?;
    if topic.starts_with(RETRY_PREFIX) || topic.starts_with(DLQ_PREFIX) {
        if topic.len() > RETRY_TOPIC_CHARS_MAX {
            return Err(NameError::RetryTooLong {
                name: topic.to_owned(),
            });
        }
    } else if topic.len() > TOPIC_CHARS_MAX {
        let name = topic.to_owned();
        return Err(NameError::TooLong {
            kind: "topic",
            name,
            max: TOPIC_CHARS_MAX,
        });
    }
    Ok(())
}

/// `TopicValidator#validateGroup`.
pub(crate) fn validate_group(group: &str) -> Result<(), NameError> {
    characters("group", group)?;
    if group.len() > GROUP_CHARS_MAX {
        let name = group.to_owned();
        return Err(NameError::TooLong {
            kind: "group",
            name,
            max: GROUP_CHARS_MAX,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_refused_with_the_words_of_java() {
        let text = |result: Result<(), NameError>| result.unwrap_err().to_string();
        assert_eq!(text(validate_topic(" ")), "The specified topic is blank.");
        assert_eq!(
            text(validate_topic("bad name!")),
            "The specified topic: bad name!, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$"
        );
        let long = "t".repeat(128);
        assert_eq!(
            text(validate_topic(&long)),
            format!("The specified topic: {long}, is longer than topic max length: 127")
        );
        let retry = format!("%RETRY%{}", "g".repeat(249));
        assert_eq!(
            text(validate_topic(&retry)),
            format!(
                "The specified topic is DLQ or Retry topic: {retry}, and it's longer than topic max length: 255"
            )
        );
        assert_eq!(text(validate_group("")), "The specified group is blank.");
        let long = "g".repeat(121);
        assert_eq!(
            text(validate_group(&long)),
            format!("The specified group: {long}, is longer than group max length: 120")
        );
    }

    #[test]
    fn names_up_to_their_limits_are_accepted() {
        assert_eq!(validate_topic(&"t".repeat(127)), Ok(()));
        assert_eq!(
            validate_topic(&format!("%RETRY%{}", "g".repeat(248))),
            Ok(())
        );
        assert_eq!(validate_topic("ns%a|b-c_D1"), Ok(()));
        assert_eq!(validate_group(&"g".repeat(120)), Ok(()));
    }
}
