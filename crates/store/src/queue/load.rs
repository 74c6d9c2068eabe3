//! Finding the queues of a directory.
//!
//! The directories of the queues are gone through on as many threads as the owner lends, each with one
//! look at the beginnings of its files, whichever topic they are of: most queues are short, and those
//! of a large store rest. No handle is kept.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::measure::FoundFile;
use super::{Entry, Queue, QueueTable, Unit};
use crate::disk::FileHead;
use crate::errors::OpenError;
use crate::file_names;
use crate::opening::{self, Opening};

/// The first bytes of a file, read at once: a page, which a file system has whole.
const HEAD_BYTES: usize = 4096;

/// A queue as its files were found.
#[derive(Debug)]
pub(crate) struct LoadedQueue<E: Unit = Entry> {
    pub(super) queue: Arc<Queue<E>>,
    /// The base entries of its files, ascending.
    pub(super) bases: Vec<i64>,
    /// Where the entries in its files end.
    pub(super) files_end: i64,
    /// Where those end that are believed: behind it there are others, which are wrong.
    pub(super) end: i64,
    /// Where the record of the last believed entry ends.
    pub(super) end_physical: i64,
    /// The first entry of the first file.
    pub(super) first: Option<E>,
    /// The last believed entry, so that its file need not be opened again.
    pub(super) last: Option<E>,
    /// Where the record of the entry before the last one ends; 0 without such an entry. `None`: not
    /// known.
    pub(super) before_end: Option<i64>,
    /// The files are known to hold nothing behind their last entry.
    pub(super) is_zero_behind: bool,
    /// Its files are not as they were left: entries may be missing at its end.
    pub(super) is_suspect: bool,
    /// It has an empty file, or none at all, which a power loss leaves of a new queue too.
    pub(super) is_unfinished: bool,
}

impl<E: Unit> LoadedQueue<E> {
    /// Where the record of the last entry ends; 0 without entries.
    pub(crate) fn end_physical(&self) -> i64 {
        self.end_physical
    }

    pub(crate) fn queue(&self) -> &Arc<Queue<E>> {
        &self.queue
    }

    pub(crate) fn topic(&self) -> &Arc<str> {
        self.queue.topic()
    }

    /// One past its last entry.
    pub(crate) fn end(&self) -> i64 {
        self.end
    }

    pub(crate) fn is_of(&self, queue: &Arc<Queue<E>>) -> bool {
        Arc::ptr_eq(&self.queue, queue)
    }

    /// Where the record of the last entry ends, and whether entries may be missing behind it.
    pub(crate) fn end_and_suspicion(&self) -> (i64, bool) {
        (self.end_physical, self.is_suspect)
    }

    /// The entry before `end`, if that was read already.
    pub(super) fn read_before(&self, end: i64) -> Option<E> {
        self.last.filter(|_| end == self.end)
    }

    /// The entry before the end, when it and the one before it were read and point behind each other,
    /// and where the record of that one ends.
    pub(super) fn last_in_order(&self) -> Option<(E, i64)> {
        let last = self.last.filter(|last| !last.is_blank())?;
        let before_end = self.before_end?;
        (before_end <= last.physical_offset()).then_some((last, before_end))
    }

    /// After a clean stop nothing is unfinished: entries are gone.
    pub(super) fn suspect_if_unfinished(&mut self) {
        self.is_suspect |= self.is_unfinished;
    }

    /// Believes no entry from `end` on. A suspect is made again from there, whether a record is met that
    /// shows that there were some or not.
    pub(super) fn believe(&mut self, end: i64, end_physical: i64, is_suspect: bool) {
        self.end = end;
        self.end_physical = end_physical;
        self.last = None;
        self.before_end = None;
        self.is_suspect |= is_suspect;
    }

    /// The first entry that the files have room for.
    pub(super) fn start(&self) -> i64 {
        self.bases.first().copied().unwrap_or(0)
    }
}

