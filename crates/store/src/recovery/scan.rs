//! Walking the commit log record by record, and deciding where it ends.

use std::io;

use ferrocket_protocol::message::View;
use ferrocket_protocol::message::record::{MAGIC_V1, MAGIC_V2};
use ferrocket_protocol::message::view::ViewError;

use crate::log::CommitLog;

/// Bytes read at once: few at first, because after a clean stop there is little to read. A longer
/// record makes the buffer as long as itself.
const PIECE_BYTES_FIRST: usize = 64 * 1024;
const PIECE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Behind the end of the log this much is searched for records that should not be there.
const SEARCH_BEYOND_BYTES: i64 = 16 * 1024 * 1024;

/// Why a scan ended where it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// The last segment ended.
    LastSegmentFull,
    /// Zeros: nothing was written here yet.
    Unwritten,
    /// Bytes that are no record.
    Damaged(String),
}

/// Where a scan ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    pub(super) end: i64,
    pub(super) stop: Stop,
    pub(super) records: u64,
    /// Start and store time of the last record.
    pub(super) last: Option<(i64, i64)>,
}

pub(super) struct Scanner<'a> {
    log: &'a CommitLog,
    check_crc: bool,
    buffer: Vec<u8>,
    piece_bytes: usize,
    /// Where `buffer` begins in the log.
    buffered_at: i64,
}

enum Found {
    Record { bytes: i64, store_ms: i64 },
    Blank,
    Nothing(Stop),
}

impl<'a> Scanner<'a> {
    pub(super) fn new(log: &'a CommitLog, check_crc: bool) -> Self {
        Self {
            log,
            check_crc,
            buffer: Vec::new(),
            piece_bytes: PIECE_BYTES_FIRST,
            buffered_at: 0,
        }
    }

