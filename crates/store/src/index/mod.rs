//! The message index (`IndexService`): finds messages by unique key, key and tags.
//!
//! Keys are made from the records just appended, as their hash alone, and are found at once; they
//! wait in memory until [`Index::write_behind`] has written them to the newest index file in
//! batches. What a file tells is only where a message with the key may be: the caller reads the
//! record and looks. Everything here can be made again from the commit log.
//!
//! Lock order: append lock, `writing`, `files`, a file's locks; the lock of the keys that wait is
//! held for copying only. Old files are not deleted here.

mod file;
pub(crate) mod format;
pub(crate) mod keys;
pub(crate) mod names;
mod pending;
mod repair;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, RwLock};

use self::file::IndexFile;
pub(crate) use self::file::Wanted;
pub(crate) use self::format::{Key, Shape};
use self::pending::{Pending, Pressure};
use crate::config::StoreConfig;
use crate::disk::Disk;
use crate::errors::OpenError;
use crate::log::CommitLog;

#[derive(Debug)]
pub(crate) struct Index {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    shape: Shape,
    utc_offset_ms: i64,
    enabled: bool,
    pending: Pending,
    /// Oldest first.
    files: RwLock<Vec<Arc<IndexFile>>>,
    /// A file was made or removed since the last sync.
    names_changed: AtomicBool,
    /// Held while files are written.
    writing: Mutex<()>,
}

/// The newest thing in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Newest {
    pub(crate) store_ms: i64,
    pub(crate) physical_offset: i64,
}

impl Index {
    /// Opens the files of `index/`. Those that cannot be read with the configured sizes are left
    /// alone, and their messages are not found by key.
    pub(crate) fn load(disk: Arc<dyn Disk>, config: &StoreConfig) -> Result<Self, OpenError> {
        let directory = config.below_root("index");
        let shape = Shape {
            slots: config.index_slots,
            entries: config.index_entries,
        };
        let index = Self {
            disk,
            shape,
            utc_offset_ms: config.utc_offset_ms,
            enabled: config.message_index_enable,
            pending: Pending::default(),
            files: RwLock::new(Vec::new()),
            names_changed: AtomicBool::new(false),
            writing: Mutex::new(()),
            directory,
        };
        if index.enabled {
            let opened = index.open_files().map_err(|source| OpenError::Io {
                action: "open the index files in",
                path: index.directory.clone(),
                source,
            })?;
            *index.files.write() = opened;
        }
        Ok(index)
    }

    fn open_files(&self) -> io::Result<Vec<Arc<IndexFile>>> {
        self.disk.create_dir_all(&self.directory)?;
        let mut found: Vec<(u64, PathBuf, u64)> = Vec::new();
        for entry in self.disk.list(&self.directory)? {
            let number = names::number_of(&entry.name).filter(|_| !entry.is_dir);
            let path = self.directory.join(&entry.name);
            match number {
                Some(number) => found.push((number, path, entry.bytes)),
                None => tracing::warn!(path = %path.display(), "foreign file ignored"),
            }
        }
        found.sort_unstable();
        let mut files = Vec::with_capacity(found.len());
        for (_, path, bytes) in found {
            files.extend(self.open_file(&path, bytes)?.map(Arc::new));
        }
        Ok(files)
    }

    fn open_file(&self, path: &Path, found_bytes: u64) -> io::Result<Option<IndexFile>> {
        let wanted_bytes = self.shape.file_bytes();
        if found_bytes > wanted_bytes {
            tracing::error!(path = %path.display(), found_bytes, wanted_bytes,
                "index file ignored: set maxHashSlotNum and maxIndexNum to what it was written with");
            return Ok(None);
        }
        if found_bytes < wanted_bytes {
            tracing::warn!(path = %path.display(), found_bytes, wanted_bytes, "short file extended");
            self.disk.open(path)?.set_bytes(wanted_bytes)?;
        }
        let file = IndexFile::open(&*self.disk, path, self.shape)?;
        if file.is_none() {
            tracing::error!(path = %path.display(), "index file with a damaged header ignored");
        }
        Ok(file)
    }

    pub(crate) fn has_no_files(&self) -> bool {
        self.files.read().is_empty()
    }

    /// Where the index has everything before; 0 for an empty one.
    pub(crate) fn end_physical(&self) -> i64 {
        let files = self.files.read();
        files.last().map_or(0, |file| file.header().end_physical)
    }

    /// The first record whose keys are not in the index.
    pub(crate) fn resume_at(&self) -> i64 {
        let files = self.files.read();
        let last = files.iter().rfind(|file| !file.header().is_empty());
        last.map_or(0, |file| file.header().end_physical + 1)
    }

