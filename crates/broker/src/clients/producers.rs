//! Producers that are online (`ProducerManager`), as their heartbeats declare them.

use ferrocket_protocol::peer::ConnectionId;
use parking_lot::RwLock;

use super::ClientInfo;
use crate::read_mostly::FixedMap;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Producers {
    groups: RwLock<FixedMap<Box<str>, FixedMap<ConnectionId, ClientInfo>>>,
}

impl Producers {
    pub(crate) fn register(&self, group: &str, client: &ClientInfo) {
        let mut groups = self.groups.write();
        let clients = match groups.get_mut(group) {
            Some(clients) => clients,
            None => groups.entry(group.into()).or_default(),
        };
        clients.insert(client.peer.id(), client.clone());
    }

    pub(crate) fn remove(&self, group: &str, id: ConnectionId) {
        let mut groups = self.groups.write();
        if let Some(clients) = groups.get_mut(group) {
            clients.remove(&id);
            if clients.is_empty() {
                groups.remove(group);
            }
        }
    }

    /// The clients of a group in the order of their ids; `None` when it has none.
    pub(crate) fn clients(&self, group: &str) -> Option<Vec<ClientInfo>> {
        let mut clients: Vec<_> = self.groups.read().get(group)?.values().cloned().collect();
        clients.sort_by(|left, right| left.client_id.cmp(&right.client_id));
        Some(clients)
    }

    /// Every group with its clients.
    pub(crate) fn all(&self) -> Vec<(String, Vec<ClientInfo>)> {
        let groups = self.groups.read();
        let mut all: Vec<(String, Vec<ClientInfo>)> = groups
            .iter()
            .map(|(group, clients)| (group.to_string(), clients.values().cloned().collect()))
            .collect();
        all.sort_by(|left, right| left.0.cmp(&right.0));
        all
    }

    /// Connections silent since before `deadline_ms`, taken out.
    pub(crate) fn expire(&self, deadline_ms: i64) -> Vec<ClientInfo> {
        let mut expired = Vec::new();
        self.groups.write().retain(|_, clients| {
            clients.retain(|_, client| {
                let silent = client.heard_ms < deadline_ms;
                if silent {
                    expired.push(client.clone());
                }
                !silent
            });
            !clients.is_empty()
        });
        expired
    }
}
