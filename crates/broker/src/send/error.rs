//! Why a send is refused, and the one table from that to response code and remark.

use std::net::SocketAddr;

use ferrocket_protocol::codes::response;
use ferrocket_protocol::frame::HeaderError;
use ferrocket_store::{AppendError, StoreConfig};

use crate::request::FAQ;
use crate::topics::names::NameError;
use ferrocket_protocol::calendar::DateTime;

/// Why a send is refused. The texts are remarks that clients and operators of RocketMQ know.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Message(#[from] MessageError),
    #[error(transparent)]
    Busy(#[from] BusyError),
}

/// Where a message should go is the trouble.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TargetError {
    #[error("broker unable to service, until {}", DateTime::from_ms(*until_ms))]
    TooEarly { until_ms: i64 },
    #[error("the broker[{broker_ip}] sending message is forbidden")]
    BrokerNotWritable { broker_ip: String },
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("Sending message to topic[{topic}] is forbidden.")]
    TopicForbidden { topic: String },
    #[error("topic[{topic}] not exist, apply first please!{FAQ}")]
    TopicMissing { topic: String },
    #[error("request queueId[{queue_id}] is illegal, {topic} Producer: {producer}")]
    Queue {
        queue_id: i32,
        topic: String,
        producer: SocketAddr,
    },
    #[error("the topic[{topic}] sending message is forbidden")]
    TopicNotWritable { topic: String },
    #[error("subscription group not exist, {group} {FAQ}")]
    GroupMissing { group: String },
}

/// What the message is or asks for is the trouble.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MessageError {
    #[error(
        "the message is illegal, maybe msg body or properties length not matched. msg body length limit {body_bytes_max}B, msg properties length limit 32KB."
    )]
    Illegal { body_bytes_max: usize },
    #[error("batch request does not support retry group {topic}")]
    BatchToRetry { topic: String },
    #[error("message topic length too long {length}")]
    BatchTopicTooLong { length: usize },
    #[error("Required message key is missing")]
    KeyMissing,
    #[error("the broker[{broker_ip}] sending transaction message is forbidden")]
    Transaction { broker_ip: String },
    #[error(
        "this broker does not deliver delayed messages yet, and would not pretend to: the message for topic[{topic}] has the property {property}"
    )]
    Delayed {
        topic: String,
        property: &'static str,
    },
    #[error("the batch cannot be taken apart: {0}")]
    Batch(#[source] ferrocket_protocol::message::batch::BatchError),
}

/// The broker cannot take it now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BusyError {
    /// The role does not allow it (`SendMessageProcessor#rejectRequest`).
    #[error("[REJECTREQUEST]system busy, start flow control for a while")]
    Slave,
    #[error(
        "[OVERLOAD]broker busy, start flow control for a while: {waiting} {what} wait for the disk, the limit is {max}"
    )]
    Flush {
        what: &'static str,
        waiting: u64,
        max: u64,
    },
    #[error("service not available now. The message store refuses to write: {cause}")]
    NotWritable { cause: String },
    /// Begins with Java's words, which alerts look for.
    #[error("service not available now. It is because the broker's disk is full: {cause}")]
    DiskFull { cause: String },
    #[error("create mapped file failed, server is busy or broken.")]
    Segment,
    #[error("{0}")]
    Unknown(String),
}

impl SendError {
    /// What the store says of a message that it does not take.
    pub(crate) fn from_append(error: &AppendError, config: &StoreConfig) -> Self {
        match error {
            AppendError::MessageIllegal | AppendError::PropertiesTooLong => MessageError::Illegal {
                body_bytes_max: config.body_bytes_max,
            }
            .into(),
            AppendError::NotWritable(cause) => BusyError::NotWritable {
                cause: cause.clone(),
            }
            .into(),
            AppendError::DiskFull(cause) => BusyError::DiskFull {
                cause: cause.clone(),
            }
            .into(),
            AppendError::SegmentNotReady => BusyError::Segment.into(),
            other => BusyError::Unknown(other.to_string()).into(),
        }
    }

    pub(crate) fn code(&self) -> i32 {
        match self {
            Self::Header(_) => response::SYSTEM_ERROR,
            Self::Target(error) => match error {
                TargetError::TooEarly { .. } => response::SYSTEM_ERROR,
                TargetError::BrokerNotWritable { .. }
                | TargetError::TopicForbidden { .. }
                | TargetError::TopicNotWritable { .. } => response::NO_PERMISSION,
                TargetError::Name(_) | TargetError::Queue { .. } => response::INVALID_PARAMETER,
                TargetError::TopicMissing { .. } => response::TOPIC_NOT_EXIST,
                TargetError::GroupMissing { .. } => response::SUBSCRIPTION_GROUP_NOT_EXIST,
            },
            Self::Message(error) => match error {
                MessageError::Transaction { .. } => response::NO_PERMISSION,
                _ => response::MESSAGE_ILLEGAL,
            },
            Self::Busy(error) => match error {
                BusyError::Slave | BusyError::Flush { .. } => response::SYSTEM_BUSY,
                BusyError::NotWritable { .. } | BusyError::DiskFull { .. } => {
                    response::SERVICE_NOT_AVAILABLE
                }
                BusyError::Segment | BusyError::Unknown(_) => response::SYSTEM_ERROR,
            },
        }
    }

    /// Whether the answer says `MSG_REGION` and `TRACE_ON`, as all do after the header is read.
    pub(crate) fn is_traced(&self) -> bool {
        !matches!(self, Self::Header(_) | Self::Busy(BusyError::Slave))
    }
}
