//! Reading from a consume queue (`DefaultMessageStore#getMessage`).
//!
//! A walk along the queue chooses entries, which come from memory or from the queue's file; then their
//! records are read (`fetch`). No lock is held while a file is read.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::Store;
use super::look::{Look, Window};
use crate::dispatch::{self, SCHEDULE_TOPIC};
use crate::errors::ReadError;
use crate::offsets::{PhysicalOffset, QueueOffset};
use crate::queue::{Bounds, ENTRY_BYTES, Entry, Queue, Residence, Unit as _};
use crate::queue_ext::{ExtUnit, Unit, is_address};
use crate::read::{
    ByEntry, Choice, Extension, MessageFilter, QueueEntry, ReadAnswer, ReadRequest, ReadStatus,
};
use crate::recovery::start::RecordHead;

/// Entries looked at together.
const PIECE_ENTRIES: usize = 64;
/// The same when the first of them were not enough: what one read of a queue's file gives.
const LATER_PIECE_ENTRIES: usize = 256;

/// What a walk along the queue chose.
#[derive(Debug, Default)]
pub(super) struct Picked {
    pub(super) entries: Vec<Candidate>,
    /// In the records of `entries`.
    messages: u32,
    pub(super) bytes: usize,
    pub(super) next_offset: i64,
    /// Where the log began and ended when the walk did.
    log_start: i64,
    log_end: i64,
    /// Start of the last record looked at, taken or not.
    last_physical: i64,
    /// An entry pointed to what the log no longer has.
    removed: bool,
    pub(super) cold: bool,
    /// There is no file where the entries should be.
    pub(super) no_file: bool,
    /// An entry that is not accepted ends the walk, instead of being passed over.
    ends_at_refused: bool,
    /// For filters that look into records.
    window: Window,
}

impl Picked {
    pub(super) fn from(store: &Store, request: &ReadRequest<'_>) -> Self {
        let messages_max = request.messages_max as usize;
        Self {
            entries: Vec::with_capacity(messages_max.min(PIECE_ENTRIES)),
            next_offset: request.offset.0,
            log_start: store.log.start(),
            log_end: store.appended().0,
            ..Self::default()
        }
    }

    /// Takes out the entries of these offsets, whose records are not there.
    pub(super) fn leave_out(&mut self, lost: &[i64], bytes_left: usize) {
        self.entries.retain(|one| !lost.contains(&one.queue_offset));
        self.bytes = bytes_left;
        self.messages = self.entries.iter().map(|one| one.messages).sum();
        self.removed = true;
    }
}

/// An entry that a walk comes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) entry: Entry,
    /// Of the first message in its record.
    pub(super) queue_offset: i64,
    pub(super) messages: u32,
}

impl Store {
    /// Reads messages of a queue. `accept` sees each entry before its record is read.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn read(
        &self,
        request: &ReadRequest<'_>,
        accept: &mut dyn FnMut(&QueueEntry<'_>) -> bool,
    ) -> Result<ReadAnswer, ReadError> {
        self.read_filtered(request, &mut ByEntry(accept))
    }

