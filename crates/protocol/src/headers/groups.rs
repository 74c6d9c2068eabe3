//! Consumer groups of a broker and what they have consumed.

use serde::{Deserialize, Serialize};

/// `GetAllSubscriptionGroupRequestHeader`: `GET_ALL_SUBSCRIPTIONGROUP_CONFIG`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetAllSubscriptionGroup {
    /// Declared required, but its absence is how older peers ask for everything at once.
    pub group_seq: Option<i32>,
    pub data_version: Option<String>,
    pub max_group_num: Option<i32>,
}

/// `GetAllSubscriptionGroupResponseHeader`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetAllSubscriptionGroupResponse {
    pub total_group_num: i32,
}

/// `GetSubscriptionGroupConfigRequestHeader`: `GET_SUBSCRIPTIONGROUP_CONFIG`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetSubscriptionGroupConfig {
    pub group: String,
}

/// `DeleteSubscriptionGroupRequestHeader`: `DELETE_SUBSCRIPTIONGROUP`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeleteSubscriptionGroup {
    pub group_name: String,
    /// 5.x; 4.x calls it `removeOffset`.
    pub clean_offset: bool,
    pub remove_offset: Option<bool>,
}

/// `UpdateGroupForbiddenRequestHeader`: `UPDATE_AND_GET_GROUP_FORBIDDEN`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateGroupForbidden {
    pub group: String,
    pub topic: String,
    /// `None`: only read the state.
    pub readable: Option<bool>,
}

/// `GetConsumeStatsRequestHeader`: `GET_CONSUME_STATS`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetConsumeStats {
    pub consumer_group: String,
    pub topic: Option<String>,
    /// Names, each followed by `;`; overrides `topic`.
    pub topic_list: Option<String>,
}

/// `GetConsumeStatsInBrokerHeader`: `GET_BROKER_CONSUME_STATS`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetConsumeStatsInBroker {
    pub is_order: bool,
}

/// `QuerySubscriptionByConsumerRequestHeader`: `QUERY_SUBSCRIPTION_BY_CONSUMER`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QuerySubscriptionByConsumer {
    pub group: String,
    pub topic: Option<String>,
}

/// `QueryConsumeTimeSpanRequestHeader`: `QUERY_CONSUME_TIME_SPAN`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryConsumeTimeSpan {
    pub topic: String,
    pub group: String,
}
