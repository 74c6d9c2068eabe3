//! A stored message as a client or a tool sees it: owned, body decompressed.

use std::net::SocketAddr;

use super::batch::{self, BatchError};
use super::compression::{Compression, CompressionError};
use super::ids::OffsetMessageId;
use super::{View, properties, property, sys_flag};

/// `MessageExt`: what `MessageDecoder#decode` makes of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    pub topic: String,
    pub queue_id: i32,
    pub flag: i32,
    /// Without the compressed bit when the body was decompressed, as in Java.
    pub sys_flag: i32,
    pub queue_offset: i64,
    pub physical_offset: i64,
    /// Bytes of the record.
    pub store_bytes: usize,
    /// Of the body as stored.
    pub body_crc: u32,
    pub born_ms: i64,
    pub born_host: SocketAddr,
    pub store_ms: i64,
    pub store_host: SocketAddr,
    pub reconsume_times: i32,
    pub prepared_transaction_offset: i64,
    /// The property text; see [`properties`].
    pub properties: Vec<u8>,
    pub body: Vec<u8>,
}

/// Why a record cannot be given to a consumer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoredMessageError {
    #[error("cannot decompress the body of the message")]
    Compression(#[from] CompressionError),
    #[error("cannot take the inner batch apart")]
    Batch(#[from] BatchError),
}

impl StoredMessage {
    /// Copies a record and decompresses its body, up to `body_bytes_max` bytes.
    pub fn from_view(view: &View<'_>, body_bytes_max: usize) -> Result<Self, CompressionError> {
        let (body, flag) = match Compression::of(view.sys_flag)? {
            None => (view.body.to_vec(), view.sys_flag),
            Some(kind) => (
                kind.decompress(view.body, body_bytes_max)?,
                view.sys_flag & !sys_flag::COMPRESSED,
            ),
        };
        Ok(Self {
            topic: view.topic.to_owned(),
            queue_id: view.queue_id,
            flag: view.flag,
            sys_flag: flag,
            queue_offset: view.queue_offset,
            physical_offset: view.physical_offset,
            store_bytes: view.bytes().len(),
            body_crc: view.body_crc,
            born_ms: view.born_ms,
            born_host: view.born_host,
            store_ms: view.store_ms,
            store_host: view.store_host,
            reconsume_times: view.reconsume_times,
            prepared_transaction_offset: view.prepared_transaction_offset,
            properties: view.properties.to_vec(),
            body,
        })
    }

    /// The value of a property.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&str> {
        properties::find(&self.properties, name)
    }

    /// The whole tag text, or nothing.
    #[must_use]
    pub fn tags(&self) -> Option<&str> {
        self.property(property::TAGS)
    }

    #[must_use]
    pub fn keys(&self) -> Option<&str> {
        self.property(property::KEYS)
    }

    /// Where the message is stored.
    #[must_use]
    pub const fn offset_message_id(&self) -> OffsetMessageId {
        OffsetMessageId {
            store_host: self.store_host,
            physical_offset: self.physical_offset,
        }
    }

    /// The id that Java's client shows: the sender's if there is one, else the offset id.
    #[must_use]
    pub fn message_id(&self) -> String {
        self.property(property::UNIQ_KEY)
            .map_or_else(|| self.offset_message_id().to_string(), str::to_owned)
    }

    /// Whether the body holds many messages that a consumer must be given one by one.
    #[must_use]
    pub const fn is_inner_batch(&self) -> bool {
        const BOTH: i32 = sys_flag::INNER_BATCH | sys_flag::NEED_UNWRAP;
        self.sys_flag & BOTH == BOTH
    }

    /// The messages of an inner batch, with consecutive queue offsets and the record's other fields;
    /// any other message as it is (`MessageDecoder#decodeMessage`).
    pub fn unwrap_inner_batch(self) -> Result<Vec<Self>, BatchError> {
        if !self.is_inner_batch() {
            return Ok(vec![self]);
        }
        (0..)
            .zip(batch::iter(&self.body))
            .map(|(index, message)| {
                let message = message?;
                Ok(Self {
                    topic: self.topic.clone(),
                    flag: message.flag,
                    queue_offset: self.queue_offset.saturating_add(index),
                    properties: message.properties.to_vec(),
                    body: message.body.to_vec(),
                    ..self.without_content()
                })
            })
            .collect()
    }

    /// The plain fields alone.
    const fn without_content(&self) -> Self {
        Self {
            topic: String::new(),
            properties: Vec::new(),
            body: Vec::new(),
            ..*self
        }
    }
}
