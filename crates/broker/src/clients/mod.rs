//! The clients that are online: heartbeats, leaving, falling silent, and telling the others.
//!
//! Identity is the connection: one connection may speak for many groups, and what it declared goes
//! with it. Notifications of changed consumers are collected under the locks and sent after them.

pub(crate) mod calls;
pub(crate) mod compensation;
pub(crate) mod conflict;
pub(crate) mod consumers;
mod handlers;
mod notify;
pub(crate) mod producers;
pub(crate) mod subscription;

use std::sync::Arc;

use ferrocket_protocol::Language;
use ferrocket_protocol::peer::{ConnectionId, Peer};
use parking_lot::Mutex;

use self::calls::Calls;
use self::compensation::Compensation;
use self::consumers::{Consumers, Removal};
use self::notify::Notifier;
use self::producers::Producers;
use crate::groups::GROUPS_MAX;
use crate::read_mostly::FixedMap;

pub(crate) use handlers::{CLASS_FILTERS, filter_unsupported};

/// Groups that one connection may speak for.
const GROUPS_PER_CONNECTION_MAX: usize = 10_000;
/// `ProducerManager#CHANNEL_EXPIRED_TIMEOUT`.
const PRODUCER_SILENCE_MAX_MS: i64 = 120_000;

/// A client as its heartbeat declared it.
#[derive(Debug, Clone)]
pub(crate) struct ClientInfo {
    pub(crate) peer: Arc<dyn Peer>,
    pub(crate) client_id: Arc<str>,
    pub(crate) language: Option<Language>,
    pub(crate) version: i32,
    pub(crate) heard_ms: i64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Clients {
    pub(crate) consumers: Consumers,
    pub(crate) producers: Producers,
    pub(crate) compensation: Compensation,
    pub(crate) calls: Calls,
    /// The fingerprint of the last heartbeat, by group (`ClientManageProcessor` keeps them so: by
    /// group, not by client). Of groups that have settings only, and as long as they have them.
    fingerprints: Mutex<FixedMap<Box<str>, i32>>,
    memberships: Mutex<FixedMap<ConnectionId, Membership>>,
    notifier: Notifier,
}

#[derive(Debug, Default)]
struct Membership {
    consumer_groups: Vec<Arc<str>>,
    producer_groups: Vec<Box<str>>,
}

impl Clients {
    pub(crate) fn new() -> Self {
        Self {
            consumers: Consumers::new(),
            producers: Producers::default(),
            compensation: Compensation::default(),
            calls: Calls::new(),
            fingerprints: Mutex::default(),
            memberships: Mutex::default(),
            notifier: Notifier::default(),
        }
    }

    /// Takes a connection out of every group.
    fn forget_connection(&self, id: ConnectionId) -> Vec<Removal> {
        let Some(membership) = self.memberships.lock().remove(&id) else {
            return Vec::new();
        };
        for group in &membership.producer_groups {
            self.producers.remove(group, id);
        }
        membership
            .consumer_groups
            .iter()
            .filter_map(|group| {
                self.consumers
                    .remove_if(group, |client| client.peer.id() == id)
            })
            .collect()
    }

    /// Notes that a connection consumes for a group. False when it speaks for too many already.
    fn join_consumers(&self, id: ConnectionId, group: &str) -> bool {
        let mut memberships = self.memberships.lock();
        let membership = memberships.entry(id).or_default();
        if membership
            .consumer_groups
            .iter()
            .any(|known| &**known == group)
        {
            return true;
        }
        let fits = membership.groups() < GROUPS_PER_CONNECTION_MAX;
        if fits {
            membership.consumer_groups.push(group.into());
        }
        fits
    }

    /// Notes that a connection produces for a group. False when it speaks for too many already.
    fn join_producers(&self, id: ConnectionId, group: &str) -> bool {
        let mut memberships = self.memberships.lock();
        let membership = memberships.entry(id).or_default();
        if membership
            .producer_groups
            .iter()
            .any(|known| &**known == group)
        {
            return true;
        }
        let fits = membership.groups() < GROUPS_PER_CONNECTION_MAX;
        if fits {
            membership.producer_groups.push(group.into());
        }
        fits
    }

    /// Forgets the fingerprint of a group that is deleted.
    pub(crate) fn forget_fingerprint(&self, group: &str) {
        self.fingerprints.lock().remove(group);
    }

    /// Notes the fingerprint of a group that exists; answers whether an earlier one differed.
    fn fingerprint_changed(&self, group: &str, fingerprint: i32) -> bool {
        let mut fingerprints = self.fingerprints.lock();
        match fingerprints.get_mut(group) {
            Some(known) => std::mem::replace(known, fingerprint) != fingerprint,
            None => {
                if fingerprints.len() < GROUPS_MAX {
                    fingerprints.insert(group.into(), fingerprint);
                }
                false
            }
        }
    }

    /// Takes out consumers silent since before `consumer_deadline_ms` and producers silent for
    /// 120 s.
    fn expire(&self, now_ms: i64, consumer_deadline_ms: i64) -> (Vec<Removal>, Vec<ClientInfo>) {
        let removals = self
            .consumers
            .all()
            .iter()
            .filter_map(|group| {
                self.consumers
                    .remove_if(&group.name, |client| client.heard_ms < consumer_deadline_ms)
            })
            .collect();
        (
            removals,
            self.producers.expire(now_ms - PRODUCER_SILENCE_MAX_MS),
        )
    }
}

impl Membership {
    fn groups(&self) -> usize {
        self.consumer_groups.len() + self.producer_groups.len()
    }
}