    /// Visits every record from `start` on, in order, until the log ends.
    pub(super) fn run(
        &mut self,
        start: i64,
        visit: &mut dyn FnMut(&View<'_>) -> io::Result<()>,
    ) -> io::Result<End> {
        let mut outcome = End {
            end: start,
            stop: Stop::LastSegmentFull,
            records: 0,
            last: None,
        };
        let mut at = start;
        while let Some(segment) = self.log.segment_at(at) {
            let next = segment.base() + self.log.segment_bytes();
            match self.look(at, next, visit)? {
                Found::Record { bytes, store_ms } => {
                    outcome.last = Some((at, store_ms));
                    outcome.records += 1;
                    at += bytes;
                    outcome.end = at;
                }
                // The next segment, be it behind a gap: what is in it is not lost.
                Found::Blank => match self.log.next_base_from(next) {
                    Some(base) => {
                        at = base;
                        outcome.end = base;
                    }
                    None => break,
                },
                Found::Nothing(stop) => {
                    outcome.stop = stop;
                    break;
                }
            }
        }
        Ok(outcome)
    }

    /// The first thing behind `end` that is a whole record in its place, if there is one: then the
    /// log did not end there, it is damaged there.
    pub(super) fn record_beyond(&mut self, end: i64) -> io::Result<Option<i64>> {
        let mut at = end + 1;
        let limit = end + SEARCH_BEYOND_BYTES;
        while at < limit
            && let Some(segment) = self.log.segment_at(at)
        {
            let next = segment.base() + self.log.segment_bytes();
            if self.fill(at, 8, next)?.is_none() {
                let Some(base) = self.log.next_base_from(next) else {
                    break;
                };
                at = base;
                continue;
            }
            let here = usize::try_from(at - self.buffered_at).unwrap_or(0);
            let window = self.buffer.get(here..).unwrap_or_default();
            match magic_in(window) {
                Some(skipped) => {
                    let candidate = at + skipped as i64;
                    if let Found::Record { .. } = self.look(candidate, next, &mut |_| Ok(()))? {
                        return Ok(Some(candidate));
                    }
                    at = candidate + 1;
                }
                // The last bytes may be the first ones of a magic.
                None => at += (window.len() as i64 - 7).max(1),
            }
        }
        Ok(None)
    }

    fn look(
        &mut self,
        at: i64,
        segment_end: i64,
        visit: &mut dyn FnMut(&View<'_>) -> io::Result<()>,
    ) -> io::Result<Found> {
        let mut wanted = 8;
        loop {
            let Some(bytes) = self.fill(at, wanted, segment_end)? else {
                return Ok(Found::Nothing(Stop::Damaged(
                    "a record crosses the end of its segment".into(),
                )));
            };
            let parsed = View::parse(bytes).map(|view| view.bytes().len());
            match parsed {
                Ok(record_bytes) => return self.judge(at, record_bytes, visit),
                Err(ViewError::Incomplete { needed, available }) if needed > available => {
                    wanted = needed;
                }
                Err(ViewError::Blank { .. }) => return Ok(Found::Blank),
                Err(_) if bytes.first_chunk() == Some(&[0_u8; 8]) => {
                    return Ok(Found::Nothing(Stop::Unwritten));
                }
                Err(error) => return Ok(Found::Nothing(Stop::Damaged(error.to_string()))),
            }
        }
    }

    /// Parses again, because the buffer cannot stay borrowed over the loop that fills it.
    fn judge(
        &self,
        at: i64,
        record_bytes: usize,
        visit: &mut dyn FnMut(&View<'_>) -> io::Result<()>,
    ) -> io::Result<Found> {
        let here = usize::try_from(at - self.buffered_at).unwrap_or(0);
        let bytes = self
            .buffer
            .get(here..here + record_bytes)
            .unwrap_or_default();
        let view = match View::parse(bytes) {
            Ok(view) => view,
            Err(error) => return Ok(Found::Nothing(Stop::Damaged(error.to_string()))),
        };
        if view.physical_offset != at {
            let problem = format!("the record says that it is at {}", view.physical_offset);
            return Ok(Found::Nothing(Stop::Damaged(problem)));
        }
        if self.check_crc && !view.body_crc_matches() {
            let problem = "the body does not match its CRC".to_owned();
            return Ok(Found::Nothing(Stop::Damaged(problem)));
        }
        visit(&view)?;
        Ok(Found::Record {
            bytes: record_bytes as i64,
            store_ms: view.store_ms,
        })
    }

    /// Makes at least `wanted` bytes from `at` on available, more where the segment has them; `None`
    /// when the segment ends before.
    fn fill(&mut self, at: i64, wanted: usize, segment_end: i64) -> io::Result<Option<&[u8]>> {
        let left = usize::try_from(segment_end - at).unwrap_or(0);
        if left < wanted {
            return Ok(None);
        }
        let have = usize::try_from(at - self.buffered_at)
            .ok()
            .and_then(|here| self.buffer.len().checked_sub(here));
        if have.is_none_or(|have| have < wanted) {
            let bytes = wanted.max(self.piece_bytes).min(left);
            self.piece_bytes = (self.piece_bytes * 2).min(PIECE_BYTES_MAX);
            self.buffer.clear();
            self.buffer.resize(bytes, 0);
            self.buffered_at = at;
            if !self.log.read_at(at, &mut self.buffer)? {
                return Ok(None);
            }
        }
        let here = usize::try_from(at - self.buffered_at).unwrap_or(0);
        Ok(self.buffer.get(here..))
    }
}

/// Where in `window` the first record may begin: four bytes before a magic.
fn magic_in(window: &[u8]) -> Option<usize> {
    if window.iter().all(|byte| *byte == 0) {
        return None;
    }
    window.windows(8).position(|bytes| {
        let magic = bytes
            .last_chunk()
            .map_or(0, |magic| u32::from_be_bytes(*magic));
        magic == MAGIC_V1 || magic == MAGIC_V2
    })
}
