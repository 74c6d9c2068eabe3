//! The operating system's files.
//!
//! Positioned reads and writes on plain file descriptors, never a mapping. `fcntl` record locks,
//! because they are what Java's `FileLock` takes: a Java broker and ours exclude each other.

#![expect(
    clippy::disallowed_methods,
    reason = "this module is where the store's files become the operating system's"
)]

mod heads;

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSliceMut};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::fs::{Advice, FallocateFlags, FlockOperation, SeekFrom};
use rustix::io::{Errno, ReadWriteFlags};
use rustix::process::{Flock, FlockType};

use super::{
    DirEntry, Disk, DiskFile, FileHead, FileSystem, LockError, LockGuard, LockState, Reserve,
    Space, is_out_of_space,
};

/// Ranges are looked through in pieces of this size where the file system cannot zero them itself.
const ZERO_PIECE_BYTES: usize = 1 << 20;

/// A stored part of a range is looked at when it is not longer than this.
const LOOK_BYTES_MAX: usize = 8 * 1024;

/// `statfs` type of a file system in memory, where setting space aside costs that memory.
const TMPFS_MAGIC: u64 = 0x0102_1994;

/// Record locks belong to the process, so a second lock of the same file by the same process would
/// succeed; this list makes it fail, as Java's does. Device and inode numbers.
static HELD: Mutex<Vec<(u64, u64)>> = Mutex::new(Vec::new());

/// The operating system's files.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsDisk;

#[derive(Debug)]
struct OsFile(File);

impl Disk for OsDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(OsFile(
            OpenOptions::new().read(true).write(true).open(path)?,
        )))
    }

    fn open_read_only(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(OsFile(File::open(path)?)))
    }

    fn create(&self, path: &Path, bytes: u64, reserve: Reserve) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        if file.metadata()?.len() < bytes {
            file.set_len(bytes)?;
        }
        if reserve == Reserve::Now && bytes > 0 {
            set_space_aside(&file, bytes)?;
        }
        Ok(Arc::new(OsFile(file)))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        fs::write(path, content)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let directory = match fs::read_dir(path) {
            Ok(directory) => directory,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut entries = Vec::new();
        for entry in directory {
            let entry = entry?;
            // A name that is not text cannot be a name of ours.
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            // A directory is told by its name alone: a store may have a million of them.
            let (is_dir, bytes) = if entry.file_type()?.is_dir() {
                (true, 0)
            } else {
                let metadata = fs::metadata(entry.path())?;
                (metadata.is_dir(), metadata.len())
            };
            entries.push(DirEntry {
                name,
                is_dir,
                bytes,
            });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn heads(
        &self,
        directory: &Path,
        head_bytes: usize,
        wanted: &dyn Fn(&str) -> bool,
    ) -> io::Result<Vec<FileHead>> {
        heads::of(directory, head_bytes, wanted)
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn modified_ms(&self, path: &Path) -> io::Result<i64> {
        let metadata = fs::metadata(path)?;
        Ok(metadata.mtime() * 1000 + metadata.mtime_nsec() / 1_000_000)
    }

    fn lock(&self, path: &Path, content: &[u8]) -> Result<Box<dyn LockGuard>, LockError> {
        let failed = |source: io::Error| LockError::Io {
            path: path.to_owned(),
            source,
        };
        let held = |holder| LockError::Held {
            path: path.to_owned(),
            holder,
        };
        // The list is asked before the file is opened: closing any descriptor of a file gives up
        // every record lock that the process holds on it.
        let mut list = HELD.lock();
        if let Ok(metadata) = fs::metadata(path)
            && list.contains(&(metadata.dev(), metadata.ino()))
        {
            return Err(held(Some(std::process::id())));
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed)?;
        match rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::AGAIN | Errno::ACCESS) => return Err(held(holder_of(&file))),
            Err(errno) => return Err(failed(errno.into())),
        }
        let metadata = file.metadata().map_err(failed)?;
        match file.write_all_at(content, 0) {
            // The lock is what counts; a full disk must not keep anybody from reading.
            Err(error) if is_out_of_space(&error) => {
                tracing::warn!(path = %path.display(), "no room for the content of the lock file");
            }
            written => {
                written.map_err(failed)?;
                file.sync_data().map_err(failed)?;
            }
        }
        let identity = (metadata.dev(), metadata.ino());
        list.push(identity);
        Ok(Box::new(OsLock {
            file,
            identity,
            path: path.to_owned(),
        }))
    }

    fn lock_state(&self, path: &Path) -> io::Result<LockState> {
        // Closing any descriptor of a file gives up every record lock that the process holds on it,
        // so a file of one's own is not even opened.
        let list = HELD.lock();
        match fs::metadata(path) {
            Ok(metadata) if list.contains(&(metadata.dev(), metadata.ino())) => {
                let holder = Some(std::process::id());
                return Ok(LockState::Held { holder });
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(LockState::Free),
            Err(error) => return Err(error),
        }
        let found = lock_in_the_way(&File::open(path)?)?;
        Ok(found.map_or(LockState::Free, |found| LockState::Held {
            holder: process_of(&found),
        }))
    }

    fn file_system(&self, directory: &Path) -> io::Result<Option<Arc<dyn FileSystem>>> {
        if !syncfs_tells_of_failures() {
            return Ok(None);
        }
        Ok(Some(Arc::new(OsFileSystem(File::open(directory)?))))
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let found = rustix::fs::statvfs(path)?;
        let used_blocks = found.f_blocks.saturating_sub(found.f_bfree);
        Ok(Space {
            total_bytes: found.f_blocks.saturating_mul(found.f_frsize),
            used_bytes: used_blocks.saturating_mul(found.f_frsize),
            free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        })
    }
}

/// A directory; the kernel tells it of write failures since it was opened.
#[derive(Debug)]
struct OsFileSystem(File);

impl FileSystem for OsFileSystem {
    fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&self.0)?)
    }
}

