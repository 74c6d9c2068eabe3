//! The commit log: segments of one size, named by the offset at which they begin
//! (`MappedFileQueue`).
//!
//! A segment is created at its full size with its space set aside, so a full disk shows before a
//! message needs the room; its content reads as zeros, which ends a recovery scan. The next segment
//! is made ahead, off the hot path. Writing goes through the append lock of the store; reading needs
//! no lock beyond a look at the list of segments. The segments may be spread over several directories.
//!
//! Deliberately absent: what is in the segments (see `append` and `recovery`), and when one is deleted
//! (see `store::clean`).

mod ahead;
mod directories;
mod pieces;
mod segment;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use self::ahead::Ahead;
pub(crate) use self::directories::Directories;
pub(crate) use self::pieces::PIECE_BYTES;
use self::pieces::Pieces;
pub(crate) use self::segment::Segment;
use crate::disk::{Disk, DiskFile, Reserve};
use crate::errors::OpenError;
use crate::file_names;
use crate::queue::Residence;

/// The key that says how long a segment is.
pub(crate) const SEGMENT_BYTES_KEY: &str = "mappedFileSizeCommitLog";

#[derive(Debug)]
pub(crate) struct CommitLog {
    disk: Arc<dyn Disk>,
    directories: Directories,
    segment_bytes: i64,
    /// In ascending order; neighbours touch, except where a middle segment is missing.
    segments: RwLock<Vec<Arc<Segment>>>,
    /// The one behind the last, made ahead.
    prepared: Mutex<Option<Ahead>>,
    pieces: Pieces,
}

/// The part of a range of the log that lies in one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// It reaches to the end of its segment.
    pub(crate) ends_segment: bool,
}

impl CommitLog {
    /// Finds the segments in all directories, as far as they are there.
    pub(crate) fn load(
        disk: Arc<dyn Disk>,
        directories: Directories,
        segment_bytes: u64,
    ) -> Result<Self, OpenError> {
        let files = file_names::load(
            &*disk,
            directories.paths(),
            segment_bytes,
            SEGMENT_BYTES_KEY,
        )?;
        let segments = files
            .into_iter()
            .map(|file| Arc::new(Segment::new(file.base, file.path)))
            .collect();
        Ok(Self {
            disk,
            directories,
            segment_bytes: i64::try_from(segment_bytes).unwrap_or(i64::MAX),
            segments: RwLock::new(segments),
            prepared: Mutex::new(None),
            pieces: Pieces::new(),
        })
    }

    pub(crate) fn directories(&self) -> &Directories {
        &self.directories
    }

    /// Makes the directories that new segments may go to, where they are absent.
    pub(crate) fn create_directories(&self) -> Result<(), OpenError> {
        self.directories.create(&*self.disk)
    }

    /// A directory that has nothing in it, or is not there.
    pub(crate) fn vacant_directory(&self) -> io::Result<Option<&Path>> {
        for path in self.directories.paths() {
            if self.disk.list(path)?.is_empty() {
                return Ok(Some(path));
            }
        }
        Ok(None)
    }

    pub(crate) fn segment_bytes(&self) -> i64 {
        self.segment_bytes
    }

    /// Where the log begins; 0 when it is empty.
    pub(crate) fn start(&self) -> i64 {
        self.segments
            .read()
            .first()
            .map_or(0, |segment| segment.base())
    }

    pub(crate) fn last(&self) -> Option<Arc<Segment>> {
        self.segments.read().last().cloned()
    }

    /// All segments in ascending order.
    pub(crate) fn segments(&self) -> Vec<Arc<Segment>> {
        self.segments.read().clone()
    }

    /// The segment that holds an offset.
    pub(crate) fn segment_at(&self, offset: i64) -> Option<Arc<Segment>> {
        let segments = self.segments.read();
        let index = segments
            .partition_point(|segment| segment.base() <= offset)
            .checked_sub(1)?;
        segments
            .get(index)
            .filter(|segment| offset - segment.base() < self.segment_bytes)
            .cloned()
    }

    /// Where the next segment begins that starts at or behind an offset.
    pub(crate) fn next_base_from(&self, offset: i64) -> Option<i64> {
        let segments = self.segments.read();
        let index = segments.partition_point(|segment| segment.base() < offset);
        segments.get(index).map(|segment| segment.base())
    }

    /// Where segments are missing between others.
    pub(crate) fn gaps(&self) -> Vec<i64> {
        let segments = self.segments.read();
        let ends = segments
            .iter()
            .map(|segment| segment.base() + self.segment_bytes);
        ends.zip(segments.iter().skip(1))
            .filter(|(end, next)| next.base() != *end)
            .map(|(end, _)| end)
            .collect()
    }

