//! The pop family of 5.x.
//!
//! Their request codes do not fit into the binary header: see [`crate::frame`].

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::ext;

/// `PopMessageRequestHeader`: `POP_MESSAGE`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PopMessage<'a> {
    #[serde(borrow)]
    pub consumer_group: Cow<'a, str>,
    #[serde(borrow)]
    pub topic: Cow<'a, str>,
    /// -1: any queue.
    pub queue_id: i32,
    pub max_msg_nums: i32,
    pub invisible_time: i64,
    pub poll_time: i64,
    pub born_time: i64,
    /// 0: from the minimum, 1: from the maximum for a group without offsets.
    pub init_mode: i32,
    #[serde(borrow, deserialize_with = "ext::optional_text")]
    pub exp_type: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "ext::optional_text")]
    pub exp: Option<Cow<'a, str>>,
    pub order: Option<bool>,
    #[serde(borrow, deserialize_with = "ext::optional_text")]
    pub attempt_id: Option<Cow<'a, str>>,
}

/// `PopMessageResponseHeader`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PopMessageResponse<'a> {
    pub pop_time: i64,
    pub invisible_time: i64,
    pub revive_qid: i32,
    pub rest_num: i64,
    #[serde(borrow, deserialize_with = "ext::optional_text")]
    pub start_offset_info: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "ext::optional_text")]
    pub msg_offset_info: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "ext::optional_text")]
    pub order_count_info: Option<Cow<'a, str>>,
}

/// `AckMessageRequestHeader`: `ACK_MESSAGE`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AckMessage<'a> {
    #[serde(borrow)]
    pub consumer_group: Cow<'a, str>,
    #[serde(borrow)]
    pub topic: Cow<'a, str>,
    pub queue_id: i32,
    /// The `POP_CK` of the message.
    #[serde(borrow)]
    pub extra_info: Cow<'a, str>,
    pub offset: i64,
    #[serde(borrow, deserialize_with = "ext::optional_text")]
    pub lite_topic: Option<Cow<'a, str>>,
}

/// `ChangeInvisibleTimeRequestHeader`: `CHANGE_MESSAGE_INVISIBLETIME`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChangeInvisibleTime<'a> {
    #[serde(borrow)]
    pub consumer_group: Cow<'a, str>,
    #[serde(borrow)]
    pub topic: Cow<'a, str>,
    pub queue_id: i32,
    #[serde(borrow)]
    pub extra_info: Cow<'a, str>,
    pub offset: i64,
    pub invisible_time: i64,
    #[serde(borrow, deserialize_with = "ext::optional_text")]
    pub lite_topic: Option<Cow<'a, str>>,
    pub suspend: bool,
}

/// `ChangeInvisibleTimeResponseHeader`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChangeInvisibleTimeResponse {
    pub pop_time: i64,
    pub invisible_time: i64,
    pub revive_qid: i32,
}

/// `PeekMessageRequestHeader`: `PEEK_MESSAGE`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PeekMessage {
    pub topic: String,
    pub queue_id: i32,
    pub max_msg_nums: i32,
    pub consumer_group: String,
}

/// `NotificationRequestHeader`: `NOTIFICATION`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Notification {
    pub consumer_group: String,
    pub topic: String,
    pub queue_id: i32,
    pub poll_time: i64,
    pub born_time: i64,
    pub order: Option<bool>,
    pub attempt_id: Option<String>,
    /// From 5.5 on, as is `exp`.
    pub exp_type: Option<String>,
    pub exp: Option<String>,
}

/// `NotificationResponseHeader`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NotificationResponse {
    pub has_msg: bool,
    pub polling_full: bool,
}

/// `PollingInfoRequestHeader`: `POLLING_INFO`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PollingInfo {
    pub consumer_group: String,
    pub topic: String,
    pub queue_id: i32,
}

/// `PollingInfoResponseHeader`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PollingInfoResponse {
    pub polling_num: i32,
}

/// `StatisticsMessagesRequestHeader`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatisticsMessages {
    pub consumer_group: String,
    pub topic: String,
    pub queue_id: i32,
    pub from_time: i64,
    pub to_time: i64,
}

/// `InitConsumerOffsetRequestHeader`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InitConsumerOffset {
    pub topic: Option<String>,
    pub init_mode: i32,
}
