//! Which broker serves how many queues of which topic (`RouteInfoManager#topicQueueTable`), and the
//! encoded route answer of each topic.
//!
//! The table is split into shards with a lock each, and no walk over all topics holds more than one
//! of them: a broker that registers fifty thousand topics does not hold up a route request.
//!
//! A cached route is dropped by whoever changes what it was made of. It is made under its own lock,
//! so a change is either seen by the maker or drops what the maker made.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use bytes::Bytes;
use foldhash::fast::FixedState;
use parking_lot::{Mutex, RwLock};

use super::{PERM_READ_WRITE, PERM_WRITE};

const SHARDS: usize = 64;

/// What one broker serves of a topic, as it is told to clients (`QueueData`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Queues {
    pub(crate) read_queue_nums: i32,
    pub(crate) write_queue_nums: i32,
    pub(crate) perm: i32,
    pub(crate) topic_sys_flag: i32,
}

/// One broker's part in a topic.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    pub(crate) broker: Arc<str>,
    pub(crate) queues: Queues,
    /// The permission that the broker registered, which wiping does not touch: it tells a broker
    /// that changed its mind from an administrator who wiped.
    registered_perm: i32,
}

impl Share {
    fn is_as_registered(&self, queues: Queues) -> bool {
        Queues {
            perm: self.registered_perm,
            ..self.queues
        } == queues
    }
}

/// A topic with at least one share.
#[derive(Debug, Default)]
pub(crate) struct Topic {
    /// In order of broker names.
    shares: Vec<Share>,
    route: Mutex<Option<Bytes>>,
}

impl Topic {
    pub(crate) fn shares(&self) -> &[Share] {
        &self.shares
    }

    pub(crate) fn share(&self, broker: &str) -> Option<&Share> {
        self.position(broker)
            .ok()
            .and_then(|at| self.shares.get(at))
    }

    /// The cached route answer, made now if there is none. `None` is not cached.
    pub(crate) fn route_or_make(&self, make: impl FnOnce() -> Option<Bytes>) -> Option<Bytes> {
        let mut route = self.route.lock();
        if route.is_none() {
            *route = make();
        }
        route.clone()
    }

    fn forget_route(&self) {
        *self.route.lock() = None;
    }

    fn position(&self, broker: &str) -> Result<usize, usize> {
        self.shares
            .binary_search_by(|share| (*share.broker).cmp(broker))
    }

    fn put(&mut self, broker: &Arc<str>, queues: Queues) {
        match self.position(broker) {
            Ok(at) => {
                if let Some(share) = self.shares.get_mut(at) {
                    share.queues = queues;
                    share.registered_perm = queues.perm;
                }
            }
            Err(at) => {
                let share = Share {
                    broker: broker.clone(),
                    queues,
                    registered_perm: queues.perm,
                };
                self.shares.insert(at, share);
            }
        }
        *self.route.get_mut() = None;
    }

    fn set_perm(&mut self, broker: &str, change: impl FnOnce(i32) -> i32) -> bool {
        let Ok(at) = self.position(broker) else {
            return false;
        };
        if let Some(share) = self.shares.get_mut(at) {
            share.queues.perm = change(share.queues.perm);
            *self.route.get_mut() = None;
        }
        true
    }

    fn remove_where(&mut self, mut gone: impl FnMut(&str) -> bool) -> usize {
        let before = self.shares.len();
        self.shares.retain(|share| !gone(&share.broker));
        let removed = before - self.shares.len();
        if removed > 0 {
            *self.route.get_mut() = None;
        }
        removed
    }
}

/// When a registered topic replaces what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Apply {
    /// The data version is new: always.
    Changed,
    /// The data version is known, the registration is a full one: when the broker itself said
    /// something else before. Java trusts the version and keeps what a lost message left stale.
    Repair,
    /// The data version is known and the registration is incremental: when nothing is known.
    Missing,
}

type Shard = RwLock<HashMap<Arc<str>, Topic, FixedState>>;

/// All topics.
#[derive(Debug)]
pub(crate) struct Topics {
    shards: Box<[Shard]>,
    hasher: FixedState,
}

impl Default for Topics {
    fn default() -> Self {
        let hasher = FixedState::with_seed(0);
        let shards = (0..SHARDS).map(|_| RwLock::new(HashMap::with_hasher(FixedState::default())));
        Self {
            shards: shards.collect(),
            hasher,
        }
    }
}

