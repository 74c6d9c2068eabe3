//! Making things durable, and stopping.
//!
//! Nobody here waits for a clock: a flusher thread calls [`Store::flush`] again and again while there
//! is something to flush (group commit: what arrived during one flush goes with the next), or asks
//! [`Store::flush_due`] from time to time.

use std::io;
use std::sync::atomic::Ordering;

use super::Store;
use crate::checkpoint::Checkpoint;
use crate::config::{FlushMode, StoreConfig};
use crate::disk::is_out_of_space;
use crate::errors::{CleanError, FlushError};
use crate::index::{IndexProgress, Vouched};
use crate::offsets::PhysicalOffset;
use crate::planted::Planted;
use crate::retention::Shortage;

/// What `flushCommitLogLeastPages` counts in.
const PAGE_BYTES: u64 = 4096;

/// Pieces of the log that are kept, and regions known not to be in memory, are gone through so often.
const FORGET_EVERY_MS: i64 = 1000;

/// Whether too much waits is looked at when so much more was appended.
const LOOK_EVERY_BYTES: i64 = 4 * 1024 * 1024;

impl Store {
    /// After an append from `begin` to `end`: wakes whoever has to make it durable, and in ASYNC_FLUSH
    /// does it when far too much waits.
    pub(super) fn keep_up(&self, now_ms: i64, begin: i64, end: i64) {
        if self.config.flush_mode == FlushMode::Sync {
            self.signals.flush_wanted();
        }
        let step = LOOK_EVERY_BYTES
            .min(self.config.unflushed_bytes_max / 4)
            .max(1);
        if begin / step == end / step {
            return;
        }
        if self.checkpoint_lags() {
            self.signals.queues_wanted();
        }
        if self.config.flush_mode == FlushMode::Async {
            let unflushed = end - self.durable().0;
            if unflushed > self.config.unflushed_bytes_max {
                self.marks
                    .flushed_by_appends
                    .fetch_add(1, Ordering::Relaxed);
                // A failure poisons the store, and the next append says so.
                let _ = self.flush_from(now_ms, self.config.unflushed_bytes_max);
            } else if unflushed > self.config.unflushed_bytes_max / 2 {
                self.signals.flush_wanted();
            }
        }
    }

    /// How often an append had to flush because the flusher did not keep up.
    #[must_use]
    pub fn flushed_by_appends(&self) -> u64 {
        self.marks.flushed_by_appends.load(Ordering::Relaxed)
    }

    /// Whether a start after a kill would have more to read than it should.
    fn checkpoint_lags(&self) -> bool {
        let lag = self.appended().0 - self.marks.checkpointed.load(Ordering::Relaxed);
        let queues = i64::try_from(self.queues.to_sync_count()).unwrap_or(0);
        lag > self.config.checkpoint_bytes + queues * StoreConfig::QUEUE_SYNC_COSTS_BYTES
    }

    /// Makes all that is appended durable; blocking. Returns the durable watermark.
    ///
    /// # Errors
    /// When the disk failed, now or before. Nothing is tried again.
    pub fn flush(&self, now_ms: i64) -> Result<PhysicalOffset, FlushError> {
        self.flush_from(now_ms, 0)
    }

    /// As [`flush`](Self::flush), but only when more than `unflushed_max` bytes wait by the time that
    /// nobody else flushes.
    fn flush_from(&self, now_ms: i64, unflushed_max: i64) -> Result<PhysicalOffset, FlushError> {
        let _flushing = self.flushing.lock();
        self.poison.check()?;
        let target = self.appended().0;
        let from = self.durable().0;
        if unflushed_max > 0 && target - from <= unflushed_max {
            return Ok(PhysicalOffset(from));
        }
        if target > from {
            self.sync_log(from, target)?;
            self.marks.durable.store(target, Ordering::Release);
        }
        self.marks.flushed_ms.store(now_ms, Ordering::Relaxed);
        Ok(PhysicalOffset(target))
    }

    fn sync_log(&self, from: i64, target: i64) -> Result<(), FlushError> {
        if self.config.has(Planted::LogNotSynced) {
            return Ok(());
        }
        let began_ns = self.signals.ticks_ns();
        let synced = self.log.sync(from, target);
        self.stages.flushed(began_ns, &*self.signals);
        match synced {
            Err(error) if self.config.has(Planted::FailedSyncRetried) => {
                Err(FlushError::Poisoned(error.to_string()))
            }
            synced => self.poison.guard("syncing the commit log", synced),
        }
    }