    /// Reads bytes that lie within one segment; false when there is no such segment.
    pub(crate) fn read_at(&self, offset: i64, buffer: &mut [u8]) -> io::Result<bool> {
        let Some(segment) = self.segment_at(offset) else {
            return Ok(false);
        };
        let end = offset - segment.base() + buffer.len() as i64;
        if end > self.segment_bytes {
            return Ok(false);
        }
        let Some(file) = self.file_of(&segment)? else {
            return Ok(false);
        };
        file.read_exact_at(buffer, segment.position(offset))?;
        Ok(true)
    }

    /// Where the first byte at or behind `offset` is that may be something else than zero, within the
    /// segment that holds `offset`.
    pub(crate) fn data_from(&self, offset: i64) -> io::Result<Option<i64>> {
        let Some(segment) = self.segment_at(offset) else {
            return Ok(None);
        };
        let position = segment.position(offset);
        let data = segment.file(&*self.disk)?.data_from(position)?;
        Ok(data.map(|data| offset + data.saturating_sub(position).cast_signed()))
    }

    /// The parts of a range that lie in segments.
    pub(crate) fn parts(&self, from: i64, to: i64) -> Vec<Part> {
        let segments = self.segments.read();
        let parts = segments.iter().map(|segment| {
            let end = segment.base() + self.segment_bytes;
            Part {
                from: from.max(segment.base()),
                to: to.min(end),
                ends_segment: to >= end,
            }
        });
        parts.filter(|part| part.from < part.to).collect()
    }

    /// Makes a range within one segment read as zeros.
    pub(crate) fn zero(&self, from: i64, to: i64) -> io::Result<()> {
        let Some(segment) = self.segment_at(from) else {
            return Ok(());
        };
        let bytes = (to - from).max(0).unsigned_abs();
        segment
            .file(&*self.disk)?
            .zero(segment.position(from), bytes, Reserve::Now)
    }

    /// As [`read_at`](Self::read_at), but false also when the bytes are not all in memory, or when
    /// nobody has opened the file yet, which may take the disk.
    pub(crate) fn read_resident_at(&self, offset: i64, buffer: &mut [u8]) -> io::Result<bool> {
        let Some(segment) = self.segment_at(offset) else {
            return Ok(false);
        };
        let Some(file) = segment.opened_file() else {
            return Ok(false);
        };
        file.read_resident_at(buffer, segment.position(offset))
    }

    /// Where the piece begins that holds an offset.
    pub(crate) fn piece_start(&self, offset: i64) -> i64 {
        offset - offset % self.segment_bytes % PIECE_BYTES as i64
    }

    /// Appends bytes that lie within one segment to `into`, if all of them are in pieces that are kept
    /// or, with `may_read`, can be read now; else it appends nothing. Whoever lets it read says that the
    /// first of the pieces lies before the end of the log.
    pub(crate) fn copy_from_pieces(
        &self,
        offset: i64,
        bytes: usize,
        may_read: bool,
        residence: Residence,
        into: &mut Vec<u8>,
    ) -> io::Result<bool> {
        let from = into.len();
        let mut at = offset;
        let mut left = bytes;
        let mut may_read = may_read;
        while left > 0 {
            let start = self.piece_start(at);
            let found = match self.pieces.find(start) {
                None if may_read => self.read_piece(start, residence)?,
                found => found,
            };
            may_read = false;
            let skipped = usize::try_from(at - start).unwrap_or(PIECE_BYTES);
            let part = found.as_ref().and_then(|piece| piece.get(skipped..));
            let Some(part) = part.and_then(|part| part.get(..left.min(part.len()))) else {
                into.truncate(from);
                return Ok(false);
            };
            into.extend_from_slice(part);
            at += part.len() as i64;
            left -= part.len();
        }
        Ok(true)
    }

    fn read_piece(&self, start: i64, residence: Residence) -> io::Result<Option<Arc<Vec<u8>>>> {
        if start % self.segment_bytes + PIECE_BYTES as i64 > self.segment_bytes {
            return Ok(None);
        }
        self.pieces.read(start, |bytes| match residence {
            Residence::Anywhere => self.read_at(start, bytes),
            Residence::Resident => self.read_resident_at(start, bytes),
        })
    }

    /// How many pieces were read so far.
    pub(crate) fn pieces_read(&self) -> u64 {
        self.pieces.reads()
    }

    /// Lets pieces go that nobody used since the last call.
    pub(crate) fn forget_unused_pieces(&self) {
        self.pieces.forget_unused();
    }

