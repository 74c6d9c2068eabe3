//! The files of the extension: units one after the other, none across the end of a file.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Unit;
use super::unit::{ExtUnit, UNIT_BYTES_MIN};
use crate::disk::{Disk, DiskFile, Reserve, is_handle_shortage};
use crate::file_names;
use crate::queue::{Handles, Queue, Residence};

#[derive(Debug)]
pub(super) struct ExtFiles {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    file_bytes: i64,
    /// By the queue's serial number and where the file begins.
    handles: Handles<(u32, i64)>,
    /// Directories with entries that are not durable yet.
    unsynced_directories: Mutex<BTreeSet<PathBuf>>,
}

impl ExtFiles {
    pub(super) fn new(disk: Arc<dyn Disk>, directory: PathBuf, file_bytes: u64) -> Self {
        Self {
            disk,
            directory,
            file_bytes: i64::try_from(file_bytes).unwrap_or(i64::MAX).max(1),
            handles: Handles::new(),
            unsynced_directories: Mutex::new(BTreeSet::new()),
        }
    }

    pub(super) fn file_bytes(&self) -> i64 {
        self.file_bytes
    }

    pub(super) fn read(
        &self,
        queue: &Queue,
        position: i64,
        residence: Residence,
    ) -> io::Result<Unit> {
        let base = self.base_of(position);
        let Some(file) = self.open(queue, base)? else {
            return Ok(Unit::Lost);
        };
        let in_file = position - base;
        let mut head = [0_u8; UNIT_BYTES_MIN];
        if in_file + UNIT_BYTES_MIN as i64 > self.file_bytes {
            return Ok(Unit::Lost);
        }
        match read_at(&*file, &mut head, in_file, residence)? {
            Read::Done => {}
            Read::Cold => return Ok(Unit::Cold),
            Read::TooShort => return Ok(Unit::Lost),
        }
        let bytes = ExtUnit::declared_bytes(&head)
            .filter(|bytes| in_file + *bytes as i64 <= self.file_bytes);
        let Some(bytes) = bytes else {
            return Ok(Unit::Lost);
        };
        let mut raw = vec![0; bytes];
        match read_at(&*file, &mut raw, in_file, residence)? {
            Read::Done => {}
            Read::Cold => return Ok(Unit::Cold),
            Read::TooShort => return Ok(Unit::Lost),
        }
        Ok(ExtUnit::decode(&raw).map_or(Unit::Lost, Unit::There))
    }

    /// Writes pieces that follow each other, over as many files as they need, which are created.
    pub(super) fn write(&self, queue: &Queue, pieces: &[(i64, Vec<u8>)]) -> io::Result<()> {
        let mut rest = pieces;
        while let Some((position, _)) = rest.first() {
            let base = self.base_of(*position);
            let count = rest
                .iter()
                .take_while(|(at, _)| self.base_of(*at) == base)
                .count();
            let (now, later) = rest.split_at(count);
            let file = match self.open(queue, base)? {
                Some(file) => file,
                None => self.create(queue, base)?,
            };
            let raw: Vec<u8> = now.iter().flat_map(|(_, raw)| raw).copied().collect();
            file.write_all_at(&raw, (position - base).unsigned_abs())?;
            rest = later;
        }
        Ok(())
    }

    /// Makes the files that hold `[from, to)` durable.
    pub(super) fn sync(&self, queue: &Queue, from: i64, to: i64) -> io::Result<()> {
        let mut base = self.base_of(from);
        while base < to {
            if let Some(file) = self.open(queue, base)? {
                file.sync()?;
            }
            base += self.file_bytes;
        }
        Ok(())
    }