impl<E: Unit> QueueTable<E> {
    /// Finds the queues of the directory, when the table is empty. Names that no queue can have are left
    /// alone.
    pub(crate) fn load(&self, opening: &dyn Opening) -> Result<Vec<LoadedQueue<E>>, OpenError> {
        let topics = self.directories(&self.files.directory)?;
        let topics: Vec<Arc<str>> = topics.into_iter().map(Arc::from).collect();
        let places = opening::map(opening, &topics, |topic| self.places(topic))?;
        let places: Vec<(Arc<str>, i32)> = places.into_iter().flatten().collect();
        let loaded = opening::map(opening, &places, |(topic, id)| self.load_queue(topic, *id))?;
        let loaded: Vec<LoadedQueue<E>> = loaded.into_iter().flatten().collect();
        for queues in loaded.chunk_by(|one, next| Arc::ptr_eq(one.topic(), next.topic())) {
            if let Some(first) = queues.first() {
                let queues = queues.iter().map(|found| Arc::clone(&found.queue));
                self.take_in(first.topic(), queues.collect());
            }
        }
        Ok(loaded)
    }

    /// The queues that a topic has a directory of, in ascending order.
    fn places(&self, topic: &Arc<str>) -> Result<Vec<(Arc<str>, i32)>, OpenError> {
        let names = self.directories(&self.files.directory.join(&**topic))?;
        let ids = names.iter().filter_map(|name| {
            // Otherwise another name says the same, and it is that which is read and written.
            name.parse().ok().filter(|id: &i32| id.to_string() == *name)
        });
        let mut places: Vec<_> = ids.map(|id| (Arc::clone(topic), id)).collect();
        places.sort_unstable_by_key(|(_, id)| *id);
        Ok(places)
    }

    fn load_queue(&self, topic: &Arc<str>, id: i32) -> Result<Option<LoadedQueue<E>>, OpenError> {
        let failed = |source| OpenError::Recovery {
            what: format!("queue {id} of topic {topic}"),
            source,
        };
        let directory = self.files.directory.join(&**topic).join(id.to_string());
        let files = self.look_into(&directory).map_err(failed)?;
        // Batch queues that are not there would say of what type their topic is.
        if files.is_empty() && !E::MAY_SKIP_FILES {
            return Ok(None);
        }
        let files: Vec<FoundFile> = files
            .into_iter()
            .map(|file| self.accept(&directory, file))
            .collect::<Result<_, _>>()?;
        let found = self.measure(self.make(topic, id), &files).map_err(failed)?;
        Ok(Some(found))
    }

    fn look_into(&self, directory: &Path) -> io::Result<Vec<FileHead>> {
        let is_ours = |name: &str| {
            let is_ours = file_names::base_of(name).is_some();
            if !is_ours && ![".", ".."].contains(&name) {
                file_names::warn_of_foreign(&directory.join(name));
            }
            is_ours
        };
        let disk = &self.files.disk;
        self.files
            .with_handles(|| disk.heads(directory, HEAD_BYTES, &is_ours))
    }

    /// A file that has its place, with the length that all have: what is in it can be made again.
    fn accept(&self, directory: &Path, file: FileHead) -> Result<FoundFile, OpenError> {
        let path = directory.join(&file.name);
        let wanted_bytes = self.files.file_bytes();
        let base = file_names::base_of(&file.name).unwrap_or(0);
        if !base.unsigned_abs().is_multiple_of(wanted_bytes) {
            return Err(OpenError::FileSize {
                path,
                found_bytes: file.bytes,
                wanted_bytes,
                key: E::FILE_BYTES_KEY,
            });
        }
        file_names::give_length(&*self.files.disk, &path, file.bytes, wanted_bytes)?;
        Ok(FoundFile {
            base: base / E::BYTES as i64,
            file,
        })
    }

    fn directories(&self, path: &std::path::Path) -> Result<Vec<String>, OpenError> {
        let failed = |source| OpenError::Io {
            action: "list",
            path: path.to_owned(),
            source,
        };
        let entries = self.files.disk.list(path).map_err(failed)?;
        Ok(entries
            .into_iter()
            .filter(|entry| entry.is_dir)
            .map(|entry| entry.name)
            .collect())
    }
}
