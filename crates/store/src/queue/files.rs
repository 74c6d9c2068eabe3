//! The files of the consume queues: `consumequeue/<topic>/<queue>/<20 digits>`, each created sparse
//! at its full size when its first entry is written.

use std::collections::BTreeSet;
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::Queue;
use super::entry::Unit;
use super::handles::Handles;
use crate::disk::{Disk, DiskFile, FileSystem, Reserve, is_handle_shortage};
use crate::file_names;

/// Whether a reader may wait for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Residence {
    /// Only what is in the page cache.
    Resident,
    Anywhere,
}

/// So many files are asked how long a file of theirs is.
const AGREEING_FILES: usize = 16;

/// More files or directories than this are synced with all of their file system, which takes as long
/// as some of them do one by one.
pub(super) const SYNCED_ONE_BY_ONE_MAX: usize = 256;

/// Bytes of entries read from a file at once.
pub(super) const READ_PIECE_BYTES: usize = 5 * 1024;

#[derive(Debug)]
pub(crate) struct QueueFiles<E> {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) directory: PathBuf,
    /// Entries of a full file.
    pub(super) file_entries: i64,
    /// By the queue's serial number and the file's base entry.
    handles: Handles<(u32, i64)>,
    /// Directories with entries that are not durable yet.
    unsynced_directories: Mutex<UnsyncedDirectories>,
    /// For syncing more files at once than it pays to sync one by one.
    file_system: Option<Arc<dyn FileSystem>>,
    entries: PhantomData<E>,
}

/// Entries of a full file: as configured, unless several files that were found agree on another length,
/// which is stored nowhere else.
fn agreed_entries<E: Unit>(disk: &dyn Disk, directory: &Path, configured: u64) -> u64 {
    let unit = E::BYTES as u64;
    let files = first_files(disk, directory).unwrap_or_default();
    let Some((_, bytes)) = files.first().filter(|_| files.len() > 1) else {
        return configured;
    };
    let entries = bytes / unit;
    let agree = entries > 0
        && bytes.is_multiple_of(unit)
        && files
            .iter()
            .all(|(base, other)| other == bytes && base.unsigned_abs().is_multiple_of(*bytes));
    // Shorter ones may be what a power loss left, unless they begin where none should.
    let longer = entries > configured;
    let elsewhere = files
        .iter()
        .any(|(base, _)| !base.unsigned_abs().is_multiple_of(configured * unit));
    if !agree || !(longer || elsewhere) {
        return configured;
    }
    tracing::warn!(
        path = %directory.display(),
        found_bytes = bytes,
        configured_bytes = configured * unit,
        "all files have another size than {key} says; theirs is taken, set {key} to it",
        key = E::FILE_BYTES_KEY
    );
    entries
}

/// Base and length of the files of some queues.
fn first_files(disk: &dyn Disk, directory: &Path) -> io::Result<Vec<(i64, u64)>> {
    let mut files = Vec::new();
    for topic in disk.list(directory)?.iter().filter(|entry| entry.is_dir) {
        let topic = directory.join(&topic.name);
        for queue in disk.list(&topic)?.iter().filter(|entry| entry.is_dir) {
            let found = disk.list(&topic.join(&queue.name))?;
            let found = found.iter().filter(|entry| !entry.is_dir);
            files.extend(found.filter_map(|it| Some((file_names::base_of(&it.name)?, it.bytes))));
            if files.len() >= AGREEING_FILES {
                return Ok(files);
            }
        }
    }
    Ok(files)
}

#[derive(Debug, Default)]
struct UnsyncedDirectories {
    some: BTreeSet<PathBuf>,
    /// There were more than it pays to remember.
    all: bool,
}

impl<E: Unit> QueueFiles<E> {
    pub(crate) fn new(disk: Arc<dyn Disk>, directory: PathBuf, file_bytes: u64) -> Self {
        let configured = file_bytes.div_ceil(E::BYTES as u64).max(1);
        let file_entries = agreed_entries::<E>(&*disk, &directory, configured);
        // Without it files are synced one by one.
        let file_system = disk.file_system(&directory).ok().flatten();
        Self {
            disk,
            file_system,
            directory,
            file_entries: i64::try_from(file_entries).unwrap_or(i64::MAX),
            handles: Handles::new(),
            unsynced_directories: Mutex::default(),
            entries: PhantomData,
        }
    }

    pub(crate) fn file_bytes(&self) -> u64 {
        self.file_entries.unsigned_abs() * E::BYTES as u64
    }

