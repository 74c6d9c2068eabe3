//! Brokers that leave: unregistered, expired, disconnected
//! (`RouteInfoManager#unRegisterBroker(Set)`), and topics that are deleted.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferrocket_protocol::peer::{ConnectionId, Peer};

use super::brokers::{BrokerAddress, Brokers, Leaving, Left};
use super::{Notice, Tables};

impl Tables {
    /// Removes brokers, all in one pass over the topics. Answers whom to tell.
    pub(crate) fn unregister(&self, leaving: &[Leaving]) -> Vec<Notice> {
        let _writing = self.writing.lock();
        self.remove(leaving)
    }

    /// Removes the brokers that registered over a connection which is gone.
    ///
    /// Java removes one of them and lets the others of a broker container expire.
    pub(crate) fn disconnected(&self, connection: ConnectionId) -> Vec<Notice> {
        if self.brokers.read().addresses_on(connection).is_empty() {
            return Vec::new();
        }
        let _writing = self.writing.lock();
        let addresses = self.brokers.read().addresses_on(connection);
        self.remove_addresses(&addresses)
    }

    /// Removes the brokers whose registration expired; answers whom to tell and which connections to
    /// close.
    pub(crate) fn expire(&self, now_ms: i64) -> (Vec<Notice>, Vec<Arc<dyn Peer>>) {
        if self.brokers.read().expired(now_ms).0.is_empty() {
            return (Vec::new(), Vec::new());
        }
        let _writing = self.writing.lock();
        let (addresses, peers) = self.brokers.read().expired(now_ms);
        for address in &addresses {
            tracing::warn!(
                cluster = address.cluster,
                addr = address.addr,
                "broker expired"
            );
        }
        (self.remove_addresses(&addresses), peers)
    }

    /// Removes a topic: of the brokers of one cluster, or whole. It comes back with the next
    /// registration of a broker that still has it.
    pub(crate) fn delete_topic(&self, topic: &str, cluster: Option<&str>) {
        let _writing = self.writing.lock();
        let mut brokers = self.brokers.write();
        let is_gone = match cluster {
            None => {
                for share in self.topics.remove(topic) {
                    brokers.mark_changed(&share.broker);
                }
                true
            }
            Some(cluster) => {
                let Some(names) = brokers.clusters.get(cluster).cloned() else {
                    return;
                };
                for name in &names {
                    brokers.mark_changed(name);
                }
                self.topics
                    .remove_shares(topic, |broker| names.contains(broker))
            }
        };
        if is_gone {
            self.mappings.write().remove(topic);
        }
    }

    fn remove_addresses(&self, addresses: &[BrokerAddress]) -> Vec<Notice> {
        let mut leaving = Vec::with_capacity(addresses.len());
        let mut brokers = self.brokers.write();
        for address in addresses {
            match brokers.leaving(address) {
                Some(member) => leaving.push(member),
                // Another broker took the id; only the trace of its liveness is left.
                None => drop(brokers.live.remove(address)),
            }
        }
        drop(brokers);
        self.remove(&leaving)
    }

    fn remove(&self, leaving: &[Leaving]) -> Vec<Notice> {
        let mut brokers = self.brokers.write();
        let mut fates: BTreeMap<&str, (&Leaving, Left)> = BTreeMap::new();
        for member in leaving {
            let Some(left) = brokers.remove(member) else {
                continue;
            };
            let is_no_news = left
                == Left::Reduced {
                    min_id_changed: false,
                };
            if !(is_no_news && fates.contains_key(member.name.as_str())) {
                fates.insert(&member.name, (member, left));
            }
        }
        let notices = fates
            .values()
            .filter_map(|(member, left)| notice(&brokers, member, left));
        let notices = notices.collect();
        let is_removed = |name: &str| {
            fates
                .get(name)
                .is_some_and(|(_, left)| *left == Left::Removed)
        };
        let readers: Vec<&str> = fates
            .keys()
            .copied()
            .filter(|name| is_left_to_slaves(&brokers, name))
            .collect();
        drop(brokers);

        if fates.keys().any(|name| is_removed(name)) {
            self.topics
                .remove_everywhere(|_, broker| is_removed(broker));
        }
        for name in readers {
            self.topics.wipe_write(name);
        }
        if fates.keys().any(|name| !is_removed(name)) {
            let is_reduced = |broker: &str| fates.contains_key(broker);
            self.topics
                .forget_routes(|t| t.shares().iter().any(|share| is_reduced(&share.broker)));
        }
        notices
    }
}

fn notice(brokers: &Brokers, member: &Leaving, left: &Left) -> Option<Notice> {
    let Left::Reduced {
        min_id_changed: true,
    } = left
    else {
        return None;
    };
    let Leaving { address, name, .. } = member;
    Notice::of_lost_min(brokers, &address.cluster, name, &address.addr)
}

/// True when slaves that act as masters are all that a broker name has left: its topics are then
/// read-only.
fn is_left_to_slaves(brokers: &Brokers, name: &str) -> bool {
    let broker = brokers.by_name.get(name);
    broker.is_some_and(|broker| broker.enable_acting_master && !broker.has_master())
}
