//! Looking into records that a filter wants to see before it chooses.
//!
//! Neighbours in a queue are mostly neighbours in the log: while they are, more and more of the log is
//! read at once.

use std::io;

use super::Store;
use super::fetch::{Length, is_record};
use crate::queue::{Entry, Residence, Unit as _};

/// The most that is read ahead.
const WINDOW_BYTES_MAX: usize = 64 * 1024;
/// Reading ahead pays while at least one in so many bytes is wanted.
const SPARSE_MAX: i64 = 8;

/// A part of the log, read for one walk along a queue.
#[derive(Debug, Default)]
pub(super) struct Window {
    bytes: Vec<u8>,
    start: i64,
    /// Where the record ended that was looked at last.
    last_end: i64,
    /// So much is read the next time.
    ahead: usize,
}

/// What there is to look at.
pub(super) enum Look<'a> {
    Record(&'a [u8]),
    /// The log has something else there.
    Missing,
    Cold,
}

impl Window {
    fn range(&self, entry: &Entry) -> Option<std::ops::Range<usize>> {
        let from = usize::try_from(entry.physical_offset - self.start).ok()?;
        let to = from + usize::try_from(entry.bytes).ok()?;
        (to <= self.bytes.len()).then_some(from..to)
    }
}

impl Store {
    /// The record of an entry.
    pub(super) fn look<'a>(
        &self,
        window: &'a mut Window,
        entry: &Entry,
        residence: Residence,
    ) -> io::Result<Look<'a>> {
        if window.range(entry).is_none() {
            match self.length_of(entry, residence)? {
                Length::Sure => {}
                Length::Wrong => return Ok(Look::Missing),
                Length::Unread => return Ok(Look::Cold),
            }
            let bytes = usize::try_from(entry.bytes).unwrap_or(0);
            let gap = entry.physical_offset - window.last_end;
            window.ahead = if (0..=bytes as i64 * SPARSE_MAX).contains(&gap) {
                (window.ahead.max(bytes) * 4).min(WINDOW_BYTES_MAX)
            } else {
                0
            };
            // What is behind the end of the log may be half written.
            let segment_bytes = self.log.segment_bytes();
            let segment_end =
                entry.physical_offset - entry.physical_offset % segment_bytes + segment_bytes;
            let room = self.appended().0.min(segment_end) - entry.physical_offset;
            let wanted = bytes.max(window.ahead.min(usize::try_from(room).unwrap_or(0)));
            window.bytes.resize(wanted, 0);
            window.start = entry.physical_offset;
            let read = match residence {
                Residence::Resident => {
                    self.log.read_resident_at(window.start, &mut window.bytes)?
                }
                Residence::Anywhere => self.log.read_at(window.start, &mut window.bytes)?,
            };
            if !read {
                window.bytes.clear();
                return Ok(match residence {
                    Residence::Resident => Look::Cold,
                    Residence::Anywhere => Look::Missing,
                });
            }
        }
        window.last_end = entry.end();
        let range = window.range(entry);
        let record = range.and_then(|range| window.bytes.get(range));
        Ok(match record {
            Some(record) if is_record(record, entry) => Look::Record(record),
            _ => Look::Missing,
        })
    }
}
