//! Taking over a registration (`RouteInfoManager#registerBroker`).

use std::collections::HashSet;
use std::sync::Arc;

use ferrocket_protocol::bodies::{DataVersion, TopicQueueMappingInfo};
use ferrocket_protocol::headers::{RegisterBroker, RegisterBrokerResponse};
use ferrocket_protocol::peer::Peer;
use foldhash::fast::FixedState;

use super::brokers::{Applied, BrokerAddress, Brokers, Live};
use super::topics::Apply;
use super::{MASTER_ID, Notice, PERM_WRITE, Queues, Tables};

/// How long a broker lives without a sign if it does not say (`DEFAULT_BROKER_CHANNEL_EXPIRED_TIME`).
pub(crate) const HEARTBEAT_TIMEOUT_MS: i64 = 120_000;

/// Who registers, apart from what the body says.
#[derive(Debug)]
pub(crate) struct Registration<'a> {
    pub(crate) header: &'a RegisterBroker,
    pub(crate) zone: Option<String>,
    pub(crate) peer: &'a Arc<dyn Peer>,
    pub(crate) now_ms: i64,
    /// Of header and body: the same registration again need not be looked at. `None` when it must.
    pub(crate) fingerprint: Option<u64>,
    /// `deleteTopicWithBrokerRegistration`.
    pub(crate) delete_absent_topics: bool,
}

/// What the body of a registration says.
#[derive(Debug, Default)]
pub(crate) struct RegistrationBody {
    pub(crate) topics: Vec<(String, Queues)>,
    pub(crate) data_version: DataVersion,
    pub(crate) mappings: Vec<TopicQueueMappingInfo>,
    /// `None` leaves what is known.
    pub(crate) filter_servers: Option<Vec<String>>,
}

/// A registration that was answered with success.
#[derive(Debug, Default)]
pub(crate) struct Registered {
    pub(crate) reply: RegisterBrokerResponse,
    /// Set when a member with a smaller id came.
    pub(crate) notice: Option<Notice>,
}

/// How far the address part of a registration came.
enum Entered {
    Accepted(Accepted),
    /// Another address holds the id with a newer master epoch.
    Displaced,
    /// See [`Tables::register`].
    Refused,
}

struct Accepted {
    name: Arc<str>,
    /// The broker, or its id, was not known before.
    is_first: bool,
    is_version_changed: bool,
    is_min_changed: bool,
    owns_topics: bool,
    acts_as_master: bool,
}

impl Registration<'_> {
    fn address(&self) -> BrokerAddress {
        BrokerAddress {
            cluster: self.header.cluster_name.clone(),
            addr: self.header.broker_addr.clone(),
        }
    }
}

impl Tables {
    /// Takes over a registration that is the same as the last one of this broker, at the price of a
    /// look-up. `None` when it has to be looked at.
    pub(crate) fn renew(&self, registration: &Registration<'_>) -> Option<Registered> {
        let fingerprint = registration.fingerprint?;
        let header = registration.header;
        let address = registration.address();
        let mut brokers = self.brokers.write();
        let broker = brokers.by_name.get(header.broker_name.as_str())?;
        let applied = Applied {
            fingerprint,
            generation: broker.generation,
        };
        let is_member = broker.addrs.get(&header.broker_id) == Some(&header.broker_addr);
        let live = brokers.live.get_mut(&address)?;
        if !is_member || live.applied != Some(applied) {
            return None;
        }
        live.last_update_ms = registration.now_ms;
        live.peer = registration.peer.clone();
        Some(Registered {
            reply: brokers.master_for(header),
            notice: None,
        })
    }

    /// Takes over a registration. `None` refuses it: a broker that is not known under its id sent a
    /// single topic, which is the incremental message of a broker that should register fully first.
    pub(crate) fn register(
        &self,
        registration: &Registration<'_>,
        body: RegistrationBody,
    ) -> Option<Registered> {
        let _writing = self.writing.lock();
        let (entered, is_route_changed) = self.enter(registration, &body);
        let registered = match entered {
            Entered::Displaced => Some(Registered::default()),
            Entered::Refused => None,
            Entered::Accepted(accepted) => {
                if accepted.owns_topics {
                    self.take_topics(registration, &accepted, &body);
                }
                Some(self.settle(registration, &accepted, body))
            }
        };
        if is_route_changed {
            let name = registration.header.broker_name.as_str();
            self.topics
                .forget_routes(|topic| topic.share(name).is_some());
        }
        registered
    }

