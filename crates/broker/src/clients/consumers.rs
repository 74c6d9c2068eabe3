//! Consumers that are online (`ConsumerManager`, `ConsumerGroupInfo`): which connections consume for
//! a group, how, and what they subscribed to.
//!
//! The settings of a group are those of the last heartbeat of any of its clients, whatever the
//! others say: clients of one group must agree, and Java does not check it either.

use std::sync::Arc;

use arc_swap::ArcSwap;
use ferrocket_protocol::bodies::{ConsumeFromWhere, ConsumeType, ConsumerData, MessageModel};
use ferrocket_protocol::peer::ConnectionId;
use parking_lot::Mutex;

use super::ClientInfo;
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
    clients: FixedMap<ConnectionId, ClientInfo>,
    /// Set under the table's writer lock when the last client went; the group is then no longer in
    /// the table and must not be used again.
    gone: bool,
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
        let mut clients: Vec<_> = self.state.lock().clients.values().cloned().collect();
        clients.sort_by(|left, right| left.client_id.cmp(&right.client_id));
        clients
    }

    pub(crate) fn has_connection(&self, id: ConnectionId) -> bool {
        self.state.lock().clients.contains_key(&id)
    }

    /// Takes over one heartbeat; answers whether the client or a topic is new to the group or a
    /// topic went. `None` when the group is gone and must be looked up again.
    fn register(
        &self,
        client: &ClientInfo,
        data: &ConsumerData,
        with_subscriptions: bool,
    ) -> Option<bool> {
        let mut state = self.state.lock();
        if state.gone {
            return None;
        }
        let before = state.clients.insert(client.peer.id(), client.clone());
        let new_client = before.is_none_or(|before| before.client_id != client.client_id);
        let changed_topics = self.declare(data, with_subscriptions);
        Some(new_client || changed_topics)
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

    /// Takes over one heartbeat for one group; answers the group and whether the others are to be
    /// told.
    pub(crate) fn register(
        &self,
        client: &ClientInfo,
        data: &ConsumerData,
        with_subscriptions: bool,
    ) -> Option<(Arc<ConsumerGroup>, bool)> {
        loop {
            let group = self.groups.get(&data.group_name).or_else(|| {
                self.groups.update(&data.group_name, |present| {
                    Some(present.map_or_else(
                        || Arc::new(ConsumerGroup::new(&data.group_name, data)),
                        Arc::clone,
                    ))
                })
            })?;
            if let Some(changed) = group.register(client, data, with_subscriptions) {
                return Some((group, changed));
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
            state.clients.retain(|_, client| {
                let leaving = leaves(client);
                if leaving {
                    removed.push(client.clone());
                }
                !leaving
            });
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