/// Before Linux 5.8 `syncfs` hides that a file could not be written.
fn syncfs_tells_of_failures() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(['.', '-']).map(|part| part.parse::<u32>());
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= (5, 8),
        _ => false,
    }
}

impl DiskFile for OsFile {
    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, position)
    }

    fn read_resident_at(&self, buffer: &mut [u8], position: u64) -> io::Result<bool> {
        let wanted = buffer.len();
        let slices = &mut [IoSliceMut::new(buffer)];
        match rustix::io::preadv2(&self.0, slices, position, ReadWriteFlags::NOWAIT) {
            Ok(read) => Ok(read == wanted),
            Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INTR) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    fn data_from(&self, position: u64) -> io::Result<Option<u64>> {
        // Nothing reads or writes at the file's own position, which this moves.
        match rustix::fs::seek(&self.0, SeekFrom::Data(position)) {
            Ok(data) => Ok(Some(data)),
            Err(Errno::NXIO) => Ok(None),
            Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(Some(position)),
            Err(errno) => Err(errno.into()),
        }
    }

    fn write_all_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, position)
    }

    fn zero(&self, position: u64, bytes: u64, reserve: Reserve) -> io::Result<()> {
        if bytes == 0 || (reserve == Reserve::Lazily && is_zero(&self.0, position, bytes)) {
            return Ok(());
        }
        let punched = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let zeroed = FallocateFlags::ZERO_RANGE | FallocateFlags::KEEP_SIZE;
        let ways: &[FallocateFlags] = match reserve {
            Reserve::Now => &[zeroed, punched],
            Reserve::Lazily => &[punched],
        };
        for flags in ways {
            match rustix::fs::fallocate(&self.0, *flags, position, bytes) {
                Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {}
                // Keeping blocks may need room, giving them back does not.
                Err(Errno::NOSPC | Errno::DQUOT) if *flags == zeroed => {}
                other => return Ok(other?),
            }
        }
        overwrite_with_zeros(&self.0, position, bytes)
    }

    fn write_out(&self, position: u64, bytes: u64) -> io::Result<()> {
        if is_in_memory(&self.0) {
            return Ok(());
        }
        let piece = vec![0; ZERO_PIECE_BYTES];
        let mut written = 0;
        while written < bytes {
            let length = usize::try_from(bytes - written).unwrap_or(usize::MAX);
            let piece = piece.get(..length).unwrap_or(&piece);
            self.0.write_all_at(piece, position + written)?;
            written += piece.len() as u64;
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn set_bytes(&self, bytes: u64) -> io::Result<()> {
        self.0.set_len(bytes)
    }

    fn forget(&self, position: u64, bytes: u64) {
        let bytes = std::num::NonZeroU64::new(bytes);
        // Advice only: a refusal changes nothing that anybody relies on.
        let _ = rustix::fs::fadvise(&self.0, position, bytes, Advice::DontNeed);
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}

fn is_in_memory(file: &File) -> bool {
    rustix::fs::fstatfs(file)
        .is_ok_and(|found| u64::try_from(found.f_type).is_ok_and(|kind| kind == TMPFS_MAGIC))
}

/// Sets blocks aside where that is quick; elsewhere, and on a disk that has no room for all of
/// them, the file stays sparse as Java's is.
fn set_space_aside(file: &File, bytes: u64) -> io::Result<()> {
    if is_in_memory(file) {
        return Ok(());
    }
    match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, 0, bytes) {
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(()),
        Err(Errno::NOSPC | Errno::DQUOT) => {
            tracing::warn!(
                bytes,
                "no room to set a new file's space aside; it stays sparse"
            );
            // What was set aside before the room ended is wanted elsewhere.
            let punched = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            Ok(rustix::fs::fallocate(file, punched, 0, bytes)?)
        }
        Err(errno) => Err(errno.into()),
    }
}

/// Whether a range is known to be zeros already: nothing or little is stored there, and that is
/// zeros. Most files end so, and looking costs no change of the file system.
fn is_zero(file: &File, position: u64, bytes: u64) -> bool {
    let end = position.saturating_add(bytes);
    let mut at = position;
    let mut piece = vec![0_u8; LOOK_BYTES_MAX];
    while at < end {
        match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(data) if data < end => at = data,
            Ok(_) | Err(Errno::NXIO) => return true,
            Err(_) => return false,
        }
        let hole = rustix::fs::seek(file, SeekFrom::Hole(at)).unwrap_or(end);
        let stored = usize::try_from(hole.min(end) - at).unwrap_or(usize::MAX);
        let Some(piece) = piece.get_mut(..stored) else {
            return false;
        };
        if file.read_exact_at(piece, at).is_err() || piece.iter().any(|byte| *byte != 0) {
            return false;
        }
        at += stored as u64;
    }
    true
}

