//! Walking the commit log record by record, over damaged places, to its end.
//!
//! A place that holds no record ends the log only when no record follows: see [`search`](super::search).

use std::io;

use ferrocket_protocol::message::View;
use ferrocket_protocol::message::record::BLANK_BYTES;
use ferrocket_protocol::message::view::{PropertyCrc, ViewError};

use super::report::DamagedMessage;
use super::search::Known;
use crate::batch::{has_room_for_seal, is_topic};
use crate::batch_queue::inner;
use crate::clock;
use crate::log::CommitLog;
use crate::offsets::QueueOffset;

/// Bytes read at once: few at first, because after a clean stop there is little to read. A longer
/// record makes the buffer as long as itself.
const PIECE_BYTES_FIRST: usize = 64 * 1024;
const PIECE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What arrives or is lost as a whole when power fails.
pub(super) const SECTOR_BYTES: i64 = 512;

/// Why a scan ended where it did, or what stands where a record should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    /// The last segment ended.
    LastSegmentFull,
    /// Zeros: nothing was written here yet.
    Unwritten,
    /// Bytes that are no record.
    Damaged(String),
}

/// A place without a record that has records behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hole {
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) reason: String,
    pub(super) message: Option<DamagedMessage>,
    /// The store time of the last good record before it.
    pub(super) store_ms: i64,
}

/// Where a scan ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct End {
    pub(super) end: i64,
    pub(super) stop: Stop,
    pub(super) records: u64,
    /// Start and store time of the last record.
    pub(super) last: Option<(i64, i64)>,
    pub(super) holes: Vec<Hole>,
}

/// What a scan goes by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// `checkCRCOnRecover`.
    pub(super) check_crc: bool,
    /// Records carry their own CRC (`enabledAppendPropCRC`).
    pub(super) property_crc: bool,
    /// What begins before this is known to have been durable (`confirmPhyOffset`): it is not torn.
    pub(super) durable: i64,
    /// No other broker wrote what there is behind that.
    pub(super) is_ours: bool,
    pub(super) now_ms: i64,
    /// Something says that the log reaches so far.
    pub(super) reaches: i64,
    /// The last stop was clean: zeros behind `reaches` are the end.
    pub(super) clean: bool,
}

pub(super) struct Scanner<'a> {
    pub(super) log: &'a CommitLog,
    rules: Rules,
    /// Told where a piece is read.
    read: &'a dyn Fn(i64),
    buffer: Vec<u8>,
    piece_bytes: usize,
    /// Where `buffer` begins in the log.
    buffered_at: i64,
}

/// What stands at a place.
pub(super) enum Found {
    Record {
        bytes: i64,
        store_ms: i64,
    },
    Blank,
    /// Lengths and position are a record's, the content is not what was written.
    Misshapen(Misshapen),
    Nothing(Stop),
}

pub(super) struct Misshapen {
    bytes: i64,
    reason: &'static str,
    message: DamagedMessage,
}

type Visit<'v> = dyn FnMut(&View<'_>) -> io::Result<()> + 'v;

/// A scan under way.
struct Walk {
    at: i64,
    end: i64,
    records: u64,
    last: Option<(i64, i64)>,
    /// Store time of the last record that can have been stored then.
    credible_ms: Option<i64>,
    holes: Vec<Hole>,
    /// Holes behind which nothing good was met yet.
    doubtful: Vec<Hole>,
}

impl Walk {
    fn doubt(&mut self, to: i64, reason: String, message: Option<DamagedMessage>) {
        self.doubtful.push(Hole {
            from: self.at,
            to,
            reason,
            message,
            store_ms: self.last.map_or(0, |(_, store_ms)| store_ms),
        });
        self.at = to;
    }

    /// Something good was met: the log goes on here.
    fn confirm(&mut self) {
        self.holes.append(&mut self.doubtful);
        self.end = self.at;
    }

    /// What was durable was no torn write, though nothing follows it.
    fn confirm_until(&mut self, durable: i64) {
        let kept = self.doubtful.partition_point(|hole| hole.to <= durable);
        self.holes.extend(self.doubtful.drain(..kept));
        self.end = self.holes.last().map_or(0, |hole| hole.to).max(self.end);
    }
}