    /// Whether a flush is due: at once in SYNC_FLUSH, by amount and age in ASYNC_FLUSH
    /// (`FlushRealTimeService`). Looks at the watermarks alone.
    #[must_use]
    pub fn flush_due(&self, now_ms: i64) -> bool {
        let dirty_bytes = (self.appended().0 - self.durable().0).max(0).unsigned_abs();
        if dirty_bytes == 0 || self.poison.cause().is_some() {
            return false;
        }
        let age_ms = age_ms(now_ms, self.marks.flushed_ms.load(Ordering::Relaxed));
        match self.config.flush_mode {
            FlushMode::Sync => true,
            FlushMode::Async => {
                let enough = dirty_bytes >= self.config.flush_pages_min * PAGE_BYTES;
                (enough && age_ms >= self.config.flush_interval_ms)
                    || age_ms >= self.config.flush_thorough_interval_ms
            }
        }
    }

    /// Writes queue entries and index keys behind, and from time to time syncs them and moves the checkpoint;
    /// blocking. To be called about once a second, and when `queues_wanted` is signalled.
    ///
    /// # Errors
    /// When the disk failed, now or before.
    pub fn flush_queues(&self, now_ms: i64) -> Result<(), FlushError> {
        self.forget_readers(now_ms);
        self.poison.check()?;
        let synced_ms = self.marks.queues_synced_ms.load(Ordering::Relaxed);
        if age_ms(now_ms, synced_ms) >= self.config.queue_flush_thorough_interval_ms
            || self.room.is_short_of(Shortage::Checkpoint)
            || self.checkpoint_lags()
        {
            return self.move_checkpoint(now_ms);
        }
        self.write_queues()
    }

    /// Lets go what was kept for readers who come no more, whoever wanted the queues written meanwhile.
    fn forget_readers(&self, now_ms: i64) {
        let forgot_ms = self.marks.forgot_readers_ms.load(Ordering::Relaxed);
        if age_ms(now_ms, forgot_ms) >= FORGET_EVERY_MS {
            self.marks
                .forgot_readers_ms
                .store(now_ms, Ordering::Relaxed);
            self.log.forget_unused_pieces();
            self.warmth.forget();
        }
    }

    /// Does the next part of what the message index is behind after a start, reading about
    /// `budget_bytes` of the log at most; blocking. To be called until the progress is complete,
    /// which it then stays.
    ///
    /// # Errors
    /// When the disk failed, now or before; [`FlushError::NoSpace`] when it is full, to be tried
    /// again later.
    pub fn build_index(&self, budget_bytes: u64) -> Result<IndexProgress, FlushError> {
        self.poison.check()?;
        if self.room.is_short_of(Shortage::Abort) {
            // A start after a kill would take half written files for those of a clean stop.
            return Err(FlushError::NoSpace(
                "building the index waits for room on the disk to write abort".to_owned(),
            ));
        }
        let budget = i64::try_from(budget_bytes).unwrap_or(i64::MAX).max(1);
        let disowned = self.disown_index();
        match disowned.and_then(|()| self.index.build_step(&self.log, budget)) {
            // Nobody waits for this: no message is refused because of it.
            Err(error) if is_out_of_space(&error) => Err(FlushError::NoSpace(format!(
                "building the index waits for room on the disk: {error}"
            ))),
            built => self.poison.guard("building the index", built),
        }
    }

    /// How far the message index is behind the log: what is missing is not found by key.
    #[must_use]
    pub fn index_progress(&self) -> IndexProgress {
        self.index.progress()
    }

    /// Removes index files of which the log has no message any more, but never the last one; how many.
    ///
    /// # Errors
    /// When the disk does not let a file go; that costs nothing but its room.
    pub fn delete_expired_index(&self) -> Result<usize, CleanError> {
        let deleted = self.index.delete_expired(self.log.start());
        deleted.map_err(|source| CleanError::Io {
            action: "delete expired index files",
            source,
        })
    }

