//! Names of message properties (`MessageConst` without its `PROPERTY_`), and those that user code
//! may not set.

pub const KEYS: &str = "KEYS";
pub const TAGS: &str = "TAGS";
pub const WAIT_STORE_MSG_OK: &str = "WAIT";
pub const DELAY_TIME_LEVEL: &str = "DELAY";
pub const RETRY_TOPIC: &str = "RETRY_TOPIC";
pub const ORIGIN_GROUP: &str = "ORIGIN_GROUP";
pub const REAL_TOPIC: &str = "REAL_TOPIC";
pub const REAL_QUEUE_ID: &str = "REAL_QID";
pub const TRANSACTION_PREPARED: &str = "TRAN_MSG";
pub const PRODUCER_GROUP: &str = "PGROUP";
pub const MIN_OFFSET: &str = "MIN_OFFSET";
pub const MAX_OFFSET: &str = "MAX_OFFSET";
pub const BUYER_ID: &str = "BUYER_ID";
pub const ORIGIN_MESSAGE_ID: &str = "ORIGIN_MESSAGE_ID";
pub const TRANSFER_FLAG: &str = "TRANSFER_FLAG";
pub const CORRECTION_FLAG: &str = "CORRECTION_FLAG";
pub const MQ2_FLAG: &str = "MQ2_FLAG";
pub const RECONSUME_TIME: &str = "RECONSUME_TIME";
pub const MSG_REGION: &str = "MSG_REGION";
pub const TRACE_SWITCH: &str = "TRACE_ON";
pub const UNIQ_KEY: &str = "UNIQ_KEY";
pub const TRANS_OFFSET: &str = "TRANS_OFFSET";
pub const EXTEND_UNIQ_INFO: &str = "EXTEND_UNIQ_INFO";
pub const MAX_RECONSUME_TIMES: &str = "MAX_RECONSUME_TIMES";
pub const CONSUME_START_TIMESTAMP: &str = "CONSUME_START_TIME";
pub const PRIORITY: &str = "_SYS_MSG_PRIORITY_";
pub const INNER_NUM: &str = "INNER_NUM";
pub const INNER_BASE: &str = "INNER_BASE";
pub const DUP_INFO: &str = "DUP_INFO";
pub const CHECK_IMMUNITY_TIME_IN_SECONDS: &str = "CHECK_IMMUNITY_TIME_IN_SECONDS";
pub const TRANSACTION_PREPARED_QUEUE_OFFSET: &str = "TRAN_PREPARED_QUEUE_OFFSET";
pub const TRANSACTION_ID: &str = "__transactionId__";
pub const TRANSACTION_CHECK_TIMES: &str = "TRANSACTION_CHECK_TIMES";
pub const INSTANCE_ID: &str = "INSTANCE_ID";
pub const CORRELATION_ID: &str = "CORRELATION_ID";
pub const MESSAGE_REPLY_TO_CLIENT: &str = "REPLY_TO_CLIENT";
pub const MESSAGE_TTL: &str = "TTL";
pub const REPLY_MESSAGE_ARRIVE_TIME: &str = "ARRIVE_TIME";
pub const PUSH_REPLY_TIME: &str = "PUSH_REPLY_TIME";
pub const CLUSTER: &str = "CLUSTER";
pub const MESSAGE_TYPE: &str = "MSG_TYPE";
pub const POP_CK: &str = "POP_CK";
pub const POP_CK_OFFSET: &str = "POP_CK_OFFSET";
pub const FIRST_POP_TIME: &str = "1ST_POP_TIME";
pub const SHARDING_KEY: &str = "__SHARDINGKEY";
pub const LITE_TOPIC: &str = "__LITE_TOPIC";
pub const FORWARD_QUEUE_ID: &str = "PROPERTY_FORWARD_QUEUE_ID";
pub const REDIRECT: &str = "REDIRECT";
pub const INNER_MULTI_DISPATCH: &str = "INNER_MULTI_DISPATCH";
pub const INNER_MULTI_QUEUE_OFFSET: &str = "INNER_MULTI_QUEUE_OFFSET";
pub const TRACE_CONTEXT: &str = "TRACE_CONTEXT";
pub const TIMER_DELAY_SEC: &str = "TIMER_DELAY_SEC";
pub const TIMER_DELIVER_MS: &str = "TIMER_DELIVER_MS";
pub const BORN_HOST: &str = "__BORNHOST";
pub const BORN_TIMESTAMP: &str = "BORN_TIMESTAMP";
pub const TRANSIENT_PREFIX: &str = "__RMQ.TRANSIENT.";
pub const TRANSIENT_TOPIC_CONFIG: &str = "__RMQ.TRANSIENT.TOPIC_SYS_FLAG";
pub const TRANSIENT_GROUP_CONFIG: &str = "__RMQ.TRANSIENT.GROUP_SYS_FLAG";
pub const TIMER_ENGINE_TYPE: &str = "E_T";
pub const TIMER_ENQUEUE_MS: &str = "TIMER_ENQUEUE_MS";
pub const TIMER_DEQUEUE_MS: &str = "TIMER_DEQUEUE_MS";
pub const TIMER_ROLL_TIMES: &str = "TIMER_ROLL_TIMES";
pub const TIMER_OUT_MS: &str = "TIMER_OUT_MS";
pub const TIMER_DEL_UNIQKEY: &str = "TIMER_DEL_UNIQKEY";
pub const TIMER_ROLL_LABEL: &str = "TIMER_ROLL_LABEL";
pub const TIMER_DELAY_LEVEL: &str = "TIMER_DELAY_LEVEL";
pub const TIMER_DELAY_MS: &str = "TIMER_DELAY_MS";
pub const CRC32: &str = "__CRC32#";
pub const DLQ_ORIGIN_TOPIC: &str = "DLQ_ORIGIN_TOPIC";
pub const DLQ_ORIGIN_MESSAGE_ID: &str = "DLQ_ORIGIN_MESSAGE_ID";
/// An additional delay key that trace tools know; no part of `MessageConst`.
pub const START_DELIVER_TIME: &str = "__STARTDELIVERTIME";
/// Value of [`MESSAGE_TYPE`] that makes a message a reply (`MixAll#REPLY_MESSAGE_FLAG`).
pub const REPLY_MESSAGE_FLAG: &str = "reply";