impl<'a> Scanner<'a> {
    pub(super) fn new(log: &'a CommitLog, rules: Rules, read: &'a dyn Fn(i64)) -> Self {
        Self {
            log,
            rules,
            read,
            buffer: Vec::new(),
            piece_bytes: PIECE_BYTES_FIRST,
            buffered_at: 0,
        }
    }

    /// Visits every record from `start` on, in order, until the log ends.
    pub(super) fn run(&mut self, start: i64, visit: &mut Visit<'_>) -> io::Result<End> {
        let mut walk = Walk {
            at: start,
            end: start,
            records: 0,
            last: None,
            credible_ms: None,
            holes: Vec::new(),
            doubtful: Vec::new(),
        };
        let mut stop = Stop::LastSegmentFull;
        while let Some(segment) = self.log.segment_at(walk.at) {
            let segment_end = segment.base() + self.log.segment_bytes();
            match self.look(walk.at, segment_end, visit)? {
                Found::Record { bytes, store_ms } => {
                    walk.last = Some((walk.at, store_ms));
                    if clock::is_credible(store_ms, self.rules.now_ms) {
                        walk.credible_ms = Some(store_ms);
                    }
                    walk.records += 1;
                    walk.at += bytes;
                    walk.confirm();
                }
                // The next segment, be it behind a gap: what is in it is not lost.
                Found::Blank => {
                    walk.confirm();
                    match self.log.next_base_from(segment_end) {
                        Some(base) => {
                            walk.at = base;
                            walk.end = base;
                        }
                        None => {
                            walk.end = segment_end;
                            break;
                        }
                    }
                }
                Found::Misshapen(found) => {
                    let to = walk.at + found.bytes;
                    walk.doubt(to, found.reason.to_owned(), Some(found.message));
                }
                Found::Nothing(found) => {
                    if let Some(next) = self.behind(&walk, &found)? {
                        walk.doubt(next, found.reason(), None);
                    } else if self.reaches_durable(&walk) {
                        walk.doubt(self.rules.durable, found.reason(), None);
                        walk.confirm();
                    } else {
                        stop = found;
                        break;
                    }
                }
            }
        }
        walk.confirm_until(self.rules.durable);
        if let Some(first) = walk.doubtful.first() {
            stop = Stop::Damaged(first.reason.clone());
        }
        Ok(End {
            end: walk.end,
            stop,
            records: walk.records,
            last: walk.last,
            holes: walk.holes,
        })
    }

    /// Where the log goes on behind a place that holds nothing. Zeros are where every log ends: they
    /// are worth a look when the last stop was not clean, or when something says that there is more.
    fn behind(&mut self, walk: &Walk, found: &Stop) -> io::Result<Option<i64>> {
        let is_plain_end = self.rules.clean
            && *found == Stop::Unwritten
            && walk.doubtful.is_empty()
            && walk.at >= self.rules.reaches;
        if is_plain_end {
            return Ok(None);
        }
        let last_ms = walk.last.map_or(0, |(_, store_ms)| store_ms);
        let known = Known {
            reaches: self.rules.reaches,
            durable: self.rules.durable,
            store_ms: walk.credible_ms.unwrap_or(last_ms),
        };
        self.next_record(walk.at, known)
    }

    /// Whether the log was durable beyond a place behind which nothing is left of it. It goes on
    /// where it ended then: offsets that were given out are not given out again.
    fn reaches_durable(&self, walk: &Walk) -> bool {
        let durable = self.rules.durable;
        walk.at < durable && self.log.segment_at(durable).is_some()
    }

    pub(super) fn look(
        &mut self,
        at: i64,
        segment_end: i64,
        visit: &mut Visit<'_>,
    ) -> io::Result<Found> {
        let mut wanted = BLANK_BYTES;
        loop {
            let Some(bytes) = self.fill(at, wanted, segment_end)? else {
                return Ok(damaged("a record crosses the end of its segment"));
            };
            let parsed = View::parse(bytes).map(|view| view.bytes().len());
            match parsed {
                Ok(record_bytes) => {
                    let file_starts_at = segment_end - self.log.segment_bytes();
                    return self.judge(at, record_bytes, at - file_starts_at, visit);
                }
                Err(ViewError::Incomplete { needed, available }) if needed > available => {
                    wanted = needed;
                }
                Err(ViewError::Blank { bytes }) if i64::from(bytes) == segment_end - at => {
                    return Ok(Found::Blank);
                }
                Err(_) if bytes.first_chunk() == Some(&[0_u8; BLANK_BYTES]) => {
                    return Ok(Found::Nothing(Stop::Unwritten));
                }
                Err(error) => return Ok(damaged(&error.to_string())),
            }
        }
    }

