//! The store as its owner sees it.

use std::sync::Arc;

use bytes::Bytes;

use crate::batch::AppendBatch;
use crate::config::StoreConfig;
use crate::disk::Disk;
use crate::errors::{FlushError, OpenError, ReadError};
use crate::offsets::{PhysicalOffset, QueueOffset};
use crate::read::{Boundary, QueueEntry, ReadAnswer, ReadRequest};
use crate::signals::StoreSignals;

/// The store. All methods take `&self`; the append lock is inside.
#[derive(Debug)]
pub struct Store {
    config: StoreConfig,
}

impl Store {
    /// Locks the directory, recovers, makes the first segment ready.
    pub fn open(
        _disk: Arc<dyn Disk>,
        _config: StoreConfig,
        _signals: Arc<dyn StoreSignals>,
        _now_ms: i64,
    ) -> Result<Store, OpenError> {
        unimplemented!()
    }
    #[must_use]
    pub fn config(&self) -> &StoreConfig {
        &self.config
    }
    /// Assigns offsets, fills the holes, writes once, makes the queue entries, publishes the
    /// appended watermark. Wakes the flusher through the signals.
    pub fn append(&self, _now_ms: i64, _batch: &mut AppendBatch) {
        unimplemented!()
    }
    /// The end of the log.
    pub fn appended(&self) -> PhysicalOffset {
        unimplemented!()
    }
    /// The end of what survives a power loss.
    pub fn durable(&self) -> PhysicalOffset {
        unimplemented!()
    }
    /// Where consumers may read to: durable in SYNC_FLUSH, appended in ASYNC_FLUSH.
    pub fn readable(&self) -> PhysicalOffset {
        unimplemented!()
    }
    /// Why the store refuses appends, if it does.
    pub fn poison(&self) -> Option<String> {
        unimplemented!()
    }
    /// Makes all that is appended durable; blocking; called by the flusher thread only.
    pub fn flush(&self, _now_ms: i64) -> Result<PhysicalOffset, FlushError> {
        unimplemented!()
    }
    /// Whether ASYNC_FLUSH wants a flush by now. Pure: looks at the watermarks and the last flush.
    pub fn flush_due(&self, _now_ms: i64) -> bool {
        unimplemented!()
    }
    /// Background work (consume-queue write-behind, checkpoint); blocking; about once a second.
    pub fn flush_queues(&self, _now_ms: i64) -> Result<(), FlushError> {
        unimplemented!()
    }
    /// Makes the next segment ready; blocking; after `segment_wanted`.
    pub fn prepare_segment(&self) -> Result<(), FlushError> {
        unimplemented!()
    }
    pub fn read(
        &self,
        _request: &ReadRequest<'_>,
        _accept: &mut dyn FnMut(&QueueEntry) -> bool,
    ) -> Result<ReadAnswer, ReadError> {
        unimplemented!()
    }
    /// The complete record at a physical offset (VIEW_MESSAGE_BY_ID), size learnt from the record.
    pub fn record_at(&self, _offset: PhysicalOffset) -> Result<Option<Bytes>, ReadError> {
        unimplemented!()
    }
    pub fn min_offset(&self, _topic: &str, _queue_id: i32) -> QueueOffset {
        unimplemented!()
    }
    /// One past the last entry that consumers may see.
    pub fn max_offset(&self, _topic: &str, _queue_id: i32) -> QueueOffset {
        unimplemented!()
    }
    pub fn offset_by_time(
        &self,
        _topic: &str,
        _queue_id: i32,
        _time_ms: i64,
        _boundary: Boundary,
    ) -> Result<QueueOffset, ReadError> {
        unimplemented!()
    }
    pub fn earliest_store_ms(
        &self,
        _topic: &str,
        _queue_id: i32,
    ) -> Result<Option<i64>, ReadError> {
        unimplemented!()
    }
    pub fn earliest_log_store_ms(&self) -> Result<Option<i64>, ReadError> {
        unimplemented!()
    }
    pub fn store_ms_at(
        &self,
        _topic: &str,
        _queue_id: i32,
        _offset: QueueOffset,
    ) -> Result<Option<i64>, ReadError> {
        unimplemented!()
    }
    /// Where the log begins: the lowest physical offset that may still hold a record.
    pub fn min_physical_offset(&self) -> PhysicalOffset {
        unimplemented!()
    }
    /// Drops a topic's queues (DELETE_TOPIC_IN_BROKER).
    pub fn delete_topic(&self, _topic: &str) -> std::io::Result<()> {
        unimplemented!()
    }
    /// Clean shutdown: flush all, checkpoint, remove `abort`, release the lock.
    pub fn close(&self, _now_ms: i64) -> Result<(), FlushError> {
        unimplemented!()
    }
}
