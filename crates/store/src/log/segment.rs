//! One file of the commit log.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

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
    /// Why a sync that nobody waited for failed. Held while the file is synced.
    lost: Mutex<Option<String>>,
}

impl Segment {
    pub(super) fn new(base: i64, path: PathBuf) -> Self {
        Self {
            base,
            path,
            file: OnceLock::new(),
            lost: Mutex::default(),
        }
    }

    pub(super) fn opened(base: i64, path: PathBuf, file: Arc<dyn DiskFile>) -> Self {
        Self {
            base,
            path,
            file: OnceLock::from(file),
            lost: Mutex::default(),
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

    /// Its file, if it was touched before.
    pub(super) fn opened_file(&self) -> Option<&Arc<dyn DiskFile>> {
        self.file.get()
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

    /// Makes what is written durable.
    pub(super) fn sync(&self, disk: &dyn Disk) -> io::Result<()> {
        let lost = self.lost.lock();
        match &*lost {
            Some(cause) => Err(io::Error::other(cause.clone())),
            None => self.file(disk)?.sync(),
        }
    }

    /// The same for somebody whose failure nobody waits for. The kernel tells of bytes that did not get
    /// to the disk once for each handle, and they may be a record's: every later sync fails, too, and
    /// one that is under way meanwhile comes before or after this.
    pub(super) fn sync_unattended(&self, disk: &dyn Disk) -> io::Result<()> {
        let mut lost = self.lost.lock();
        let synced = self.file(disk)?.sync();
        if let Err(error) = &synced {
            lost.get_or_insert_with(|| error.to_string());
        }
        synced
    }
}
