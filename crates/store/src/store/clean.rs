//! Deleting what is too old, or what there is no room for (`CleanCommitLogService`,
//! `CleanConsumeQueueService`).
//!
//! Whole segments go, oldest first and never the last; each deletion is durable before the next, so
//! a crash between two leaves a log that begins a segment later. Queues and index follow when the
//! log has a new beginning: a crash in between leaves them behind it, which every start mends.
//! Nothing of a segment is deleted before all of it is durable.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::Store;
use crate::errors::CleanError;
use crate::queue::Expired;
use crate::retention::RetentionConfig;

const HOUR_MS: i64 = 3_600_000;

/// So many turns delete expired segments after one request by hand.
const RUNS_BY_HAND: i64 = 20;

/// Files that were deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cleaned {
    pub segments: u64,
    pub queue_files: u64,
    pub index_files: u64,
}

/// What turns of cleaning tell each other.
#[derive(Debug)]
pub(super) struct Cleaning {
    /// Queues and index follow the log up to here.
    followed_to: AtomicI64,
    runs_by_hand: AtomicI64,
    segments: AtomicU64,
    queue_files: AtomicU64,
    index_files: AtomicU64,
}

impl Cleaning {
    /// Of a store whose recovery made everything begin with the log.
    pub(super) fn of(log_start: i64) -> Self {
        Self {
            followed_to: AtomicI64::new(log_start),
            runs_by_hand: AtomicI64::new(0),
            segments: AtomicU64::new(0),
            queue_files: AtomicU64::new(0),
            index_files: AtomicU64::new(0),
        }
    }
}

