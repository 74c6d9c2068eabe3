//! The queues of a store while it is opened: plain ones with their extension, and batch queues.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use ferrocket_protocol::message::View;

use super::start::RecordHead;
use super::{Damage, Parts, further};
use crate::batch_queue::{BatchEntry, BatchQueues, inner};
use crate::disk::unless_full;
use crate::dispatch::{self, TagsCode};
use crate::errors::OpenError;
use crate::queue::{Entry, LoadedQueue, Queue, QueueTable, Unit};
use crate::queue_ext::ExtUnit;

/// No queue offset is as high: the place of its entry in bytes would not be a number.
pub(super) const QUEUE_OFFSET_END: i64 = i64::MAX / 32;

/// A clean start looks whether the queues have all entries of so much of the end of the log.
const LOOK_BACK_BYTES: i64 = 4 * 1024 * 1024;

/// The queues as their files were found.
pub(super) struct Loaded {
    plain: Vec<LoadedQueue>,
    batch: Vec<LoadedQueue<BatchEntry>>,
}

impl Loaded {
    /// Finds the queues. A topic whose queues are of the other type than its owner says is a mistake
    /// that only the owner can put right: Java refuses it, too.
    pub(super) fn find(parts: &Parts<'_>) -> Result<Self, OpenError> {
        let plain = parts.queues.load(parts.opening)?;
        for found in &plain {
            let topic = &**found.topic();
            if parts.config.batch_topics.contains(topic) && found.end_physical() > 0 {
                return Err(OpenError::QueueType {
                    topic: topic.to_owned(),
                    path: parts.config.below_root("consumequeue").join(topic),
                });
            }
        }
        let batch = parts.batch_queues.table().load(parts.opening)?;
        Ok(Self { plain, batch })
    }

    /// Takes back the belief in entries that do not point at their records. `start` is where the log
    /// would be read from.
    pub(super) fn verify(&mut self, parts: &Parts<'_>, start: i64, clean: bool) -> io::Result<()> {
        let log = (parts.log, parts.config);
        parts.queues.verify(&mut self.plain, log, start, clean)?;
        let table = parts.batch_queues.table();
        table.verify(&mut self.batch, log, start, clean)
    }

    /// Topics whose deletion was noted and whose queues are still there, wholly of before, lose them
    /// now.
    pub(super) fn finish_deletions(&mut self, parts: &Parts<'_>) -> io::Result<()> {
        for topic in old_topics(parts, parts.queues, &self.plain)? {
            parts.queue_ext.delete_topic(&topic)?;
            parts.queues.delete_topic(&topic, || ())?;
            self.plain.retain(|queue| **queue.topic() != *topic);
        }
        let table = parts.batch_queues.table();
        for topic in old_topics(parts, table, &self.batch)? {
            table.delete_topic(&topic, || ())?;
            self.batch.retain(|queue| **queue.topic() != *topic);
        }
        Ok(())
    }

    /// How far the log reached, as the queues know it.
    pub(super) fn end_physical(&self) -> i64 {
        let plain = self.plain.iter().map(LoadedQueue::end_physical);
        let batch = self.batch.iter().map(LoadedQueue::end_physical);
        plain.chain(batch).max().unwrap_or(0)
    }

    /// Topic and end of some queue that has entries.
    pub(super) fn any(&self) -> Option<(String, i64)> {
        let plain = self.plain.iter().find(|queue| queue.end() > 0);
        let batch = self.batch.iter().find(|queue| queue.end() > 0);
        plain
            .map(|queue| (queue.topic().to_string(), queue.end()))
            .or_else(|| batch.map(|queue| (queue.topic().to_string(), queue.end())))
    }

    /// Up to which record no queue lacks entries at its end; `start` when none lacks any. The end of a
    /// queue's last record is where some record begins. A queue that was written to shortly before a
    /// clean stop may have lost its last entries since.
    pub(super) fn complete_until(&self, start: i64, clean: bool) -> i64 {
        let lately = (self.end_physical() - LOOK_BACK_BYTES).max(1);
        let is_looked_at = |is_suspect, end| is_suspect || (clean && end >= lately);
        let plain = self.plain.iter().map(LoadedQueue::end_and_suspicion);
        let batch = self.batch.iter().map(LoadedQueue::end_and_suspicion);
        plain
            .chain(batch)
            .filter(|(end, is_suspect)| is_looked_at(*is_suspect, *end))
            .map(|(end, _)| end)
            .fold(start, i64::min)
    }

