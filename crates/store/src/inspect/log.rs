//! The commit log as it is: its segments, and a walk over everything in them that is a record and
//! everything that is not.
//!
//! The walk never stops at damage. It goes on at the next whole record that opening a store would
//! believe too: one that says of itself that it is where it is, whose body has its CRC, and that is
//! not older than the last good one, so that what an earlier life left behind the end is not taken
//! for a message.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use ferrocket_protocol::message::View;
use ferrocket_protocol::message::record::{MAGIC_V1, MAGIC_V2};
use ferrocket_protocol::message::view::ViewError;

use super::files::{FoundFile, FoundFiles};
use crate::disk::{Disk, DiskFile};
use crate::recovery::is_credible;

/// Bytes that a walk reads at once.
const PIECE_BYTES: usize = 1 << 20;

/// Bytes read at once for single records.
const RECORD_PIECE_BYTES: usize = 64 * 1024;

/// No record is longer, whatever its first four bytes say.
const RECORD_BYTES_MAX: usize = 256 << 20;

/// The segments of a log.
#[derive(Debug, Clone)]
pub struct LogView {
    disk: Arc<dyn Disk>,
    pub files: FoundFiles,
    pub segment_bytes: u64,
}

/// Something at a place of the log.
#[derive(Debug)]
pub enum Found<'a> {
    Record(View<'a>),
    /// Bytes that are no record, or a record whose body does not have its CRC.
    Damage(Damage<'a>),
    /// Between segments: what was here is gone.
    Gap {
        from: i64,
        to: i64,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage<'a> {
    pub from: i64,
    pub to: i64,
    pub reason: String,
    /// The record, when all of it but its CRC is right.
    pub record: Option<View<'a>>,
}

/// How the log ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogEnd {
    /// With the last segment.
    SegmentFull,
    /// With zeros.
    Unwritten,
    /// With bytes that are no record and have none behind them.
    Torn { reason: String },
    /// The visitor had enough.
    Stopped,
}

/// Where a walk ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walked {
    /// One past the last record.
    pub end: i64,
    pub how: LogEnd,
    pub records: u64,
}

/// What a visitor wants next.
pub type Visit<'v> = &'v mut dyn FnMut(Found<'_>) -> io::Result<ControlFlow<()>>;

impl LogView {
    pub(super) fn new(disk: Arc<dyn Disk>, files: FoundFiles, segment_bytes: u64) -> Self {
        Self {
            disk,
            files,
            segment_bytes,
        }
    }

    /// Where the log begins; 0 without segments.
    #[must_use]
    pub fn start(&self) -> i64 {
        self.files.files.first().map_or(0, |file| file.base)
    }

    /// One past the last byte that the segments have room for.
    #[must_use]
    pub fn capacity_end(&self) -> i64 {
        self.files.files.last().map_or(0, end_of)
    }

    /// The segment that holds an offset.
    #[must_use]
    pub fn segment_at(&self, offset: i64) -> Option<&FoundFile> {
        let files = &self.files.files;
        let index = files.partition_point(|file| file.base <= offset);
        let file = files.get(index.checked_sub(1)?)?;
        (offset < end_of(file)).then_some(file)
    }

    /// The first segment with content that begins at or behind an offset.
    fn next_segment(&self, offset: i64) -> Option<&FoundFile> {
        let files = &self.files.files;
        let from = files.partition_point(|file| file.base < offset);
        files.get(from..)?.iter().find(|file| file.bytes > 0)
    }

    /// The record at an offset, if a whole one is there; its CRC may be wrong.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn record_at(&self, offset: i64) -> io::Result<Option<Vec<u8>>> {
        let mut records = RecordReader::new(self);
        let view = records.record_at(offset)?;
        Ok(view.map(|view| view.bytes().to_vec()))
    }

    /// Visits everything from `from` on until the log ends; `from` must be the start of a record or
    /// of a segment.
    ///
    /// # Errors
    /// When the disk cannot be read, or the visitor says so.
    pub fn walk(&self, from: i64, visit: Visit<'_>) -> io::Result<Walked> {
        Walk {
            log: self,
            reader: Reader::new(self, PIECE_BYTES),
            last_store_ms: i64::MIN,
            walked: Walked {
                end: from,
                how: LogEnd::SegmentFull,
                records: 0,
            },
        }
        .run(from, visit)
    }
}

/// One past the last byte of a segment.
pub(super) fn end_of(file: &FoundFile) -> i64 {
    file.base
        .saturating_add(i64::try_from(file.bytes).unwrap_or(i64::MAX))
}

/// What is at a position, its bytes in the reader's buffer.
enum Here {
    Record { bytes: usize },
    BadCrc { bytes: usize },
    EndOfSegment,
    Unwritten,
    Other(String),
}

struct Walk<'a> {
    log: &'a LogView,
    reader: Reader<'a>,
    last_store_ms: i64,
    walked: Walked,
}