impl Store {
    /// One turn of cleaning; blocking. To be called every `cleanResourceInterval`. `pause` waits for
    /// so many milliseconds between deletions, so that they are no storm for the disk, and returns
    /// false to end the turn early. `utc_offset_ms` says which hour of the day it is.
    ///
    /// # Errors
    /// When the disk does not let a file go; the next turn tries again.
    pub fn clean(
        &self,
        now_ms: i64,
        utc_offset_ms: i64,
        pause: &mut dyn FnMut(i64) -> bool,
    ) -> Result<(), CleanError> {
        if self.poison.cause().is_some() || self.closed.load(Ordering::Relaxed) {
            return Ok(());
        }
        let config = self.retention.read().clone();
        let verdict = self.judge_space();
        let by_hand = self
            .cleaning
            .runs_by_hand
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |runs| {
                (runs > 0).then(|| runs - 1)
            })
            .is_ok();
        let hour = (now_ms + utc_offset_ms).div_euclid(HOUR_MS).rem_euclid(24);
        if by_hand || verdict.clean || config.delete_hours.contains(&hour) {
            self.delete_segments(&config, now_ms, pause)?;
        }
        self.follow_log(&config, pause)
    }

    /// The next turns delete expired segments whatever the hour (DELETE_EXPIRED_COMMITLOG).
    pub fn clean_by_hand(&self) {
        self.cleaning
            .runs_by_hand
            .store(RUNS_BY_HAND, Ordering::Relaxed);
    }

    /// Removes the queues that have no message in the log any more, unless `is_kept` names their
    /// topic (CLEAN_EXPIRED_CONSUMEQUEUE). The next message of such a queue gets offset 0, as in Java.
    /// Returns how many went.
    ///
    /// # Errors
    /// When the disk does not let a file go; the queue stays then.
    pub fn remove_expired_queues(
        &self,
        is_kept: &dyn Fn(&str) -> bool,
    ) -> Result<usize, CleanError> {
        let start = self.log.start();
        let hold_appends = || self.appender.lock();
        let plain = self
            .queues
            .remove_expired(start, is_kept, hold_appends, |queue| {
                self.queue_ext.remove_queue(queue)
            });
        let batches = self.batch_queues.table();
        plain
            .and_then(|plain| {
                let batch = batches.remove_expired(start, is_kept, hold_appends, |_| Ok(()))?;
                Ok(plain + batch)
            })
            .map_err(failed("remove the expired consume queues"))
    }

    /// Topics that have queues, whether anybody configured them or not; in no order.
    #[must_use]
    pub fn topics(&self) -> Vec<std::sync::Arc<str>> {
        let mut topics = self.queues.topics();
        topics.extend(self.batch_queues.table().topics());
        topics
    }

    /// Files that were deleted since the start.
    #[must_use]
    pub fn cleaned(&self) -> Cleaned {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Cleaned {
            segments: count(&self.cleaning.segments),
            queue_files: count(&self.cleaning.queue_files),
            index_files: count(&self.cleaning.index_files),
        }
    }

    /// Deletes segments from the front while they are expired or there is no room.
    fn delete_segments(
        &self,
        config: &RetentionConfig,
        now_ms: i64,
        pause: &mut dyn FnMut(i64) -> bool,
    ) -> Result<(), CleanError> {
        for deleted in 0..config.batch_max {
            let Some(oldest) = self.log.oldest() else {
                break;
            };
            let end = oldest.base() + self.log.segment_bytes();
            let modified_ms = self
                .last_change_ms(oldest.path())
                .map_err(failed("look at the age of a commit log segment"))?;
            let kept_ms = config.reserved_hours.saturating_mul(HOUR_MS);
            let is_expired = modified_ms.saturating_add(kept_ms) <= now_ms;
            let is_in_the_way = config.clean_forcibly && self.judge_space().clean_forcibly;
            if !(is_expired || is_in_the_way) || end > self.durable().0 {
                break;
            }
            if deleted > 0 && !pause(config.segment_pause_ms) {
                break;
            }
            self.log
                .remove_oldest()
                .map_err(failed("delete a commit log segment"))?;
            self.cleaning.segments.fetch_add(1, Ordering::Relaxed);
            let path = oldest.path().display();
            if is_expired {
                tracing::info!(%path, "expired commit log segment deleted");
            } else {
                tracing::warn!(%path, "commit log segment deleted before its time, as the disk is nearly full");
            }
        }
        self.judge_space();
        Ok(())
    }

    /// When a segment was written to last; long ago for one that somebody deleted by hand. That nothing
    /// is left in its directory is another matter: its disk may have been taken away.
    fn last_change_ms(&self, segment: &Path) -> io::Result<i64> {
        match self.disk.modified_ms(segment) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let directory = segment.parent().unwrap_or(Path::new("."));
                if self.disk.list(directory)?.is_empty() {
                    return Err(error);
                }
                Ok(i64::MIN)
            }
            found => found,
        }
    }

    /// Makes queues and index begin where the log does.
    fn follow_log(
        &self,
        config: &RetentionConfig,
        pause: &mut dyn FnMut(i64) -> bool,
    ) -> Result<(), CleanError> {
        let start = self.log.start();
        let mut pause = || pause(config.queue_pause_ms);
        let grew = self.cleaning.followed_to.load(Ordering::Relaxed) < start;
        let expired = self.expire_queues(start, grew, &mut pause);
        let expired = expired.map_err(failed("remove the expired files of consume queues"))?;
        self.cleaning
            .queue_files
            .fetch_add(expired.files as u64, Ordering::Relaxed);
        if !grew || expired.interrupted {
            return Ok(());
        }
        let index_files = self.delete_expired_index()?;
        self.cleaning
            .index_files
            .fetch_add(index_files as u64, Ordering::Relaxed);
        self.cleaning.followed_to.store(start, Ordering::Relaxed);
        let queue_files = expired.files;
        tracing::info!(start, queue_files, index_files, "the log begins later");
        Ok(())
    }
}

impl Store {
    /// Plain queues and their extension, then batch queues.
    fn expire_queues(
        &self,
        start: i64,
        grew: bool,
        pause: &mut dyn FnMut() -> bool,
    ) -> io::Result<Expired> {
        let batches = self.batch_queues.table();
        if !grew {
            let expired = self.queues.remove_lagging(pause)?;
            return Ok(expired.and(batches.remove_lagging(pause)?));
        }
        let expired = self.queues.expire(start, pause)?;
        self.queue_ext.expire(self.queues.files())?;
        let batch = batches.expire(start, pause)?;
        for queue in batches.all() {
            self.batch_queues.learn_min(&queue)?;
        }
        Ok(expired.and(batch))
    }
}

fn failed(action: &'static str) -> impl Fn(io::Error) -> CleanError + Copy {
    move |source| CleanError::Io { action, source }
}