    /// Makes the next segment ready, or some more of it; blocking. To be called when `segment_wanted` is
    /// signalled, and again as long as the answer is true.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn prepare_segment(&self) -> Result<bool, FlushError> {
        self.poison.check()?;
        let prepared = self.log.prepare().and_then(|()| {
            // With SYNC_FLUSH every message waits for a sync, which then waits for data alone.
            match self.config.flush_mode {
                FlushMode::Sync => self.log.write_out_prepared(),
                FlushMode::Async => Ok(false),
            }
        });
        prepared.map_err(|error| FlushError::Segment(error.to_string()))
    }

    /// Stops cleanly: everything is durable, `abort` is gone, the lock is given up. Appends are
    /// refused from now on; reads go on.
    ///
    /// # Errors
    /// When the disk failed, now or before; `abort` then stays and the next start checks everything.
    pub fn close(&self, now_ms: i64) -> Result<(), FlushError> {
        {
            // An append that is under way ends first.
            let _appender = self.appender.lock();
            if self.closed.swap(true, Ordering::Relaxed) {
                return Ok(());
            }
        }
        let outcome = self.settle(now_ms);
        self.lock.lock().take();
        outcome
    }

    fn settle(&self, now_ms: i64) -> Result<(), FlushError> {
        self.poison.check()?;
        let disowned = self.disown_index();
        let mended = disowned.and_then(|()| self.index.settle(&self.log));
        self.guard_derived(Shortage::Index, "mending the index", mended)?;
        self.poison
            .guard("wiping what was refused", self.wipe_durably())?;
        self.move_checkpoint(now_ms)?;
        let abort = self.config.below_root("abort");
        let removed = self
            .log
            .discard_prepared()
            .and_then(|()| self.disk.remove_file(&abort))
            .and_then(|()| self.disk.sync_dir(&self.config.root));
        self.poison.guard("closing the store", removed)
    }

    /// Before index entries are taken away or written again that the checkpoint vouches for.
    fn disown_index(&self) -> io::Result<()> {
        let changes_from = self.index.changes_from();
        self.checkpoint.lock().disown_index(changes_from)
    }

    /// Makes the queues and the index durable as far as the log is, then says so in the checkpoint. The marks are
    /// read first: the checkpoint must not vouch for what came meanwhile.
    fn move_checkpoint(&self, now_ms: i64) -> Result<(), FlushError> {
        let last_store_ms = self.marks.last_store_ms.load(Ordering::Acquire);
        let last_record = self.marks.last_record.load(Ordering::Acquire);
        if self.config.has(Planted::CheckpointFirst) {
            self.write_checkpoint(
                last_store_ms,
                last_record,
                self.appended(),
                Vouched::Everything,
            )?;
        }
        let durable = self.flush(now_ms)?;
        let index = self.index.vouched();
        self.write_queues()?;
        let synced = self.queue_ext.sync().and_then(|()| self.queues.sync());
        let synced = synced.and_then(|()| self.batch_queues.table().sync());
        self.poison
            .guard_queues("syncing the consume queues", synced)?;
        self.poison.guard("syncing the index", self.index.sync())?;
        self.write_checkpoint(last_store_ms, last_record, durable, index)?;
        self.room.end(Shortage::Checkpoint);
        self.marks
            .checkpointed
            .store(last_record.max(0), Ordering::Relaxed);
        self.marks.queues_synced_ms.store(now_ms, Ordering::Relaxed);
        Ok(())
    }

    fn write_checkpoint(
        &self,
        last_store_ms: i64,
        last_record: i64,
        durable: PhysicalOffset,
        index: Vouched,
    ) -> Result<(), FlushError> {
        let mut checkpoint = self.checkpoint.lock();
        let current = checkpoint.current;
        let (index_ms, index_physical) = match index {
            Vouched::Everything => (last_store_ms, last_record.max(0)),
            Vouched::Until { store_ms, physical } => {
                (store_ms.min(last_store_ms), physical.min(last_record))
            }
            Vouched::AsBefore => (current.index_ms, current.index_physical),
        };
        let moved = Checkpoint {
            log_ms: last_store_ms,
            queues_ms: last_store_ms,
            index_ms,
            index_physical: index_physical.max(0),
            confirmed: durable.0,
            queues_physical: last_record.max(0),
            ..checkpoint.current
        };
        if moved != checkpoint.current {
            let written = checkpoint.write(moved);
            self.guard_derived(Shortage::Checkpoint, "writing the checkpoint", written)?;
            self.poison
                .guard("syncing the checkpoint", checkpoint.sync(moved))?;
        }
        Ok(())
    }

    fn write_queues(&self) -> Result<(), FlushError> {
        let readable = self.readable().0;
        let written = self
            .queue_ext
            .write_behind()
            .and_then(|()| self.queues.write_behind(readable))
            .and_then(|()| self.batch_queues.table().write_behind(readable));
        let queues = self.guard_derived(Shortage::Queues, "writing the consume queues", written);
        let written = self.index.write_behind();
        let index = self.guard_derived(Shortage::Index, "writing the index", written);
        queues.and(index)
    }
}

/// How long ago a mark was set. A clock that was set back says nothing about that: what waits is due,
/// and the mark becomes one of the new time.
fn age_ms(now_ms: i64, mark_ms: i64) -> i64 {
    if now_ms < mark_ms {
        i64::MAX
    } else {
        now_ms.saturating_sub(mark_ms)
    }
}
