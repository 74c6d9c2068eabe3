//! Route answers (`RouteInfoManager#pickupTopicRouteData`).
//!
//! A body is made once for each state of what it is made of. There is one form for all clients:
//! keys of maps are quoted and what is not ASCII is escaped, which every reader understands, where
//! Java prints numbers bare for clients below 4.9.4.

use std::collections::BTreeMap;

use bytes::Bytes;
use ferrocket_protocol::bodies::{BrokerData, QueueData, TopicRouteData};
use ferrocket_protocol::json::{self, Style};

use super::brokers::{Broker, BrokerAddress, Brokers};
use super::topics::{Share, Topic};
use super::{MASTER_ID, PERM_WRITE, Tables};

/// Topics with this prefix show members as they are: brokers learn their peers from it
/// (`TopicValidator.SYNC_BROKER_MEMBER_GROUP_PREFIX`).
const MEMBER_GROUP_TOPIC_PREFIX: &str = "rmq_sys_SYNC_BROKER_MEMBER_";

/// What a route is made of besides the tables.
#[derive(Debug, Default)]
pub(crate) struct RouteRules {
    /// `supportActingMaster`.
    pub(crate) support_acting_master: bool,
    /// The order configuration of the topic, where it is to be told.
    pub(crate) order_topic_conf: Option<String>,
}

/// The zone of a client that wants no brokers of other zones (`ZoneRouteRPCHook`).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Zone<'a>(pub(crate) &'a str);

impl Tables {
    /// The encoded route of a topic; `None` if it has none. `rules` and `made` are called when the
    /// body has to be made; `rules` must tell the latest state.
    pub(crate) fn route_body(
        &self,
        topic: &str,
        rules: impl FnOnce() -> RouteRules,
        made: impl FnOnce(),
    ) -> Option<Bytes> {
        let brokers = self.brokers.read();
        let body = self.topics.with(topic, |known| {
            known.route_or_make(|| {
                made();
                encode(&self.route(&brokers, topic, known, rules())?)
            })
        });
        body.flatten()
    }

    /// The encoded route of a topic without the brokers of other zones that have a master. May be
    /// empty. Made on each request.
    pub(crate) fn zone_route_body(
        &self,
        topic: &str,
        zone: Zone<'_>,
        rules: RouteRules,
    ) -> Option<Bytes> {
        let brokers = self.brokers.read();
        let route = self
            .topics
            .with(topic, |known| self.route(&brokers, topic, known, rules));
        encode(&zone.filter(route.flatten()?))
    }

    fn route(
        &self,
        brokers: &Brokers,
        topic: &str,
        known: &Topic,
        rules: RouteRules,
    ) -> Option<TopicRouteData> {
        let shares = known.shares().iter();
        let shown: Vec<(&Share, &Broker)> = shares
            .filter_map(|share| Some((share, brokers.by_name.get(&share.broker)?)))
            .collect();
        if shown.is_empty() {
            return None;
        }
        let acts = rules.support_acting_master && !topic.starts_with(MEMBER_GROUP_TOPIC_PREFIX);
        let mut filter_server_table = BTreeMap::new();
        for (_, broker) in &shown {
            for addr in broker.addrs.values() {
                let address = BrokerAddress {
                    cluster: broker.cluster.clone(),
                    addr: addr.clone(),
                };
                if let Some(servers) = brokers.filter_servers.get(&address) {
                    filter_server_table.insert(addr.clone(), servers.clone());
                }
            }
        }
        Some(TopicRouteData {
            order_topic_conf: rules.order_topic_conf,
            queue_datas: shown.iter().map(|(share, _)| queue_data(share)).collect(),
            broker_datas: shown
                .iter()
                .map(|(share, broker)| {
                    let mut data = broker_data(&share.broker, broker);
                    if acts && broker.enable_acting_master && share.queues.perm & PERM_WRITE == 0 {
                        show_acting_master(&mut data);
                    }
                    data
                })
                .collect(),
            filter_server_table,
            topic_queue_mapping_by_broker: self.mappings.read().get(topic).cloned(),
        })
    }
}

impl Zone<'_> {
    fn filter(self, mut route: TopicRouteData) -> TopicRouteData {
        let is_shown = |broker: &BrokerData| {
            let zone = broker.zone_name.as_deref().unwrap_or_default();
            !broker.broker_addrs.contains_key(&MASTER_ID) || zone.eq_ignore_ascii_case(self.0)
        };
        let (shown, hidden): (Vec<_>, Vec<_>) = route.broker_datas.into_iter().partition(is_shown);
        let is_hidden =
            |queue: &QueueData| hidden.iter().any(|b| b.broker_name == queue.broker_name);
        route.queue_datas.retain(|queue| !is_hidden(queue));
        for addr in hidden
            .iter()
            .flat_map(|broker| broker.broker_addrs.values())
        {
            route.filter_server_table.remove(addr);
        }
        route.broker_datas = shown;
        route
    }
}

/// A broker name as it is told to clients and tools.
pub(crate) fn broker_data(name: &str, broker: &Broker) -> BrokerData {
    BrokerData {
        cluster: broker.cluster.clone(),
        broker_name: name.to_owned(),
        broker_addrs: broker.addrs.clone(),
        zone_name: broker.zone.clone(),
        enable_acting_master: broker.enable_acting_master,
    }
}

fn queue_data(share: &Share) -> QueueData {
    QueueData {
        broker_name: share.broker.to_string(),
        read_queue_nums: share.queues.read_queue_nums,
        write_queue_nums: share.queues.write_queue_nums,
        perm: share.queues.perm,
        topic_sys_flag: share.queues.topic_sys_flag,
    }
}

/// Puts the smallest id in the place of the missing master.
fn show_acting_master(data: &mut BrokerData) {
    if data.broker_addrs.contains_key(&MASTER_ID) {
        return;
    }
    if let Some((_, addr)) = data.broker_addrs.pop_first() {
        data.broker_addrs.insert(MASTER_ID, addr);
    }
}

fn encode(route: &TopicRouteData) -> Option<Bytes> {
    json::to_vec_styled(route, Style::STANDARD)
        .ok()
        .map(Bytes::from)
}