    /// Cuts every queue before its first entry that points at or behind `start`.
    pub(super) fn cut_at(&self, parts: &Parts<'_>, start: i64, clean: bool) -> io::Result<()> {
        parts.queues.cut_at(&self.plain, start)?;
        parts.batch_queues.table().cut_at(&self.batch, start)?;
        if parts.queue_ext.may_have_units() {
            for found in &self.plain {
                let files = parts.queues.files();
                parts.queue_ext.resume(found.queue(), files, clean)?;
            }
        }
        Ok(())
    }

    /// After the log was gone through: fits the files to the queues, and the queues to the log.
    pub(super) fn finish(&self, parts: &Parts<'_>, clean: bool) -> io::Result<()> {
        let Parts {
            log,
            queues,
            batch_queues,
            queue_ext,
            opening,
            ..
        } = *parts;
        queues.finish_recovery(&self.plain, log.start(), clean, opening)?;
        batch_queues.finish_recovery(&self.batch, log.start(), clean, opening)?;
        queue_ext.finish_recovery(clean, &queues.all(), queues.files())?;
        write_behind(parts)?;
        if !clean {
            queues.distrust_names();
            batch_queues.table().distrust_names();
        }
        queues.files().close();
        batch_queues.table().files().close();
        Ok(())
    }
}

/// Deleted topics none of whose queues has an entry from behind the deletion.
fn old_topics<E: Unit>(
    parts: &Parts<'_>,
    table: &QueueTable<E>,
    loaded: &[LoadedQueue<E>],
) -> io::Result<BTreeSet<String>> {
    let mut old = BTreeSet::new();
    let mut new = BTreeSet::new();
    for found in loaded {
        let Some(deletion) = parts.deleted.get(&**found.topic()) else {
            continue;
        };
        let is_old = match table.last_entry(found)? {
            None => true,
            Some(last) => {
                let at = last.physical_offset();
                // What cannot be read is not deleted for it.
                RecordHead::read(parts.log, at)
                    .is_ok_and(|head| deletion.covers(at, head.map_or(0, |head| head.store_ms)))
            }
        };
        let topics = if is_old { &mut old } else { &mut new };
        topics.insert(found.topic().to_string());
    }
    Ok(&old - &new)
}

/// Writes the entries made so far to their files, units of the extension before entries that name them.
/// Those that find no space stay in memory.
pub(super) fn write_behind(parts: &Parts<'_>) -> io::Result<()> {
    unless_full(parts.queue_ext.write_behind())?;
    unless_full(parts.queues.write_behind(i64::MAX))?;
    unless_full(parts.batch_queues.table().write_behind(i64::MAX))
}

/// A record was met whose queue lacks the entry before its own.
pub(super) enum Gap {
    /// The queue, and the number of the entry at which it ended.
    Plain(Arc<Queue>, i64),
    Batch(Arc<Queue<BatchEntry>>, i64),
}

impl Gap {
    /// From where on the log has to be read to fill it, when it lies before this scan.
    pub(super) fn start(&self, loaded: &Loaded, scanned_from: i64) -> Option<i64> {
        match self {
            Self::Plain(queue, end) => gap_start(&loaded.plain, queue, *end, scanned_from),
            Self::Batch(queue, end) => gap_start(&loaded.batch, queue, *end, scanned_from),
        }
    }
}

/// In a scan, gaps are where records are gone. A topic without any queue was deleted by a Java broker:
/// what the log still has of it is not brought back.
fn gap_start<E: Unit>(
    loaded: &[LoadedQueue<E>],
    queue: &Arc<Queue<E>>,
    end: i64,
    scanned_from: i64,
) -> Option<i64> {
    match loaded.iter().find(|found| found.is_of(queue)) {
        Some(found) => {
            let is_first = found.end() == end && found.end_physical() <= scanned_from;
            is_first.then(|| found.end_physical())
        }
        None => {
            let mut topics = loaded.iter().map(LoadedQueue::topic);
            let is_first = end == 0 && topics.any(|topic| topic == queue.topic());
            is_first.then_some(0)
        }
    }
}

