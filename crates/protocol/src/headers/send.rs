//! Sending: messages, replies to them, and messages that a consumer sends back.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::ext;

/// `SendMessageRequestHeader`: `SEND_MESSAGE`, `SEND_REPLY_MESSAGE`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SendMessage<'a> {
    #[serde(borrow)]
    pub producer_group: Cow<'a, str>,
    #[serde(borrow)]
    pub topic: Cow<'a, str>,
    #[serde(borrow)]
    pub default_topic: Cow<'a, str>,
    pub default_topic_queue_nums: i32,
    /// Negative: the broker picks a queue.
    pub queue_id: i32,
    pub sys_flag: i32,
    pub born_timestamp: i64,
    pub flag: i32,
    #[serde(borrow, deserialize_with = "ext::optional_text")]
    pub properties: Option<Cow<'a, str>>,
    pub reconsume_times: Option<i32>,
    /// 4.x declares it primitive, 5.x optional; absent means false.
    pub unit_mode: Option<bool>,
    /// Decides batch handling, whatever the request code is.
    pub batch: Option<bool>,
    /// Only meaningful for retry topics and requests of version 121 or later.
    pub max_reconsume_times: Option<i32>,
}

/// `SendMessageRequestHeaderV2`: `SEND_MESSAGE_V2`, `SEND_BATCH_MESSAGE`,
/// `SEND_REPLY_MESSAGE_V2`.
///
/// The same header with one-letter names; it turns into [`SendMessage`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SendMessageV2<'a> {
    #[serde(rename = "a", borrow)]
    pub producer_group: Cow<'a, str>,
    #[serde(rename = "b", borrow)]
    pub topic: Cow<'a, str>,
    #[serde(rename = "c", borrow)]
    pub default_topic: Cow<'a, str>,
    #[serde(rename = "d")]
    pub default_topic_queue_nums: i32,
    #[serde(rename = "e")]
    pub queue_id: i32,
    #[serde(rename = "f")]
    pub sys_flag: i32,
    #[serde(rename = "g")]
    pub born_timestamp: i64,
    #[serde(rename = "h")]
    pub flag: i32,
    #[serde(rename = "i", borrow, deserialize_with = "ext::optional_text")]
    pub properties: Option<Cow<'a, str>>,
    #[serde(rename = "j")]
    pub reconsume_times: Option<i32>,
    #[serde(rename = "k")]
    pub unit_mode: Option<bool>,
    #[serde(rename = "l")]
    pub max_reconsume_times: Option<i32>,
    #[serde(rename = "m")]
    pub batch: Option<bool>,
    /// For the proxy, which routes by it; absent from 4.8 and Go.
    #[serde(rename = "n", borrow, deserialize_with = "ext::optional_text")]
    pub broker_name: Option<Cow<'a, str>>,
}

/// `SendMessageResponseHeader`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SendMessageResponse<'a> {
    /// The comma-joined ids of the parts for an ordinary batch.
    #[serde(borrow)]
    pub msg_id: Cow<'a, str>,
    pub queue_id: i32,
    pub queue_offset: i64,
    /// The `UNIQ_KEY` of the message.
    #[serde(borrow, deserialize_with = "ext::optional_text")]
    pub transaction_id: Option<Cow<'a, str>>,
    /// Only when the batch was stored as one inner batch.
    #[serde(borrow, deserialize_with = "ext::optional_text")]
    pub batch_uniq_id: Option<Cow<'a, str>>,
    /// Only for timer messages.
    #[serde(borrow, deserialize_with = "ext::optional_text")]
    pub recall_handle: Option<Cow<'a, str>>,
}

/// `ReplyMessageRequestHeader`: `PUSH_REPLY_MESSAGE_TO_CLIENT`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReplyMessage {
    pub producer_group: String,
    pub topic: String,
    pub default_topic: String,
    pub default_topic_queue_nums: i32,
    pub queue_id: i32,
    pub sys_flag: i32,
    pub born_timestamp: i64,
    pub flag: i32,
    pub properties: Option<String>,
    pub reconsume_times: Option<i32>,
    pub unit_mode: bool,
    /// `ip:port`, as is `store_host`.
    pub born_host: String,
    pub store_host: String,
    pub store_timestamp: i64,
}

/// `ConsumerSendMsgBackRequestHeader`: `CONSUMER_SEND_MSG_BACK`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumerSendMsgBack {
    /// The physical offset of the message on the answering broker.
    pub offset: i64,
    pub group: String,
    /// Negative: to the dead-letter queue; zero: the broker chooses.
    pub delay_level: i32,
    pub origin_msg_id: Option<String>,
    pub origin_topic: Option<String>,
    pub unit_mode: bool,
    pub max_reconsume_times: Option<i32>,
}

/// `RecallMessageRequestHeader`: `RECALL_MESSAGE`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RecallMessage {
    pub producer_group: Option<String>,
    pub topic: String,
    pub recall_handle: String,
}

/// `RecallMessageResponseHeader`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RecallMessageResponse {
    pub msg_id: String,
}

impl<'a> From<SendMessageV2<'a>> for SendMessage<'a> {
    fn from(short: SendMessageV2<'a>) -> Self {
        Self {
            producer_group: short.producer_group,
            topic: short.topic,
            default_topic: short.default_topic,
            default_topic_queue_nums: short.default_topic_queue_nums,
            queue_id: short.queue_id,
            sys_flag: short.sys_flag,
            born_timestamp: short.born_timestamp,
            flag: short.flag,
            properties: short.properties,
            reconsume_times: short.reconsume_times,
            unit_mode: short.unit_mode,
            batch: short.batch,
            max_reconsume_times: short.max_reconsume_times,
        }
    }
}

impl<'a> From<SendMessage<'a>> for SendMessageV2<'a> {
    fn from(long: SendMessage<'a>) -> Self {
        Self {
            producer_group: long.producer_group,
            topic: long.topic,
            default_topic: long.default_topic,
            default_topic_queue_nums: long.default_topic_queue_nums,
            queue_id: long.queue_id,
            sys_flag: long.sys_flag,
            born_timestamp: long.born_timestamp,
            flag: long.flag,
            properties: long.properties,
            reconsume_times: long.reconsume_times,
            unit_mode: long.unit_mode,
            max_reconsume_times: long.max_reconsume_times,
            batch: long.batch,
            broker_name: None,
        }
    }
}

/// What a broker adds to the ext fields of every send response, failures included; a recall is
/// answered with the region alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RegionAndTrace<'a> {
    #[serde(rename = "MSG_REGION", borrow, deserialize_with = "ext::optional_text")]
    pub region: Option<Cow<'a, str>>,
    #[serde(rename = "TRACE_ON")]
    pub trace_on: Option<bool>,
}