    /// Enters the address, and tells whether routes over this broker name are different now.
    fn enter(&self, registration: &Registration<'_>, body: &RegistrationBody) -> (Entered, bool) {
        let header = registration.header;
        let address = registration.address();
        let mut brokers = self.brokers.write();
        let (name, is_new) = brokers.enter(&header.cluster_name, &header.broker_name);
        let state_version = |live: &Live| live.data_version.state_version;
        let is_version_changed = brokers
            .live
            .get(&address)
            .is_none_or(|live| live.data_version != body.data_version);

        let Brokers { by_name, live, .. } = &mut *brokers;
        let Some(broker) = by_name.get_mut(&name) else {
            return (Entered::Refused, false);
        };
        let acts_as_master = header.enable_acting_master.unwrap_or(false);
        let mut is_changed =
            broker.enable_acting_master != acts_as_master || broker.zone != registration.zone;
        broker.enable_acting_master = acts_as_master;
        broker.zone.clone_from(&registration.zone);
        let is_min_changed = header.broker_id < broker.min_id().unwrap_or_default();
        let members = broker.addrs.len();
        broker
            .addrs
            .retain(|id, addr| *addr != header.broker_addr || *id == header.broker_id);
        is_changed |= broker.addrs.len() != members;

        let holder = broker.addrs.get(&header.broker_id);
        let other = holder.filter(|holder| **holder != header.broker_addr);
        let newer = other.is_some_and(|addr| {
            let holder = BrokerAddress {
                cluster: header.cluster_name.clone(),
                addr: addr.clone(),
            };
            live.get(&holder).map(state_version) > Some(body.data_version.state_version)
        });
        if newer {
            live.remove(&address);
            brokers.mark_changed(&name);
            return (Entered::Displaced, is_changed);
        }
        if holder.is_none() && body.topics.len() == 1 {
            brokers.mark_changed(&name);
            return (Entered::Refused, is_changed);
        }
        let before = broker
            .addrs
            .insert(header.broker_id, header.broker_addr.clone());
        is_changed |= before.as_ref() != Some(&header.broker_addr);
        let is_min = broker.min_id() == Some(header.broker_id);
        let is_prime_slave = header.enable_acting_master.is_some() && is_min;
        let accepted = Accepted {
            name: name.clone(),
            is_first: is_new || before.is_none(),
            is_version_changed,
            is_min_changed,
            owns_topics: header.broker_id == MASTER_ID || is_prime_slave,
            acts_as_master: acts_as_master && header.broker_id != MASTER_ID,
        };
        if is_changed || is_new {
            brokers.mark_changed(&name);
        }
        (Entered::Accepted(accepted), is_changed)
    }

    fn take_topics(
        &self,
        registration: &Registration<'_>,
        accepted: &Accepted,
        body: &RegistrationBody,
    ) {
        if registration.delete_absent_topics && body.mappings.is_empty() {
            let mut named =
                HashSet::with_capacity_and_hasher(body.topics.len(), FixedState::default());
            named.extend(body.topics.iter().map(|(topic, _)| topic.as_str()));
            let is_absent =
                |topic: &str, broker: &str| *broker == *accepted.name && !named.contains(topic);
            self.topics.remove_everywhere(is_absent);
        }
        let is_news = accepted.is_first || accepted.is_version_changed;
        let apply = match body.topics.len() {
            _ if is_news => Apply::Changed,
            0 | 1 => Apply::Missing,
            _ => Apply::Repair,
        };
        let mask = if accepted.acts_as_master {
            !PERM_WRITE
        } else {
            !0
        };
        for (topic, queues) in &body.topics {
            let queues = Queues {
                perm: queues.perm & mask,
                ..*queues
            };
            self.topics.register(topic, &accepted.name, queues, apply);
        }
        if is_news && !body.mappings.is_empty() {
            self.take_mappings(&body.mappings);
        }
    }

    fn take_mappings(&self, infos: &[TopicQueueMappingInfo]) {
        let mut mappings = self.mappings.write();
        for info in infos {
            let of_topic = mappings.entry(info.topic.clone()).or_default();
            of_topic.insert(info.bname.clone(), info.clone());
        }
        drop(mappings);
        for info in infos {
            self.topics.forget_route(&info.topic);
        }
    }

    fn settle(
        &self,
        registration: &Registration<'_>,
        accepted: &Accepted,
        body: RegistrationBody,
    ) -> Registered {
        let header = registration.header;
        let address = registration.address();
        let mut brokers = self.brokers.write();
        let generation = brokers
            .by_name
            .get(&accepted.name)
            .map_or(0, |broker| broker.generation);
        let live = Live {
            last_update_ms: registration.now_ms,
            heartbeat_timeout_ms: header
                .heartbeat_timeout_millis
                .unwrap_or(HEARTBEAT_TIMEOUT_MS),
            data_version: body.data_version,
            peer: registration.peer.clone(),
            ha_server_addr: header.ha_server_addr.clone(),
            applied: registration.fingerprint.map(|fingerprint| Applied {
                fingerprint,
                generation,
            }),
        };
        brokers.live.insert(address.clone(), live);
        let is_filter_changed = match body.filter_servers {
            None => false,
            Some(servers) if servers.is_empty() => {
                brokers.filter_servers.remove(&address).is_some()
            }
            Some(servers) => {
                brokers
                    .filter_servers
                    .insert(address, servers.clone())
                    .as_ref()
                    != Some(&servers)
            }
        };
        let reply = brokers.master_for(header);
        let notice = accepted
            .is_min_changed
            .then(|| Notice::of_new_min(&brokers, &header.cluster_name, &header.broker_name))
            .flatten();
        drop(brokers);
        if is_filter_changed {
            self.topics
                .forget_routes(|topic| topic.share(&accepted.name).is_some());
        }
        Registered { reply, notice }
    }
}

impl Brokers {
    /// What a slave is told of its master; nothing for a master.
    fn master_for(&self, header: &RegisterBroker) -> RegisterBrokerResponse {
        let broker = self.by_name.get(header.broker_name.as_str());
        let master = broker.and_then(|broker| broker.addrs.get(&MASTER_ID));
        let Some(addr) = master.filter(|_| header.broker_id != MASTER_ID) else {
            return RegisterBrokerResponse::default();
        };
        let address = BrokerAddress {
            cluster: header.cluster_name.clone(),
            addr: addr.clone(),
        };
        let Some(live) = self.live.get(&address) else {
            return RegisterBrokerResponse::default();
        };
        RegisterBrokerResponse {
            ha_server_addr: Some(live.ha_server_addr.clone()),
            master_addr: Some(addr.clone()),
        }
    }
}
