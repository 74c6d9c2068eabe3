//! Consumers that are online (`ConsumerManager`, `ConsumerGroupInfo`): which connections consume for
//! a group, how, and what they subscribed to.
//!
//! The settings of a group are those of the last heartbeat of any of its clients, whatever the
//! others say: clients of one group must agree. Where they do not, [`ConsumerGroup::conflict`] says so.

use std::sync::Arc;

use arc_swap::ArcSwap;
use ferrocket_protocol::bodies::{ConsumeFromWhere, ConsumeType, ConsumerData, MessageModel};
use ferrocket_protocol::peer::ConnectionId;
use parking_lot::Mutex;

use super::ClientInfo;
use super::conflict::Wishes;
use super::subscription::Subscription;
use crate::read_mostly::{FixedMap, ReadMostly};

/// What pulls and admin requests look at; replaced whole when a heartbeat changes it.
#[derive(Debug, Clone)]
pub(crate) struct Declared {
    pub(crate) consume_type: Option<ConsumeType>,
    pub(crate) message_model: Option<MessageModel>,
    pub(crate) consume_from_where: Option<ConsumeFromWhere>,
    pub(crate) subscriptions: FixedMap<Arc<str>, Arc<Subscription>>,
}

/// A group with at least one client online.
#[derive(Debug)]
pub(crate) struct ConsumerGroup {
    pub(crate) name: Arc<str>,
    declared: ArcSwap<Declared>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    clients: FixedMap<ConnectionId, Member>,
    /// In what the clients differ; nothing when they agree.
    conflict: Option<Arc<str>>,
    /// Set under the table's writer lock when the last client went; the group is then no longer in
    /// the table and must not be used again.
    gone: bool,
}

#[derive(Debug, Clone)]
struct Member {
    info: ClientInfo,
    /// Nothing when it never said what it wants.
    wishes: Option<Arc<Wishes>>,
    /// Of the wishes.
    fingerprint: u64,
}

/// What became of a heartbeat.
#[derive(Debug)]
pub(crate) enum Registration {
    /// The others of the group are to be told when anything `changed`.
    Registered {
        group: Arc<ConsumerGroup>,
        changed: bool,
    },
    /// It wants something else than the others, and that is not allowed.
    Refused(String),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Consumers {
    groups: ReadMostly<ConsumerGroup>,
}

/// Clients that left a group.
#[derive(Debug)]
pub(crate) struct Removal {
    pub(crate) group: Arc<ConsumerGroup>,
    pub(crate) removed: Vec<ClientInfo>,
}

impl ConsumerGroup {
    fn new(name: &str, data: &ConsumerData) -> Self {
        Self {
            name: name.into(),
            declared: ArcSwap::from_pointee(Declared {
                consume_type: data.consume_type,
                message_model: data.message_model,
                consume_from_where: data.consume_from_where,
                subscriptions: FixedMap::default(),
            }),
            state: Mutex::default(),
        }
    }

    pub(crate) fn declared(&self) -> Arc<Declared> {
        self.declared.load_full()
    }

    pub(crate) fn message_model(&self) -> Option<MessageModel> {
        self.declared.load().message_model
    }

    pub(crate) fn subscription(&self, topic: &str) -> Option<Arc<Subscription>> {
        self.declared.load().subscriptions.get(topic).cloned()
    }

    /// The clients online, in the order of their ids.
    pub(crate) fn clients(&self) -> Vec<ClientInfo> {
        let state = self.state.lock();
        let members = state.clients.values();
        let mut clients: Vec<_> = members.map(|member| member.info.clone()).collect();
        drop(state);
        clients.sort_by(|left, right| left.client_id.cmp(&right.client_id));
        clients
    }

    pub(crate) fn has_connection(&self, id: ConnectionId) -> bool {
        self.state.lock().clients.contains_key(&id)
    }

    /// In what the clients of the group differ; nothing when they agree.
    pub(crate) fn conflict(&self) -> Option<Arc<str>> {
        self.state.lock().conflict.clone()
    }

    /// Takes over one heartbeat; answers whether the client or a topic is new to the group or a
    /// topic went, or why it is refused. `None` when the group is gone and must be looked up again.
    fn register(
        &self,
        client: &ClientInfo,
        data: &ConsumerData,
        with_subscriptions: bool,
        refuse_conflicts: bool,
    ) -> Option<Result<bool, String>> {
        let mut state = self.state.lock();
        if state.gone {
            return None;
        }
        let id = client.peer.id();
        let before = state.clients.get(&id);
        let new_client = before.is_none_or(|before| before.info.client_id != client.client_id);
        let mut member = Member {
            info: client.clone(),
            wishes: before.and_then(|before| before.wishes.clone()),
            fingerprint: before.map_or(0, |before| before.fingerprint),
        };
        let mut new_wishes = false;
        if with_subscriptions {
            let wishes = Wishes::of(data);
            let fingerprint = wishes.fingerprint();
            new_wishes = member.wishes.is_none() || member.fingerprint != fingerprint;
            if new_wishes {
                if refuse_conflicts
                    && let Some(conflict) = state.differs(client, &wishes, fingerprint)
                {
                    // It stays what it was to the group, and alive.
                    if let Some(present) = state.clients.get_mut(&id) {
                        present.info.heard_ms = client.heard_ms;
                    }
                    return Some(Err(conflict));
                }
                member.wishes = Some(Arc::new(wishes));
                member.fingerprint = fingerprint;
            }
        }
        state.clients.insert(id, member);
        if new_wishes {
            state.compare(&self.name);
        }
        let changed_topics = self.declare(data, with_subscriptions);
        Some(Ok(new_client || changed_topics))
    }

