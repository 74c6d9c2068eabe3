//! What the name server keeps of a registration's body.

use ferrocket_protocol::bodies::{RegisterBrokerBody, TopicConfig};

use crate::refusal::RegistrationRefused;
use crate::tables::{Queues, RegistrationBody};

/// Reads the body that a broker of `version` sent, in any form.
pub(crate) fn read(body: &[u8], version: i32) -> Result<RegistrationBody, RegistrationRefused> {
    let body = RegisterBrokerBody::decode(body, version)?;
    let wrapper = body.topic_config_serialize_wrapper;
    let topics = wrapper.topic_config_table.into_iter();
    Ok(RegistrationBody {
        topics: topics
            .map(|(topic, config)| (topic, Queues::from(&config)))
            .collect(),
        data_version: wrapper.data_version,
        mappings: wrapper.topic_queue_mapping_info_map.into_values().collect(),
        filter_servers: body.filter_server_list,
    })
}

impl From<&TopicConfig> for Queues {
    fn from(config: &TopicConfig) -> Self {
        Self {
            read_queue_nums: config.read_queue_nums,
            write_queue_nums: config.write_queue_nums,
            perm: config.perm,
            topic_sys_flag: config.topic_sys_flag,
        }
    }
}
