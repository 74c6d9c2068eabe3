//! Telling the members of a broker name that their smallest id changed (905).

use std::collections::BTreeMap;
use std::sync::Arc;

use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::Encoding;
use ferrocket_protocol::headers::NotifyMinBrokerIdChange;
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::Peer;

use super::brokers::{BrokerAddress, Brokers, Live};

/// A notification and the members that get it.
#[derive(Debug)]
pub(crate) struct Notice {
    peers: Vec<Arc<dyn Peer>>,
    header: NotifyMinBrokerIdChange,
}

impl Notice {
    /// A member with a smaller id registered: everyone but that member is told.
    pub(super) fn of_new_min(brokers: &Brokers, cluster: &str, name: &str) -> Option<Self> {
        let broker = brokers.by_name.get(name)?;
        let (min_id, min_addr) = broker.addrs.first_key_value()?;
        let ha = live(brokers, cluster, min_addr).map(|live| live.ha_server_addr.clone());
        let others: BTreeMap<_, _> = broker
            .addrs
            .iter()
            .filter(|(id, _)| *id != min_id)
            .collect();
        let told = if others.is_empty() {
            vec![min_addr]
        } else {
            others.into_values().collect()
        };
        Some(Self {
            peers: peers(brokers, cluster, told),
            header: NotifyMinBrokerIdChange {
                min_broker_id: Some(*min_id),
                min_broker_addr: Some(min_addr.clone()),
                ha_broker_addr: ha,
                ..NotifyMinBrokerIdChange::default()
            },
        })
    }

    /// The member with the smallest id is gone: all that remain are told, if they act as masters.
    pub(super) fn of_lost_min(
        brokers: &Brokers,
        cluster: &str,
        name: &str,
        lost: &str,
    ) -> Option<Self> {
        let broker = brokers
            .by_name
            .get(name)
            .filter(|broker| broker.enable_acting_master)?;
        let (min_id, min_addr) = broker.addrs.first_key_value()?;
        Some(Self {
            peers: peers(brokers, cluster, broker.addrs.values().collect()),
            header: NotifyMinBrokerIdChange {
                min_broker_id: Some(*min_id),
                min_broker_addr: Some(min_addr.clone()),
                offline_broker_addr: Some(lost.to_owned()),
                ..NotifyMinBrokerIdChange::default()
            },
        })
    }

    /// Sends it one-way; `opaque` makes the request numbers.
    pub(crate) fn send(&self, mut opaque: impl FnMut() -> i32) {
        for peer in &self.peers {
            let mut out = Outbox::new();
            let code = request::NOTIFY_MIN_BROKER_ID_CHANGE;
            if out
                .request(
                    Encoding::Json,
                    code,
                    opaque(),
                    true,
                    Some(&self.header),
                    &[],
                )
                .is_ok()
            {
                peer.send(out);
            }
        }
    }
}

fn peers(brokers: &Brokers, cluster: &str, addrs: Vec<&String>) -> Vec<Arc<dyn Peer>> {
    let lives = addrs
        .into_iter()
        .filter_map(|addr| live(brokers, cluster, addr));
    lives.map(|live| live.peer.clone()).collect()
}

fn live<'a>(brokers: &'a Brokers, cluster: &str, addr: &str) -> Option<&'a Live> {
    let address = BrokerAddress {
        cluster: cluster.to_owned(),
        addr: addr.to_owned(),
    };
    brokers.live.get(&address)
}
