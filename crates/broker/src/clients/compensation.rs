//! Subscriptions that came with pulls instead of heartbeats (`ConsumerManager`'s compensation
//! table): of consumers that are not registered, or whose pulls say more than their heartbeats.
//!
//! Also what saves parsing the expression of a pull that repeats the last one. Entries expire
//! `subscriptionExpiredTimeout` after their last use.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::RwLock;

use super::subscription::Subscription;
use crate::read_mostly::FixedMap;

/// Subscriptions kept at a time; further ones are parsed anew with every pull.
const ENTRIES_MAX: usize = 100_000;

#[derive(Debug)]
struct Entry {
    subscription: Arc<Subscription>,
    used_ms: AtomicI64,
}

#[derive(Debug, Default)]
struct Table {
    groups: FixedMap<Box<str>, FixedMap<Box<str>, Entry>>,
    entries: usize,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Compensation {
    table: RwLock<Table>,
}

impl Compensation {
    /// The subscription that a pull carries.
    pub(crate) fn subscription(
        &self,
        group: &str,
        topic: &str,
        expression: &str,
        expression_type: &str,
        version: i64,
        now_ms: i64,
    ) -> Arc<Subscription> {
        {
            let table = self.table.read();
            if let Some(entry) = table.groups.get(group).and_then(|topics| topics.get(topic))
                && entry.subscription.data.sub_version == version
                && entry.subscription.is_from(expression, expression_type)
            {
                entry.used_ms.store(now_ms, Ordering::Relaxed);
                return Arc::clone(&entry.subscription);
            }
        }
        let subscription = Arc::new(Subscription::from_expression(
            topic,
            expression,
            expression_type,
            version,
        ));
        let entry = Entry {
            subscription: Arc::clone(&subscription),
            used_ms: AtomicI64::new(now_ms),
        };
        let mut table = self.table.write();
        let Table { groups, entries } = &mut *table;
        if *entries < ENTRIES_MAX {
            let topics = groups.entry(group.into()).or_default();
            if topics.insert(topic.into(), entry).is_none() {
                *entries += 1;
            }
        }
        subscription
    }

    /// The subscription that the group's last pull of the topic carried.
    pub(crate) fn last(&self, group: &str, topic: &str) -> Option<Arc<Subscription>> {
        let table = self.table.read();
        let entry = table.groups.get(group)?.get(topic)?;
        Some(Arc::clone(&entry.subscription))
    }

    /// Drops what was not used since before `deadline_ms`.
    pub(crate) fn expire(&self, deadline_ms: i64) {
        let mut table = self.table.write();
        let mut left = 0;
        table.groups.retain(|_, topics| {
            topics.retain(|_, entry| entry.used_ms.load(Ordering::Relaxed) >= deadline_ms);
            left += topics.len();
            !topics.is_empty()
        });
        table.entries = left;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_expression_is_parsed_once_and_a_new_one_replaces_it() {
        let table = Compensation::default();
        let first = table.subscription("g", "T", "TagA", "TAG", 1, 0);
        assert!(Arc::ptr_eq(
            &first,
            &table.subscription("g", "T", "TagA", "", 1, 5)
        ));
        assert!(!Arc::ptr_eq(
            &first,
            &table.subscription("g", "T", "TagB", "TAG", 1, 5)
        ));
        assert!(!Arc::ptr_eq(
            &first,
            &table.subscription("g", "T", "TagA", "TAG", 2, 5)
        ));
        assert_eq!(table.table.read().entries, 1);
        table.expire(6);
        assert_eq!(table.table.read().entries, 0);
    }
}