    /// Reads messages of a queue that a filter wants.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn read_filtered(
        &self,
        request: &ReadRequest<'_>,
        filter: &mut dyn MessageFilter,
    ) -> Result<ReadAnswer, ReadError> {
        let failed = |source| ReadError::Io {
            what: format!("queue {} of topic {}", request.queue_id, request.topic),
            source,
        };
        if let Some(queue) = self.queues.find(request.topic, request.queue_id) {
            let bounds = queue.bounds(self.readable().0);
            if let Some(answer) = out_of_bounds(request.offset.0, bounds) {
                return Ok(answer);
            }
            let picked = Picked::from(self, request);
            let picked = self.pick(&queue, bounds, request, picked, filter);
            let next_file = self.queues.files().next_file_from(request.offset.0);
            return picked
                .and_then(|picked| self.finish(picked, request, bounds, next_file))
                .map_err(failed);
        }
        let Some((queue, view)) = self.batch_queue(request.topic, request.queue_id) else {
            let bounds = Bounds { min: 0, max: 0 };
            return Ok(refused(ReadStatus::NoMessageInQueue, 0, bounds));
        };
        let bounds = view.offsets;
        if let Some(answer) = out_of_bounds(request.offset.0, bounds) {
            return Ok(answer);
        }
        // Java would send the reader back to the beginning (`BatchConsumeQueue#rollNextFile`).
        let next_file = bounds.max;
        self.pick_batches(&queue, view, request, filter)
            .and_then(|picked| self.finish(picked, request, bounds, next_file))
            .map_err(failed)
    }

    /// Reads messages of a plain queue up to the first entry that `accept` refuses, which is then the
    /// next of the answer.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn read_while(
        &self,
        request: &ReadRequest<'_>,
        accept: &mut dyn FnMut(&QueueEntry<'_>) -> bool,
    ) -> Result<ReadAnswer, ReadError> {
        let Some(queue) = self.queues.find(request.topic, request.queue_id) else {
            let bounds = Bounds { min: 0, max: 0 };
            return Ok(refused(ReadStatus::NoMessageInQueue, 0, bounds));
        };
        let bounds = queue.bounds(self.readable().0);
        if let Some(answer) = out_of_bounds(request.offset.0, bounds) {
            return Ok(answer);
        }
        let picked = Picked {
            ends_at_refused: true,
            ..Picked::from(self, request)
        };
        let next_file = self.queues.files().next_file_from(request.offset.0);
        self.pick(&queue, bounds, request, picked, &mut ByEntry(accept))
            .and_then(|picked| self.finish(picked, request, bounds, next_file))
            .map_err(|source| ReadError::Io {
                what: format!("queue {} of topic {}", request.queue_id, request.topic),
                source,
            })
    }

    /// Reads the records that a walk chose, and makes the answer.
    fn finish(
        &self,
        mut picked: Picked,
        request: &ReadRequest<'_>,
        bounds: Bounds,
        next_file: i64,
    ) -> io::Result<ReadAnswer> {
        if picked.cold && picked.entries.is_empty() {
            return Ok(refused(ReadStatus::Cold, request.offset.0, bounds));
        }
        if picked.no_file && picked.next_offset == request.offset.0 {
            let next = next_file.min(bounds.max);
            return Ok(refused(ReadStatus::OffsetFoundNull, next, bounds));
        }
        let Some(records) = self.fetch(&mut picked, residence_of(request))? else {
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
        mut picked: Picked,
        filter: &mut dyn MessageFilter,
    ) -> io::Result<Picked> {
        let scan_max =
            (self.config.filter_scan_bytes_max / ENTRY_BYTES).max(request.messages_max as usize);
        let scan_end = bounds.max.min(request.offset.0 + scan_max as i64);
        let residence = residence_of(request);
        let files = self.queues.files();
        let mut first = [Entry::BLANK; PIECE_ENTRIES];
        let mut later = Vec::new();
        let mut piece = first.as_mut_slice();
        while picked.next_offset < scan_end {
            let from = picked.next_offset;
            let Some(count) = queue.entries(files, from, scan_end, piece, residence)? else {
                picked.cold = request.hot_only;
                picked.no_file = !request.hot_only;
                break;
            };
            for entry in piece.iter().take(count) {
                let candidate = Candidate {
                    entry: *entry,
                    queue_offset: picked.next_offset,
                    messages: 1,
                };
                if !self.take(candidate, Some(queue), request, &mut picked, filter)? {
                    return Ok(picked);
                }
            }
            if count == 0 {
                break;
            }
            // A filter wants few: the rest is looked at in longer pieces.
            later.resize(LATER_PIECE_ENTRIES, Entry::BLANK);
            piece = later.as_mut_slice();
        }
        Ok(picked)
    }

    /// Decides about one entry; false when the walk ends before it. A queue is given that may have
    /// an extension.
    pub(super) fn take(
        &self,
        candidate: Candidate,
        queue: Option<&Queue>,
        request: &ReadRequest<'_>,
        picked: &mut Picked,
        filter: &mut dyn MessageFilter,
    ) -> io::Result<bool> {
        let entry = candidate.entry;
        let behind = picked.log_end - entry.physical_offset;
        if !picked.entries.is_empty() && self.is_full(candidate, request, picked, behind) {
            return Ok(false);
        }
        let gone =
            entry.is_blank() || !entry.is_written() || entry.physical_offset < picked.log_start;
        if !gone && request.hot_only && !self.may_be_hot(entry.physical_offset, behind) {
            picked.cold = true;
            return Ok(false);
        }
        let mut tags_code = Some(entry.tags_code);
        let mut unit = None;
        if !gone
            && is_address(entry.tags_code)
            && let Some(queue) = queue
        {
            match self.tags_in_extension(queue, &entry, residence_of(request))? {
                Tags::Cold => {
                    picked.cold = true;
                    return Ok(false);
                }
                Tags::Lost(code) => tags_code = code,
                Tags::There(found) => {
                    tags_code = Some(found.tags_code);
                    unit = Some(found);
                }
            }
        }
        let next_offset = candidate.queue_offset + i64::from(candidate.messages);
        if gone {
            picked.next_offset = next_offset;
            picked.removed = true;
            return Ok(true);
        }
        let visible = QueueEntry {
            physical_offset: PhysicalOffset(entry.physical_offset),
            bytes: entry.bytes,
            tags_code,
            queue_offset: QueueOffset(candidate.queue_offset),
            messages: candidate.messages,
            extension: unit.as_ref().map(|unit| Extension {
                store_ms: unit.store_ms,
                filter_bits: &unit.filter_bits,
            }),
        };
        let choice = match filter.by_entry(&visible) {
            Choice::Open => match self.look(&mut picked.window, &entry, residence_of(request))? {
                Look::Record(record) if filter.by_record(record) => Choice::Wanted,
                Look::Record(_) => Choice::Unwanted,
                Look::Missing => {
                    picked.removed = true;
                    Choice::Unwanted
                }
                Look::Cold => {
                    picked.cold = true;
                    return Ok(false);
                }
            },
            choice => choice,
        };
        picked.next_offset = next_offset;
        picked.last_physical = entry.physical_offset;
        if choice == Choice::Wanted {
            picked.bytes += entry.bytes.unsigned_abs() as usize;
            picked.messages += candidate.messages;
            picked.entries.push(candidate);
        } else if picked.ends_at_refused {
            picked.next_offset = candidate.queue_offset;
            return Ok(false);
        }
        Ok(true)
    }

    /// The tags of an entry that has the address of a unit in their place. Those of delayed messages
    /// are the times of their delivery, which can be made again.
    fn tags_in_extension(
        &self,
        queue: &Queue,
        entry: &Entry,
        residence: Residence,
    ) -> io::Result<Tags> {
        let unit = self.queue_ext.read(queue, entry.tags_code, residence)?;
        Ok(match unit {
            Unit::There(unit) => Tags::There(unit),
            Unit::Cold => Tags::Cold,
            Unit::Lost if &**queue.topic() != SCHEDULE_TOPIC => Tags::Lost(None),
            Unit::Lost if residence == Residence::Resident => Tags::Cold,
            Unit::Lost => {
                let head = RecordHead::read(&self.log, entry.physical_offset)?;
                let delay_ms = dispatch::delay_of_queue_ms(&self.config, queue.id());
                Tags::Lost(head.map(|head| head.store_ms + delay_ms))
            }
        })
    }

    /// Whether a reader that does not wait may try to read a record.
    fn may_be_hot(&self, offset: i64, behind: i64) -> bool {
        behind <= self.config.hot_window_bytes && self.warmth.covers(offset)
    }

    /// Whether the answer has no room for one more message; never asked about the first.
    fn is_full(
        &self,
        candidate: Candidate,
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
        let bytes = picked.bytes + candidate.entry.bytes.unsigned_abs() as usize;
        picked.messages + candidate.messages > request.messages_max
            || picked.messages >= messages_max
            || bytes > request.bytes_max.min(bytes_max)
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
            messages: picked.messages,
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

/// What an extension says of the tags of an entry.
enum Tags {
    There(ExtUnit),
    /// With the tags, if they can be made again.
    Lost(Option<i64>),
    Cold,
}

/// Whether a reader may wait for the disk.
pub(super) fn residence_of(request: &ReadRequest<'_>) -> Residence {
    if request.hot_only {
        Residence::Resident
    } else {
        Residence::Anywhere
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