impl Topics {
    /// Looks at one topic.
    pub(crate) fn with<T>(&self, topic: &str, look: impl FnOnce(&Topic) -> T) -> Option<T> {
        let shard = self.shard(topic)?.read();
        shard.get(topic).map(look)
    }

    /// Takes over what `broker` registers of `topic`. True when something changed.
    pub(crate) fn register(
        &self,
        topic: &str,
        broker: &Arc<str>,
        queues: Queues,
        apply: Apply,
    ) -> bool {
        let Some(shard) = self.shard(topic) else {
            return false;
        };
        let is_settled = shard
            .read()
            .get(topic)
            .and_then(|known| known.share(broker))
            .is_some_and(|share| match apply {
                Apply::Changed => share.queues == queues && share.is_as_registered(queues),
                Apply::Repair => share.is_as_registered(queues),
                Apply::Missing => true,
            });
        if is_settled {
            return false;
        }
        let mut shard = shard.write();
        match shard.get_mut(topic) {
            Some(known) => known.put(broker, queues),
            None => {
                let mut new = Topic::default();
                new.put(broker, queues);
                shard.insert(Arc::from(topic), new);
            }
        }
        true
    }

    /// Removes a topic whole; its brokers come back.
    pub(crate) fn remove(&self, topic: &str) -> Vec<Share> {
        let Some(shard) = self.shard(topic) else {
            return Vec::new();
        };
        shard
            .write()
            .remove(topic)
            .map(|topic| topic.shares)
            .unwrap_or_default()
    }

    /// Removes the shares of some brokers of one topic, and the topic with its last share. True when
    /// the topic is gone.
    pub(crate) fn remove_shares(&self, topic: &str, gone: impl FnMut(&str) -> bool) -> bool {
        let Some(shard) = self.shard(topic) else {
            return true;
        };
        let mut shard = shard.write();
        let Some(known) = shard.get_mut(topic) else {
            return true;
        };
        known.remove_where(gone);
        let is_gone = known.shares.is_empty();
        if is_gone {
            shard.remove(topic);
        }
        is_gone
    }

    /// Removes the shares of which `gone(topic, broker)` holds. Answers how many.
    pub(crate) fn remove_everywhere(&self, mut gone: impl FnMut(&str, &str) -> bool) -> usize {
        let mut removed = 0;
        for shard in &self.shards {
            shard.write().retain(|name, topic| {
                removed += topic.remove_where(|broker| gone(name, broker));
                !topic.shares.is_empty()
            });
        }
        removed
    }

    /// Clears the write bit of a broker on all its topics. Answers how many topics it has.
    pub(crate) fn wipe_write(&self, broker: &str) -> i32 {
        self.set_perm(broker, |perm| perm & !PERM_WRITE)
    }

    /// Sets a broker readable and writable on all its topics, dropping other bits as Java does.
    /// Answers how many topics it has.
    pub(crate) fn allow_read_write(&self, broker: &str) -> i32 {
        self.set_perm(broker, |_| PERM_READ_WRITE)
    }

    fn set_perm(&self, broker: &str, change: impl Fn(i32) -> i32) -> i32 {
        let mut topics = 0;
        for shard in &self.shards {
            for topic in shard.write().values_mut() {
                topics += i32::from(topic.set_perm(broker, &change));
            }
        }
        topics
    }

    /// Drops the cached routes of the topics of which `stale` holds.
    pub(crate) fn forget_routes(&self, stale: impl Fn(&Topic) -> bool) {
        for shard in &self.shards {
            for topic in shard.read().values().filter(|topic| stale(topic)) {
                topic.forget_route();
            }
        }
    }

    /// Drops the cached route of one topic.
    pub(crate) fn forget_route(&self, topic: &str) {
        self.with(topic, Topic::forget_route);
    }

    /// The names of the topics of which `wanted` holds, sorted.
    pub(crate) fn names(&self, wanted: impl Fn(&Topic) -> bool) -> Vec<Arc<str>> {
        let mut names = Vec::new();
        for shard in &self.shards {
            let shard = shard.read();
            names.extend(
                shard
                    .iter()
                    .filter(|(_, topic)| wanted(topic))
                    .map(|(n, _)| n.clone()),
            );
        }
        names.sort_unstable();
        names
    }

    fn shard(&self, topic: &str) -> Option<&Shard> {
        let hash = self.hasher.hash_one(topic);
        // The maps inside use the low and the top bits.
        self.shards
            .get(usize::try_from(hash >> 32).unwrap_or_default() % SHARDS)
    }
}
