//! The form of a manifest: what somebody sees in a store directory (`store-manifest/1`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything in a store that can be asked for. Fields that only Apache fills are left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Listing {
    pub opened: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub min_phy: i64,
    pub max_phy: i64,
    /// In the order of the log; see [`describe`](crate::describe).
    pub records: Vec<Value>,
    pub queues: Vec<QueueListing>,
    /// `topic#key` to physical offsets, ascending.
    pub index: BTreeMap<String, Vec<i64>>,
    /// The same for `topic#T#tags`, which 5.5 writes.
    pub tag_index: BTreeMap<String, Vec<i64>>,
}

/// One consume queue and the answers to some questions about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QueueListing {
    pub topic: String,
    pub queue_id: i32,
    #[serde(rename = "type", default)]
    pub kind: String,
    pub min: i64,
    pub max: i64,
    #[serde(default)]
    pub max_phy: i64,
    /// −1 when the queue has no message.
    pub earliest_time: i64,
    pub reads: Vec<Read>,
    pub by_time: Vec<TimeAnswer>,
    pub entries: Vec<Entry>,
}

/// Offset asked for, status in Java's spelling, next offset, messages: of a read of two messages.
pub type Read = (i64, String, i64, u32);

/// Time, `LOWER` or `UPPER`, offset.
pub type TimeAnswer = (i64, String, i64);

/// Queue offset, physical offset, bytes, tags code, then what only some kinds of queue have.
pub type Entry = Vec<Value>;

/// A message for which a client got `SEND_OK`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Acked {
    pub kind: String,
    pub topic: String,
    pub queue_id: i32,
    pub queue_offset: i64,
    pub uniq_key: String,
    /// Its last 16 hexadecimal digits are the physical offset; a half message has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_msg_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
    /// Of the body before it was compressed; a batch has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plain_sha256: Option<String>,
}

impl Acked {
    /// Where the client was told that its message is; a batch names the first and then the others.
    #[must_use]
    pub fn physical_offset(&self) -> Option<i64> {
        let id = self.offset_msg_id.as_deref()?;
        let first = id.split(',').next()?;
        let digits = first.get(first.len().checked_sub(16)?..)?;
        i64::from_str_radix(digits, 16).ok()
    }
}