impl Walk<'_> {
    fn run(mut self, from: i64, visit: Visit<'_>) -> io::Result<Walked> {
        let mut at = from;
        loop {
            let Some(segment) = self.log.segment_at(at) else {
                let Some(next) = self.log.next_segment(at).map(|segment| segment.base) else {
                    break;
                };
                if visit(Found::Gap { from: at, to: next })?.is_break() {
                    return Ok(self.stopped());
                }
                at = next;
                continue;
            };
            let segment_end = end_of(segment);
            match self.look(at)? {
                Here::Record { bytes } => {
                    if self.give_record(at, bytes, visit)?.is_break() {
                        return Ok(self.stopped());
                    }
                    at += bytes as i64;
                }
                Here::EndOfSegment => at = self.behind_blank(segment_end),
                Here::BadCrc { bytes } => {
                    let to = at + bytes as i64;
                    let reason = "the body does not match its CRC".to_owned();
                    if self.is_last(to)? {
                        self.walked.how = LogEnd::Torn { reason };
                        break;
                    }
                    let record = self.reader.record(at, bytes);
                    let damage = Damage {
                        from: at,
                        to,
                        reason,
                        record,
                    };
                    if visit(Found::Damage(damage))?.is_break() {
                        return Ok(self.stopped());
                    }
                    at = to;
                }
                other => match self.beyond(at, other, visit)? {
                    Some(next) => at = next,
                    None => break,
                },
            }
        }
        Ok(self.walked)
    }

    fn stopped(mut self) -> Walked {
        self.walked.how = LogEnd::Stopped;
        self.walked
    }

    /// After the blank record that ends a segment; segments that follow it begin the log anew there.
    fn behind_blank(&mut self, segment_end: i64) -> i64 {
        if let Some(next) = self.log.next_segment(segment_end) {
            self.walked.end = next.base;
        }
        segment_end
    }

    fn give_record(
        &mut self,
        at: i64,
        bytes: usize,
        visit: Visit<'_>,
    ) -> io::Result<ControlFlow<()>> {
        let Some(view) = self.reader.record(at, bytes) else {
            return Ok(ControlFlow::Continue(()));
        };
        self.last_store_ms = view.store_ms;
        self.walked.records += 1;
        self.walked.end = at + bytes as i64;
        visit(Found::Record(view))
    }

    /// Nothing good comes behind a record whose CRC is wrong.
    fn is_last(&mut self, to: i64) -> io::Result<bool> {
        Ok(match self.look_in_log(to)? {
            Here::Record { .. } | Here::BadCrc { .. } => false,
            Here::EndOfSegment | Here::Unwritten | Here::Other(_) => {
                self.next_record(to)?.is_none()
            }
        })
    }

    /// Where the walk goes on behind something that is no record; nowhere when the log ends there.
    fn beyond(&mut self, at: i64, here: Here, visit: Visit<'_>) -> io::Result<Option<i64>> {
        let reason = match here {
            Here::Other(reason) => Some(reason),
            _ => None,
        };
        let Some(next) = self.next_record(at + 1)? else {
            self.walked.how = match reason {
                Some(reason) => LogEnd::Torn { reason },
                None => LogEnd::Unwritten,
            };
            return Ok(None);
        };
        let damage = Damage {
            from: at,
            to: next,
            reason: reason.unwrap_or_else(|| "there are zeros before a record".to_owned()),
            record: None,
        };
        let stop = visit(Found::Damage(damage))?.is_break();
        if stop {
            self.walked.how = LogEnd::Stopped;
        }
        Ok((!stop).then_some(next))
    }

    fn look_in_log(&mut self, at: i64) -> io::Result<Here> {
        match self.log.segment_at(at) {
            Some(_) => self.look(at),
            None => Ok(Here::EndOfSegment),
        }
    }

    /// Judges what is at a position of a segment.
    fn look(&mut self, at: i64) -> io::Result<Here> {
        let mut wanted = 8;
        loop {
            let Some(bytes) = self.reader.bytes(at, wanted)? else {
                return Ok(Here::Other(
                    "a record crosses the end of its segment".into(),
                ));
            };
            let problem = match View::parse(bytes) {
                Ok(view) if view.physical_offset != at => {
                    format!("the record says that it is at {}", view.physical_offset)
                }
                Ok(view) => {
                    let bytes = view.bytes().len();
                    return Ok(if view.body_crc_matches() {
                        Here::Record { bytes }
                    } else {
                        Here::BadCrc { bytes }
                    });
                }
                Err(ViewError::Incomplete { needed, available })
                    if needed > available && needed <= RECORD_BYTES_MAX =>
                {
                    wanted = needed;
                    continue;
                }
                Err(ViewError::Blank { .. }) => return Ok(Here::EndOfSegment),
                Err(_) if bytes.first_chunk() == Some(&[0_u8; 8]) => return Ok(Here::Unwritten),
                Err(error) => error.to_string(),
            };
            return Ok(Here::Other(problem));
        }
    }

    /// The first whole record from a position on that belongs to this life of the log.
    fn next_record(&mut self, from: i64) -> io::Result<Option<i64>> {
        let mut at = from;
        loop {
            let Some(segment) = self.log.segment_at(at) else {
                match self.log.next_segment(at) {
                    Some(next) => at = next.base,
                    None => return Ok(None),
                }
                continue;
            };
            let segment_end = end_of(segment);
            let Some(window) = self.reader.bytes(at, 8)? else {
                at = segment_end;
                continue;
            };
            let Some(skipped) = magic_in(window) else {
                // The last bytes may be the first ones of a magic.
                at += (window.len() as i64 - 7).max(1);
                continue;
            };
            let candidate = at + skipped as i64;
            if let Here::Record { bytes } = self.look(candidate)?
                && let Some(view) = self.reader.record(candidate, bytes)
                && is_credible(&view, self.last_store_ms)
            {
                return Ok(Some(candidate));
            }
            at = candidate + 1;
        }
    }
}