    pub(super) fn sync_directories(&self) -> io::Result<()> {
        let directories = std::mem::take(&mut *self.unsynced_directories.lock());
        for directory in &directories {
            match self.disk.sync_dir(directory) {
                // Its topic was deleted meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    self.unsynced_directories.lock().extend(directories);
                    return Err(error);
                }
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// Whether any queue has or had files.
    pub(super) fn is_any(&self) -> bool {
        self.disk.exists(&self.directory)
    }

    /// Where the files of a queue begin, ascending.
    pub(super) fn bases(&self, queue: &Queue) -> io::Result<Vec<i64>> {
        let files = self.disk.list(&self.directory_of(queue))?;
        let files = files.iter().filter(|file| !file.is_dir);
        Ok(files
            .filter_map(|file| file_names::base_of(&file.name))
            .collect())
    }

    /// Makes what follows `end` read as zeros, and removes the files behind. Files that a power loss
    /// left too short get their length back: Java opens no others.
    pub(super) fn erase_behind(&self, queue: &Queue, end: i64) -> io::Result<()> {
        let files = self.disk.list(&self.directory_of(queue))?;
        for entry in files.iter().filter(|entry| !entry.is_dir) {
            let Some(base) = file_names::base_of(&entry.name) else {
                continue;
            };
            if base >= end {
                self.remove(queue, base)?;
                continue;
            }
            let is_short = entry.bytes < self.file_bytes.unsigned_abs();
            let rest = base + self.file_bytes - end;
            if (is_short || rest > 0)
                && let Some(file) = self.open(queue, base)?
            {
                if is_short {
                    file.set_bytes(self.file_bytes.unsigned_abs())?;
                }
                let rest = rest.max(0).unsigned_abs();
                file.zero((end - base).unsigned_abs(), rest, Reserve::Lazily)?;
            }
        }
        Ok(())
    }

    /// Removes the files that end before a position.
    pub(super) fn remove_before(&self, queue: &Queue, position: i64) -> io::Result<()> {
        for base in self.bases(queue)? {
            if base + self.file_bytes <= position {
                self.remove(queue, base)?;
            }
        }
        Ok(())
    }

    pub(super) fn forget(&self, serial: u32) {
        self.handles.close_if(|(other, _)| *other == serial);
    }

    /// Removes the directory of a topic.
    pub(super) fn remove_topic(&self, topic: &str) -> io::Result<()> {
        if !self.disk.exists(&self.directory) {
            return Ok(());
        }
        file_names::remove_topic(&*self.disk, &self.directory, topic)?;
        self.disk.sync_dir(&self.directory)
    }

    /// Removes the directory of a queue.
    pub(super) fn remove_queue(&self, queue: &Queue) -> io::Result<()> {
        self.forget(queue.serial());
        let directory = self.directory_of(queue);
        if !self.disk.exists(&directory) {
            return Ok(());
        }
        file_names::remove_directory(&*self.disk, &directory)
    }

    /// Lists the directory of a queue and those above it for the next sync.
    pub(super) fn distrust_names(&self, queue: &Queue) {
        let directory = self.directory_of(queue);
        let directories = directory.ancestors().take(4).map(ToOwned::to_owned);
        self.unsynced_directories.lock().extend(directories);
    }

    fn remove(&self, queue: &Queue, base: i64) -> io::Result<()> {
        self.forget(queue.serial());
        let directory = self.directory_of(queue);
        self.disk
            .remove_file(&directory.join(file_names::of(base)))?;
        self.unsynced_directories.lock().insert(directory);
        Ok(())
    }

    fn base_of(&self, position: i64) -> i64 {
        position - position % self.file_bytes
    }

    fn directory_of(&self, queue: &Queue) -> PathBuf {
        self.directory
            .join(&**queue.topic())
            .join(queue.id().to_string())
    }

    fn open(&self, queue: &Queue, base: i64) -> io::Result<Option<Arc<dyn DiskFile>>> {
        let key = (queue.serial(), base);
        if let Some(file) = self.handles.find(key) {
            return Ok(Some(file));
        }
        let path = self.directory_of(queue).join(file_names::of(base));
        match self.with_handles(|| self.disk.open(&path)) {
            Ok(file) => {
                self.handles.keep(key, &file);
                Ok(Some(file))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn create(&self, queue: &Queue, base: i64) -> io::Result<Arc<dyn DiskFile>> {
        let directory = self.directory_of(queue);
        if !self.disk.exists(&directory) {
            self.disk.create_dir_all(&directory)?;
        }
        self.distrust_names(queue);
        let path = directory.join(file_names::of(base));
        let bytes = self.file_bytes.unsigned_abs();
        let file = self.with_handles(|| self.disk.create(&path, bytes, Reserve::Lazily))?;
        self.handles.keep((queue.serial(), base), &file);
        Ok(file)
    }

    fn with_handles<T>(&self, open: impl Fn() -> io::Result<T>) -> io::Result<T> {
        match open() {
            Err(error) if is_handle_shortage(&error) => {
                self.handles.close_oldest();
                open()
            }
            other => other,
        }
    }
}

enum Read {
    Done,
    /// Only what is in memory was wanted, and that is not all.
    Cold,
    /// The file ends before: a power loss left it so.
    TooShort,
}

fn read_at(
    file: &dyn DiskFile,
    into: &mut [u8],
    position: i64,
    residence: Residence,
) -> io::Result<Read> {
    let position = position.unsigned_abs();
    let read = match residence {
        Residence::Anywhere => file.read_exact_at(into, position).map(|()| true),
        Residence::Resident => file.read_resident_at(into, position),
    };
    match read {
        Ok(true) => Ok(Read::Done),
        Ok(false) => Ok(Read::Cold),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Read::TooShort),
        Err(error) => Err(error),
    }
}
