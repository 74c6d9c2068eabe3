//! Pulling.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::ext;

/// `PullMessageRequestHeader`: `PULL_MESSAGE`, `LITE_PULL_MESSAGE`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PullMessage<'a> {
    #[serde(borrow)]
    pub consumer_group: Cow<'a, str>,
    #[serde(borrow)]
    pub topic: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "ext::optional_text")]
    pub lite_topic: Option<Cow<'a, str>>,
    pub queue_id: i32,
    pub queue_offset: i64,
    pub max_msg_nums: i32,
    pub sys_flag: i32,
    /// Used with bit 0 of `sys_flag`.
    pub commit_offset: i64,
    /// Used with bit 1 of `sys_flag`.
    pub suspend_timeout_millis: i64,
    /// Used with bit 2 of `sys_flag`.
    #[serde(borrow, deserialize_with = "ext::optional_text")]
    pub subscription: Option<Cow<'a, str>>,
    pub sub_version: i64,
    #[serde(borrow, deserialize_with = "ext::optional_text")]
    pub expression_type: Option<Cow<'a, str>>,
    pub max_msg_bytes: Option<i32>,
    /// `RequestSource`: -1 client, 0 to 2 a proxy.
    pub request_source: Option<i32>,
    /// Misspelt on the wire.
    #[serde(
        rename = "proxyFrowardClientId",
        borrow,
        deserialize_with = "ext::optional_text"
    )]
    pub proxy_forward_client_id: Option<Cow<'a, str>>,
}

/// `PullMessageResponseHeader`.
///
/// Java clients unbox the first four without a check on codes 0, 19, 20 and 21.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PullMessageResponse {
    pub suggest_which_broker_id: i64,
    pub next_begin_offset: i64,
    pub min_offset: i64,
    pub max_offset: i64,
    /// Static topics: added to the queue offset of each message.
    pub offset_delta: Option<i64>,
    pub topic_sys_flag: Option<i32>,
    pub group_sys_flag: Option<i32>,
    /// With code 16: 1 broker, 2 group, 3 topic, 4 broadcasting, 5 subscription.
    pub forbidden_type: Option<i32>,
}
