//! Checking what recovery believes of a queue: its last entry must point at the record that has this
//! place in this queue.
//!
//! Records are read near the place that the log is read from: entries of older ones were durable long
//! ago, and a store with a million quiet queues must not read a million records all over its log to
//! start. Of those it is enough that the last entry points behind the one before it. Where reading
//! fails the entry is believed.
//!
//! Deliberately absent: a look at the entries before (`ferrocket store verify` reads them all), and
//! knowledge of entries that are wholly gone from the end of a queue after a clean stop: nothing says
//! that they were there until the log is read.

use std::io;

use ferrocket_protocol::message::View;

use super::load::LoadedQueue;
use super::{Entry, Queue, QueueTable, Unit};
use crate::config::StoreConfig;
use crate::dispatch::TagsCode;
use crate::log::CommitLog;
use crate::multi_dispatch::{self, Listed};
use crate::recovery::start::RecordHead;

/// So far before the place that the log is read from, records are read.
const READ_BACK_BYTES: i64 = 4 * 1024 * 1024;

/// Longer records are not read whole: their head has to do.
const WHOLE_BYTES_MAX: usize = 16 * 1024;

impl<E: Unit> QueueTable<E> {
    /// Takes back the belief in entries that do not point at their records. `start` is where the log
    /// is going to be read from: after a kill, entries of records from there on are made again
    /// anyway, and a power loss leaves some that point at nothing.
    pub(crate) fn verify(
        &self,
        loaded: &mut [LoadedQueue<E>],
        (log, config): (&CommitLog, &StoreConfig),
        start: i64,
        clean: bool,
    ) -> io::Result<()> {
        // One way through the log, not one for each topic.
        loaded.sort_unstable_by_key(LoadedQueue::end_physical);
        for found in loaded {
            if clean {
                found.suspect_if_unfinished();
            }
            let reached = if found.end_physical() <= start {
                found.end()
            } else {
                self.first_at(found, start)?
            };
            // Zeros where an entry should be: what the log has for them is looked for again.
            let has_zeros = reached < found.end() && !self.is_written_at(found.queue(), reached)?;
            let end = if clean && !has_zeros {
                found.end()
            } else {
                reached
            };
            let believed = self.last_true(found, end, (log, config), start)?;
            let is_wrong = believed < end || (clean && has_zeros);
            if is_wrong {
                let (topic, queue_id) = (&**found.queue().topic(), found.queue().id());
                tracing::warn!(
                    topic,
                    queue_id,
                    believed,
                    end = found.end(),
                    "entries of a consume queue do not point at its records: made again"
                );
            }
            if is_wrong || has_zeros {
                let last = self.last_entry_before(found, believed)?;
                found.believe(believed, last.map_or(0, |entry| entry.end()), is_wrong);
            }
        }
        Ok(())
    }

    /// The end of the entries that are true, as far as the last one shows it: goes back from `end` in
    /// growing steps.
    fn last_true(
        &self,
        found: &LoadedQueue<E>,
        end: i64,
        (log, config): (&CommitLog, &StoreConfig),
        start: i64,
    ) -> io::Result<i64> {
        let mut believed = end;
        let mut step = 1;
        let mut read_from = start.saturating_sub(READ_BACK_BYTES);
        while let Some(entry) = self.entry_before(found, believed)? {
            if entry.end() <= read_from && self.is_in_order(found, believed, &entry)? {
                break;
            }
            match is_true(log, config, found.queue(), believed - 1, &entry) {
                Ok(true) => break,
                Ok(false) => {}
                // One bad place of a disk is no reason to keep all of the store closed.
                Err(error) => {
                    let at = entry.physical_offset();
                    tracing::error!(at, %error, "a record cannot be read: its queue is believed");
                    break;
                }
            }
            believed = (believed - step).max(found.start());
            step *= 2;
            // Nothing in this queue is believed without its record any more.
            read_from = i64::MIN;
        }
        Ok(believed)
    }

    /// Whether the last entry before `end` points behind the one before it.
    fn is_in_order(&self, found: &LoadedQueue<E>, end: i64, last: &E) -> io::Result<bool> {
        if end == found.end() && found.last_in_order().is_some() {
            return Ok(true);
        }
        let before = self.entry_before(found, end - 1)?;
        let follows = |before: E| before.is_blank() || before.end() <= last.physical_offset();
        Ok(before.is_none_or(follows))
    }

    fn entry_before(&self, found: &LoadedQueue<E>, end: i64) -> io::Result<Option<E>> {
        match found.read_before(end) {
            Some(entry) => Ok(Some(entry)),
            None if end > found.start() => self.files.entry(found.queue(), end - 1),
            None => Ok(None),
        }
    }
}

/// Whether an entry points at the record that has this place in the queue, or at something that the
/// log does not have to show any more.
fn is_true<E: Unit>(
    log: &CommitLog,
    config: &StoreConfig,
    queue: &Queue<E>,
    offset: i64,
    entry: &E,
) -> io::Result<bool> {
    let at = entry.physical_offset();
    if entry.is_blank() || at < log.start() {
        return Ok(true);
    }
    if log.segment_at(at).is_none() {
        // A segment is missing, or the log ended long before.
        return Ok(log.next_base_from(at).is_some());
    }
    let bytes = usize::try_from(entry.end() - at).unwrap_or(0);
    if bytes > WHOLE_BYTES_MAX {
        let head = RecordHead::read(log, at)?;
        return Ok(head.is_some_and(|head| usize::try_from(head.bytes) == Ok(bytes)));
    }
    let mut record = vec![0; bytes];
    if !log.read_at(at, &mut record)? {
        return Ok(false);
    }
    let place = (&**queue.topic(), queue.id(), offset);
    let is_whole =
        |record: &View<'_>| record.bytes().len() == bytes && record.physical_offset == at;
    let record = View::parse(&record).ok().filter(is_whole);
    Ok(record.is_some_and(|record| entry.is_made_of(&record, place, config)))
}

impl Entry {
    /// Whether the second half of an entry is not there. What is there may differ from what would be
    /// written now: delays are settings, and Java puts other things in this place too
    /// (`ConsumeQueueExt`).
    pub(super) fn lacks_tags(&self, record: &View<'_>, config: &StoreConfig) -> bool {
        let tags = TagsCode::of(config, record.topic, record.properties);
        self.tags_code == 0 && tags.at(record.store_ms) != 0
    }
}

/// Whether a record has a place in a plain queue.
pub(super) fn belongs(record: &View<'_>, place: (&str, i32, i64)) -> bool {
    if place == (record.topic, record.queue_id, record.queue_offset) {
        return true;
    }
    let (topic, _, offset) = place;
    let mut further = multi_dispatch::entries_of(record.topic, record.properties);
    further.any(|(listed, listed_offset)| match listed {
        Listed::Light(name) | Listed::Other(name) => *name == *topic && listed_offset == offset,
        Listed::Unusable => false,
    })
}
