//! Reading from a consume queue (`DefaultMessageStore#getMessage`).
//!
//! Entries come from memory or from the queue's file, records from the page cache through one
//! buffer for the whole answer; records that follow each other in the log are read together. No lock
//! is held while a file is read.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::Store;
use crate::errors::ReadError;
use crate::offsets::{PhysicalOffset, QueueOffset};
use crate::queue::{Bounds, ENTRY_BYTES, Entry, Queue, Residence, Unit};
use crate::read::{QueueEntry, ReadAnswer, ReadRequest, ReadStatus};
use crate::recovery::start::RecordHead;

/// Entries looked at together.
const PIECE_ENTRIES: usize = 64;

/// What a walk along the queue chose.
#[derive(Debug, Default)]
struct Picked {
    entries: Vec<Entry>,
    bytes: usize,
    next_offset: i64,
    /// Start of the last record looked at, taken or not.
    last_physical: i64,
    /// An entry pointed to what the log no longer has.
    removed: bool,
    cold: bool,
    /// There is no file where the entries should be.
    no_file: bool,
}

impl Store {
    /// Reads messages of a queue. `accept` sees each entry before its record is read.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn read(
        &self,
        request: &ReadRequest<'_>,
        accept: &mut dyn FnMut(&QueueEntry) -> bool,
    ) -> Result<ReadAnswer, ReadError> {
        let Some(queue) = self.queues.find(request.topic, request.queue_id) else {
            return Ok(refused(
                ReadStatus::NoMessageInQueue,
                0,
                Bounds { min: 0, max: 0 },
            ));
        };
        let bounds = queue.bounds(self.readable().0);
        if let Some(answer) = out_of_bounds(request.offset.0, bounds) {
            return Ok(answer);
        }
        let failed = |source| ReadError::Io {
            what: format!("queue {} of topic {}", request.queue_id, request.topic),
            source,
        };
        let mut picked = self.pick(&queue, bounds, request, accept).map_err(failed)?;
        if picked.cold && picked.entries.is_empty() {
            return Ok(refused(ReadStatus::Cold, request.offset.0, bounds));
        }
        if picked.no_file && picked.next_offset == request.offset.0 {
            let next_file = self.queues.files().next_file_from(request.offset.0);
            return Ok(refused(
                ReadStatus::OffsetFoundNull,
                next_file.min(bounds.max),
                bounds,
            ));
        }
        let Some(records) = self.fetch(&mut picked, request.hot_only).map_err(failed)? else {
            return Ok(refused(ReadStatus::Cold, request.offset.0, bounds));
        };
        Ok(self.answer(&picked, records, bounds))
    }

    /// Walks along the queue and chooses entries until a bound is met.
    fn pick(
        &self,
        queue: &Arc<Queue>,
        bounds: Bounds,
        request: &ReadRequest<'_>,
        accept: &mut dyn FnMut(&QueueEntry) -> bool,
    ) -> io::Result<Picked> {
        let mut picked = Picked {
            next_offset: request.offset.0,
            ..Picked::default()
        };
        let scan_max =
            (self.config.filter_scan_bytes_max / ENTRY_BYTES).max(request.messages_max as usize);
        let scan_end = bounds.max.min(request.offset.0 + scan_max as i64);
        let residence = if request.hot_only {
            Residence::Resident
        } else {
            Residence::Anywhere
        };
        let mut piece = [Entry::BLANK; PIECE_ENTRIES];
        while picked.next_offset < scan_end {
            let from = picked.next_offset;
            let files = self.queues.files();
            let Some(count) = queue.entries(files, from, scan_end, &mut piece, residence)? else {
                picked.cold = request.hot_only;
                picked.no_file = !request.hot_only;
                break;
            };
            for entry in piece.iter().take(count) {
                if !self.take(*entry, request, &mut picked, accept) {
                    return Ok(picked);
                }
            }
            if count == 0 {
                break;
            }
        }
        Ok(picked)
    }

    /// Decides about one entry; false when the walk ends before it.
    fn take(
        &self,
        entry: Entry,
        request: &ReadRequest<'_>,
        picked: &mut Picked,
        accept: &mut dyn FnMut(&QueueEntry) -> bool,
    ) -> bool {
        let behind = self.appended().0 - entry.physical_offset;
        if !picked.entries.is_empty() && self.is_full(entry, request, picked, behind) {
            return false;
        }
        let gone =
            entry.is_blank() || !entry.is_written() || entry.physical_offset < self.log.start();
        if !gone && request.hot_only && behind > self.config.hot_window_bytes {
            picked.cold = true;
            return false;
        }
        let queue_offset = QueueOffset(picked.next_offset);
        picked.next_offset += 1;
        if gone {
            picked.removed = true;
            return true;
        }
        picked.last_physical = entry.physical_offset;
        let visible = QueueEntry {
            physical_offset: PhysicalOffset(entry.physical_offset),
            bytes: entry.bytes,
            tags_code: entry.tags_code,
            queue_offset,
        };
        if accept(&visible) {
            picked.bytes += entry.bytes.unsigned_abs() as usize;
            picked.entries.push(entry);
        }
        true
    }

    /// Whether the answer has no room for one more message; never asked about the first.
    fn is_full(
        &self,
        entry: Entry,
        request: &ReadRequest<'_>,
        picked: &Picked,
        behind: i64,
    ) -> bool {
        let config = &self.config;
        let (bytes_max, messages_max) = if behind <= config.memory_window_bytes {
            (
                config.transfer_bytes_in_memory_max,
                config.transfer_messages_in_memory_max,
            )
        } else {
            (
                config.transfer_bytes_on_disk_max,
                config.transfer_messages_on_disk_max,
            )
        };
        let bytes = picked.bytes + entry.bytes.unsigned_abs() as usize;
        picked.entries.len() >= request.messages_max.min(messages_max) as usize
            || bytes > request.bytes_max.min(bytes_max)
    }

    /// Reads the chosen records into one buffer; `None` when only resident ones are wanted and some
    /// are not. Entries whose record is not there are taken out.
    fn fetch(&self, picked: &mut Picked, hot_only: bool) -> io::Result<Option<Bytes>> {
        let mut buffer = vec![0_u8; picked.bytes];
        let mut filled = 0;
        let mut entries = picked.entries.as_slice();
        let mut whole = true;
        while let Some(run) = self.leading_run(entries) {
            let (now, later) = entries.split_at(run);
            let start = now.first().map_or(0, |entry| entry.physical_offset);
            let bytes: usize = now
                .iter()
                .map(|entry| entry.bytes.unsigned_abs() as usize)
                .sum();
            let into = buffer.get_mut(filled..filled + bytes).unwrap_or_default();
            let read = if hot_only {
                if !self.log.read_resident_at(start, into)? {
                    return Ok(None);
                }
                true
            } else {
                self.log.read_at(start, into)?
            };
            whole &= read && are_records(into, now);
            filled += bytes;
            entries = later;
        }
        if !whole {
            buffer = leave_out_missing(&buffer, &mut picked.entries);
            picked.bytes = buffer.len();
            picked.removed = true;
        }
        Ok(Some(Bytes::from(buffer)))
    }

    /// How many of the first entries follow each other in one segment.
    fn leading_run(&self, entries: &[Entry]) -> Option<usize> {
        let first = entries.first()?;
        let segment = first.physical_offset / self.log.segment_bytes();
        let followers = entries
            .iter()
            .zip(entries.iter().skip(1))
            .take_while(|(one, next)| {
                one.end() == next.physical_offset
                    && next.physical_offset / self.log.segment_bytes() == segment
            });
        Some(1 + followers.count())
    }

    fn answer(&self, picked: &Picked, records: Bytes, bounds: Bounds) -> ReadAnswer {
        let status = match (picked.entries.is_empty(), picked.removed) {
            (false, _) => ReadStatus::Found,
            (true, true) => ReadStatus::MessageWasRemoving,
            (true, false) => ReadStatus::NoMatchedMessage,
        };
        let behind = self.appended().0 - picked.last_physical;
        ReadAnswer {
            status,
            next_offset: QueueOffset(picked.next_offset),
            min_offset: QueueOffset(bounds.min),
            max_offset: QueueOffset(bounds.max),
            messages: u32::try_from(picked.entries.len()).unwrap_or(u32::MAX),
            bytes: records.len(),
            records: if records.is_empty() {
                Vec::new()
            } else {
                vec![records]
            },
            suggest_slave: behind > self.config.memory_window_bytes,
        }
    }
}

