//! Which client of a group consumes a queue in order (`RebalanceLockManager`).
//!
//! Locks live 60 s beyond their last renewal; clients renew every 20 s. A connection that closes
//! releases nothing, as in Java. Who holds what is noted in a [`journal`] before the client hears of
//! it, so that after a start, also after a kill, no queue goes to a second client while the first one
//! believes to hold it; Java forgets its locks. There are no votes of other replicas
//! (`lockInStrictMode`): that comes with replication.

mod journal;

use std::path::PathBuf;
use std::sync::Arc;

use ferrocket_protocol::bodies::{MessageQueue, QueueLock};
use ferrocket_store::disk::Disk;
use parking_lot::Mutex;

use self::journal::{Entry, Journal};
use crate::read_mostly::FixedMap;

/// `REBALANCE_LOCK_MAX_LIVE_TIME`.
const LOCK_LIFE_MS: i64 = 60_000;
/// Queues that may be locked at a time; further ones are not granted.
const LOCKS_MAX: usize = 1_000_000;

#[derive(Debug)]
struct Lock {
    client_id: Box<str>,
    since_ms: i64,
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
#[derive(Debug)]
pub(crate) struct QueueLocks {
    table: Mutex<Table>,
    journal: Journal,
}

impl QueueLocks {
    /// Takes over what was held when the broker ended, unless that is too long ago.
    pub(crate) fn open(disk: Arc<dyn Disk>, path: PathBuf, now_ms: i64) -> Self {
        let (journal, held) = Journal::open(disk, path, now_ms - LOCK_LIFE_MS);
        let mut table = Table::default();
        for entry in held {
            let Some(client_id) = entry.client_id else {
                continue;
            };
            let lock = Lock {
                client_id: client_id.into(),
                since_ms: entry.at_ms,
                renewed_ms: now_ms,
            };
            let of_group = table.groups.entry(entry.group).or_default();
            table.locks += usize::from(of_group.insert(entry.queue, lock).is_none());
        }
        if table.locks > 0 {
            tracing::info!(
                locks = table.locks,
                "locks of queues are kept for the clients that held them"
            );
        }
        let locks = Self {
            table: Mutex::new(table),
            journal,
        };
        locks.rewrite();
        locks
    }

    /// Locks or renews what it can of `queues`, and answers those that the client holds now.
    pub(crate) fn lock(
        &self,
        group: &str,
        client_id: &str,
        queues: Vec<MessageQueue>,
        now_ms: i64,
    ) -> Vec<MessageQueue> {
        let mut granted = Vec::with_capacity(queues.len());
        let mut changes = Vec::new();
        let mut table = self.table.lock();
        let Table { groups, locks } = &mut *table;
        let held = groups.entry(group.to_owned()).or_default();
        for queue in queues {
            match held.get_mut(&queue) {
                Some(lock) if &*lock.client_id == client_id => lock.renewed_ms = now_ms,
                Some(lock) if !lock.expired(now_ms) => continue,
                None if *locks >= LOCKS_MAX => {
                    tracing::warn!(group, "no lock granted: {LOCKS_MAX} queues are locked");
                    continue;
                }
                before => {
                    *locks += usize::from(before.is_none());
                    let lock = Lock {
                        client_id: client_id.into(),
                        since_ms: now_ms,
                        renewed_ms: now_ms,
                    };
                    held.insert(queue.clone(), lock);
                    changes.push(Entry::held(group, &queue, client_id, now_ms));
                }
            }
            granted.push(queue);
        }
        drop(table);
        self.journal.append(&changes);
        granted
    }

