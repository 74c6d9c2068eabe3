//! Reading the records that a walk along a queue chose (see `read`).
//!
//! Records that follow each other in the log are read together. Where several reads would go to one
//! piece of the log, because queues share it, the whole piece is read and kept for the next reader
//! (`log::pieces`). Which part of the log may be tried without waiting for the disk is learnt here.

use std::io;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use bytes::Bytes;

use super::Store;
use super::read::{Candidate, Picked};
use crate::dispatch;
use crate::log::PIECE_BYTES;
use crate::queue::{Entry, Residence, Unit as _};
use crate::recovery::start::RecordHead;

/// A piece is read whole when it spares so many reads.
const RUNS_OF_PIECE_MIN: usize = 4;

/// So much is set aside for an answer before any of it was read; what entries promise may be damaged.
const ANSWER_BYTES_SURE: usize = 256 * 1024;

/// The log is told apart in regions of this size.
const REGION_BYTES: i64 = 4 * 1024 * 1024;
/// Regions that are remembered: 4 GiB that readers of the past went through within a second.
const REGIONS_MAX: usize = 1024;

/// Which regions of the log are not all in the page cache. Nobody tells, so reading is tried, and where
/// the kernel would have to wait, the region is left to threads that may: one that is read from the
/// disk as a whole stops others only once. It is tried anew a second later; what was read then is there.
#[derive(Debug)]
pub(super) struct Warmth {
    /// A region has one place, by its number, and takes it from another; −1 is none.
    missed: Box<[AtomicI64]>,
    misses: AtomicU64,
}

impl Warmth {
    pub(super) fn new() -> Self {
        Self {
            missed: (0..REGIONS_MAX).map(|_| AtomicI64::new(-1)).collect(),
            misses: AtomicU64::new(0),
        }
    }

    /// Whether a record may be tried.
    pub(super) fn covers(&self, offset: i64) -> bool {
        let region = offset / REGION_BYTES;
        self.place(region)
            .is_none_or(|place| place.load(Ordering::Relaxed) != region)
    }

    fn missed(&self, offset: i64) {
        let region = offset / REGION_BYTES;
        if let Some(place) = self.place(region) {
            place.store(region, Ordering::Relaxed);
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
    }

    /// Everything may be tried again.
    pub(super) fn forget(&self) {
        for place in &self.missed {
            place.store(-1, Ordering::Relaxed);
        }
    }

    fn place(&self, region: i64) -> Option<&AtomicI64> {
        self.missed
            .get(region.unsigned_abs() as usize % REGIONS_MAX)
    }
}

/// Chosen records that follow each other in one segment.
struct Run<'a> {
    records: &'a [Candidate],
    start: i64,
    bytes: usize,
}

/// What became of a run.
enum Got {
    Bytes,
    /// The log does not hold it.
    Nothing,
    /// It may be on the disk alone, and the reader does not wait.
    Cold,
}

/// Whether there is memory for the record of an entry, which may be damaged. A record that is longer
/// than any that is sent today has to be as long as its entry says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Length {
    Sure,
    Wrong,
    /// To know, the log has to be read, and the reader does not wait.
    Unread,
}

impl Store {
    /// How many pieces of the log were read for the consumers of several queues.
    #[must_use]
    pub fn pieces_read(&self) -> u64 {
        self.log.pieces_read()
    }

    /// How often a part of the log was found not to be in memory, and left to those who may wait.
    #[must_use]
    pub fn regions_missed(&self) -> u64 {
        self.warmth.misses.load(Ordering::Relaxed)
    }

    /// Reads the chosen records into one buffer; `None` when only resident ones are wanted and some
    /// are not. Entries whose record is not there are taken out.
    pub(super) fn fetch(
        &self,
        picked: &mut Picked,
        residence: Residence,
    ) -> io::Result<Option<Bytes>> {
        let mut buffer = Vec::with_capacity(picked.bytes.min(ANSWER_BYTES_SURE));
        let mut entries = picked.entries.as_slice();
        let mut lost = Vec::new();
        // The last piece that was looked at, and whether it pays to read it.
        let mut shared = (-1, false);
        while let Some(run) = self.leading_run(entries) {
            entries = entries.get(run.records.len()..).unwrap_or_default();
            let piece = self.log.piece_start(run.start);
            if shared.0 != piece {
                let end = piece + PIECE_BYTES as i64;
                let pays = spares_reads(run.records, entries, end) && end <= self.appended().0;
                shared = (piece, pays);
            }
            let from = buffer.len();
            match self.fetch_run(&run, &mut shared.1, residence, &mut buffer)? {
                Got::Cold => return Ok(None),
                Got::Bytes if are_records(buffer.get(from..).unwrap_or_default(), run.records) => {}
                Got::Bytes | Got::Nothing => {
                    let kept = leave_out_missing(buffer.get(from..), run.records, &mut lost);
                    buffer.truncate(from);
                    buffer.extend_from_slice(&kept);
                }
            }
        }
        if !lost.is_empty() {
            picked.leave_out(&lost, buffer.len());
        }
        Ok(Some(Bytes::from(buffer)))
    }

