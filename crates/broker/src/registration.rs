//! What this broker tells name servers about itself. The server sends it and repeats it.

use std::collections::BTreeMap;

use ferrocket_protocol::bodies::{
    DataVersion, KVTable, RegisterBrokerBody, TopicConfig, TopicConfigAndMappingSerializeWrapper,
};

use crate::config::{BrokerConfig, PERM_READ, PERM_WRITE};
use crate::topics::Topic;
use crate::{Broker, RegistrationChange};

impl Broker {
    /// The body of a registration: of all topics, or of those named that are there. Permissions are
    /// already masked with `brokerPermission`.
    #[must_use]
    pub fn registration(&self, only: Option<&[String]>) -> RegisterBrokerBody {
        let config = self.config.load();
        let data_version = self.topics.version();
        let topics = match only {
            Some(names) => names
                .iter()
                .filter_map(|name| self.topics.get(name))
                .collect(),
            None => self.topics.all(),
        };
        let topic_config_table: BTreeMap<_, _> = topics
            .iter()
            .map(|topic| (topic.config.topic_name.clone(), registered(&config, topic)))
            .collect();
        RegisterBrokerBody {
            filter_server_list: Some(Vec::new()),
            topic_config_serialize_wrapper: TopicConfigAndMappingSerializeWrapper {
                data_version,
                topic_config_table,
                ..TopicConfigAndMappingSerializeWrapper::default()
            },
        }
    }

    /// The version of the topic table, by which name servers tell whether a registration is news.
    #[must_use]
    pub fn data_version(&self) -> DataVersion {
        self.topics.version()
    }

    /// Takes over which topics are ordered, as a registration's answer says.
    pub fn order_topics(&self, table: &KVTable, now_ms: i64) {
        let ordered: Vec<String> = table.table.keys().cloned().collect();
        let changed = self.topics.set_ordered(&ordered, now_ms);
        if !changed.is_empty() {
            self.surroundings
                .registration_changed(RegistrationChange::Topics(changed));
        }
    }
}

/// With a broker that lacks a permission, topics are registered bare, as in Java: their flags and
/// attributes are left out.
fn registered(config: &BrokerConfig, topic: &Topic) -> TopicConfig {
    let all = PERM_READ | PERM_WRITE;
    if config.broker_permission & all == all {
        return topic.config.clone();
    }
    TopicConfig {
        topic_name: topic.config.topic_name.clone(),
        read_queue_nums: topic.config.read_queue_nums,
        write_queue_nums: topic.config.write_queue_nums,
        perm: topic.config.perm & config.broker_permission,
        ..TopicConfig::default()
    }
}