/// Separates the keys of one message in [`KEYS`].
pub const KEY_SEPARATOR: char = ' ';

/// Names that `Message#putUserProperty` refuses (`MessageConst#STRING_HASH_SET`), sorted.
pub const RESERVED: [&str; 54] = [
    FIRST_POP_TIME,
    REPLY_MESSAGE_ARRIVE_TIME,
    BORN_TIMESTAMP,
    BUYER_ID,
    CLUSTER,
    CONSUME_START_TIMESTAMP,
    CORRECTION_FLAG,
    CORRELATION_ID,
    DELAY_TIME_LEVEL,
    DLQ_ORIGIN_MESSAGE_ID,
    DLQ_ORIGIN_TOPIC,
    DUP_INFO,
    EXTEND_UNIQ_INFO,
    INNER_MULTI_QUEUE_OFFSET,
    INSTANCE_ID,
    KEYS,
    MAX_OFFSET,
    MAX_RECONSUME_TIMES,
    MIN_OFFSET,
    MQ2_FLAG,
    MSG_REGION,
    MESSAGE_TYPE,
    ORIGIN_GROUP,
    ORIGIN_MESSAGE_ID,
    PRODUCER_GROUP,
    POP_CK,
    POP_CK_OFFSET,
    PUSH_REPLY_TIME,
    REAL_QUEUE_ID,
    REAL_TOPIC,
    RECONSUME_TIME,
    MESSAGE_REPLY_TO_CLIENT,
    RETRY_TOPIC,
    TAGS,
    TIMER_DELAY_LEVEL,
    TIMER_DELAY_MS,
    TIMER_DELAY_SEC,
    TIMER_DELIVER_MS,
    TIMER_DEL_UNIQKEY,
    TIMER_DEQUEUE_MS,
    TIMER_ENQUEUE_MS,
    TIMER_OUT_MS,
    TIMER_ROLL_TIMES,
    TRACE_SWITCH,
    TRANSFER_FLAG,
    TRANSACTION_PREPARED,
    TRANSACTION_PREPARED_QUEUE_OFFSET,
    MESSAGE_TTL,
    UNIQ_KEY,
    WAIT_STORE_MSG_OK,
    PRIORITY,
    BORN_HOST,
    CRC32,
    LITE_TOPIC,
];

/// Whether user code may not set this property.
#[must_use]
pub fn is_reserved(name: &str) -> bool {
    RESERVED.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_names_are_sorted_and_found() {
        assert!(RESERVED.is_sorted());
        assert!(is_reserved("TAGS"));
        assert!(!is_reserved("__SHARDINGKEY"));
        assert!(!is_reserved("colour"));
    }
}
