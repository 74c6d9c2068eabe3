//! Offsets of queues and groups, and their reset.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// `QueryConsumerOffsetRequestHeader`: `QUERY_CONSUMER_OFFSET`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryConsumerOffset<'a> {
    #[serde(borrow)]
    pub consumer_group: Cow<'a, str>,
    #[serde(borrow)]
    pub topic: Cow<'a, str>,
    pub queue_id: i32,
    /// Only an explicit false changes the answer.
    pub set_zero_if_not_found: Option<bool>,
}

/// `QueryConsumerOffsetResponseHeader`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryConsumerOffsetResponse {
    pub offset: i64,
}

/// `UpdateConsumerOffsetRequestHeader`: `UPDATE_CONSUMER_OFFSET`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateConsumerOffset<'a> {
    #[serde(borrow)]
    pub consumer_group: Cow<'a, str>,
    #[serde(borrow)]
    pub topic: Cow<'a, str>,
    pub queue_id: i32,
    pub commit_offset: i64,
}

/// `UpdateConsumerOffsetResponseHeader`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateConsumerOffsetResponse {}

/// `SearchOffsetRequestHeader`: `SEARCH_OFFSET_BY_TIMESTAMP`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SearchOffset {
    pub topic: String,
    pub lite_topic: Option<String>,
    pub queue_id: i32,
    pub timestamp: i64,
    /// Absent from old clients: lower.
    pub boundary_type: Option<BoundaryType>,
}

/// `SearchOffsetResponseHeader`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SearchOffsetResponse {
    pub offset: i64,
}

/// `GetMaxOffsetRequestHeader`: `GET_MAX_OFFSET`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetMaxOffset {
    pub topic: String,
    pub queue_id: i32,
    /// True when absent.
    pub committed: bool,
}

impl Default for GetMaxOffset {
    fn default() -> Self {
        Self {
            topic: String::new(),
            queue_id: 0,
            committed: true,
        }
    }
}

/// `GetMaxOffsetResponseHeader`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetMaxOffsetResponse {
    pub offset: i64,
}

/// `GetMinOffsetRequestHeader`: `GET_MIN_OFFSET`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetMinOffset {
    pub topic: String,
    pub queue_id: i32,
}

/// `GetMinOffsetResponseHeader`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetMinOffsetResponse {
    pub offset: i64,
}

/// `GetEarliestMsgStoretimeRequestHeader`: `GET_EARLIEST_MSG_STORETIME`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetEarliestMsgStoretime {
    pub topic: String,
    pub queue_id: i32,
}

/// `GetEarliestMsgStoretimeResponseHeader`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetEarliestMsgStoretimeResponse {
    pub timestamp: i64,
}

/// `ResetOffsetRequestHeader`: `RESET_CONSUMER_CLIENT_OFFSET`,
/// `INVOKE_BROKER_TO_RESET_OFFSET`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResetOffset {
    pub group: String,
    pub topic: String,
    /// Negative: all queues; from 5.x on.
    pub queue_id: i32,
    /// From 5.x on.
    pub offset: Option<i64>,
    /// -1: the end of the queue.
    pub timestamp: i64,
    pub is_force: bool,
}

impl Default for ResetOffset {
    fn default() -> Self {
        Self {
            group: String::new(),
            topic: String::new(),
            queue_id: -1,
            offset: None,
            timestamp: 0,
            is_force: false,
        }
    }
}

/// `CloneGroupOffsetRequestHeader`: `CLONE_GROUP_OFFSET`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CloneGroupOffset {
    pub src_group: String,
    pub dest_group: String,
    pub topic: Option<String>,
    pub offline: bool,
}

/// `QueryCorrectionOffsetHeader`: `QUERY_CORRECTION_OFFSET`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryCorrectionOffset {
    pub filter_groups: Option<String>,
    pub compare_group: String,
    pub topic: String,
}

/// Which of several messages at a timestamp is meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum BoundaryType {
    /// The first message stored at or after the timestamp.
    #[default]
    Lower,
    /// The last message stored at or before the timestamp.
    Upper,
}

/// Reads "upper" in any case; everything else is `Lower`, as in Java's `BoundaryType#getType`.
impl<'de> Deserialize<'de> for BoundaryType {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let upper = Cow::<'de, str>::deserialize(from)?.eq_ignore_ascii_case("upper");
        Ok(if upper { Self::Upper } else { Self::Lower })
    }
}