    /// Forgets the keys of records from `physical` on, and mends what a crash left of the files.
    pub(crate) fn cut_at(&self, physical: i64, log: &CommitLog) -> io::Result<()> {
        let mut files = self.files.write();
        let mut kept = Vec::with_capacity(files.len());
        let last = files.len().saturating_sub(1);
        for (index, file) in files.drain(..).enumerate() {
            let header = file.header();
            let settled = index != last && file.room() == 0 && header.end_physical < physical;
            if settled || file.cut_at(physical, log)? {
                kept.push(file);
            } else {
                self.disk.remove_file(&file.path)?;
                self.names_changed.store(true, Ordering::Relaxed);
            }
        }
        *files = kept;
        Ok(())
    }

    /// Writes the keys that a recovery made again, and drops those of records that the log, which
    /// ends at `end`, does not have.
    pub(crate) fn finish_recovery(&self, end: i64, log: &CommitLog) -> io::Result<()> {
        if self.end_physical() >= end && !self.has_no_files() {
            self.cut_at(end, log)?;
            self.sync()?;
        }
        self.write_behind()
    }

    /// Adds the keys of records, found at once. True when so many wait for their file that the
    /// flusher should come early. When far too many wait, some are written here and now.
    pub(crate) fn push(&self, keys: impl Iterator<Item = Key>) -> io::Result<bool> {
        match self.pending.push(keys) {
            Pressure::None => Ok(false),
            Pressure::WantsFlush => Ok(true),
            Pressure::Full => {
                let _writing = self.writing.lock();
                self.write_batch()?;
                Ok(true)
            }
        }
    }

    /// Writes the keys that wait to their files.
    pub(crate) fn write_behind(&self) -> io::Result<()> {
        let _writing = self.writing.lock();
        while self.write_batch()? {}
        Ok(())
    }

    /// Writes the oldest of the keys that wait; false when there were none.
    fn write_batch(&self) -> io::Result<bool> {
        let chunks = self.pending.oldest();
        let keys: Vec<Key> = chunks
            .iter()
            .flat_map(|chunk| chunk.iter().copied())
            .collect();
        let mut rest = keys.as_slice();
        while let Some(first) = rest.first() {
            let file = self.file_with_room(first)?;
            let (now, later) = rest.split_at(file.room().min(rest.len()));
            file.append(now)?;
            rest = later;
        }
        self.pending.forget(chunks.len());
        Ok(!chunks.is_empty())
    }

    /// The newest file, or one more when it is full.
    fn file_with_room(&self, first: &Key) -> io::Result<Arc<IndexFile>> {
        let last = self.files.read().last().cloned();
        if let Some(last) = &last
            && last.room() > 0
        {
            return Ok(Arc::clone(last));
        }
        let before = last.map(|last| last.header());
        let local_ms = first.store_ms.saturating_add(self.utc_offset_ms);
        let name = names::next(local_ms, self.last_name()?);
        let path = self.directory.join(name);
        let file = Arc::new(IndexFile::create(&*self.disk, path, self.shape, before)?);
        self.names_changed.store(true, Ordering::Relaxed);
        self.files.write().push(Arc::clone(&file));
        Ok(file)
    }

    /// The last name in the directory, be it of a file that is ignored.
    fn last_name(&self) -> io::Result<Option<u64>> {
        let entries = self.disk.list(&self.directory)?;
        Ok(entries
            .iter()
            .filter_map(|entry| names::number_of(&entry.name))
            .max())
    }

    /// Makes what was written behind durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        if !self.enabled {
            return Ok(());
        }
        let _writing = self.writing.lock();
        let files = self.files.read().clone();
        for file in &files {
            file.sync()?;
        }
        if self.names_changed.swap(false, Ordering::Relaxed) {
            self.disk.sync_dir(&self.directory)?;
            if let Some(root) = self.directory.parent() {
                self.disk.sync_dir(root)?;
            }
        }
        Ok(())
    }

    /// Physical offsets of records that may have a key, newest first, until `visit` returns false.
    /// A record may be visited twice.
    pub(crate) fn find(
        &self,
        wanted: Wanted,
        visit: &mut dyn FnMut(i64) -> io::Result<bool>,
    ) -> io::Result<()> {
        // Keys move from here to the files, never back: looking in this order misses none.
        for physical_offset in self.pending.find(wanted) {
            if !visit(physical_offset)? {
                return Ok(());
            }
        }
        let files = self.files.read().clone();
        let mut goes_on = true;
        for file in files.iter().rev() {
            if file.may_hold(wanted) {
                file.walk(wanted, &mut |physical_offset| {
                    goes_on = visit(physical_offset)?;
                    Ok(goes_on)
                })?;
            }
            let header = file.header();
            if !goes_on || (!header.is_empty() && header.begin_ms < wanted.begin_ms) {
                break;
            }
        }
        Ok(())
    }

    pub(crate) fn newest(&self) -> Newest {
        if let Some(key) = self.pending.newest() {
            return Newest {
                store_ms: key.store_ms,
                physical_offset: key.physical_offset,
            };
        }
        let files = self.files.read();
        let header = files.last().map(|file| file.header());
        header.map_or(Newest::default(), |header| Newest {
            store_ms: header.end_ms,
            physical_offset: header.end_physical,
        })
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.enabled
    }
}