    pub(super) fn directory_of(&self, queue: &Queue<E>) -> PathBuf {
        self.directory
            .join(&**queue.topic())
            .join(queue.id().to_string())
    }

    /// The first entry of the file behind the one that holds an entry.
    pub(crate) fn next_file_from(&self, offset: i64) -> i64 {
        self.base_of(offset) + self.file_entries
    }

    /// The base entry of the file that holds an entry.
    pub(super) fn base_of(&self, offset: i64) -> i64 {
        offset - offset % self.file_entries
    }

    /// Reads as many entries as `into` holds, up to the end of a file. `None` when the file does not
    /// exist, or when `residence` forbids to wait for it.
    pub(super) fn read(
        &self,
        queue: &Queue<E>,
        offset: i64,
        into: &mut [E],
        residence: Residence,
    ) -> io::Result<Option<usize>> {
        let base = self.base_of(offset);
        let in_file = usize::try_from(base + self.file_entries - offset).unwrap_or(usize::MAX);
        let Some(file) = self.open(queue, base)? else {
            return Ok(None);
        };
        let mut raw = [0_u8; READ_PIECE_BYTES];
        let count = into.len().min(in_file).min(READ_PIECE_BYTES / E::BYTES);
        let Some(raw) = raw.get_mut(..count * E::BYTES) else {
            return Ok(None);
        };
        let position = self.position_in_file(base, offset);
        match residence {
            Residence::Anywhere => file.read_exact_at(raw, position)?,
            Residence::Resident => {
                if !file.read_resident_at(raw, position)? {
                    return Ok(None);
                }
            }
        }
        for (slot, raw) in into.iter_mut().zip(raw.chunks_exact(E::BYTES)) {
            *slot = E::decode(raw);
        }
        Ok(Some(count))
    }

    /// The entry of a number as its file has it; `None` when there is no such file.
    pub(crate) fn entry(&self, queue: &Queue<E>, offset: i64) -> io::Result<Option<E>> {
        let mut one = [E::BLANK];
        let read = self.read(queue, offset, &mut one, Residence::Anywhere)?;
        Ok(read.and(one.first().copied()))
    }

    /// Whether the file with this base holds anything but zeros from a position on.
    pub(super) fn has_data(&self, queue: &Queue<E>, base: i64, from: u64) -> io::Result<bool> {
        let Some(file) = self.open(queue, base)? else {
            return Ok(false);
        };
        let mut piece = [0_u8; READ_PIECE_BYTES];
        let mut at = from;
        while let Some(data) = file.data_from(at)?.filter(|at| *at < self.file_bytes()) {
            let left = usize::try_from(self.file_bytes() - data).unwrap_or(usize::MAX);
            let piece = piece.get_mut(..left.min(READ_PIECE_BYTES));
            let piece = piece.unwrap_or_default();
            file.read_exact_at(piece, data)?;
            if piece.iter().any(|byte| *byte != 0) {
                return Ok(true);
            }
            at = data + piece.len() as u64;
        }
        Ok(false)
    }

    /// Writes entries from `offset` on, over as many files as they need, which are created.
    pub(super) fn write(&self, queue: &Queue<E>, offset: i64, entries: &[E]) -> io::Result<()> {
        let mut at = offset;
        let mut rest = entries;
        while !rest.is_empty() {
            let base = self.base_of(at);
            let room = usize::try_from(base + self.file_entries - at).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at(room.min(rest.len()));
            let file = match self.open(queue, base)? {
                Some(file) => file,
                None => self.create(queue, base, at)?,
            };
            let mut raw = Vec::with_capacity(now.len() * E::BYTES);
            now.iter().for_each(|entry| entry.encode(&mut raw));
            file.write_all_at(&raw, self.position_in_file(base, at))?;
            at += now.len() as i64;
            rest = later;
        }
        Ok(())
    }

    pub(super) fn position_in_file(&self, base: i64, offset: i64) -> u64 {
        (offset - base).unsigned_abs() * E::BYTES as u64
    }

    /// Makes the files that hold `[from, to)` durable.
    pub(super) fn sync(&self, queue: &Queue<E>, from: i64, to: i64) -> io::Result<()> {
        let mut base = self.base_of(from);
        while base < to {
            if let Some(file) = self.open(queue, base)? {
                file.sync()?;
            }
            base += self.file_entries;
        }
        Ok(())
    }

    /// Lets go of all handles.
    pub(crate) fn close(&self) {
        self.handles.close_if(|_| true);
    }

    pub(super) fn forget(&self, queue: &Queue<E>) {
        self.handles.close_if(|(serial, _)| *serial == queue.serial);
    }