    /// Appends the bytes of a run to `buffer`. A piece that could not be read is not tried again.
    fn fetch_run(
        &self,
        run: &Run<'_>,
        pays: &mut bool,
        residence: Residence,
        buffer: &mut Vec<u8>,
    ) -> io::Result<Got> {
        if let Some(first) = run.records.first() {
            match self.length_of(&first.entry, residence)? {
                Length::Sure => {}
                Length::Wrong => return Ok(Got::Nothing),
                Length::Unread => return Ok(Got::Cold),
            }
        }
        if self
            .log
            .copy_from_pieces(run.start, run.bytes, *pays, residence, buffer)?
        {
            return Ok(Got::Bytes);
        }
        *pays = false;
        // A damaged entry may promise more than a segment holds.
        if run.bytes as u64 > self.config.segment_bytes {
            return Ok(Got::Nothing);
        }
        let from = buffer.len();
        buffer.resize(from + run.bytes, 0);
        let into = buffer.get_mut(from..).unwrap_or_default();
        let read = match residence {
            Residence::Anywhere => self.log.read_at(run.start, into)?,
            Residence::Resident => self.log.read_resident_at(run.start, into)?,
        };
        Ok(match (read, residence) {
            (true, _) => Got::Bytes,
            (false, Residence::Anywhere) => Got::Nothing,
            (false, Residence::Resident) => {
                self.warmth.missed(run.start);
                Got::Cold
            }
        })
    }

    /// What an entry says of the length of its record, which is the first that there has to be memory
    /// for: of the others only as many are chosen as an answer has room for.
    pub(super) fn length_of(&self, entry: &Entry, residence: Residence) -> io::Result<Length> {
        let bytes = entry.bytes.unsigned_abs() as usize;
        if bytes <= self.record_bytes_max() {
            return Ok(Length::Sure);
        }
        if residence == Residence::Resident {
            return Ok(Length::Unread);
        }
        let head = RecordHead::read(&self.log, entry.physical_offset)?;
        Ok(match head {
            Some(head) if head.bytes == entry.bytes => Length::Sure,
            _ => Length::Wrong,
        })
    }

    /// The first entries that follow each other in one segment.
    fn leading_run<'a>(&self, entries: &'a [Candidate]) -> Option<Run<'a>> {
        let start = entries.first()?.entry.physical_offset;
        let segment = start / self.log.segment_bytes();
        let mut end = start;
        let mut bytes = 0;
        let mut count = 0;
        for Candidate { entry, .. } in entries {
            let at = entry.physical_offset;
            if at != end || at / self.log.segment_bytes() != segment {
                break;
            }
            end = entry.end();
            bytes += entry.bytes.unsigned_abs() as usize;
            count += 1;
        }
        Some(Run {
            records: entries.get(..count)?,
            start,
            bytes,
        })
    }
}

/// Whether what follows a run takes several more reads before `end`.
fn spares_reads(run: &[Candidate], later: &[Candidate], end: i64) -> bool {
    let before = run.last().into_iter().chain(later);
    let gaps = later
        .iter()
        .zip(before)
        .take_while(|(next, _)| next.entry.end() <= end)
        .filter(|(next, one)| one.entry.end() != next.entry.physical_offset);
    gaps.take(RUNS_OF_PIECE_MIN - 1).count() == RUNS_OF_PIECE_MIN - 1
}

/// Whether the bytes are the records that the entries promise.
fn are_records(bytes: &[u8], entries: &[Candidate]) -> bool {
    let mut rest = bytes;
    entries.iter().map(|one| &one.entry).all(|entry| {
        let Some((record, later)) = rest.split_at_checked(entry.bytes.unsigned_abs() as usize)
        else {
            return false;
        };
        rest = later;
        is_record(record, entry)
    })
}

pub(super) fn is_record(record: &[u8], entry: &Entry) -> bool {
    RecordHead::decode(record).is_some_and(|head| {
        // What fills a damaged place may be as long as the record that was there.
        head.bytes == entry.bytes
            && head.physical_offset == entry.physical_offset
            && dispatch::is_queued(head.sys_flag)
    })
}

/// Copies only what is there, and notes the offsets of the rest; a slow way for a rare case.
fn leave_out_missing(run: Option<&[u8]>, records: &[Candidate], lost: &mut Vec<i64>) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut rest = run.unwrap_or_default();
    for one in records {
        let bytes = one.entry.bytes.unsigned_abs() as usize;
        let (record, later) = rest.split_at_checked(bytes).unwrap_or_default();
        rest = later;
        if is_record(record, &one.entry) {
            kept.extend_from_slice(record);
        } else {
            lost.push(one.queue_offset);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miss_leaves_its_region_to_others_for_a_while() {
        let warmth = Warmth::new();
        assert!(warmth.covers(0));
        warmth.missed(REGION_BYTES + 7);
        assert!(warmth.covers(REGION_BYTES - 1) && warmth.covers(2 * REGION_BYTES));
        assert!(!warmth.covers(REGION_BYTES) && !warmth.covers(2 * REGION_BYTES - 1));
        warmth.forget();
        assert!(warmth.covers(REGION_BYTES));
    }

    #[test]
    fn pieces_pay_for_scattered_records_alone() {
        let at = |physical_offset| Candidate {
            entry: Entry {
                physical_offset,
                bytes: 100,
                ..Entry::BLANK
            },
            queue_offset: 0,
            messages: 1,
        };
        let scattered: Vec<_> = (0..10).map(|n| at(n * 800)).collect();
        let (first, later) = scattered.split_at(1);
        assert!(spares_reads(first, later, 4000));
        assert!(!spares_reads(first, later, 2000));
        let adjacent: Vec<_> = (0..10).map(|n| at(n * 100)).collect();
        let (first, later) = adjacent.split_at(1);
        assert!(!spares_reads(first, later, 4000));
    }
}
