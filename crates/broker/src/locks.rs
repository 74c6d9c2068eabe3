//! Which client of a group consumes a queue in order (`RebalanceLockManager`).
//!
//! Locks live in memory and 60 s beyond their last renewal; clients renew every 20 s. A connection
//! that closes releases nothing, as in Java. There are no votes of other replicas
//! (`lockInStrictMode`): that comes with replication.

use ferrocket_protocol::bodies::MessageQueue;
use parking_lot::Mutex;

use crate::read_mostly::FixedMap;

/// `REBALANCE_LOCK_MAX_LIVE_TIME`.
const LOCK_LIFE_MS: i64 = 60_000;
/// Queues that may be locked at a time; further ones are not granted.
const LOCKS_MAX: usize = 1_000_000;

#[derive(Debug)]
struct Lock {
    client_id: Box<str>,
    renewed_ms: i64,
}

impl Lock {
    fn expired(&self, now_ms: i64) -> bool {
        now_ms - self.renewed_ms > LOCK_LIFE_MS
    }
}

#[derive(Debug, Default)]
struct Table {
    groups: FixedMap<String, FixedMap<MessageQueue, Lock>>,
    locks: usize,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct QueueLocks {
    table: Mutex<Table>,
}

impl QueueLocks {
    /// Locks or renews what it can of `queues`, and answers those that the client holds now.
    pub(crate) fn lock(
        &self,
        group: &str,
        client_id: &str,
        queues: Vec<MessageQueue>,
        now_ms: i64,
    ) -> Vec<MessageQueue> {
        let mut table = self.table.lock();
        let Table { groups, locks } = &mut *table;
        let held = groups.entry(group.to_owned()).or_default();
        let mut granted = Vec::with_capacity(queues.len());
        for queue in queues {
            match held.get_mut(&queue) {
                Some(lock) if &*lock.client_id == client_id || lock.expired(now_ms) => {
                    if &*lock.client_id != client_id {
                        lock.client_id = client_id.into();
                    }
                    lock.renewed_ms = now_ms;
                    granted.push(queue);
                }
                Some(_) => {}
                None if *locks < LOCKS_MAX => {
                    *locks += 1;
                    let lock = Lock {
                        client_id: client_id.into(),
                        renewed_ms: now_ms,
                    };
                    held.insert(queue.clone(), lock);
                    granted.push(queue);
                }
                None => tracing::warn!(group, "no lock granted: {LOCKS_MAX} queues are locked"),
            }
        }
        granted
    }

    /// Releases those of `queues` that the client holds.
    pub(crate) fn unlock(&self, group: &str, client_id: &str, queues: &[MessageQueue]) {
        let mut table = self.table.lock();
        let Table { groups, locks } = &mut *table;
        let Some(held) = groups.get_mut(group) else {
            return;
        };
        for queue in queues {
            if held
                .get(queue)
                .is_some_and(|lock| &*lock.client_id == client_id)
            {
                held.remove(queue);
                *locks = locks.saturating_sub(1);
            }
        }
        if held.is_empty() {
            groups.remove(group);
        }
    }

    /// Whether some client of the group holds a lock (`isLockAllExpired` is the opposite).
    pub(crate) fn any_held(&self, group: &str, now_ms: i64) -> bool {
        let table = self.table.lock();
        table
            .groups
            .get(group)
            .is_some_and(|held| held.values().any(|lock| !lock.expired(now_ms)))
    }

    /// Drops locks that have expired; to everybody they look as if they were not there.
    pub(crate) fn expire(&self, now_ms: i64) {
        let mut table = self.table.lock();
        let mut left = 0;
        table.groups.retain(|_, held| {
            held.retain(|_, lock| !lock.expired(now_ms));
            left += held.len();
            !held.is_empty()
        });
        table.locks = left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(queue_id: i32) -> MessageQueue {
        MessageQueue {
            topic: "T".to_owned(),
            broker_name: "b".to_owned(),
            queue_id,
        }
    }

    #[test]
    fn a_queue_belongs_to_one_client_until_it_lets_go_or_falls_silent() {
        let locks = QueueLocks::default();
        assert_eq!(
            locks.lock("g", "one", vec![queue(0), queue(1)], 0),
            [queue(0), queue(1)]
        );
        assert_eq!(
            locks.lock("g", "two", vec![queue(0), queue(2)], 10),
            [queue(2)]
        );
        assert_eq!(locks.lock("other", "two", vec![queue(0)], 10), [queue(0)]);
        locks.unlock("g", "two", &[queue(0)]);
        assert!(
            locks.lock("g", "two", vec![queue(0)], 20).is_empty(),
            "not its own to release"
        );
        locks.unlock("g", "one", &[queue(0)]);
        assert_eq!(locks.lock("g", "two", vec![queue(0)], 30), [queue(0)]);
        assert!(
            locks
                .lock("g", "two", vec![queue(1)], LOCK_LIFE_MS)
                .is_empty()
        );
        assert_eq!(
            locks.lock("g", "two", vec![queue(1)], LOCK_LIFE_MS + 1),
            [queue(1)]
        );
    }

    #[test]
    fn renewing_keeps_and_expiring_frees() {
        let locks = QueueLocks::default();
        locks.lock("g", "one", vec![queue(0)], 0);
        locks.lock("g", "one", vec![queue(0)], 50_000);
        assert!(locks.lock("g", "two", vec![queue(0)], 100_000).is_empty());
        assert!(locks.any_held("g", 110_000));
        assert!(!locks.any_held("g", 110_001));
        locks.expire(110_001);
        assert_eq!(locks.table.lock().locks, 0);
        assert!(locks.table.lock().groups.is_empty());
    }
}
