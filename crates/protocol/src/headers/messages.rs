//! Looking at single messages.

use serde::{Deserialize, Serialize};

/// `QueryMessageRequestHeader`: `QUERY_MESSAGE`.
///
/// See also [`UniqueKeyQuery`], which travels beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryMessage {
    pub topic: String,
    pub key: String,
    pub max_num: i32,
    pub begin_timestamp: i64,
    pub end_timestamp: i64,
    /// From 5.4 on: `K` key, `U` unique key, `T` tag.
    pub index_type: Option<String>,
    pub last_key: Option<String>,
}

/// `QueryMessageResponseHeader`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryMessageResponse {
    pub index_last_update_timestamp: i64,
    pub index_last_update_phyoffset: i64,
    /// Ours alone: there are older messages with the key. Absent when there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated: Option<bool>,
    /// Ours alone: the `lastKey` of a request for those.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_key: Option<String>,
}

/// `ViewMessageRequestHeader`: `VIEW_MESSAGE_BY_ID`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ViewMessage {
    pub topic: Option<String>,
    /// A physical offset.
    pub offset: i64,
}

/// `ViewMessageResponseHeader`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ViewMessageResponse {}

/// `QueryConsumeQueueRequestHeader`: `QUERY_CONSUME_QUEUE`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryConsumeQueue {
    pub topic: Option<String>,
    pub queue_id: i32,
    pub index: i64,
    pub count: i32,
    pub consumer_group: Option<String>,
}

/// `ResumeCheckHalfMessageRequestHeader`: `RESUME_CHECK_HALF_MESSAGE`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResumeCheckHalfMessage {
    pub topic: Option<String>,
    pub msg_id: Option<String>,
}

/// Travels beside [`QueryMessage`]: the key is the unique key of one message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UniqueKeyQuery {
    #[serde(rename = "_UNIQUE_KEY_QUERY")]
    pub unique: Option<bool>,
}