/// Reads a range piece by piece and writes zeros where there is something else: most of what is to
/// be zeroed is zero already.
fn overwrite_with_zeros(file: &File, position: u64, bytes: u64) -> io::Result<()> {
    let end = position.saturating_add(bytes);
    let mut at = position;
    let mut piece = vec![0_u8; ZERO_PIECE_BYTES];
    while at < end {
        let left = usize::try_from(end - at).unwrap_or(usize::MAX);
        let length = left.min(piece.len());
        let Some(piece) = piece.get_mut(..length) else {
            break;
        };
        file.read_exact_at(piece, at)?;
        if piece.iter().any(|byte| *byte != 0) {
            piece.fill(0);
            file.write_all_at(piece, at)?;
        }
        at += length as u64;
    }
    Ok(())
}

/// The process that holds a lock in our way, as the kernel tells it.
fn holder_of(file: &File) -> Option<u32> {
    process_of(&lock_in_the_way(file).ok()??)
}

fn lock_in_the_way(file: &File) -> io::Result<Option<Flock>> {
    let wanted = Flock {
        length: 1,
        ..Flock::from(FlockType::WriteLock)
    };
    Ok(rustix::process::fcntl_getlk(file, &wanted)?)
}

fn process_of(lock: &Flock) -> Option<u32> {
    u32::try_from(lock.pid?.as_raw_nonzero().get()).ok()
}

#[derive(Debug)]
struct OsLock {
    file: File,
    identity: (u64, u64),
    path: PathBuf,
}

impl LockGuard for OsLock {}

impl Drop for OsLock {
    fn drop(&mut self) {
        let mut list = HELD.lock();
        list.retain(|identity| *identity != self.identity);
        // Closing the file would do; a refusal of the explicit unlock is worth a line.
        if let Err(error) = rustix::fs::fcntl_lock(&self.file, FlockOperation::Unlock) {
            tracing::warn!(path = %self.path.display(), %error, "cannot give up the lock");
        }
    }
}