    /// Releases those of `queues` that the client holds.
    pub(crate) fn unlock(&self, group: &str, client_id: &str, queues: &[MessageQueue]) {
        let mut changes = Vec::new();
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
                changes.push(Entry::released(group, queue, client_id));
            }
        }
        if held.is_empty() {
            groups.remove(group);
        }
        drop(table);
        self.journal.append(&changes);
    }

    /// Whether some client of the group holds a lock (`isLockAllExpired` is the opposite).
    pub(crate) fn any_held(&self, group: &str, now_ms: i64) -> bool {
        let table = self.table.lock();
        table
            .groups
            .get(group)
            .is_some_and(|held| held.values().any(|lock| !lock.expired(now_ms)))
    }

    /// Who holds which queue of a group, in the order of the queues.
    pub(crate) fn held(&self, group: &str, now_ms: i64) -> Vec<QueueLock> {
        let table = self.table.lock();
        let mut locks: Vec<QueueLock> = table
            .groups
            .get(group)
            .into_iter()
            .flatten()
            .filter(|(_, lock)| !lock.expired(now_ms))
            .map(|(queue, lock)| QueueLock {
                client_id: lock.client_id.to_string(),
                held_ms: now_ms - lock.since_ms,
                message_queue: queue.clone(),
                renewed_ms_ago: now_ms - lock.renewed_ms,
            })
            .collect();
        drop(table);
        locks.sort_by(|left, right| left.message_queue.cmp(&right.message_queue));
        locks
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

    /// Makes the journal durable, and shorter when it has grown long. Blocking.
    pub(crate) fn save(&self, now_ms: i64) {
        let any = self.table.lock().locks > 0;
        self.journal.stamp(any, now_ms);
        if self.journal.is_long() {
            self.rewrite();
        }
        self.journal.sync();
    }

    fn rewrite(&self) {
        self.journal.rewrite(|| {
            let table = self.table.lock();
            let mut entries = Vec::with_capacity(table.locks);
            for (group, held) in &table.groups {
                for (queue, lock) in held {
                    entries.push(Entry::held(group, queue, &lock.client_id, lock.since_ms));
                }
            }
            entries
        });
    }
}

#[cfg(test)]
mod tests {
    use ferrocket_store::disk::mem::MemDisk;

    use super::*;

    fn open(disk: &MemDisk, now_ms: i64) -> QueueLocks {
        let path = PathBuf::from("/store/ferrocket/queueLocks");
        QueueLocks::open(Arc::new(disk.clone()), path, now_ms)
    }

    fn queue(queue_id: i32) -> MessageQueue {
        MessageQueue {
            topic: "T".to_owned(),
            broker_name: "b".to_owned(),
            queue_id,
        }
    }

    #[test]
    fn a_queue_belongs_to_one_client_until_it_lets_go_or_falls_silent() {
        let locks = open(&MemDisk::new(), 0);
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
        let locks = open(&MemDisk::new(), 0);
        locks.lock("g", "one", vec![queue(0)], 0);
        locks.lock("g", "one", vec![queue(0)], 50_000);
        assert!(locks.lock("g", "two", vec![queue(0)], 100_000).is_empty());
        assert!(locks.any_held("g", 110_000));
        assert!(!locks.any_held("g", 110_001));
        locks.expire(110_001);
        assert_eq!(locks.table.lock().locks, 0);
        assert!(locks.table.lock().groups.is_empty());
    }

    #[test]
    fn a_start_knows_who_held_what() {
        let disk = MemDisk::new();
        let locks = open(&disk, 0);
        locks.lock("g", "one", vec![queue(0), queue(1), queue(2)], 1_000);
        locks.unlock("g", "one", &[queue(1)]);
        locks.lock("g", "two", vec![queue(1)], 2_000);
        drop(locks);
        let locks = open(&disk, 10_000);
        assert!(locks.lock("g", "two", vec![queue(0)], 10_000).is_empty());
        assert_eq!(locks.lock("g", "two", vec![queue(1)], 10_000), [queue(1)]);
        assert_eq!(locks.held("g", 12_000)[0].held_ms, 11_000);
        assert_eq!(
            locks.lock("g", "two", vec![queue(0)], 70_001),
            [queue(0)],
            "nobody renewed it"
        );
    }

    #[test]
    fn a_start_long_after_the_end_knows_nothing() {
        let disk = MemDisk::new();
        let locks = open(&disk, 0);
        locks.lock("g", "one", vec![queue(0)], 0);
        locks.save(50_000);
        drop(locks);
        let again = open(&disk, 100_000);
        assert!(
            again.any_held("g", 100_000),
            "renewed until shortly before the end"
        );
        drop(again);
        let late = open(&disk, 300_000);
        assert!(!late.any_held("g", 300_000));
    }

    #[test]
    fn the_journal_does_not_grow_for_ever() {
        let disk = MemDisk::new();
        let locks = open(&disk, 0);
        let queues: Vec<_> = (0..1_000).map(queue).collect();
        for round in 0..200 {
            locks.lock("g", "one", queues.clone(), round);
            locks.unlock("g", "one", &queues);
            locks.save(round);
        }
        let bytes = disk
            .read(&PathBuf::from("/store/ferrocket/queueLocks"))
            .unwrap()
            .len();
        assert!(bytes < 20 << 20, "{bytes}");
    }
}
