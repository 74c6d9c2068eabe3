//! Which brokers there are, under which addresses, and when each was last heard of
//! (`RouteInfoManager`: `brokerAddrTable`, `clusterAddrTable`, `brokerLiveTable`,
//! `filterServerTable`).
//!
//! A few hundred entries at most: one lock outside holds all of it. Broker names are global, as in
//! Java: two clusters with the same broker name share one entry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferrocket_protocol::bodies::DataVersion;
use ferrocket_protocol::peer::{ConnectionId, Peer};

use super::MASTER_ID;

/// A registration is known by cluster and address, not by broker name (`BrokerAddrInfo`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BrokerAddress {
    pub(crate) cluster: String,
    pub(crate) addr: String,
}

/// A broker name with its members (`BrokerData`).
#[derive(Debug, Default)]
pub(crate) struct Broker {
    pub(crate) cluster: String,
    /// Empty only after a refused first registration.
    pub(crate) addrs: BTreeMap<i64, String>,
    pub(crate) zone: Option<String>,
    pub(crate) enable_acting_master: bool,
    /// Grows whenever something happens after which an unchanged registration must be looked at
    /// again.
    pub(crate) generation: u64,
}

impl Broker {
    pub(crate) fn min_id(&self) -> Option<i64> {
        self.addrs.keys().next().copied()
    }

    pub(crate) fn has_master(&self) -> bool {
        self.addrs.contains_key(&MASTER_ID)
    }

    pub(crate) fn id_of(&self, addr: &str) -> Option<i64> {
        self.addrs
            .iter()
            .find(|(_, known)| *known == addr)
            .map(|(id, _)| *id)
    }
}

/// What identifies the registration that was applied last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) fingerprint: u64,
    pub(crate) generation: u64,
}

/// A registered broker process (`BrokerLiveInfo`).
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) last_update_ms: i64,
    pub(crate) heartbeat_timeout_ms: i64,
    pub(crate) data_version: DataVersion,
    pub(crate) peer: Arc<dyn Peer>,
    pub(crate) ha_server_addr: String,
    pub(crate) applied: Option<Applied>,
}

impl Live {
    fn is_expired(&self, now_ms: i64) -> bool {
        self.last_update_ms
            .saturating_add(self.heartbeat_timeout_ms)
            < now_ms
    }
}

/// A broker that is to be removed (`UnRegisterBrokerRequestHeader`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaving {
    pub(crate) address: BrokerAddress,
    pub(crate) name: String,
    pub(crate) id: i64,
}

/// What the removal of one broker did to its name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Its name has no member any more.
    Removed,
    /// Others remain.
    Reduced { min_id_changed: bool },
}

/// All brokers.
#[derive(Debug, Default)]
pub(crate) struct Brokers {
    pub(crate) by_name: BTreeMap<Arc<str>, Broker>,
    /// Broker names of each cluster.
    pub(crate) clusters: BTreeMap<String, BTreeSet<Arc<str>>>,
    pub(crate) live: BTreeMap<BrokerAddress, Live>,
    pub(crate) filter_servers: BTreeMap<BrokerAddress, Vec<String>>,
    /// Numbers the generations of all brokers, so that none is used twice.
    generations: u64,
}

impl Brokers {
    /// The entry of a broker name, made if there is none; and whether it was made.
    pub(crate) fn enter(&mut self, cluster: &str, name: &str) -> (Arc<str>, bool) {
        let known = self
            .by_name
            .get_key_value(name)
            .map(|(name, _)| name.clone());
        let is_new = known.is_none();
        let name: Arc<str> = known.unwrap_or_else(|| Arc::from(name));
        if is_new {
            let broker = Broker {
                cluster: cluster.to_owned(),
                ..Broker::default()
            };
            self.by_name.insert(name.clone(), broker);
        }
        self.clusters
            .entry(cluster.to_owned())
            .or_default()
            .insert(name.clone());
        (name, is_new)
    }

    /// Removes a broker. `None` when its name is unknown.
    pub(crate) fn remove(&mut self, leaving: &Leaving) -> Option<Left> {
        self.live.remove(&leaving.address);
        self.filter_servers.remove(&leaving.address);
        let broker = self.by_name.get_mut(leaving.name.as_str())?;
        let min_id_changed = broker.min_id() == Some(leaving.id);
        broker.addrs.retain(|_, addr| *addr != leaving.address.addr);
        self.generations += 1;
        broker.generation = self.generations;
        if !broker.addrs.is_empty() {
            return Some(Left::Reduced { min_id_changed });
        }
        self.by_name.remove(leaving.name.as_str());
        if let Some(names) = self.clusters.get_mut(&leaving.address.cluster) {
            names.remove(leaving.name.as_str());
            if names.is_empty() {
                self.clusters.remove(&leaving.address.cluster);
            }
        }
        Some(Left::Removed)
    }

    /// The member behind an address, unless another one displaced it.
    pub(crate) fn leaving(&self, address: &BrokerAddress) -> Option<Leaving> {
        self.by_name
            .iter()
            .filter(|(_, broker)| broker.cluster == address.cluster)
            .find_map(|(name, broker)| {
                let id = broker.id_of(&address.addr)?;
                Some(Leaving {
                    address: address.clone(),
                    name: name.to_string(),
                    id,
                })
            })
    }

    pub(crate) fn addresses_on(&self, connection: ConnectionId) -> Vec<BrokerAddress> {
        let on_it = self
            .live
            .iter()
            .filter(|(_, live)| live.peer.id() == connection);
        on_it.map(|(address, _)| address.clone()).collect()
    }

    /// The registrations that expired, and the connections that carried nothing else.
    pub(crate) fn expired(&self, now_ms: i64) -> (Vec<BrokerAddress>, Vec<Arc<dyn Peer>>) {
        let expired = self.live.iter().filter(|(_, live)| live.is_expired(now_ms));
        let in_use: BTreeSet<ConnectionId> = self
            .live
            .values()
            .filter(|l| !l.is_expired(now_ms))
            .map(|l| l.peer.id())
            .collect();
        expired
            .map(|(address, live)| {
                let peer = (!in_use.contains(&live.peer.id())).then(|| live.peer.clone());
                (address.clone(), peer)
            })
            .fold(
                (Vec::new(), Vec::new()),
                |(mut addresses, mut peers), (address, peer)| {
                    addresses.push(address);
                    peers.extend(peer);
                    (addresses, peers)
                },
            )
    }

    /// Notes a sign of life. False when the broker is not registered.
    pub(crate) fn touch(&mut self, address: &BrokerAddress, now_ms: i64) -> bool {
        self.live
            .get_mut(address)
            .map(|live| live.last_update_ms = now_ms)
            .is_some()
    }

    /// Makes the next registration under this name count even if it is unchanged.
    pub(crate) fn mark_changed(&mut self, name: &str) {
        if let Some(broker) = self.by_name.get_mut(name) {
            self.generations += 1;
            broker.generation = self.generations;
        }
    }
}
