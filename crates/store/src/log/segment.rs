//! One file of the commit log.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::disk::{Disk, DiskFile};

fn is_unwritable(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    )
}

/// A file of the commit log, opened when it is first touched. There is one handle for each segment
/// at most: a gigabyte of log for a handle.
#[derive(Debug)]
pub(crate) struct Segment {
    base: i64,
    path: PathBuf,
    file: OnceLock<Arc<dyn DiskFile>>,
}

impl Segment {
    pub(super) fn new(base: i64, path: PathBuf) -> Self {
        Self {
            base,
            path,
            file: OnceLock::new(),
        }
    }

    pub(super) fn opened(base: i64, path: PathBuf, file: Arc<dyn DiskFile>) -> Self {
        Self {
            base,
            path,
            file: OnceLock::from(file),
        }
    }

    /// The offset of its first byte.
    pub(crate) fn base(&self) -> i64 {
        self.base
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where an offset of the log is in this file.
    pub(super) fn position(&self, offset: i64) -> u64 {
        offset.saturating_sub(self.base).unsigned_abs()
    }

    pub(super) fn file(&self, disk: &dyn Disk) -> io::Result<&Arc<dyn DiskFile>> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        let opened = match disk.open(&self.path) {
            // A directory of `readOnlyCommitLogStorePaths` may be on such a file system.
            Err(error) if is_unwritable(&error) => disk.open_read_only(&self.path)?,
            other => other?,
        };
        Ok(self.file.get_or_init(|| opened))
    }
}