    /// The file of a segment to read; `None` when it was deleted since it was found. Who has it open
    /// goes on reading it.
    fn file_of<'a>(&self, segment: &'a Segment) -> io::Result<Option<&'a Arc<dyn DiskFile>>> {
        match segment.file(&*self.disk) {
            Err(error)
                if error.kind() == io::ErrorKind::NotFound && segment.base() < self.start() =>
            {
                Ok(None)
            }
            found => found.map(Some),
        }
    }

    /// The first segment, when there are others behind it.
    pub(crate) fn oldest(&self) -> Option<Arc<Segment>> {
        let segments = self.segments.read();
        segments.first().filter(|_| segments.len() > 1).cloned()
    }

    /// Deletes the first segment, durably, so that no later deletion can outlive this one. Readers
    /// see the log begin behind it from the first moment on.
    pub(crate) fn remove_oldest(&self) -> io::Result<()> {
        let oldest = {
            let mut segments = self.segments.write();
            if segments.len() < 2 {
                return Ok(());
            }
            segments.remove(0)
        };
        match self.disk.remove_file(oldest.path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                self.segments.write().insert(0, oldest);
                Err(error)
            }
            _ => match oldest.path().parent() {
                Some(directory) => self.disk.sync_dir(directory),
                None => Ok(()),
            },
        }
    }

    pub(crate) fn write_at(&self, segment: &Segment, offset: i64, bytes: &[u8]) -> io::Result<()> {
        segment
            .file(&*self.disk)?
            .write_all_at(bytes, segment.position(offset))
    }

    /// Makes bytes read as zeros, up to the end of the segment at most, and gives their blocks back.
    pub(crate) fn zero_at(&self, segment: &Segment, offset: i64, bytes: u64) -> io::Result<()> {
        let position = segment.position(offset);
        let rest = self.segment_bytes.unsigned_abs().saturating_sub(position);
        segment
            .file(&*self.disk)?
            .zero(position, bytes.min(rest), Reserve::Lazily)
    }

    /// Makes everything in `[from, to)` durable.
    pub(crate) fn sync(&self, from: i64, to: i64) -> io::Result<()> {
        if from >= to {
            return Ok(());
        }
        for segment in self.segments() {
            if segment.base() < to && segment.base() + self.segment_bytes > from {
                segment.sync(&*self.disk)?;
            }
        }
        Ok(())
    }

    /// Ends the log at `end`: later segments are deleted. Returns how many went.
    pub(crate) fn truncate(&self, end: i64) -> io::Result<usize> {
        let mut segments = self.segments.write();
        let mut kept = segments
            .partition_point(|segment| segment.base() < end)
            .max(1);
        // Behind a gap the log goes on in the segment that begins at its end.
        let gap_before = |index: usize| {
            let last = index.checked_sub(1).and_then(|last| segments.get(last));
            last.is_some_and(|last| last.base() + self.segment_bytes < end)
        };
        let next = segments.get(kept);
        if next.is_some_and(|next| next.base() == end) && gap_before(kept) {
            kept += 1;
        }
        let kept = kept.min(segments.len());
        let dropped = segments.split_off(kept);
        // The last one first: a stop in between leaves no gap.
        for segment in dropped.iter().rev() {
            self.disk.remove_file(segment.path())?;
        }
        let touched: BTreeSet<_> = dropped.iter().filter_map(|it| it.path().parent()).collect();
        for directory in touched {
            self.disk.sync_dir(directory)?;
        }
        Ok(dropped.len())
    }

    /// Makes the rest of the last segment read as zeros, durably: no byte behind `end` may ever be
    /// taken for a record.
    pub(crate) fn erase_behind(&self, end: i64) -> io::Result<()> {
        let Some(last) = self.last() else {
            return Ok(());
        };
        let position = end.saturating_sub(last.base()).clamp(0, self.segment_bytes);
        let rest = self.segment_bytes - position;
        last.file(&*self.disk)?
            .zero(position.unsigned_abs(), rest.unsigned_abs(), Reserve::Now)?;
        last.sync(&*self.disk)
    }

    /// Where the last segment ends; 0 when there is none.
    pub(crate) fn next_base(&self) -> i64 {
        self.segments
            .read()
            .last()
            .map_or(0, |segment| segment.base() + self.segment_bytes)
    }
}

/// Makes a directory durable, by name too. Above one that was there already a process may have no
/// right to look; then whoever made it answers for its name.
fn make_directory(disk: &dyn Disk, directory: &Path) -> io::Result<()> {
    let was_there = disk.exists(directory);
    disk.create_dir_all(directory)?;
    let parent = match directory.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Ok(()),
    };
    match disk.sync_dir(parent) {
        Err(error) if was_there && error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        other => other,
    }
}
