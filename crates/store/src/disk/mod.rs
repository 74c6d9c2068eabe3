//! The files that the store stands on, as a trait: the operating system's in a broker, an injected
//! one in the simulator, which may tear, drop and fail what was not synced.

pub mod mem;
pub mod os;

use std::fmt::{self, Debug};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;

/// A directory tree of files. Paths are absolute or relative to the process, as configured.
pub trait Disk: Debug + Send + Sync {
    /// Opens an existing file for reading and writing.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens an existing file for reading only.
    fn open_read_only(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Creates a file that reads as `bytes` zero bytes; an existing file is extended, never cut.
    /// The directory entry is not yet durable.
    fn create(&self, path: &Path, bytes: u64, space: Reserve) -> io::Result<Arc<dyn DiskFile>>;
    /// Reads a small file whole.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Writes a small file whole, in place; not atomic and not durable.
    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty directory.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Makes the entries of a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// What is in a directory, in name order; empty when the directory is absent.
    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>>;
    /// The files of a directory in name order, each with its first bytes; empty when the directory is
    /// absent. Names that `wanted` does not want are left out, and so are directories. Quicker than one
    /// call for each of these things: a store may have a million such directories.
    fn heads(
        &self,
        directory: &Path,
        head_bytes: usize,
        wanted: &dyn Fn(&str) -> bool,
    ) -> io::Result<Vec<FileHead>> {
        let entries = self.list(directory)?.into_iter();
        let files = entries.filter(|entry| !entry.is_dir && wanted(&entry.name));
        files
            .map(|entry| {
                let file = self.open(&directory.join(&entry.name))?;
                FileHead::read(&*file, entry.name, entry.bytes, head_bytes)
            })
            .collect()
    }
    fn exists(&self, path: &Path) -> bool;
    /// When the content of a file was changed last, in milliseconds since 1970.
    fn modified_ms(&self, path: &Path) -> io::Result<i64>;
    /// Takes the advisory lock on byte 0 of `path` (`fcntl`, as Java's `FileLock`), then makes
    /// `content` the file's durable content. Held until the returned guard is dropped.
    fn lock(&self, path: &Path, content: &[u8]) -> Result<Box<dyn LockGuard>, LockError>;
    /// Whether somebody holds the lock on `path`, without taking it or giving up one's own.
    fn lock_state(&self, path: &Path) -> io::Result<LockState>;
    fn space(&self, path: &Path) -> io::Result<Space>;
    /// The whole file system that holds a directory, for making many files durable at once; `None`
    /// where such a sync would not tell of failures.
    fn file_system(&self, _directory: &Path) -> io::Result<Option<Arc<dyn FileSystem>>> {
        Ok(None)
    }
}

/// A file system, held from before the writes that it is to make durable.
pub trait FileSystem: Debug + Send + Sync {
    /// Makes contents and names of all files durable. Fails when something that was written since
    /// this was opened did not get there, be it of somebody else (`syncfs`).
    fn sync(&self) -> io::Result<()>;
}

/// One file, read and written at positions.
pub trait DiskFile: Debug + Send + Sync {
    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()>;
    /// Reads only what is in memory already; false when that is not all of it, and the buffer then
    /// holds nothing of use.
    fn read_resident_at(&self, buffer: &mut [u8], position: u64) -> io::Result<bool> {
        self.read_exact_at(buffer, position).map(|()| true)
    }
    /// Where the first byte at or behind `position` is that was ever written, as far as the file
    /// system knows: what it steps over reads as zeros. `None` when there is none.
    fn data_from(&self, position: u64) -> io::Result<Option<u64>> {
        Ok(Some(position))
    }
    fn write_all_at(&self, bytes: &[u8], position: u64) -> io::Result<()>;
    /// Makes a range read as zeros, as cheaply as the file system can, and gives its blocks back or
    /// keeps them.
    fn zero(&self, position: u64, bytes: u64, reserve: Reserve) -> io::Result<()>;
    /// Writes a range that reads as zeros out, so that later writes there change no metadata that a
    /// sync would have to wait for. Does nothing where that saves nothing.
    fn write_out(&self, _position: u64, _bytes: u64) -> io::Result<()> {
        Ok(())
    }
    /// Makes the content durable (`fdatasync`).
    fn sync(&self) -> io::Result<()>;
    /// Shortens or extends the file.
    fn set_bytes(&self, bytes: u64) -> io::Result<()>;
    /// Tells the page cache that a range will not be read again soon. A hint; may do nothing.
    fn forget(&self, _position: u64, _bytes: u64) {}
    fn bytes(&self) -> io::Result<u64>;
}

/// An entry of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    pub name: String,
    pub is_dir: bool,
    pub bytes: u64,
}

