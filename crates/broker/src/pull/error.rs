//! Why a pull is refused, and the one table from that to response code, remark and forbidden type.

use std::net::SocketAddr;

use ferrocket_protocol::codes::response;

use crate::clients::{CLASS_FILTERS, filter_unsupported};
use crate::request::FAQ;

/// Why a pull is refused. The texts are remarks that clients and operators of RocketMQ know.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PullError {
    #[error("the broker[{broker_ip}] pulling message is forbidden")]
    BrokerNotReadable { broker_ip: String },
    #[error("the broker[{broker_ip}] for lite pull consumer is forbidden")]
    LiteForbidden { broker_ip: String },
    #[error("subscription group [{group}] does not exist, {FAQ}")]
    GroupMissing { group: String },
    #[error("subscription group no permission, {group}")]
    GroupDisabled { group: String },
    #[error("topic[{topic}] not exist, apply first please! {FAQ}")]
    TopicMissing { topic: String },
    #[error("the topic[{topic}] pulling message is forbidden")]
    TopicNotReadable { topic: String },
    #[error(
        "queueId[{queue_id}] is illegal, topic:[{topic}] topicConfig.readQueueNums:[{queues}] consumer:[/{consumer}]"
    )]
    Queue {
        queue_id: i32,
        topic: String,
        queues: i32,
        consumer: SocketAddr,
    },
    #[error(transparent)]
    Subscription(#[from] SubscriptionError),
    #[error(transparent)]
    Busy(#[from] BusyError),
}

/// What the group subscribed to is the trouble.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SubscriptionError {
    #[error("the consumer's group info not exist{FAQ}")]
    GroupOffline,
    #[error("the consumer group[{group}] can not consume by broadcast way")]
    Broadcasting { group: String },
    #[error("the consumer group[{group}] is forbidden for topic[{topic}]")]
    Forbidden { group: String, topic: String },
    #[error("the consumer's subscription not exist{FAQ}")]
    Missing,
    #[error("the consumer's subscription not latest")]
    NotLatest,
    #[error("{}", filter_unsupported(expression_type))]
    Filter { expression_type: String },
    #[error("{CLASS_FILTERS}")]
    ClassFilter,
    #[error("parse the consumer's subscription failed: {cause}")]
    Expression { cause: String },
    #[error("The broker's consumer filter data is not exist!Your expression may be wrong!")]
    NoFilter,
    #[error("the consumer's consumer filter data not latest")]
    FilterNotLatest,
    #[error(
        "the consumer's group info not exist, or the pull consumer is rejected by server.{FAQ}"
    )]
    PullRejected,
}

/// The broker cannot serve it now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BusyError {
    /// The role does not allow it (`PullMessageProcessor#rejectRequest`).
    #[error("[REJECTREQUEST]system busy, start flow control for a while")]
    Slave,
    #[error(
        "[OVERLOAD]broker busy, start flow control for a while: {waiting} pulls wait for messages, the limit is {max}"
    )]
    Waiting { waiting: usize, max: usize },
    #[error(
        "[OVERLOAD]broker busy, start flow control for a while: {max} pulls of this connection wait for messages, which is its limit"
    )]
    WaitingOfConnection { max: usize },
    #[error(
        "[OVERLOAD]broker busy, start flow control for a while: the queue of reads from the disk is full"
    )]
    ColdReads,
    #[error("store getMessage return null: {cause}")]
    Store { cause: String },
}

impl PullError {
    pub(crate) fn code(&self) -> i32 {
        match self {
            Self::BrokerNotReadable { .. }
            | Self::LiteForbidden { .. }
            | Self::GroupDisabled { .. }
            | Self::TopicNotReadable { .. } => response::NO_PERMISSION,
            Self::GroupMissing { .. } => response::SUBSCRIPTION_GROUP_NOT_EXIST,
            Self::TopicMissing { .. } => response::TOPIC_NOT_EXIST,
            Self::Queue { .. } => response::INVALID_PARAMETER,
            Self::Subscription(error) => match error {
                SubscriptionError::GroupOffline
                | SubscriptionError::Missing
                | SubscriptionError::PullRejected => response::SUBSCRIPTION_NOT_EXIST,
                SubscriptionError::Broadcasting { .. } | SubscriptionError::Forbidden { .. } => {
                    response::NO_PERMISSION
                }
                SubscriptionError::NotLatest => response::SUBSCRIPTION_NOT_LATEST,
                SubscriptionError::Filter { .. } | SubscriptionError::ClassFilter => {
                    response::SYSTEM_ERROR
                }
                SubscriptionError::Expression { .. } => response::SUBSCRIPTION_PARSE_FAILED,
                SubscriptionError::NoFilter => response::FILTER_DATA_NOT_EXIST,
                SubscriptionError::FilterNotLatest => response::FILTER_DATA_NOT_LATEST,
            },
            Self::Busy(error) => match error {
                BusyError::Store { .. } => response::SYSTEM_ERROR,
                _ => response::SYSTEM_BUSY,
            },
        }
    }

    /// `ForbiddenType`: what forbids, for code NO_PERMISSION.
    pub(crate) fn forbidden_type(&self) -> Option<i32> {
        match self {
            Self::BrokerNotReadable { .. } | Self::LiteForbidden { .. } => Some(1),
            Self::GroupDisabled { .. } => Some(2),
            Self::TopicNotReadable { .. } => Some(3),
            Self::Subscription(SubscriptionError::Broadcasting { .. }) => Some(4),
            Self::Subscription(SubscriptionError::Forbidden { .. }) => Some(5),
            _ => None,
        }
    }
}
