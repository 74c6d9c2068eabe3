//! A queue of either type, as an append sees it.

use std::sync::Arc;

use crate::batch_queue::BatchQueue;
use crate::config::QueueType;
use crate::queue::Queue;

#[derive(Debug, Clone)]
pub(crate) enum AnyQueue {
    Simple(Arc<Queue>),
    Batch(Arc<BatchQueue>),
}

impl AnyQueue {
    pub(crate) fn is(&self, queue_type: QueueType, topic: &str, id: i32) -> bool {
        let (own_type, own_topic, own_id) = match self {
            Self::Simple(queue) => (QueueType::Simple, queue.topic(), queue.id()),
            Self::Batch(queue) => (QueueType::Batch, queue.topic(), queue.id()),
        };
        own_id == id && own_type == queue_type && **own_topic == *topic
    }

    pub(crate) fn is_deleted(&self) -> bool {
        match self {
            Self::Simple(queue) => queue.is_deleted(),
            Self::Batch(queue) => queue.is_deleted(),
        }
    }

    /// Under the append lock: the next `count` queue offsets.
    pub(crate) fn assign(&self, count: i64) -> i64 {
        match self {
            Self::Simple(queue) => queue.assign(count),
            Self::Batch(queue) => queue.assign(count),
        }
    }

    /// Under the append lock: takes back the offsets from `first` on, which nothing has.
    pub(crate) fn give_back(&self, first: i64) {
        match self {
            Self::Simple(queue) => queue.give_back(first),
            Self::Batch(queue) => queue.give_back(first),
        }
    }
}