/// A file as a look at its beginning shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHead {
    pub name: String,
    /// The length of the file.
    pub bytes: u64,
    /// Its first bytes, or all.
    pub head: Vec<u8>,
    /// Where, behind those, something else than zeros may stand. `None`: nowhere.
    pub data_from: Option<u64>,
}

impl FileHead {
    fn read(
        file: &dyn DiskFile,
        name: String,
        bytes: u64,
        head_bytes: usize,
    ) -> io::Result<FileHead> {
        let length = usize::try_from(bytes).unwrap_or(usize::MAX);
        let mut head = vec![0; length.min(head_bytes)];
        file.read_exact_at(&mut head, 0)?;
        let read = head.len() as u64;
        let data_from = if read < bytes {
            file.data_from(read)?
        } else {
            None
        };
        Ok(FileHead {
            name,
            bytes,
            head,
            data_from: data_from.filter(|at| *at < bytes),
        })
    }
}

/// Whether the space of a new file is set aside at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserve {
    /// Blocks are found when they are written (a sparse file).
    Lazily,
    /// Blocks are set aside now where the file system can do that quickly, so that a full disk shows
    /// before a message needs the space.
    Now,
}

/// How full the file system is that holds a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    pub total_bytes: u64,
    pub used_bytes: u64,
    /// What this process may still write: less than what is not used where a part is kept for root.
    pub free_bytes: u64,
}

impl Space {
    /// The used part as Java counts it: in whole percent, rounded up, of what is used and what may
    /// still be (`UtilAll#getDiskPartitionSpaceUsedPercent`). `None` when the system does not say.
    #[must_use]
    pub fn used_percent(&self) -> Option<i64> {
        let used = u128::from(self.used_bytes);
        let all = used + u128::from(self.free_bytes);
        if all == 0 {
            return None;
        }
        i64::try_from((used * 100).div_ceil(all)).ok()
    }

    /// As [`used_percent`](Self::used_percent), as the part of one that Java prints; −1 when unknown.
    #[must_use]
    pub fn used_ratio(&self) -> f64 {
        let percent = self.used_percent();
        let percent = percent.and_then(|percent| u32::try_from(percent).ok());
        percent.map_or(-1.0, |percent| f64::from(percent) / 100.0)
    }

    /// A number of bytes for people.
    #[must_use]
    pub fn bytes_text(bytes: u64) -> String {
        const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        let mut value = bytes as f64;
        let mut name = "B";
        for unit in UNITS {
            if value < 1024.0 {
                break;
            }
            value /= 1024.0;
            name = unit;
        }
        if name == "B" {
            format!("{bytes} B")
        } else {
            format!("{value:.1} {name}")
        }
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = self
            .used_percent()
            .map_or_else(|| "?".to_owned(), |used| used.to_string());
        let free = Self::bytes_text(self.free_bytes);
        let total = Self::bytes_text(self.total_bytes);
        write!(f, "{used} % used, {free} of {total} free")
    }
}

/// Whether a file could not be opened because the process or the machine has no handle left
/// (`EMFILE`, `ENFILE`): nothing was written and nothing is lost.
pub(crate) fn is_handle_shortage(error: &io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Whether the file system (`ENOSPC`) or the quota (`EDQUOT`) has no room for what was to be written:
/// nothing that was written before is lost, and a later try may succeed. Of a failed sync this says
/// nothing: bytes that the system had taken may be gone then.
pub(crate) fn is_out_of_space(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// A full disk is no failure to somebody who keeps in memory what did not fit and tries again later.
pub(crate) fn unless_full(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if is_out_of_space(&error) => Ok(()),
        other => other,
    }
}

/// Holds an advisory lock until dropped.
pub trait LockGuard: Debug + Send + Sync {}

/// Whether a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockState {
    Free,
    /// `holder` is the process id as the kernel tells it, where it does.
    Held {
        holder: Option<u32>,
    },
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// `holder` is the process id as the kernel tells it, where it does.
    #[error("{} is locked by {}", path.display(), holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}")))]
    Held { path: PathBuf, holder: Option<u32> },
    #[error("cannot lock {}", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}