    pub(super) fn open(
        &self,
        queue: &Queue<E>,
        base: i64,
    ) -> io::Result<Option<Arc<dyn DiskFile>>> {
        let key = (queue.serial, base);
        if let Some(file) = self.handles.find(key) {
            return Ok(Some(file));
        }
        let path = self.path_of(queue, base);
        match self.with_handles(|| self.disk.open(&path)) {
            Ok(file) => {
                self.handles.keep(key, &file);
                Ok(Some(file))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn path_of(&self, queue: &Queue<E>, base: i64) -> PathBuf {
        self.directory_of(queue)
            .join(file_names::of(base * E::BYTES as i64))
    }

    /// Makes a file. When the queue begins in the middle of it, the slots before are filled as Java
    /// fills them, because zeros would end the queue.
    fn create(&self, queue: &Queue<E>, base: i64, first: i64) -> io::Result<Arc<dyn DiskFile>> {
        let directory = self.directory_of(queue);
        if !self.disk.exists(&directory) {
            self.disk.create_dir_all(&directory)?;
        }
        self.distrust_names(queue);
        let path = self.path_of(queue, base);
        let bytes = self.file_bytes();
        let file = self.with_handles(|| self.disk.create(&path, bytes, Reserve::Lazily))?;
        if first > base {
            let slots = usize::try_from(first - base).unwrap_or(0);
            let mut blank = Vec::with_capacity(E::BYTES);
            E::BLANK.encode(&mut blank);
            let raw = blank.repeat(slots);
            if let Err(error) = file.write_all_at(&raw, 0) {
                // The next try must not take it for a file that has its blanks.
                self.disk.remove_file(&path)?;
                return Err(error);
            }
        }
        self.handles.keep((queue.serial, base), &file);
        Ok(file)
    }

    /// Lists the directory of a queue and those above it for the next sync.
    pub(super) fn distrust_names(&self, queue: &Queue<E>) {
        let directory = self.directory_of(queue);
        let mut unsynced = self.unsynced_directories.lock();
        if unsynced.all {
            return;
        }
        let directories = directory.ancestors().take(4).map(ToOwned::to_owned);
        unsynced.some.extend(directories);
        if self.file_system.is_some() && unsynced.some.len() > SYNCED_ONE_BY_ONE_MAX {
            *unsynced = UnsyncedDirectories {
                all: true,
                ..UnsyncedDirectories::default()
            };
        }
    }

    /// Removes the directory of a topic with the directories of its queues, whatever the table knows
    /// of them; durably, also when an earlier removal got only so far.
    pub(super) fn remove_topic(&self, topic: &str) -> io::Result<()> {
        if !self.disk.exists(&self.directory) {
            return Ok(());
        }
        file_names::remove_topic(&*self.disk, &self.directory, topic)?;
        self.with_handles(|| self.disk.sync_dir(&self.directory))
    }

    /// Makes the names of new files and directories durable.
    pub(super) fn sync_directories(&self) -> io::Result<()> {
        let directories = std::mem::take(&mut *self.unsynced_directories.lock());
        if directories.all {
            return self.sync_file_system(directories);
        }
        let mut rest = directories.some.iter();
        while let Some(directory) = rest.next() {
            match self.with_handles(|| self.disk.sync_dir(directory)) {
                // Its topic was deleted meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let mut unsynced = self.unsynced_directories.lock();
                    unsynced.some.insert(directory.clone());
                    unsynced.some.extend(rest.cloned());
                    return Err(error);
                }
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// Makes everything that was written so far durable at once, names too; `None` when the disk
    /// cannot.
    pub(super) fn sync_everything(&self) -> Option<io::Result<()>> {
        self.file_system.as_ref()?;
        let directories = std::mem::take(&mut *self.unsynced_directories.lock());
        Some(self.sync_file_system(directories))
    }

    fn sync_file_system(&self, directories: UnsyncedDirectories) -> io::Result<()> {
        let Some(file_system) = &self.file_system else {
            return Ok(());
        };
        let outcome = file_system.sync();
        if outcome.is_err() {
            let mut unsynced = self.unsynced_directories.lock();
            unsynced.all |= directories.all;
            unsynced.some.extend(directories.some);
        }
        outcome
    }

    /// Opens something; when the process or the machine has no handle left, closes cached ones and
    /// tries once more.
    pub(super) fn with_handles<T>(&self, open: impl Fn() -> io::Result<T>) -> io::Result<T> {
        match open() {
            Err(error) if is_handle_shortage(&error) => {
                self.handles.close_oldest();
                open()
            }
            other => other,
        }
    }
}
