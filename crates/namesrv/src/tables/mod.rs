//! The routing tables (`RouteInfoManager`).
//!
//! Lock order: `writing`, then `brokers`, then one shard of `topics`, then a cached route; `mappings`
//! is a leaf. Everything that changes more than one table holds `writing` throughout; a reader may
//! see a broker before its topics, and never a topic without its broker in an answer.

mod brokers;
mod notice;
mod register;
mod removal;
mod route;
mod topics;

use std::collections::BTreeMap;
use std::sync::Arc;

use ferrocket_protocol::bodies::{DataVersion, QueueData, TopicQueueMappingInfo};
use parking_lot::{Mutex, RwLock};

pub(crate) use brokers::{BrokerAddress, Brokers, Leaving};
pub(crate) use notice::Notice;
pub(crate) use register::{Registered, Registration, RegistrationBody};
pub(crate) use route::{RouteRules, Zone, broker_data};
pub(crate) use topics::{Queues, Topic};

use topics::{Apply, Topics};

/// The id of a master (`MixAll.MASTER_ID`).
pub(crate) const MASTER_ID: i64 = 0;

/// `PermName.PERM_WRITE`.
pub(crate) const PERM_WRITE: i32 = 2;

/// `PermName.PERM_READ | PermName.PERM_WRITE`.
pub(crate) const PERM_READ_WRITE: i32 = 6;

/// All that the name server knows of brokers and topics.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// Serialises whatever changes more than one table.
    writing: Mutex<()>,
    brokers: RwLock<Brokers>,
    topics: Topics,
    /// Static topics: topic, then broker name.
    mappings: RwLock<BTreeMap<String, BTreeMap<String, TopicQueueMappingInfo>>>,
}

impl Tables {
    /// Notes a sign of life of a registered broker; others are ignored.
    pub(crate) fn heartbeat(&self, address: &BrokerAddress, now_ms: i64) {
        self.brokers.write().touch(address, now_ms);
    }

    /// The data version that a broker registered with; asking for it is a sign of life too.
    pub(crate) fn data_version(&self, address: &BrokerAddress, now_ms: i64) -> Option<DataVersion> {
        let mut brokers = self.brokers.write();
        brokers.touch(address, now_ms);
        brokers.live.get(address).map(|live| live.data_version)
    }

    /// Looks at the brokers.
    pub(crate) fn with_brokers<T>(&self, look: impl FnOnce(&Brokers) -> T) -> T {
        look(&self.brokers.read())
    }

    /// The names of the topics of which `wanted` holds, sorted.
    pub(crate) fn topic_names(&self, wanted: impl Fn(&Topic) -> bool) -> Vec<Arc<str>> {
        self.topics.names(wanted)
    }

    /// Takes the write permission of a broker name; answers how many topics it has.
    pub(crate) fn wipe_write_perm(&self, broker: &str) -> i32 {
        let _writing = self.writing.lock();
        self.topics.wipe_write(broker)
    }

    /// Gives it back; answers how many topics it has.
    pub(crate) fn add_write_perm(&self, broker: &str) -> i32 {
        let _writing = self.writing.lock();
        self.topics.allow_read_write(broker)
    }

    /// Puts single queue entries of one topic (217). A topic that is not known yet is taken only if
    /// all its brokers are known; of a known topic the entries before the first unknown broker.
    pub(crate) fn register_topic(&self, topic: &str, entries: &[QueueData]) {
        let _writing = self.writing.lock();
        let mut brokers = self.brokers.write();
        let known = |entry: &QueueData| {
            brokers
                .by_name
                .get_key_value(entry.broker_name.as_str())
                .map(|(name, _)| name.clone())
        };
        let is_known_topic = self.topics.with(topic, |_| ()).is_some();
        let names: Vec<Arc<str>> = entries.iter().map_while(known).collect();
        if names.len() < entries.len() && !is_known_topic {
            return;
        }
        for (name, entry) in names.iter().zip(entries) {
            self.topics
                .register(topic, name, Queues::from(entry), Apply::Changed);
            brokers.mark_changed(name);
        }
    }

    /// Drops the cached route of one topic.
    pub(crate) fn forget_route(&self, topic: &str) {
        self.topics.forget_route(topic);
    }

    /// Drops all cached routes.
    pub(crate) fn forget_routes(&self) {
        self.topics.forget_routes(|_| true);
    }
}

impl From<&QueueData> for Queues {
    fn from(data: &QueueData) -> Self {
        Self {
            read_queue_nums: data.read_queue_nums,
            write_queue_nums: data.write_queue_nums,
            perm: data.perm,
            topic_sys_flag: data.topic_sys_flag,
        }
    }
}
