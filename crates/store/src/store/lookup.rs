//! Offsets, times and single records.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use ferrocket_protocol::message::record::{
    BODY_BYTES_MAX_DEFAULT, RECORD_BYTES_MIN, RECORD_OVERHEAD_BYTES_MAX,
};

use super::Store;
use crate::deleted::Deletion;
use crate::disk::Space;
use crate::errors::ReadError;
use crate::offsets::{PhysicalOffset, QueueOffset};
use crate::queue::{Bounds, Entry, Queue, Residence, Unit};
use crate::read::Boundary;
use crate::recovery::start::RecordHead;

/// Space on the file systems that hold the parts of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// Of each directory of the commit log that is there.
    pub commit_log_dirs: Vec<(PathBuf, Space)>,
    /// Of the one of them that is used least, which is what Java goes by.
    pub commit_log: Space,
    pub queues: Space,
}

/// What a search by time meets.
enum Next {
    Stored {
        at: i64,
        store_ms: i64,
    },
    /// The entry's record is no longer in the log, which was cleaned.
    Removed,
    None,
}

impl Store {
    /// The first queue offset that may still be read; 0 for an unknown queue.
    #[must_use]
    pub fn min_offset(&self, topic: &str, queue_id: i32) -> QueueOffset {
        QueueOffset(self.bounds(topic, queue_id).map_or(0, |bounds| bounds.min))
    }

    /// One past the last entry that consumers may see; 0 for an unknown queue.
    #[must_use]
    pub fn max_offset(&self, topic: &str, queue_id: i32) -> QueueOffset {
        QueueOffset(self.bounds(topic, queue_id).map_or(0, |bounds| bounds.max))
    }