fn out_of_bounds(offset: i64, bounds: Bounds) -> Option<ReadAnswer> {
    let (status, next_offset) = if bounds.max == 0 {
        (ReadStatus::NoMessageInQueue, 0)
    } else if offset < bounds.min {
        (ReadStatus::OffsetTooSmall, bounds.min)
    } else if offset == bounds.max {
        (ReadStatus::OffsetOverflowOne, offset)
    } else if offset > bounds.max {
        (ReadStatus::OffsetOverflowBadly, bounds.max)
    } else {
        return None;
    };
    Some(refused(status, next_offset, bounds))
}

fn refused(status: ReadStatus, next_offset: i64, bounds: Bounds) -> ReadAnswer {
    ReadAnswer {
        status,
        next_offset: QueueOffset(next_offset),
        min_offset: QueueOffset(bounds.min),
        max_offset: QueueOffset(bounds.max),
        records: Vec::new(),
        messages: 0,
        bytes: 0,
        suggest_slave: false,
    }
}

/// Whether the bytes are the records that the entries promise.
fn are_records(bytes: &[u8], entries: &[Entry]) -> bool {
    let mut rest = bytes;
    entries.iter().all(|entry| {
        let Some((record, later)) = rest.split_at_checked(entry.bytes.unsigned_abs() as usize)
        else {
            return false;
        };
        rest = later;
        is_record(record, entry)
    })
}

fn is_record(record: &[u8], entry: &Entry) -> bool {
    RecordHead::decode(record).is_some_and(|head| {
        head.bytes == entry.bytes && head.physical_offset == entry.physical_offset
    })
}

/// Copies only what is there; a slow way for a rare case.
fn leave_out_missing(buffer: &[u8], entries: &mut Vec<Entry>) -> Vec<u8> {
    let mut kept = Vec::with_capacity(buffer.len());
    let mut rest = buffer;
    entries.retain(|entry| {
        let Some((record, later)) = rest.split_at_checked(entry.bytes.unsigned_abs() as usize)
        else {
            return false;
        };
        rest = later;
        let there = is_record(record, entry);
        if there {
            kept.extend_from_slice(record);
        }
        there
    });
    kept
}