/// A damaged record whose head can be read was given a queue offset: nobody else gets it. In a plain
/// queue a blank has it.
pub(super) fn keep_offsets(parts: &Parts<'_>, damages: &[Damage]) -> io::Result<()> {
    for message in damages.iter().filter_map(|damage| damage.message.as_ref()) {
        let offset = message.queue_offset.0;
        if let Some(queue) = parts.queues.find(&message.topic, message.queue_id)
            && queue.end() == offset
        {
            parts.queues.push(&queue, offset, Entry::BLANK, i64::MAX)?;
        }
    }
    Ok(())
}

/// After the queues learnt where they go on: batch queues know no blanks, and go on behind a damaged
/// last record. Until the next message the log alone says so: a start before it forgets.
pub(super) fn keep_batch_offsets(parts: &Parts<'_>, damages: &[Damage]) {
    let table = parts.batch_queues.table();
    for message in damages.iter().filter_map(|damage| damage.message.as_ref()) {
        let offset = message.queue_offset.0;
        if let Some(queue) = table.find(&message.topic, message.queue_id)
            && (0..QUEUE_OFFSET_END).contains(&offset)
        {
            queue.go_on_at(offset + i64::from(message.messages));
        }
    }
}

/// Makes the entries of a record again. Says when its queue lacks the one before.
pub(super) fn redispatch(parts: &Parts<'_>, record: &View<'_>) -> io::Result<Option<Gap>> {
    let config = parts.config;
    if !dispatch::is_queued(record.sys_flag) {
        return Ok(None);
    }
    if !(0..QUEUE_OFFSET_END).contains(&record.queue_offset) {
        let (at, queue_offset) = (record.physical_offset, record.queue_offset);
        tracing::error!(at, queue_offset, "a record has an impossible queue offset");
        return Ok(None);
    }
    let tags = TagsCode::of(config, record.topic, record.properties);
    let entry = Entry {
        physical_offset: record.physical_offset,
        bytes: i32::try_from(record.bytes().len()).unwrap_or(i32::MAX),
        tags_code: tags.at(record.store_ms),
    };
    let gap = if parts.is_forgotten(record.topic, record) {
        None
    } else if is_of_batch_topic(parts, record) {
        push_batch(parts.batch_queues, record, entry)?
    } else {
        push_plain(parts, record, entry)?
    };
    further::redispatch(parts, record, entry)?;
    Ok(gap)
}

/// Whether a record belongs into a batch queue: as the owner says, or because it holds many messages
/// or its topic has such queues already.
fn is_of_batch_topic(parts: &Parts<'_>, record: &View<'_>) -> bool {
    inner::is_inner_batch(record.sys_flag)
        || parts.config.batch_topics.contains(record.topic)
        || parts.batch_queues.table().has_topic(record.topic)
}

fn push_plain(parts: &Parts<'_>, record: &View<'_>, entry: Entry) -> io::Result<Option<Gap>> {
    let queues = parts.queues;
    let queue = queues.find_or_create(record.topic, record.queue_id);
    let unit = ExtUnit::new(entry.tags_code, record.store_ms);
    let in_file = || {
        let found = queues.files().entry(&queue, record.queue_offset)?;
        Ok(found.filter(|found| found.physical_offset == entry.physical_offset))
    };
    let own = Entry {
        tags_code: parts.queue_ext.push_again(&queue, &unit, in_file)?,
        ..entry
    };
    let end = queue.end();
    let pushed = queues.push(&queue, record.queue_offset, own, i64::MAX);
    unless_full(pushed.map(|_| ()))?;
    Ok((end < record.queue_offset).then_some(Gap::Plain(queue, end)))
}

fn push_batch(queues: &BatchQueues, record: &View<'_>, entry: Entry) -> io::Result<Option<Gap>> {
    let queue = queues.table().find_or_create(record.topic, record.queue_id);
    let entry = BatchEntry {
        physical_offset: entry.physical_offset,
        bytes: entry.bytes,
        tags_code: entry.tags_code,
        store_ms: record.store_ms,
        base_offset: record.queue_offset,
        messages: inner::messages_of(record),
    };
    let end = queue.end();
    let lacks_entries = queues.push_again(&queue, entry)?;
    Ok(lacks_entries.then_some(Gap::Batch(queue, end)))
}