/// Where in a window the first record may begin: four bytes before a magic.
fn magic_in(window: &[u8]) -> Option<usize> {
    let (v1, v2) = (MAGIC_V1.to_be_bytes(), MAGIC_V2.to_be_bytes());
    let mut from = 4;
    loop {
        let rest = window.get(from..)?;
        // Both begin with the same byte, which is rare in text.
        let [first, ..] = v1;
        let found = from + memchr::memchr(first, rest)?;
        let magic = window.get(found..found + 4)?;
        if magic == v1 || magic == v2 {
            return Some(found - 4);
        }
        from = found + 1;
    }
}

/// Reads single records, best in the order of the log.
pub(super) struct RecordReader<'a> {
    reader: Reader<'a>,
}

impl<'a> RecordReader<'a> {
    pub(super) fn new(log: &'a LogView) -> Self {
        Self {
            reader: Reader::new(log, RECORD_PIECE_BYTES),
        }
    }

    /// The record at an offset, if a whole one is there; its CRC may be wrong.
    pub(super) fn record_at(&mut self, offset: i64) -> io::Result<Option<View<'_>>> {
        let mut wanted = 8;
        let bytes = loop {
            let Some(bytes) = self.reader.bytes(offset, wanted)? else {
                return Ok(None);
            };
            match View::parse(bytes) {
                Ok(view) if view.physical_offset == offset => break view.bytes().len(),
                Err(ViewError::Incomplete { needed, available })
                    if needed > available && needed <= RECORD_BYTES_MAX =>
                {
                    wanted = needed;
                }
                _ => return Ok(None),
            }
        };
        Ok(self.reader.record(offset, bytes))
    }
}

/// Reads the log through one buffer.
struct Reader<'a> {
    log: &'a LogView,
    file: Option<(i64, Arc<dyn DiskFile>)>,
    buffer: Vec<u8>,
    buffered_at: i64,
    piece_bytes: usize,
}

impl<'a> Reader<'a> {
    fn new(log: &'a LogView, piece_bytes: usize) -> Self {
        Self {
            log,
            file: None,
            buffer: Vec::new(),
            buffered_at: 0,
            piece_bytes,
        }
    }

    /// At least `wanted` bytes from a position on; none when its segment ends before.
    fn bytes(&mut self, at: i64, wanted: usize) -> io::Result<Option<&[u8]>> {
        let have = usize::try_from(at - self.buffered_at)
            .ok()
            .and_then(|here| self.buffer.len().checked_sub(here));
        if have.is_none_or(|have| have < wanted) {
            let Some(segment) = self.log.segment_at(at) else {
                return Ok(None);
            };
            let left = usize::try_from(end_of(segment) - at).unwrap_or(0);
            if left < wanted {
                return Ok(None);
            }
            let count = wanted.max(self.piece_bytes).min(left);
            if self
                .file
                .as_ref()
                .is_none_or(|(base, _)| *base != segment.base)
            {
                let opened = self.log.disk.open_read_only(&segment.path)?;
                self.file = Some((segment.base, opened));
            }
            self.buffer.resize(count, 0);
            self.buffered_at = at;
            let position = (at - segment.base).unsigned_abs();
            if let Some((_, file)) = &self.file
                && let Err(error) = file.read_exact_at(&mut self.buffer, position)
            {
                self.buffer.clear();
                return Err(error);
            }
        }
        let here = usize::try_from(at - self.buffered_at).unwrap_or(0);
        Ok(self.buffer.get(here..))
    }

    /// The record that was just looked at, which is all in the buffer.
    fn record(&self, at: i64, bytes: usize) -> Option<View<'_>> {
        let here = usize::try_from(at - self.buffered_at).ok()?;
        View::parse(self.buffer.get(here..here + bytes)?).ok()
    }
}
