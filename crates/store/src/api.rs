//! (skeleton of the store's public surface; the store's author spreads this over its modules)
use std::sync::Arc;
use bytes::Bytes;
use crate::disk::Disk;

/// A byte position in the endless commit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct PhysicalOffset(pub i64);
/// A position in a consume queue, counted in entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct QueueOffset(pub i64);

/// What the store tells its owner, from inside `append` and others; must not block or call back.
pub trait StoreSignals: std::fmt::Debug + Send + Sync {
    /// Bytes were appended that are not durable yet: wake the flusher thread.
    fn flush_wanted(&self);
    /// The next commit log segment should be made ready: wake the segment maker thread.
    fn segment_wanted(&self);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlushMode { Async, Sync }

/// A message to append; everything borrowed from the request frame.
#[derive(Debug)]
pub struct NewMessage<'a> {
    pub topic: &'a str,
    pub queue_id: i32,
    pub flag: i32,
    pub sys_flag: i32,
    pub born_ms: i64,
    pub born_host: std::net::SocketAddr,
    pub store_host: std::net::SocketAddr,
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
    /// Encodes a message; its index in the batch is returned. CRC and sizes are done here.
    pub fn push(&mut self, _config: &StoreConfig, _message: &NewMessage<'_>) -> Result<usize, AppendError> { unimplemented!() }
    /// Encodes the inner messages of a client batch (request 320) as one all-or-nothing group with
    /// consecutive queue offsets and one result.
    pub fn push_group(&mut self, _config: &StoreConfig, _messages: &[NewMessage<'_>]) -> Result<usize, AppendError> { unimplemented!() }
    pub fn is_empty(&self) -> bool { unimplemented!() }
    /// After `Store::append`: one result per pushed message or group, in order.
    pub fn results(&self) -> &[Result<Appended, AppendError>] { unimplemented!() }
    pub fn clear(&mut self) { unimplemented!() }
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

/// Settings of the store, in Java's meaning of the keys.
#[derive(Debug, Clone)]
pub struct StoreConfig {}

/// What to read from a consume queue.
#[derive(Debug, Clone)]
pub struct ReadRequest<'a> {
    pub topic: &'a str,
    pub queue_id: i32,
    pub offset: QueueOffset,
    pub messages_max: u32,
    /// Bytes of the whole answer; at least one message is returned even if longer.
    pub bytes_max: usize,
    /// Return `ReadStatus::Cold` instead of touching bytes that may not be in the page cache.
    pub hot_only: bool,
}

/// What a filter may look at before the record itself is read.
#[derive(Debug, Clone, Copy)]
pub struct QueueEntry { pub physical_offset: PhysicalOffset, pub bytes: i32, pub tags_code: i64, pub queue_offset: QueueOffset }

/// `GetMessageStatus` of Java, plus `Cold`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadStatus { Found, NoMatchedMessage, MessageWasRemoving, OffsetFoundNull, OffsetOverflowBadly, OffsetOverflowOne, OffsetTooSmall, NoMatchedLogicQueue, NoMessageInQueue, OffsetReset, Cold }

#[derive(Debug)]
pub struct ReadAnswer {
    pub status: ReadStatus,
    pub next_offset: QueueOffset,
    pub min_offset: QueueOffset,
    pub max_offset: QueueOffset,
    /// Complete records, ready to be the body of a pull answer.
    pub records: Vec<Bytes>,
    pub messages: u32,
    pub bytes: usize,
    /// The reader is so far behind that a slave should serve it.
    pub suggest_slave: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary { Lower, Upper }

/// A read failed below us.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError { #[error("cannot read the store")] Io(#[source] std::io::Error) }
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FlushError { #[error("{0}")] Poisoned(String) }
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError { #[error("Lock failed,MQ already started: {0}")] Locked(#[source] crate::disk::LockError) }

/// The store. All methods take `&self`; the append lock is inside.
#[derive(Debug)]
pub struct Store {}
impl Store {
    /// Locks the directory, recovers, makes the first segment ready.
    pub fn open(_disk: Arc<dyn Disk>, _config: StoreConfig, _signals: Arc<dyn StoreSignals>, _now_ms: i64) -> Result<Store, OpenError> { unimplemented!() }
    /// Assigns offsets, fills the holes, writes once, makes the queue entries, publishes the
    /// appended watermark. Wakes the flusher through the signals.
    pub fn append(&self, _now_ms: i64, _batch: &mut AppendBatch) { unimplemented!() }
    pub fn appended(&self) -> PhysicalOffset { unimplemented!() }
    pub fn durable(&self) -> PhysicalOffset { unimplemented!() }
    /// Where consumers may read to: durable in SYNC_FLUSH, appended in ASYNC_FLUSH.
    pub fn readable(&self) -> PhysicalOffset { unimplemented!() }
    /// Makes all that is appended durable; blocking; called by the flusher thread only.
    pub fn flush(&self) -> Result<PhysicalOffset, FlushError> { unimplemented!() }
    /// Background work (consume-queue write-behind, checkpoint, next segment); blocking.
    pub fn flush_queues(&self, _now_ms: i64) -> Result<(), FlushError> { unimplemented!() }
    pub fn prepare_segment(&self) -> Result<(), FlushError> { unimplemented!() }
    pub fn read(&self, _request: &ReadRequest<'_>, _accept: &mut dyn FnMut(&QueueEntry) -> bool) -> Result<ReadAnswer, ReadError> { unimplemented!() }
    /// The complete record at a physical offset (VIEW_MESSAGE_BY_ID), size learnt from the record.
    pub fn record_at(&self, _offset: PhysicalOffset) -> Result<Option<Bytes>, ReadError> { unimplemented!() }
    pub fn min_offset(&self, _topic: &str, _queue_id: i32) -> QueueOffset { unimplemented!() }
    /// One past the last entry that consumers may see.
    pub fn max_offset(&self, _topic: &str, _queue_id: i32) -> QueueOffset { unimplemented!() }
    pub fn offset_by_time(&self, _topic: &str, _queue_id: i32, _time_ms: i64, _boundary: Boundary) -> Result<QueueOffset, ReadError> { unimplemented!() }
    pub fn earliest_store_ms(&self, _topic: &str, _queue_id: i32) -> Result<Option<i64>, ReadError> { unimplemented!() }
    pub fn earliest_log_store_ms(&self) -> Result<Option<i64>, ReadError> { unimplemented!() }
    pub fn store_ms_at(&self, _topic: &str, _queue_id: i32, _offset: QueueOffset) -> Result<Option<i64>, ReadError> { unimplemented!() }
    /// Drops a topic's queues (DELETE_TOPIC_IN_BROKER).
    pub fn delete_topic(&self, _topic: &str) -> std::io::Result<()> { unimplemented!() }
    /// Clean shutdown: flush all, checkpoint, remove `abort`, release the lock.
    pub fn close(&self, _now_ms: i64) -> Result<(), FlushError> { unimplemented!() }
}
