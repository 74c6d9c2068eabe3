//! The body of a broker's registration (103), plain and compressed.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use bytes::BufMut;
use serde::{Deserialize, Serialize};

use super::{
    DataVersion, JavaEnum, TopicConfig, TopicConfigAndMappingSerializeWrapper,
    TopicConfigSerializeWrapper, TopicFilterType, TopicQueueMappingInfo,
};
use crate::json::JsonError;
use crate::version::{V3_0_11, V5_0_0};

/// What a compressed registration may inflate to. 50,000 topics have about 4 MiB.
pub const REGISTER_BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Topics or mappings in one registration.
pub const REGISTER_TOPICS_MAX: usize = 1 << 18;

/// All that a broker tells a name server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RegisterBrokerBody {
    /// `None` leaves the name server's list alone, an empty one removes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_server_list: Option<Vec<String>>,
    pub topic_config_serialize_wrapper: TopicConfigAndMappingSerializeWrapper,
}

/// Why a registration cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterBrokerBodyError {
    #[error("the registration is not the JSON of a RegisterBrokerBody")]
    Json(#[from] JsonError),
    #[error("the compressed registration is damaged")]
    Inflate(#[source] std::io::Error),
    #[error("the registration inflates to more than {REGISTER_BODY_BYTES_MAX} bytes")]
    TooLong,
    #[error("the registration declares {count} topics, at most {REGISTER_TOPICS_MAX} are taken")]
    TooMany { count: i64 },
    #[error("the compressed registration ends within its {part}")]
    Incomplete { part: &'static str },
    #[error("a topic of the compressed registration has {found} words instead of 5 or more")]
    Topic { found: usize },
}

impl RegisterBrokerBody {
    /// Reads a body by its first byte, whatever the header's `compressed` says: 5.x brokers send
    /// `compressed=false` with a compressed body (`BrokerOuterAPI#registerBrokerAll`). No body is an
    /// empty table of version zero. `version` is that of the request.
    pub fn decode(body: &[u8], version: i32) -> Result<Self, RegisterBrokerBodyError> {
        match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None => Ok(Self::default()),
            Some(0x78) => Self::decode_compressed(body, version),
            Some(_) if version < V3_0_11 => {
                let bare: TopicConfigSerializeWrapper = super::read(body)?;
                Ok(bare.into())
            }
            Some(_) => Ok(super::read(body)?),
        }
    }

    /// Reads the zlib form.
    pub fn decode_compressed(body: &[u8], version: i32) -> Result<Self, RegisterBrokerBodyError> {
        let mut text = Vec::new();
        flate2::read::ZlibDecoder::new(body)
            .take(REGISTER_BODY_BYTES_MAX as u64 + 1)
            .read_to_end(&mut text)
            .map_err(RegisterBrokerBodyError::Inflate)?;
        if text.len() > REGISTER_BODY_BYTES_MAX {
            return Err(RegisterBrokerBodyError::TooLong);
        }
        let mut parts = Parts { rest: &text };
        let data_version: DataVersion = super::read(parts.part("data version")?)?;
        let mut topics = BTreeMap::new();
        for _ in 0..parts.count("topic count")? {
            let topic = decode_topic(parts.part("topic")?)?;
            topics.insert(topic.topic_name.clone(), topic);
        }
        let filter_servers: Vec<String> = super::read(parts.part("filter servers")?)?;
        let mut mappings = BTreeMap::new();
        if version >= V5_0_0 {
            for _ in 0..parts.count("mapping count")? {
                let mapping: TopicQueueMappingInfo = super::read(parts.part("mapping")?)?;
                mappings.insert(mapping.topic.clone(), mapping);
            }
        }
        Ok(Self {
            filter_server_list: Some(filter_servers),
            topic_config_serialize_wrapper: TopicConfigAndMappingSerializeWrapper {
                data_version,
                topic_config_table: topics,
                topic_queue_mapping_info_map: mappings,
                ..Default::default()
            },
        })
    }

    /// Writes the zlib form; the mappings are left out for receivers that take `version` for a
    /// release before 5.0. `topicSysFlag` and `order` have no place in it.
    pub fn encode_compressed(&self, version: i32) -> Result<Vec<u8>, RegisterBrokerBodyError> {
        let table = &self.topic_config_serialize_wrapper;
        let mut text = Vec::new();
        put_part(&mut text, &super::print(&table.data_version));
        text.put_u32(table.topic_config_table.len() as u32);
        for topic in table.topic_config_table.values() {
            put_part(&mut text, encode_topic(topic).as_bytes());
        }
        let filter_servers = self.filter_server_list.as_deref().unwrap_or_default();
        put_part(&mut text, &super::print(filter_servers));
        if version >= V5_0_0 {
            text.put_u32(table.topic_queue_mapping_info_map.len() as u32);
            for mapping in table.topic_queue_mapping_info_map.values() {
                put_part(&mut text, &super::print(mapping));
            }
        }
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder
            .write_all(&text)
            .and_then(|()| encoder.finish())
            .map_err(RegisterBrokerBodyError::Inflate)
    }
}

impl From<TopicConfigSerializeWrapper> for RegisterBrokerBody {
    fn from(bare: TopicConfigSerializeWrapper) -> Self {
        Self {
            filter_server_list: None,
            topic_config_serialize_wrapper: TopicConfigAndMappingSerializeWrapper {
                data_version: bare.data_version,
                topic_config_table: bare.topic_config_table,
                ..Default::default()
            },
        }
    }
}

/// `name readQueueNums writeQueueNums perm topicFilterType [attributes]`. Attributes that hold a
/// space break the form and are dropped, as in Java (`TopicConfig#decode`).
fn decode_topic(text: &[u8]) -> Result<TopicConfig, RegisterBrokerBodyError> {
    let text = String::from_utf8_lossy(text);
    let words: Vec<&str> = text.split(' ').collect();
    let [name, read_queues, write_queues, perm, filter, rest @ ..] = words.as_slice() else {
        return Err(RegisterBrokerBodyError::Topic { found: words.len() });
    };
    let number = |word: &str| {
        word.parse().map_err(|_| {
            RegisterBrokerBodyError::Json(JsonError::Value(format!(
                "{word} in topic {name} is no number"
            )))
        })
    };
    let attributes = match rest {
        [attributes] => super::read(attributes.as_bytes()).unwrap_or_default(),
        _ => BTreeMap::new(),
    };
    Ok(TopicConfig {
        topic_name: (*name).to_owned(),
        read_queue_nums: number(read_queues)?,
        write_queue_nums: number(write_queues)?,
        perm: number(perm)?,
        topic_filter_type: TopicFilterType::from_name(filter).unwrap_or_default(),
        attributes,
        ..TopicConfig::default()
    })
}

fn encode_topic(topic: &TopicConfig) -> String {
    format!(
        "{} {} {} {} {} {}",
        topic.topic_name,
        topic.read_queue_nums,
        topic.write_queue_nums,
        topic.perm,
        topic.topic_filter_type.name(),
        String::from_utf8_lossy(&super::print(&topic.attributes)),
    )
}

fn put_part(out: &mut Vec<u8>, part: &[u8]) {
    out.put_u32(part.len() as u32);
    out.put_slice(part);
}

struct Parts<'a> {
    rest: &'a [u8],
}

impl<'a> Parts<'a> {
    fn integer(&mut self, part: &'static str) -> Result<i32, RegisterBrokerBodyError> {
        let (bytes, rest) = self
            .rest
            .split_first_chunk::<4>()
            .ok_or(RegisterBrokerBodyError::Incomplete { part })?;
        self.rest = rest;
        Ok(i32::from_be_bytes(*bytes))
    }

    fn count(&mut self, part: &'static str) -> Result<usize, RegisterBrokerBodyError> {
        let count = self.integer(part)?;
        usize::try_from(count)
            .ok()
            .filter(|count| *count <= REGISTER_TOPICS_MAX)
            .ok_or(RegisterBrokerBodyError::TooMany {
                count: i64::from(count),
            })
    }

    fn part(&mut self, part: &'static str) -> Result<&'a [u8], RegisterBrokerBodyError> {
        let length = self.integer(part)?;
        let (bytes, rest) = usize::try_from(length)
            .ok()
            .and_then(|length| self.rest.split_at_checked(length))
            .ok_or(RegisterBrokerBodyError::Incomplete { part })?;
        self.rest = rest;
        Ok(bytes)
    }
}
