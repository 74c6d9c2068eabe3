//! How far a group is on the queues that this member reads.

use std::collections::HashMap;

use ferrocket_protocol::bodies::MessageQueue;
use parking_lot::Mutex;

/// Offsets to be committed: of the next message that the group has not handled.
#[derive(Debug, Default)]
pub(crate) struct Offsets {
    by_queue: Mutex<HashMap<MessageQueue, i64>>,
}

impl Offsets {
    pub(crate) fn set(&self, queue: &MessageQueue, offset: i64) {
        let mut by_queue = self.by_queue.lock();
        match by_queue.get_mut(queue) {
            Some(known) => *known = offset,
            None => drop(by_queue.insert(queue.clone(), offset)),
        }
    }

    pub(crate) fn of(&self, queue: &MessageQueue) -> Option<i64> {
        self.by_queue.lock().get(queue).copied()
    }

    /// Another member will take care of the queue.
    pub(crate) fn forget(&self, queue: &MessageQueue) -> Option<i64> {
        self.by_queue.lock().remove(queue)
    }
}
