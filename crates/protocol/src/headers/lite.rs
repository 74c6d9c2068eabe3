//! Lite topics of 5.5.

use serde::{Deserialize, Serialize};

/// `PopLiteMessageRequestHeader`: `POP_LITE_MESSAGE`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PopLiteMessage {
    pub client_id: String,
    pub consumer_group: String,
    pub topic: String,
    pub max_msg_num: i32,
    pub invisible_time: i64,
    pub poll_time: i64,
    pub born_time: i64,
    pub attempt_id: Option<String>,
}

/// `PopLiteMessageResponseHeader`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PopLiteMessageResponse {
    pub pop_time: i64,
    pub invisible_time: i64,
    pub revive_qid: i32,
    pub start_offset_info: Option<String>,
    pub msg_offset_info: Option<String>,
    pub order_count_info: Option<String>,
}

/// `LiteSubscriptionCtlRequestHeader`: `LITE_SUBSCRIPTION_CTL`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LiteSubscriptionCtl {}

/// `NotifyUnsubscribeLiteRequestHeader`: `NOTIFY_UNSUBSCRIBE_LITE`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NotifyUnsubscribeLite {
    pub lite_topic: String,
    pub consumer_group: String,
    pub client_id: String,
}

/// `GetParentTopicInfoRequestHeader`: `GET_PARENT_TOPIC_INFO`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetParentTopicInfo {
    pub topic: String,
}

/// `GetLiteTopicInfoRequestHeader`: `GET_LITE_TOPIC_INFO`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetLiteTopicInfo {
    pub parent_topic: Option<String>,
    pub lite_topic: Option<String>,
}

/// `GetLiteClientInfoRequestHeader`: `GET_LITE_CLIENT_INFO`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetLiteClientInfo {
    pub parent_topic: Option<String>,
    pub group: Option<String>,
    pub client_id: Option<String>,
    pub max_count: i32,
}

/// `GetLiteGroupInfoRequestHeader`: `GET_LITE_GROUP_INFO`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetLiteGroupInfo {
    pub group: String,
    pub lite_topic: Option<String>,
    pub top_k: i32,
}

/// `TriggerLiteDispatchRequestHeader`: `TRIGGER_LITE_DISPATCH`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TriggerLiteDispatch {
    pub group: String,
    pub client_id: Option<String>,
}
