//! Finding the next record behind a place that holds none.
//!
//! What stands in a damaged log may look like a record without being one: the body of a message can
//! hold the copy of another record, and segments that a Java broker cut and went on writing still
//! hold records of that earlier life. So a record that is *searched* must be more than well formed:
//! it says that it is where it stands, its CRC is right, it is not older than the last good record,
//! and its queue offset is possible. Store times go back when a clock that was wrong is put right, so
//! the age does not count where the log was durable: what stands there is of this life, also behind a
//! hole. Elsewhere, where pages of an earlier life may show through those that a power loss took, it
//! counts, but not against a time that the clock has not reached yet. The damaged record's own length is tried first, which steps over
//! its body. What remains: a record whose head is destroyed and whose body holds a forged record that
//! names its own position in this log is taken for that record.

use std::io;

use ferrocket_protocol::message::View;
use ferrocket_protocol::message::record::{MAGIC_AT, MAGIC_V1, MAGIC_V2, PHYSICAL_OFFSET_AT};
use ferrocket_protocol::message::view::ViewError;

use super::scan::{Found, Scanner, Stop};

/// So many bytes that are not known to be unwritten are searched behind the place up to which queues
/// or checkpoint say that there is a log. No broker has more bytes unflushed than this: see
/// `UNFLUSHED_BYTES_MAX`.
pub(super) const SEARCH_BEYOND_BYTES: i64 = 256 * 1024 * 1024;

/// Bytes from the start of a record to the end of its own physical offset.
const PROBE_BYTES: usize = PHYSICAL_OFFSET_AT + 8;

/// What is known before a search.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Something says that the log reaches this far: before it, a search has no bound.
    pub(super) reaches: i64,
    /// What stands before it was durable.
    pub(super) durable: i64,
    /// The store time of the last good record.
    pub(super) store_ms: i64,
}

/// How much a search may still read.
struct Budget {
    reaches: i64,
    left: i64,
}

impl Budget {
    fn spend(&mut self, at: i64, bytes: i64) -> bool {
        self.left -= bytes.min((at + bytes - self.reaches).max(0));
        self.left > 0
    }
}

impl Scanner<'_> {
    /// Where the next record behind `from` begins, which holds none.
    pub(super) fn next_record(&mut self, from: i64, known: Known) -> io::Result<Option<i64>> {
        let Some(segment) = self.log.segment_at(from) else {
            return Ok(None);
        };
        let mut budget = Budget {
            reaches: known.reaches,
            left: SEARCH_BEYOND_BYTES,
        };
        let mut end = segment.base() + self.log.segment_bytes();
        if let Some(next) = self.behind_own_length(from, end, known)? {
            return Ok(Some(next));
        }
        let mut begin = from + 1;
        loop {
            if let Some(found) = self.search(begin, end, known, &mut budget)? {
                return Ok(Some(found));
            }
            // The first record of a later segment is worth a look however far away it is.
            let Some(base) = self.log.next_base_from(end) else {
                return Ok(None);
            };
            end = base + self.log.segment_bytes();
            begin = base;
            if self.is_record(base, end, known)? {
                return Ok(Some(base));
            }
        }
    }

    /// Behind the bytes that the damaged record says it has, or that its parts have where they say
    /// something else, if there is a record or the end of the segment.
    fn behind_own_length(&mut self, from: i64, end: i64, known: Known) -> io::Result<Option<i64>> {
        for length in self.own_lengths(from, end)? {
            let next = from + length;
            if next <= from || next >= end {
                continue;
            }
            let stands_there = match self.look(next, end, &mut |_| Ok(()))? {
                Found::Blank => true,
                Found::Record { .. } => self.is_record(next, end, known)?,
                Found::Misshapen(_) | Found::Nothing(_) => false,
            };
            if stands_there {
                return Ok(Some(next));
            }
        }
        Ok(None)
    }

    /// The lengths that a damaged record gives itself, the shorter first: a wrong total may end where
    /// another record does, with good ones between.
    fn own_lengths(&mut self, from: i64, end: i64) -> io::Result<[i64; 2]> {
        let bytes = self.fill(from, 4, end)?;
        let Some(total) = bytes.and_then(|bytes| bytes.first_chunk().copied()) else {
            return Ok([0; 2]);
        };
        let total = i64::from(i32::from_be_bytes(total));
        let whole = match usize::try_from(total) {
            Ok(bytes) => self.fill(from, bytes, end)?,
            Err(_) => None,
        };
        let parts = match whole.map(View::parse) {
            Some(Err(ViewError::SizeMismatch { computed, .. })) => {
                i64::try_from(computed).unwrap_or(total)
            }
            _ => total,
        };
        Ok([parts.min(total), parts.max(total)])
    }

    fn search(
        &mut self,
        begin: i64,
        end: i64,
        known: Known,
        budget: &mut Budget,
    ) -> io::Result<Option<i64>> {
        let mut at = begin;
        while at < end {
            let Some(data) = self.log.data_from(at)?.filter(|data| *data < end) else {
                return Ok(None);
            };
            // Up to three of a record's first bytes are zeros.
            at = at.max(data - 3);
            let Some(window) = self.fill(at, 1, end)? else {
                return Ok(None);
            };
            let bytes = window.len() as i64;
            if let Some(candidate) = candidate_in(window, at) {
                if self.is_record(candidate, end, known)? {
                    return Ok(Some(candidate));
                }
                at = candidate + 1;
                continue;
            }
            if !budget.spend(at, bytes) {
                return Ok(None);
            }
            // The last bytes may be the first ones of a record.
            at += (bytes - PROBE_BYTES as i64 + 1).max(1);
        }
        Ok(None)
    }

    fn is_record(&mut self, at: i64, end: i64, known: Known) -> io::Result<bool> {
        let mut credible = false;
        let store_ms_min = if at < known.durable {
            0
        } else {
            known.store_ms
        };
        let found = self.look(at, end, &mut |record| {
            credible = is_credible(record, store_ms_min);
            Ok(())
        })?;
        Ok(credible && matches!(found, Found::Record { .. }))
    }
}

/// Whether a well formed record in its place, found by searching, may be believed.
pub(crate) fn is_credible(record: &View<'_>, store_ms_min: i64) -> bool {
    record.store_ms >= store_ms_min.max(1)
        && record.body_crc_matches()
        && !record.topic.is_empty()
        // A message takes more than a byte of the log.
        && (0..=record.physical_offset).contains(&record.queue_offset)
}

/// The first place in `window`, which begins at `base`, where a record says that it is.
fn candidate_in(window: &[u8], base: i64) -> Option<i64> {
    if window.iter().all(|byte| *byte == 0) {
        return None;
    }
    let found = window.windows(PROBE_BYTES).zip(base..).find(|(bytes, at)| {
        let word = |from: usize| bytes.get(from..).and_then(|rest| rest.first_chunk::<4>());
        let magic = word(MAGIC_AT).map_or(0, |magic| u32::from_be_bytes(*magic));
        (magic == MAGIC_V1 || magic == MAGIC_V2) && bytes.last_chunk() == Some(&at.to_be_bytes())
    });
    found.map(|(_, at)| at)
}

impl Stop {
    pub(super) fn reason(&self) -> String {
        match self {
            Self::LastSegmentFull => "the last segment is full".to_owned(),
            Self::Unwritten => "there are zeros".to_owned(),
            Self::Damaged(reason) => reason.clone(),
        }
    }
}
