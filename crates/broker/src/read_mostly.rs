//! A table of shared values by name that is read on every request and written rarely.
//!
//! Readers take no lock: each of the fixed number of shards is a snapshot that a writer replaces
//! whole. So a change costs a copy of one shard (a few hundred pointers at 50,000 names), and a
//! reader that holds a value keeps it as it was. Iteration sees each shard at one moment, the whole
//! table not necessarily.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use foldhash::fast::FixedState;
use parking_lot::Mutex;

/// A hash map with the broker's fixed hash function: cores have no source of randomness.
pub(crate) type FixedMap<K, V> = HashMap<K, V, FixedState>;

const SHARDS: usize = 64;

type Shard<V> = ArcSwap<FixedMap<Arc<str>, Arc<V>>>;

/// See the module.
#[derive(Debug)]
pub(crate) struct ReadMostly<V> {
    hasher: FixedState,
    first: Shard<V>,
    rest: Vec<Shard<V>>,
    /// Serialises writers; held for the copy of one shard only.
    writer: Mutex<()>,
    len: AtomicUsize,
}

fn empty_shard<V>() -> Shard<V> {
    ArcSwap::from_pointee(FixedMap::default())
}

impl<V> ReadMostly<V> {
    pub(crate) fn new() -> Self {
        Self {
            hasher: FixedState::default(),
            first: empty_shard(),
            rest: (1..SHARDS).map(|_| empty_shard()).collect(),
            writer: Mutex::new(()),
            len: AtomicUsize::new(0),
        }
    }

    fn shard(&self, name: &str) -> &Shard<V> {
        // The map inside a shard uses the low bits of the same hash, hence the high ones here.
        let index = (self.hasher.hash_one(name) >> 58) as usize;
        index
            .checked_sub(1)
            .and_then(|index| self.rest.get(index))
            .unwrap_or(&self.first)
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<V>> {
        self.shard(name).load().get(name).cloned()
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.shard(name).load().contains_key(name)
    }

    /// Replaces the value of `name` by what `change` makes of the present one; `None` removes it,
    /// and the present value handed back (as the same pointer) changes nothing. Answers what is
    /// there afterwards.
    pub(crate) fn update(
        &self,
        name: &str,
        change: impl FnOnce(Option<&Arc<V>>) -> Option<Arc<V>>,
    ) -> Option<Arc<V>> {
        let _writer = self.writer.lock();
        let shard = self.shard(name);
        let present = shard.load();
        let before = present.get(name);
        let after = change(before);
        match (&after, before) {
            (None, None) => return None,
            (Some(after), Some(before)) if Arc::ptr_eq(after, before) => {
                return Some(Arc::clone(after));
            }
            _ => {}
        }
        let mut map = (**present).clone();
        match &after {
            Some(value) => {
                let key = present
                    .get_key_value(name)
                    .map_or_else(|| name.into(), |(key, _)| Arc::clone(key));
                if map.insert(key, Arc::clone(value)).is_none() {
                    self.len.fetch_add(1, Ordering::Relaxed);
                }
            }
            None => {
                if map.remove(name).is_some() {
                    self.len.fetch_sub(1, Ordering::Relaxed);
                }
            }
        }
        drop(present);
        shard.store(Arc::new(map));
        after
    }

    pub(crate) fn insert(&self, name: &str, value: Arc<V>) {
        self.update(name, |_| Some(value));
    }

    /// Removes `name` and answers what it was.
    pub(crate) fn remove(&self, name: &str) -> Option<Arc<V>> {
        let mut removed = None;
        self.update(name, |present| {
            removed = present.cloned();
            None
        });
        removed
    }

    pub(crate) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// All values, sorted by name, as they are shard by shard.
    pub(crate) fn values(&self) -> Vec<Arc<V>> {
        let mut entries = Vec::with_capacity(self.len());
        for shard in std::iter::once(&self.first).chain(&self.rest) {
            let map = shard.load();
            entries.extend(
                map.iter()
                    .map(|(name, value)| (Arc::clone(name), Arc::clone(value))),
            );
        }
        entries.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        entries.into_iter().map(|(_, value)| value).collect()
    }

    /// Visits every value in no order, without copying the table.
    pub(crate) fn each(&self, mut visit: impl FnMut(&Arc<V>)) {
        for shard in std::iter::once(&self.first).chain(&self.rest) {
            for value in shard.load().values() {
                visit(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_what_was_inserted_and_nothing_that_was_removed() {
        let table = ReadMostly::new();
        for number in 0..1_000 {
            table.insert(&format!("name-{number}"), Arc::new(number));
        }
        assert_eq!(table.len(), 1_000);
        assert_eq!(table.get("name-7").as_deref(), Some(&7));
        assert_eq!(table.remove("name-7").as_deref(), Some(&7));
        assert_eq!(table.get("name-7"), None);
        assert_eq!(table.remove("name-7"), None);
        assert_eq!(table.len(), 999);
        let mut sum = 0;
        table.each(|number| sum += **number);
        assert_eq!(sum, 1_000 * 999 / 2 - 7);
        assert_eq!(table.values().first().map(|value| **value), Some(0));
        assert_eq!(table.values().len(), 999);
    }

    #[test]
    fn an_update_that_hands_back_the_present_value_changes_nothing() {
        let table = ReadMostly::new();
        table.insert("a", Arc::new(1));
        let before = table.get("a").unwrap();
        let after = table.update("a", |present| present.cloned()).unwrap();
        assert!(Arc::ptr_eq(&before, &after));
        assert_eq!(table.update("b", |_| None), None);
        assert_eq!(table.len(), 1);
    }
}