    /// The complete record at a physical offset (VIEW_MESSAGE_BY_ID); its size is learnt from the
    /// record. `None` when no record that consumers may see begins there, or when the start found it
    /// damaged and had to leave it there.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn record_at(&self, offset: PhysicalOffset) -> Result<Option<Bytes>, ReadError> {
        let failed = |source| ReadError::Io {
            what: format!("the log at {offset}"),
            source,
        };
        let Some(head) = self.head_at(offset.0).map_err(failed)? else {
            return Ok(None);
        };
        if self.report.was_left(offset) {
            return Ok(None);
        }
        let bytes = usize::try_from(head.bytes).unwrap_or(0);
        if bytes > self.record_bytes_max() || offset.0 + bytes as i64 > self.readable().0 {
            return Ok(None);
        }
        let mut record = vec![0; bytes];
        let read = self.log.read_at(offset.0, &mut record).map_err(failed)?;
        Ok(read.then(|| Bytes::from(record)))
    }

    /// No record is longer, unless it was stored under a longer `maxMessageSize` than Java's default
    /// and today's. An offset from outside may point at bytes that a sender made look like a record.
    pub(super) fn record_bytes_max(&self) -> usize {
        self.config
            .body_bytes_max
            .max(BODY_BYTES_MAX_DEFAULT)
            .saturating_add(RECORD_OVERHEAD_BYTES_MAX + RECORD_BYTES_MIN)
    }

    /// The queue offset of a time (`getOffsetInQueueByTime`), between the queue's minimum and
    /// maximum. Store times ascend along a queue, so this looks at a few records only.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn offset_by_time(
        &self,
        topic: &str,
        queue_id: i32,
        time_ms: i64,
        boundary: Boundary,
    ) -> Result<QueueOffset, ReadError> {
        let Some((queue, bounds)) = self.queue(topic, queue_id) else {
            return match self.batch_queue(topic, queue_id) {
                Some((queue, view)) => self
                    .batch_offset_by_time(&queue, view, time_ms, boundary)
                    .map(QueueOffset)
                    .map_err(queue_failed(&queue)),
                None => Ok(QueueOffset(0)),
            };
        };
        // Lower wants the first with `store >= time`; Upper the one before the first with `store >
        // time`.
        let mut low = bounds.min;
        let mut high = bounds.max;
        while low < high {
            let middle = low + (high - low) / 2;
            let next = self
                .stored_from(&queue, bounds, middle, high)
                .map_err(queue_failed(&queue))?;
            let before = match (next, boundary) {
                (Next::None, _) => None,
                // What was removed was stored before all that is there.
                (Next::Removed, _) => Some(middle),
                (Next::Stored { at, store_ms }, Boundary::Lower) => {
                    (store_ms < time_ms).then_some(at)
                }
                (Next::Stored { at, store_ms }, Boundary::Upper) => {
                    (store_ms <= time_ms).then_some(at)
                }
            };
            match before {
                Some(at) => low = at + 1,
                None => high = middle,
            }
        }
        let found = match boundary {
            Boundary::Lower => low,
            Boundary::Upper => low - 1,
        };
        Ok(QueueOffset(found.clamp(bounds.min, bounds.max)))
    }

    /// When the first message of a queue was stored; `None` for a queue without messages.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn earliest_store_ms(&self, topic: &str, queue_id: i32) -> Result<Option<i64>, ReadError> {
        let min = self.min_offset(topic, queue_id);
        self.store_ms_at(topic, queue_id, min)
    }

    /// When the message at a queue offset was stored; `None` when there is none.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn store_ms_at(
        &self,
        topic: &str,
        queue_id: i32,
        offset: QueueOffset,
    ) -> Result<Option<i64>, ReadError> {
        let Some((queue, bounds)) = self.queue(topic, queue_id) else {
            return self
                .batch_entry(topic, queue_id, offset.0)
                .map(|entry| entry.map(|entry| entry.store_ms))
                .map_err(|source| ReadError::Io {
                    what: format!("queue {queue_id} of topic {topic}"),
                    source,
                });
        };
        if offset.0 < bounds.min || offset.0 >= bounds.max {
            return Ok(None);
        }
        self.store_ms_of(&queue, bounds, offset.0)
            .map_err(queue_failed(&queue))
    }

    /// When the first record of the log was stored; `None` for an empty log.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn earliest_log_store_ms(&self) -> Result<Option<i64>, ReadError> {
        let start = self.log.start();
        if start >= self.readable().0 {
            return Ok(None);
        }
        let failed = |source| ReadError::Io {
            what: format!("the log at {start}"),
            source,
        };
        Ok(self
            .head_at(start)
            .map_err(failed)?
            .map(|head| head.store_ms))
    }

    /// How full the disks are.
    ///
    /// # Errors
    /// When the file system does not say.
    pub fn usage(&self) -> io::Result<Usage> {
        let paths = self.config.commit_log_paths().into_iter();
        let commit_log_dirs = paths
            .filter(|path| self.disk.exists(path))
            .map(|path| self.disk.space(&path).map(|space| (path, space)))
            .collect::<io::Result<Vec<_>>>()?;
        let least = commit_log_dirs
            .iter()
            .map(|(_, space)| *space)
            .min_by(|a, b| a.used_ratio().total_cmp(&b.used_ratio()));
        Ok(Usage {
            commit_log: least.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?,
            commit_log_dirs,
            queues: self.disk.space(&self.config.below_root("consumequeue"))?,
        })
    }

    /// Whether the record of a queue offset counts as in memory (`checkInMemByConsumeOffset`).
    #[must_use]
    pub fn is_in_memory(&self, topic: &str, queue_id: i32, offset: QueueOffset) -> bool {
        let physical_offset = match self.queue(topic, queue_id) {
            Some((queue, bounds)) => self
                .entry_of(&queue, bounds, offset.0)
                .map(|entry| entry.map(|entry| entry.physical_offset)),
            None => self
                .batch_entry(topic, queue_id, offset.0)
                .map(|entry| entry.map(|entry| entry.physical_offset)),
        };
        match physical_offset {
            Ok(Some(physical_offset)) => {
                self.appended().0 - physical_offset <= self.config.memory_window_bytes
            }
            Ok(None) | Err(_) => false,
        }
    }

    /// Drops a topic's queues and their files (DELETE_TOPIC_IN_BROKER). The records stay in the log
    /// until it is cleaned.
    ///
    /// # Errors
    /// When the disk does not let the files go; the queues are forgotten all the same.
    pub fn delete_topic(&self, topic: &str) -> io::Result<()> {
        let batch_queues = self.batch_queues.table();
        let extents = || (self.queues.extent(topic), batch_queues.extent(topic));
        // The note takes a sync, for which appends do not wait: only when the topic itself got messages
        // meanwhile it is made again, when they can get none.
        let (deletion, (plain_then, batch_then)) = {
            let _appender = self.appender.lock();
            (self.deletion_now(), extents())
        };
        let mut noted = self.note_deletion(topic, deletion);
        let extension = self.queue_ext.delete_topic(topic);
        let plain = self.queues.delete_topic(topic, || {
            let appender = self.appender.lock();
            if noted.is_ok() && self.queues.extent(topic) != plain_then {
                noted = self.note_deletion(topic, self.deletion_now());
            }
            appender
        });
        let batch = batch_queues.delete_topic(topic, || {
            let appender = self.appender.lock();
            if noted.is_ok() && batch_queues.extent(topic) != batch_then {
                noted = self.note_deletion(topic, self.deletion_now());
            }
            appender
        });
        extension.and(plain).and(batch).and(noted)
    }

    /// With the append lock held.
    fn deletion_now(&self) -> Deletion {
        Deletion {
            end: self.appended().0,
            store_ms: self.marks.last_store_ms.load(Ordering::Relaxed),
        }
    }

    fn note_deletion(&self, topic: &str, deletion: Deletion) -> io::Result<()> {
        self.deleted.add(topic, deletion, self.log.start())
    }

    fn bounds(&self, topic: &str, queue_id: i32) -> Option<Bounds> {
        self.queue(topic, queue_id)
            .map(|(_, bounds)| bounds)
            .or_else(|| {
                self.batch_queue(topic, queue_id)
                    .map(|(_, view)| view.offsets)
            })
    }

    fn queue(&self, topic: &str, queue_id: i32) -> Option<(Arc<Queue>, Bounds)> {
        let queue = self.queues.find(topic, queue_id)?;
        let bounds = queue.bounds(self.readable().0);
        Some((queue, bounds))
    }

    fn entry_of(
        &self,
        queue: &Arc<Queue>,
        bounds: Bounds,
        offset: i64,
    ) -> io::Result<Option<Entry>> {
        let mut one = [Entry::BLANK];
        let files = self.queues.files();
        let read = queue.entries(files, offset, bounds.max, &mut one, Residence::Anywhere)?;
        let entry = read.filter(|count| *count == 1).and(one.first().copied());
        Ok(entry.filter(|entry| entry.is_written() && !entry.is_blank()))
    }

    /// The first message at an offset or behind it, as far as `end`: entries whose record was
    /// damaged are passed over, so that a hole does not lead a search astray.
    fn stored_from(
        &self,
        queue: &Arc<Queue>,
        bounds: Bounds,
        offset: i64,
        end: i64,
    ) -> io::Result<Next> {
        for at in offset..end {
            let Some(entry) = self.entry_of(queue, bounds, at)? else {
                continue;
            };
            if entry.physical_offset < self.log.start() {
                return Ok(Next::Removed);
            }
            if let Some(head) = self.head_at(entry.physical_offset)? {
                let store_ms = head.store_ms;
                return Ok(Next::Stored { at, store_ms });
            }
        }
        Ok(Next::None)
    }

    fn store_ms_of(
        &self,
        queue: &Arc<Queue>,
        bounds: Bounds,
        offset: i64,
    ) -> io::Result<Option<i64>> {
        match self.entry_of(queue, bounds, offset)? {
            Some(entry) => Ok(self
                .head_at(entry.physical_offset)?
                .map(|head| head.store_ms)),
            None => Ok(None),
        }
    }

    fn head_at(&self, offset: i64) -> io::Result<Option<RecordHead>> {
        RecordHead::read(&self.log, offset)
    }
}

fn queue_failed<E: Unit>(queue: &Queue<E>) -> impl Fn(io::Error) -> ReadError + use<E> {
    let what = format!("queue {} of topic {}", queue.id(), queue.topic());
    move |source| ReadError::Io {
        what: what.clone(),
        source,
    }
}
