//! The segment behind the last one, made before the log needs it.
//!
//! Its space is set aside where enough of the disk is left beside it; then, with SYNC_FLUSH, it is
//! written out with zeros, so that a sync of it waits for data alone. A segment that was left sparse is
//! never written out: that would take the last bytes of the disk.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::{CommitLog, Segment};
use crate::disk::{DiskFile, Reserve, is_out_of_space};
use crate::file_names;

/// So much of a segment is written out and synced at once: whoever syncs the log meanwhile shares the
/// disk with it.
const WRITTEN_OUT_PIECE_BYTES: u64 = 1 << 20;

#[derive(Debug)]
pub(super) struct Ahead {
    segment: Arc<Segment>,
    /// So much of it is written out.
    written_out: u64,
    /// So much of it may be: nothing of a segment that is sparse.
    to_write_out: u64,
}

impl CommitLog {
    /// Makes the segment that a full one will need next, unless it is there already.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        let mut prepared = self.prepared.lock();
        let base = self.next_base();
        if prepared
            .as_ref()
            .is_some_and(|ahead| ahead.segment.base() == base)
        {
            return Ok(());
        }
        let (segment, reserve) = self.create(base)?;
        *prepared = Some(Ahead {
            segment: Arc::new(segment),
            written_out: 0,
            to_write_out: match reserve {
                Reserve::Now => self.segment_bytes.unsigned_abs(),
                Reserve::Lazily => 0,
            },
        });
        Ok(())
    }

    /// Writes a piece of the prepared segment out, unless the log went on into it: an append waits for
    /// the piece at most, and none is written over a record. A sync of a segment that was written out
    /// waits for no metadata. True when there is more to write.
    pub(crate) fn write_out_prepared(&self) -> io::Result<bool> {
        let (segment, is_unfinished) = {
            let mut prepared = self.prepared.lock();
            let Some(ahead) = prepared.as_mut() else {
                return Ok(false);
            };
            if self.write_piece_out(ahead)? == 0 {
                return Ok(false);
            }
            let is_unfinished = ahead.written_out < ahead.to_write_out;
            (Arc::clone(&ahead.segment), is_unfinished)
        };
        let synced = segment.sync_unattended(&*self.disk);
        if synced.is_err() {
            self.abandon(&segment);
        }
        synced.map(|()| is_unfinished)
    }

    /// What a failed sync left of a segment is not known: the next try makes another one. Where the log
    /// went on into it, whoever syncs the log learns of the failure.
    fn abandon(&self, segment: &Arc<Segment>) {
        let mut prepared = self.prepared.lock();
        if prepared
            .as_ref()
            .is_some_and(|ahead| Arc::ptr_eq(&ahead.segment, segment))
        {
            *prepared = None;
            let _ = self.disk.remove_file(segment.path());
        }
    }

    /// Writes the next piece out; how long it was. On a disk that is full all the same, the segment
    /// becomes a sparse one.
    fn write_piece_out(&self, ahead: &mut Ahead) -> io::Result<u64> {
        let left = ahead.to_write_out - ahead.written_out;
        let bytes = WRITTEN_OUT_PIECE_BYTES.min(left);
        if bytes == 0 {
            return Ok(0);
        }
        let file = ahead.segment.file(&*self.disk)?;
        match file.write_out(ahead.written_out, bytes) {
            Err(error) if is_out_of_space(&error) => {
                let path = ahead.segment.path().display();
                tracing::warn!(%path, "no room to write the next segment out ahead; it stays sparse");
                (ahead.written_out, ahead.to_write_out) = (0, 0);
                let all = self.segment_bytes.unsigned_abs();
                file.zero(0, all, Reserve::Lazily)?;
                Ok(0)
            }
            written => {
                written?;
                ahead.written_out += bytes;
                Ok(bytes)
            }
        }
    }

    /// Takes the next segment into the log: the prepared one, or one made now.
    pub(crate) fn roll(&self) -> io::Result<Arc<Segment>> {
        let mut prepared = self.prepared.lock();
        let base = self.next_base();
        let segment = match prepared.take() {
            Some(ahead) if ahead.segment.base() == base => ahead.segment,
            _ => Arc::new(self.create(base)?.0),
        };
        self.segments.write().push(Arc::clone(&segment));
        Ok(segment)
    }

    /// Deletes the segment that was made ahead, as Java does on a clean stop.
    pub(crate) fn discard_prepared(&self) -> io::Result<()> {
        match self.prepared.lock().take() {
            Some(ahead) => self.disk.remove_file(ahead.segment.path()),
            None => Ok(()),
        }
    }

    fn create(&self, base: i64) -> io::Result<(Segment, Reserve)> {
        let index = base.checked_div(self.segment_bytes).unwrap_or(0);
        let directory = self.directories.for_segment(index).ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, "no directory takes new segments")
        })?;
        let path = directory.join(file_names::of(base));
        let made = self.make_file(directory, &path);
        if made.is_err() {
            // What a failed sync left of it is not known: the next try makes another one.
            let _ = self.disk.remove_file(&path);
        }
        let (file, reserve) = made?;
        Ok((Segment::opened(base, path, file), reserve))
    }

    /// Sets the space of a segment aside where enough of the disk is left beside it for the reserve;
    /// elsewhere the file is sparse, so that the last bytes of the disk are not taken by it.
    fn make_file(&self, directory: &Path, path: &Path) -> io::Result<(Arc<dyn DiskFile>, Reserve)> {
        let bytes = self.segment_bytes.unsigned_abs();
        let space = self.disk.space(directory)?;
        let reserve = if self.directories.has_room(&space, bytes) {
            Reserve::Now
        } else {
            Reserve::Lazily
        };
        let file = self.disk.create(path, bytes, reserve)?;
        file.sync()?;
        self.disk.sync_dir(directory)?;
        Ok((file, reserve))
    }
}
