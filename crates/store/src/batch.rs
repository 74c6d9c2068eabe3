//! Messages on their way into the log: encoded by the caller, outside of any lock.

use std::net::SocketAddr;

use crate::config::StoreConfig;
use crate::offsets::{PhysicalOffset, QueueOffset};

/// A message to append; everything borrowed from the request frame.
#[derive(Debug, Clone, Copy)]
pub struct NewMessage<'a> {
    pub topic: &'a str,
    pub queue_id: i32,
    pub flag: i32,
    pub sys_flag: i32,
    pub born_ms: i64,
    pub born_host: SocketAddr,
    pub store_host: SocketAddr,
    pub reconsume_times: i32,
    pub prepared_transaction_offset: i64,
    /// `key\x01value\x02…` as it will be stored.
    pub properties: &'a [u8],
    pub body: &'a [u8],
}

/// Messages of one socket read, encoded outside the append lock, with holes for what only the
/// append knows. Owned by a connection (or a thread) and used again and again.
#[derive(Debug, Default)]
pub struct AppendBatch {}

impl AppendBatch {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Encodes a message; returns its index, at which [`results`](Self::results) will tell what
    /// became of it. CRC and sizes are done here.
    ///
    /// # Errors
    /// When the message can never be stored; it is then not in the batch.
    pub fn push(
        &mut self,
        _config: &StoreConfig,
        _message: &NewMessage<'_>,
    ) -> Result<usize, AppendError> {
        unimplemented!()
    }

    /// Encodes the inner messages of a client batch (request 320) as one all-or-nothing group with
    /// consecutive queue offsets and one result. All must be for the same queue.
    ///
    /// # Errors
    /// When one of the messages can never be stored; none is then in the batch.
    pub fn push_group(
        &mut self,
        _config: &StoreConfig,
        _messages: &[NewMessage<'_>],
    ) -> Result<usize, AppendError> {
        unimplemented!()
    }

    /// Messages and groups in here.
    #[must_use]
    pub fn len(&self) -> usize {
        unimplemented!()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        unimplemented!()
    }

    /// Encoded bytes in here: a caller appends and clears when this passes its bound.
    #[must_use]
    pub fn bytes(&self) -> usize {
        unimplemented!()
    }

    /// After [`Store::append`](crate::Store::append): one result per pushed message or group, in
    /// order.
    #[must_use]
    pub fn results(&self) -> &[Result<Appended, AppendError>] {
        unimplemented!()
    }

    /// The physical offset of every record of an appended message or group, in order: what the
    /// comma-joined message id of a client batch is made of.
    pub fn physical_offsets(&self, _index: usize) -> impl Iterator<Item = PhysicalOffset> + '_ {
        std::iter::empty()
    }

    /// Makes the batch empty and ready for use again.
    pub fn clear(&mut self) {
        unimplemented!()
    }
}

/// Where a message (or the first of a group) went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    pub queue_offset: QueueOffset,
    /// Start of the (first) record.
    pub physical_offset: PhysicalOffset,
    /// End of the last record: durable when `Store::durable() >= end`.
    pub end: PhysicalOffset,
    pub messages: u32,
    pub store_ms: i64,
}

/// Why a message was not appended.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AppendError {
    #[error("message illegal")]
    MessageIllegal,
    #[error("properties size exceeded")]
    PropertiesTooLong,
    /// Refused because of the disk or a poisoned store; the text names cause and numbers.
    #[error("{0}")]
    NotWritable(String),
    /// The next segment could not be made.
    #[error("create mapped file failed, server is busy or broken.")]
    SegmentNotReady,
}
