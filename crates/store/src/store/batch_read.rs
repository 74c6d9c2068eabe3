//! Reading from batch queues: as from plain ones, but by messages and in whole records.

use std::io;
use std::sync::Arc;

use super::Store;
use super::read::{Candidate, Picked, residence_of};
use crate::batch_queue::{BATCH_ENTRY_BYTES, BatchEntry, BatchQueue, Sought, View};
use crate::queue::Unit;
use crate::read::{Boundary, MessageFilter, ReadRequest};

/// Entries looked at together.
const PIECE_ENTRIES: usize = 64;

impl Store {
    pub(super) fn batch_queue(
        &self,
        topic: &str,
        queue_id: i32,
    ) -> Option<(Arc<BatchQueue>, View)> {
        let queue = self.batch_queues.table().find(topic, queue_id)?;
        let view = self.batch_queues.view(&queue, self.readable().0);
        Some((queue, view))
    }

    /// Walks along the queue and chooses records until a bound is met. Begins with the record that
    /// holds the offset, be it in its middle.
    pub(super) fn pick_batches(
        &self,
        queue: &Arc<BatchQueue>,
        view: View,
        request: &ReadRequest<'_>,
        filter: &mut dyn MessageFilter,
    ) -> io::Result<Picked> {
        let mut picked = Picked::from(self, request);
        let residence = residence_of(request);
        let offset = request.offset.0;
        let number = self
            .batch_queues
            .number_of(queue, view, offset, residence)?;
        let Sought::Found(mut number) = number else {
            picked.cold = true;
            return Ok(picked);
        };
        let scan_max = (self.config.filter_scan_bytes_max / BATCH_ENTRY_BYTES)
            .max(request.messages_max as usize) as i64;
        let mut piece = [BatchEntry::BLANK; PIECE_ENTRIES];
        let files = self.batch_queues.table().files();
        while number < view.entries.max {
            let read = queue.entries(files, number, view.entries.max, &mut piece, residence)?;
            let Some(count) = read.filter(|count| *count > 0) else {
                picked.cold = request.hot_only;
                picked.no_file = !request.hot_only;
                break;
            };
            for entry in piece.iter().take(count) {
                if entry.base_offset - offset >= scan_max {
                    return Ok(picked);
                }
                let candidate = Candidate {
                    entry: entry.plain(),
                    queue_offset: entry.base_offset,
                    messages: u32::from(entry.messages.unsigned_abs()),
                };
                if !self.take(candidate, None, request, &mut picked, filter)? {
                    return Ok(picked);
                }
            }
            number += count as i64;
        }
        Ok(picked)
    }

    /// The first offset of a record by its time, from the entries alone. Behind the last record
    /// `Lower` is the end of the queue, as it is of a plain one; Java stays at the last record, and
    /// `Upper` of a time between two records takes it back to the beginning
    /// (`BatchConsumeQueue#getOffsetInQueueByTime`).
    pub(super) fn batch_offset_by_time(
        &self,
        queue: &BatchQueue,
        view: View,
        time_ms: i64,
        boundary: Boundary,
    ) -> io::Result<i64> {
        let (first, before) =
            self.batch_queues
                .neighbours(queue, view, |entry| match boundary {
                    Boundary::Lower => entry.store_ms < time_ms,
                    Boundary::Upper => entry.store_ms <= time_ms,
                })?;
        let found = match boundary {
            Boundary::Lower => first.unwrap_or(view.offsets.max),
            Boundary::Upper => before.unwrap_or(view.offsets.min),
        };
        Ok(found.clamp(view.offsets.min, view.offsets.max))
    }

    /// What the entry says that holds an offset.
    pub(super) fn batch_entry(
        &self,
        topic: &str,
        queue_id: i32,
        offset: i64,
    ) -> io::Result<Option<BatchEntry>> {
        match self.batch_queue(topic, queue_id) {
            Some((queue, view)) => self.batch_queues.entry_of(&queue, view, offset),
            None => Ok(None),
        }
    }
}