    /// Parses again, because the buffer cannot stay borrowed over the loop that fills it.
    fn judge(
        &self,
        at: i64,
        record_bytes: usize,
        in_file_at: i64,
        visit: &mut Visit<'_>,
    ) -> io::Result<Found> {
        let here = usize::try_from(at - self.buffered_at).unwrap_or(0);
        let bytes = self
            .buffer
            .get(here..here + record_bytes)
            .unwrap_or_default();
        let view = match View::parse(bytes) {
            Ok(view) => view,
            Err(error) => return Ok(damaged(&error.to_string())),
        };
        if view.physical_offset != at {
            let problem = format!("the record says that it is at {}", view.physical_offset);
            return Ok(damaged(&problem));
        }
        if let Some(reason) = self.flaw(&view, in_file_at) {
            return Ok(Found::Misshapen(Misshapen {
                bytes: record_bytes as i64,
                reason,
                message: DamagedMessage {
                    topic: view.topic.to_owned(),
                    queue_id: view.queue_id,
                    queue_offset: QueueOffset(view.queue_offset),
                    messages: inner::messages_of(&view),
                    store_ms: view.store_ms,
                },
            }));
        }
        visit(&view)?;
        Ok(Found::Record {
            bytes: record_bytes as i64,
            store_ms: view.store_ms,
        })
    }

    /// What is wrong with the content of a record whose lengths add up.
    fn flaw(&self, record: &View<'_>, in_file_at: i64) -> Option<&'static str> {
        if self.rules.check_crc && !record.body_crc_matches() {
            return Some("the body does not match its CRC");
        }
        if self.rules.property_crc && record.property_crc() == PropertyCrc::Differs {
            return Some("the record does not match its CRC property");
        }
        if !is_topic(record.topic) {
            return Some("its topic cannot be one");
        }
        if !self.may_be_torn(record) || record.property_crc() == PropertyCrc::Matches {
            return None;
        }
        // The CRC property ends a record; where it should be is what never arrived.
        if self.rules.property_crc && record.properties.last() == Some(&0) {
            return Some("its properties are torn");
        }
        let properties_at = record.bytes().len() - record.properties.len();
        lacks_sector(record.properties, in_file_at + properties_at as i64)
            .then_some("a sector of its properties never reached the disk")
    }

    /// Whether missing properties are told from zeros that a client sent. They are in what this broker
    /// wrote, which gives such a record its own CRC; of a record without one it is not known, and it is
    /// kept: better a message that was never acknowledged than a loss of one that was.
    fn may_be_torn(&self, record: &View<'_>) -> bool {
        self.rules.is_ours
            && record.physical_offset >= self.rules.durable
            && has_room_for_seal(record.properties)
    }

    /// Makes at least `wanted` bytes from `at` on available, more where the segment has them; `None`
    /// when the segment ends before.
    pub(super) fn fill(
        &mut self,
        at: i64,
        wanted: usize,
        segment_end: i64,
    ) -> io::Result<Option<&[u8]>> {
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
            (self.read)(at);
            if !self.log.read_at(at, &mut self.buffer)? {
                return Ok(None);
            }
        }
        let here = usize::try_from(at - self.buffered_at).unwrap_or(0);
        Ok(self.buffer.get(here..))
    }
}

fn damaged(reason: &str) -> Found {
    Found::Nothing(Stop::Damaged(reason.to_owned()))
}

/// Whether one of the sectors that text at `at` of its file lies in has nothing but zeros where the
/// text should be: the properties have no CRC.
fn lacks_sector(text: &[u8], at: i64) -> bool {
    let head = usize::try_from(SECTOR_BYTES - at.rem_euclid(SECTOR_BYTES)).unwrap_or(0);
    let (first, rest) = text.split_at(head.min(text.len()));
    std::iter::once(first)
        .chain(rest.chunks(SECTOR_BYTES.unsigned_abs() as usize))
        .filter(|part| !part.is_empty())
        .any(|part| part.iter().all(|byte| *byte == 0))
}
