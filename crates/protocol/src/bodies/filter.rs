//! `consumerFilter.json`: what consumers filter by (`ConsumerFilterManager`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::EXPRESSION_TYPE_SQL92;

/// The file: by topic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumerFilterWrapper {
    pub filter_data_by_topic: BTreeMap<String, FilterDataMapByTopic>,
}

/// The filters of one topic, by group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FilterDataMapByTopic {
    pub group_filter_data: BTreeMap<String, ConsumerFilterData>,
    pub topic: String,
}

/// The filter of one group for one topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumerFilterData {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bloom_filter_data: Option<BloomFilterData>,
    /// When it was registered.
    pub born_time: i64,
    /// The version of the subscription that brought it.
    pub client_version: i64,
    pub consumer_group: String,
    /// Follows from the times.
    pub dead: bool,
    /// When its group went; 0 while it is there.
    pub dead_time: i64,
    pub expression: String,
    pub expression_type: String,
    pub topic: String,
}

impl Default for ConsumerFilterData {
    fn default() -> Self {
        Self {
            bloom_filter_data: None,
            born_time: 0,
            client_version: 0,
            consumer_group: String::new(),
            dead: false,
            dead_time: 0,
            expression: String::new(),
            expression_type: EXPRESSION_TYPE_SQL92.to_owned(),
            topic: String::new(),
        }
    }
}

/// The bits of a filter in the map of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BloomFilterData {
    /// Bits of the whole map.
    pub bit_num: u32,
    pub bit_pos: Vec<u32>,
}
