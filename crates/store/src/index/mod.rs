//! The message index (`IndexService`): finds messages by unique key, key and tags.
//!
//! Keys are made from the records just appended, as their hash alone, and are found at once; they
//! wait in memory until [`Index::write_behind`] has written them to the newest index file in
//! batches. What a file tells is only where a message with the key may be: the caller reads the
//! record and looks. Everything here can be made again from the commit log.
//!
//! Lock order: append lock, `writing`, `files`, a file's locks; `syncing` before `files`, never with
//! `writing`; the lock of the keys that wait is held for copying only. Old files are not deleted here.

mod build;
mod file;
pub(crate) mod format;
pub(crate) mod keys;
pub(crate) mod names;
mod pending;
mod repair;
mod walk;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use parking_lot::{Mutex, RwLock};

use self::build::Build;
pub use self::build::IndexProgress;
pub(crate) use self::build::{Distrust, Vouched};
use self::file::IndexFile;
pub(crate) use self::file::Wanted;
use self::format::HEADER_BYTES;
pub(crate) use self::format::{Key, Shape};
use self::pending::{Pending, Pressure};
use crate::config::StoreConfig;
use crate::disk::{Disk, is_handle_shortage, is_out_of_space};
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
    /// Held while the newest file is written.
    writing: Mutex<()>,
    /// Held while files are synced: whoever comes second must not take a sync under way for one that
    /// was done.
    syncing: Mutex<()>,
    build: Mutex<Build>,
    /// Where a file is made that will stand between others.
    part_path: PathBuf,
    /// Bytes of the log that are still to be read; negative when the index is complete.
    behind: AtomicI64,
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
            syncing: Mutex::new(()),
            build: Mutex::default(),
            part_path: config.below_root("ferrocket").join("index-part"),
            behind: AtomicI64::new(-1),
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
        self.remove_part()?;
        let mut files = Vec::new();
        for entry in self.disk.list(&self.directory)? {
            let path = self.directory.join(&entry.name);
            if entry.is_dir || names::number_of(&entry.name).is_none() {
                tracing::warn!(path = %path.display(), "foreign file ignored");
                continue;
            }
            match self.open_file(&path, entry.bytes) {
                Ok(file) => files.extend(file.map(Arc::new)),
                Err(error) => self.drop_unreadable(&path, error)?,
            }
        }
        // In the order of the log; an empty one, made ahead of its first key, is the last.
        files.sort_by_key(|file| {
            let header = file.header();
            (
                header.is_empty(),
                header.begin_physical,
                header.end_physical,
            )
        });
        Ok(files)
    }

    /// Opens a file, or removes it when it is damaged: its keys are in the log.
    fn open_file(&self, path: &Path, found_bytes: u64) -> io::Result<Option<IndexFile>> {
        let wanted_bytes = self.shape.file_bytes();
        if found_bytes > wanted_bytes {
            tracing::error!(path = %path.display(), found_bytes, wanted_bytes,
                "index file ignored: set maxHashSlotNum and maxIndexNum to what it was written with");
            return Ok(None);
        }
        let file = if found_bytes < HEADER_BYTES as u64 {
            None
        } else {
            IndexFile::open(&*self.disk, path, self.shape)?
        };
        let used_bytes = |file: &IndexFile| self.shape.entry_position(file.header().next);
        let Some(file) = file.filter(|file| used_bytes(file) <= found_bytes) else {
            tracing::error!(path = %path.display(),
                "damaged index file removed, it is made again from the commit log");
            self.disk.remove_file(path)?;
            self.names_changed.store(true, Ordering::Relaxed);
            return Ok(None);
        };
        if found_bytes < wanted_bytes {
            tracing::warn!(path = %path.display(), found_bytes, wanted_bytes, "short file extended");
            file.file.set_bytes(wanted_bytes)?;
        }
        Ok(Some(file))
    }

    /// Removes a file that the disk does not give back: its keys are in the log. When it cannot even
    /// be removed, it is left alone.
    fn drop_unreadable(&self, path: &Path, error: io::Error) -> io::Result<()> {
        if is_handle_shortage(&error) || is_out_of_space(&error) {
            return Err(error);
        }
        tracing::error!(path = %path.display(), %error,
            "unreadable index file removed, it is made again from the commit log");
        if let Err(error) = self.disk.remove_file(path) {
            tracing::error!(path = %path.display(), %error, "cannot remove it: left alone");
        }
        self.names_changed.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn has_no_files(&self) -> bool {
        self.files.read().is_empty()
    }

    /// The last record with an entry; 0 when there is none.
    fn end_physical(&self) -> i64 {
        let files = self.files.read();
        let ends = files.iter().map(|file| file.header().end_physical);
        ends.max().unwrap_or(0)
    }

    /// Forgets the entries that are not believed, and mends what a crash left of the files.
    fn cut_at(&self, distrusted: Distrust, log: &CommitLog) -> io::Result<()> {
        let files = self.files.read().clone();
        let mut kept = Vec::with_capacity(files.len());
        let last = files.len().saturating_sub(1);
        for (index, file) in files.into_iter().enumerate() {
            let header = file.header();
            let believed =
                header.end_physical < distrusted.physical && header.end_ms <= distrusted.until_ms;
            let settled = index != last && file.room() == 0 && believed;
            match settled
                .then_some(true)
                .map_or_else(|| file.cut_at(distrusted, log), Ok)
            {
                Ok(true) => kept.push(file),
                Ok(false) => {
                    // An earlier try may have failed later than here.
                    if self.disk.exists(&file.path) {
                        self.disk.remove_file(&file.path)?;
                    }
                    self.names_changed.store(true, Ordering::Relaxed);
                }
                Err(error) => self.drop_unreadable(&file.path, error)?,
            }
        }
        *self.files.write() = kept;
        Ok(())
    }

    /// Removes the files whose messages are all before `log_min`, but never the last one; how many
    /// (`IndexService#deleteExpiredFile`).
    pub(crate) fn delete_expired(&self, log_min: i64) -> io::Result<usize> {
        let _build = self.build.lock();
        let _writing = self.writing.lock();
        let expired: Vec<_> = {
            let mut files = self.files.write();
            let old = |file: &Arc<IndexFile>| file.header().end_physical < log_min;
            let count = files.iter().take_while(|file| old(file)).count();
            let count = count.min(files.len().saturating_sub(1));
            files.drain(..count).collect()
        };
        for file in &expired {
            self.disk.remove_file(&file.path)?;
        }
        if !expired.is_empty() {
            self.disk.sync_dir(&self.directory)?;
        }
        Ok(expired.len())
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

    /// Writes the oldest of the keys that wait; false when there were none. Those that could not be
    /// written go on waiting.
    fn write_batch(&self) -> io::Result<bool> {
        let chunks = self.pending.oldest();
        let keys: Vec<Key> = chunks
            .iter()
            .flat_map(|chunk| chunk.iter().copied())
            .collect();
        let mut written = 0;
        let outcome = self.write_keys(&keys, &mut written);
        self.pending.forget(written);
        outcome.map(|()| !keys.is_empty())
    }

    /// Writes keys to the newest file and, when it is full, to new ones; `written` says how many,
    /// also when it fails.
    fn write_keys(&self, keys: &[Key], written: &mut usize) -> io::Result<()> {
        let mut rest = keys;
        while let Some(first) = rest.first() {
            let file = self.file_with_room(first)?;
            let (now, later) = rest.split_at(file.room().min(rest.len()));
            file.append(now)?;
            *written += now.len();
            rest = later;
        }
        Ok(())
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

    /// Makes what was written behind durable. Appends may write keys meanwhile, of which nothing is
    /// said here.
    pub(crate) fn sync(&self) -> io::Result<()> {
        if !self.enabled {
            return Ok(());
        }
        let _syncing = self.syncing.lock();
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
            if !goes_on {
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
}
