//! Topics of a broker.

use serde::{Deserialize, Serialize};

/// `CreateTopicRequestHeader`: `UPDATE_AND_CREATE_TOPIC`,
/// `UPDATE_AND_CREATE_STATIC_TOPIC`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateTopic {
    pub topic: String,
    pub default_topic: String,
    pub read_queue_nums: i32,
    pub write_queue_nums: i32,
    pub perm: i32,
    pub topic_filter_type: String,
    pub topic_sys_flag: Option<i32>,
    pub order: bool,
    /// Comma-separated `+key=value` and `-key`.
    pub attributes: Option<String>,
    pub force: Option<bool>,
}

/// `CreateTopicListRequestHeader`: `UPDATE_AND_CREATE_TOPIC_LIST`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateTopicList {}

/// `DeleteTopicRequestHeader`: `DELETE_TOPIC_IN_BROKER`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeleteTopic {
    pub topic: String,
}

/// `GetAllTopicConfigRequestHeader`: `GET_ALL_TOPIC_CONFIG`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetAllTopicConfig {
    /// Declared required, but its absence is how older peers ask for everything at once.
    pub topic_seq: Option<i32>,
    pub data_version: Option<String>,
    pub max_topic_num: Option<i32>,
}

/// `GetAllTopicConfigResponseHeader`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetAllTopicConfigResponse {
    pub total_topic_num: Option<i32>,
}

/// `GetTopicConfigRequestHeader`: `GET_TOPIC_CONFIG`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetTopicConfig {
    pub topic: String,
}

/// `GetTopicStatsInfoRequestHeader`: `GET_TOPIC_STATS_INFO`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetTopicStatsInfo {
    pub topic: String,
}

/// `QueryTopicConsumeByWhoRequestHeader`: `QUERY_TOPIC_CONSUME_BY_WHO`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryTopicConsumeByWho {
    pub topic: String,
}

/// `QueryTopicsByConsumerRequestHeader`: `QUERY_TOPICS_BY_CONSUMER`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryTopicsByConsumer {
    pub group: String,
}

/// `RegisterOrderTopicRequestHeader`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RegisterOrderTopic {
    pub topic: String,
    pub order_topic_string: String,
}