    /// Answers whether topics were added or removed. Called with the state locked.
    fn declare(&self, data: &ConsumerData, with_subscriptions: bool) -> bool {
        let present = self.declared.load();
        let mut next = Declared {
            consume_type: data.consume_type,
            message_model: data.message_model,
            consume_from_where: data.consume_from_where,
            subscriptions: present.subscriptions.clone(),
        };
        let mut topics_changed = false;
        let mut replaced = false;
        if with_subscriptions {
            next.subscriptions.clear();
            for wanted in &data.subscription_data_set {
                let known = present.subscriptions.get(wanted.topic.as_str());
                topics_changed |= known.is_none();
                // A newer version replaces, and that alone is no change (`updateSubscription`).
                let kept = known.filter(|known| known.data.sub_version >= wanted.sub_version);
                let subscription = kept.cloned().unwrap_or_else(|| {
                    replaced = true;
                    Arc::new(Subscription::new(wanted.clone()))
                });
                next.subscriptions
                    .insert(wanted.topic.as_str().into(), subscription);
            }
            topics_changed |= next.subscriptions.len() != present.subscriptions.len();
        }
        let same_settings = present.consume_type == next.consume_type
            && present.message_model == next.message_model
            && present.consume_from_where == next.consume_from_where;
        if topics_changed || replaced || !same_settings {
            self.declared.store(Arc::new(next));
        }
        topics_changed
    }
}

impl State {
    /// How a client differs from one of the others. One that comes back over another connection is
    /// no other.
    fn differs(&self, client: &ClientInfo, wishes: &Wishes, fingerprint: u64) -> Option<String> {
        self.clients.values().find_map(|member| {
            if member.fingerprint == fingerprint || member.info.client_id == client.client_id {
                return None;
            }
            let theirs = member.wishes.as_deref()?;
            theirs.difference(&member.info.client_id, wishes, &client.client_id)
        })
    }

    /// Looks whether the clients agree, and logs when that changed.
    fn compare(&mut self, group: &str) {
        let first = self
            .clients
            .values()
            .filter(|member| member.wishes.is_some())
            .min_by(|left, right| left.info.client_id.cmp(&right.info.client_id));
        let conflict = first.and_then(|first| {
            let wishes = first.wishes.as_deref()?;
            let others = self.clients.values().filter(|member| {
                member.wishes.is_some()
                    && member.fingerprint != first.fingerprint
                    && member.info.client_id != first.info.client_id
            });
            let other =
                others.min_by(|left, right| left.info.client_id.cmp(&right.info.client_id))?;
            let theirs = other.wishes.as_deref()?;
            wishes.difference(&first.info.client_id, theirs, &other.info.client_id)
        });
        if self.conflict.as_deref() == conflict.as_deref() {
            return;
        }
        match &conflict {
            Some(conflict) => tracing::warn!(
                group,
                %conflict,
                "the clients of a group want different things, so that some of their messages are filtered out: give each kind of client a group of its own, or subscribe them all alike"
            ),
            None => tracing::info!(group, "the clients of the group agree again"),
        }
        self.conflict = conflict.map(Into::into);
    }
}

impl Consumers {
    pub(crate) fn new() -> Self {
        Self {
            groups: ReadMostly::new(),
        }
    }

    pub(crate) fn get(&self, group: &str) -> Option<Arc<ConsumerGroup>> {
        self.groups.get(group)
    }

    pub(crate) fn all(&self) -> Vec<Arc<ConsumerGroup>> {
        self.groups.values()
    }

    /// Groups whose clients do not agree.
    pub(crate) fn conflicts(&self) -> usize {
        let mut conflicts = 0;
        self.groups
            .each(|group| conflicts += usize::from(group.conflict().is_some()));
        conflicts
    }

    /// Takes over one heartbeat for one group.
    pub(crate) fn register(
        &self,
        client: &ClientInfo,
        data: &ConsumerData,
        with_subscriptions: bool,
        refuse_conflicts: bool,
    ) -> Option<Registration> {
        loop {
            let group = self.groups.get(&data.group_name).or_else(|| {
                self.groups.update(&data.group_name, |present| {
                    Some(present.map_or_else(
                        || Arc::new(ConsumerGroup::new(&data.group_name, data)),
                        Arc::clone,
                    ))
                })
            })?;
            match group.register(client, data, with_subscriptions, refuse_conflicts) {
                Some(Ok(changed)) => return Some(Registration::Registered { group, changed }),
                Some(Err(conflict)) => return Some(Registration::Refused(conflict)),
                None => {}
            }
        }
    }

    /// Takes clients out of a group; answers who left, if anybody did.
    pub(crate) fn remove_if(
        &self,
        group: &str,
        mut leaves: impl FnMut(&ClientInfo) -> bool,
    ) -> Option<Removal> {
        let mut removal = None;
        self.groups.update(group, |present| {
            let group = present?;
            let mut state = group.state.lock();
            let mut removed = Vec::new();
            state.clients.retain(|_, member| {
                let leaving = leaves(&member.info);
                if leaving {
                    removed.push(member.info.clone());
                }
                !leaving
            });
            if !removed.is_empty() {
                state.compare(&group.name);
            }
            state.gone = state.clients.is_empty();
            if !removed.is_empty() {
                removal = Some(Removal {
                    group: Arc::clone(group),
                    removed,
                });
            }
            if state.gone {
                None
            } else {
                Some(Arc::clone(group))
            }
        });
        removal
    }
}
