//! Finding the queues of a directory, and fitting them to the log that they point into.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use super::files::Residence;
use super::{Entry, Queue, QueueTable, Unit};
use crate::disk::Reserve;
use crate::errors::OpenError;
use crate::file_names::{self, Content, LogicalFile};
use crate::opening::Opening;

/// Blanks (lost messages) that a search looks past.
const BLANKS_SKIPPED_MAX: i64 = 64;

/// The first entries of a file, read at once.
const FIRST_PIECE_ENTRIES: usize = 32;

/// A queue as its files were found.
#[derive(Debug)]
pub(crate) struct LoadedQueue<E: Unit = Entry> {
    queue: Arc<Queue<E>>,
    /// The base entries of its files, ascending.
    bases: Vec<i64>,
    /// Where the entries in its files end.
    files_end: i64,
    /// Where those end that are believed: behind it there are others, which are wrong.
    end: i64,
    /// Where the record of the last believed entry ends.
    end_physical: i64,
    /// The first entry of the first file.
    first: Option<E>,
    /// The last believed entry, so that its file need not be opened again.
    last: Option<E>,
    /// Its files are not as they were left: entries may be missing at its end.
    is_suspect: bool,
    /// It has an empty file, or none at all, which a power loss leaves of a new queue too.
    is_unfinished: bool,
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

    /// After a clean stop nothing is unfinished: entries are gone.
    pub(super) fn suspect_if_unfinished(&mut self) {
        self.is_suspect |= self.is_unfinished;
    }

    /// Believes no entry from `end` on.
    pub(super) fn believe(&mut self, end: i64, end_physical: i64) {
        self.end = end;
        self.end_physical = end_physical;
        self.last = None;
        self.is_suspect = true;
    }

    /// The first entry that the files have room for.
    pub(super) fn start(&self) -> i64 {
        self.bases.first().copied().unwrap_or(0)
    }
}

impl<E: Unit> QueueTable<E> {
    /// Finds the queues of the directory, the topics side by side. Names that no queue can have are
    /// left alone.
    pub(crate) fn load(&self, opening: &dyn Opening) -> Result<Vec<LoadedQueue<E>>, OpenError> {
        let topics = self.directories(&self.files.directory)?;
        let loaded = Mutex::new(Ok(Vec::new()));
        opening.each(topics.len(), &|index| {
            let Some(topic) = topics.get(index).filter(|_| loaded.lock().is_ok()) else {
                return;
            };
            match (self.load_topic(topic), &mut *loaded.lock()) {
                (Ok(mut found), Ok(all)) => all.append(&mut found),
                (Err(error), all) => *all = Err(error),
                (Ok(_), Err(_)) => {}
            }
        });
        loaded.into_inner()
    }

    fn load_topic(&self, topic: &str) -> Result<Vec<LoadedQueue<E>>, OpenError> {
        let mut loaded = Vec::new();
        let directory = self.files.directory.join(topic);
        for name in self.directories(&directory)? {
            let Ok(id) = name.parse::<i32>() else {
                continue;
            };
            let files = file_names::load(
                &*self.files.disk,
                [&*directory.join(&name)],
                self.files.file_bytes(),
                E::FILE_BYTES_KEY,
                Content::Derived,
            )?;
            // Batch queues that are not there would say of what type their topic is.
            if files.is_empty() && !E::MAY_SKIP_FILES {
                continue;
            }
            let queue = self.find_or_create(topic, id);
            let failed = |source| OpenError::Recovery {
                what: format!("queue {id} of topic {topic}"),
                source,
            };
            loaded.push(self.measure(queue, &files).map_err(failed)?);
        }
        Ok(loaded)
    }

    /// The last entry of a queue that says where a record is.
    pub(crate) fn last_entry(&self, found: &LoadedQueue<E>) -> io::Result<Option<E>> {
        let from = found.start().max(found.end - BLANKS_SKIPPED_MAX);
        for offset in (from..found.end).rev() {
            let entry = self.files.entry(&found.queue, offset)?;
            if let Some(entry) = entry.filter(|entry| entry.is_written() && !entry.is_blank()) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// Cuts every queue before its first entry that points at or behind `physical`: those entries
    /// are made again from the log.
    pub(crate) fn cut_at(&self, loaded: &[LoadedQueue<E>], physical: i64) -> io::Result<()> {
        for found in loaded {
            let start = found.start();
            let end = if found.end_physical <= physical {
                found.end
            } else {
                self.first_at(found, physical)?
            };
            found.queue.place(start, end);
        }
        Ok(())
    }

    /// The first believed entry that points at or behind `physical`, or was not written before one that
    /// does.
    pub(super) fn first_at(&self, found: &LoadedQueue<E>, physical: i64) -> io::Result<i64> {
        self.first_where(&found.queue, &found.bases, found.end, |entry| {
            !entry.is_blank() && (entry.physical_offset() >= physical || !entry.is_written())
        })
    }

    /// After the log was gone through: removes what the files hold beyond the ends of the queues,
    /// and moves their beginnings to where the log begins.
    pub(crate) fn finish_recovery(
        &self,
        loaded: &[LoadedQueue<E>],
        log_start: i64,
        clean: bool,
    ) -> io::Result<()> {
        for found in loaded {
            let end = found.queue.end();
            let is_emptied = end == 0 && !found.bases.is_empty();
            if !clean || found.is_suspect || is_emptied || end < found.files_end {
                self.erase_behind(found, end)?;
            }
            if found.bases.is_empty() || found.queue.min() < found.start() {
                // Its first files were missing, and their entries were made again.
                continue;
            }
            self.blank_before(found, found.queue.min())?;
            let points_into_log =
                |entry: &E| !entry.is_blank() && entry.physical_offset() >= log_start;
            if found.end > found.start()
                && end > found.start()
                && found.first.as_ref().is_some_and(points_into_log)
            {
                continue;
            }
            let kept = |base: &i64| *base < end;
            let bases: Vec<i64> = found.bases.iter().copied().filter(kept).collect();
            let min = self.first_where(&found.queue, &bases, end, points_into_log)?;
            found.queue.raise_min(min);
            let first = bases.first();
            if first.is_some_and(|first| first + self.files.file_entries <= min) && bases.len() > 1
            {
                self.lagging.lock().push(Arc::clone(&found.queue));
            }
        }
        for queue in self.all() {
            queue.next.store(queue.end(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// A queue whose first records are damaged begins behind them, in a file that still has their
    /// entries: Java would read what stands in the log now.
    fn blank_before(&self, found: &LoadedQueue<E>, begin: i64) -> io::Result<()> {
        let missing = begin - found.start();
        if (1..=self.files.file_entries).contains(&missing) {
            let blanks = vec![E::BLANK; usize::try_from(missing).unwrap_or(0)];
            self.files.write(&found.queue, found.start(), &blanks)?;
        }
        Ok(())
    }

    /// How many of the first files to believe: what is behind a missing one is made again.
    fn whole_files(&self, bases: &[i64]) -> usize {
        if E::MAY_SKIP_FILES {
            return bases.len();
        }
        let neighbours = bases.iter().zip(bases.iter().skip(1));
        let touching =
            neighbours.take_while(|(one, next)| *one + self.files.file_entries == **next);
        bases.len().min(1 + touching.count())
    }

    /// Finds the end of a queue in its files: behind the last entry of the last file that has any,
    /// unless a file before is not full.
    fn measure(&self, queue: Arc<Queue<E>>, files: &[LogicalFile]) -> io::Result<LoadedQueue<E>> {
        let base_of = |file: &LogicalFile| file.base / E::BYTES as i64;
        let bases: Vec<i64> = files.iter().map(base_of).collect();
        let start = bases.first().copied().unwrap_or(0);
        let mut found = LoadedQueue {
            queue,
            files_end: start,
            end: start,
            end_physical: 0,
            first: None,
            last: None,
            is_suspect: false,
            is_unfinished: bases.is_empty(),
            bases,
        };
        for file in files {
            found.is_unfinished |= file.found_bytes == 0;
            found.is_suspect |= ![0, self.files.file_bytes()].contains(&file.found_bytes);
        }
        // What is behind a missing file is made again.
        let known = self.whole_files(&found.bases);
        found.is_suspect |= known < files.len();
        let files = files.get(..known).unwrap_or_default();
        let mut used = files.len();
        while let Some(base) = used.checked_sub(1).and_then(|last| found.bases.get(last)) {
            found.first = self.files.entry(&found.queue, *base)?;
            if found.first.is_some_and(|entry| entry.is_written()) {
                break;
            }
            // Entries behind zeros are not found, and others may have stood before them.
            found.is_suspect |= self.files.has_data(&found.queue, *base)?;
            used -= 1;
        }
        if used > 1 {
            found.first = self.files.entry(&found.queue, start)?;
        }
        for (index, file) in files.iter().enumerate().take(used) {
            let whole = (file.found_bytes / E::BYTES as u64).min(self.files.file_entries as u64);
            let limit = base_of(file) + whole as i64;
            let is_last = index + 1 == used;
            let is_full = whole as i64 == self.files.file_entries;
            if !is_last && is_full && self.is_written_at(&found.queue, limit - 1)? {
                continue;
            }
            found.is_suspect |= !is_last;
            self.find_end(&mut found, base_of(file), limit)?;
            break;
        }
        Ok(found)
    }

    /// Finds the end of a queue in the file that has it.
    fn find_end(&self, found: &mut LoadedQueue<E>, base: i64, limit: i64) -> io::Result<()> {
        let queue = &found.queue;
        let mut piece = [E::BLANK; FIRST_PIECE_ENTRIES];
        let read = self
            .files
            .read(queue, base, &mut piece, Residence::Anywhere)?;
        let count = limit.min(base + read.unwrap_or(0) as i64) - base;
        let piece = piece.get(..usize::try_from(count).unwrap_or(0));
        let piece = piece.unwrap_or_default();
        // Most queues are short: their end is in what was read.
        let near = piece.partition_point(|entry| entry.is_written());
        let (last, behind) = if near < piece.len() {
            found.end = base + near as i64;
            let last = near.checked_sub(1).and_then(|last| piece.get(last));
            (last.copied(), piece.get(near).copied())
        } else {
            let from = base + near as i64;
            found.end = self.partition(queue, from, limit, |entry| entry.is_written())?;
            let behind = found.end < limit;
            let behind = behind.then(|| self.files.entry(queue, found.end));
            let last = found.end > found.start();
            let last = last.then(|| self.files.entry(queue, found.end - 1));
            (last.transpose()?.flatten(), behind.transpose()?.flatten())
        };
        found.end_physical = last.map_or(0, |entry| entry.end());
        if last.is_some_and(|entry| entry.is_blank()) {
            // A blank says nothing about the log.
            found.end_physical = self.last_entry(found)?.map_or(0, |entry| entry.end());
        }
        found.last = last;
        found.files_end = found.end;
        // Half an entry was a whole one once, and there may have been others.
        found.is_suspect |= behind.is_some_and(|entry| entry != E::decode(&[]));
        Ok(())
    }

    fn is_written_at(&self, queue: &Queue<E>, offset: i64) -> io::Result<bool> {
        let entry = self.files.entry(queue, offset)?;
        Ok(entry.is_some_and(|entry| entry.is_written()))
    }

    /// The first entry below `end` for which `reached` holds, which must hold for all after it too.
    fn first_where(
        &self,
        queue: &Queue<E>,
        bases: &[i64],
        end: i64,
        reached: impl Fn(&E) -> bool,
    ) -> io::Result<i64> {
        let Some(start) = bases.first().copied() else {
            return Ok(end);
        };
        let mut from = start;
        for base in bases.iter().rev().filter(|base| **base < end) {
            let first = self.entry_or_next(queue, *base, end)?;
            if first.is_some_and(|entry| !reached(&entry)) {
                from = *base;
                break;
            }
        }
        let to = end.min(from + self.files.file_entries);
        let mut low = from;
        let mut high = to;
        while low < high {
            let middle = low + (high - low) / 2;
            match self.entry_or_next(queue, middle, end)? {
                Some(entry) if !reached(&entry) => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    fn partition(
        &self,
        queue: &Queue<E>,
        from: i64,
        to: i64,
        holds: impl Fn(&E) -> bool,
    ) -> io::Result<i64> {
        let (mut low, mut high) = (from, to);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.files.entry(queue, middle)? {
                Some(entry) if holds(&entry) => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// An entry from memory or its file.
    pub(super) fn any_entry(
        &self,
        queue: &Queue<E>,
        offset: i64,
        end: i64,
    ) -> io::Result<Option<E>> {
        if queue.end() <= offset {
            return self.files.entry(queue, offset);
        }
        let mut one = [E::BLANK];
        let read = queue.entries(&self.files, offset, end, &mut one, Residence::Anywhere)?;
        Ok(read.filter(|count| *count == 1).and(one.first().copied()))
    }

    /// The entry at an offset; instead of a blank, the next one that is none, if it is near. `None`
    /// when only blanks follow: the last messages of the queue are lost.
    pub(super) fn entry_or_next(
        &self,
        queue: &Queue<E>,
        offset: i64,
        end: i64,
    ) -> io::Result<Option<E>> {
        for at in offset..end.min(offset + BLANKS_SKIPPED_MAX) {
            match self.any_entry(queue, at, end)? {
                Some(entry) if entry.is_blank() => {}
                other => return Ok(other),
            }
        }
        if end - offset <= BLANKS_SKIPPED_MAX {
            return Ok(None);
        }
        self.any_entry(queue, offset, end)
    }

    /// Removes entries that an earlier life wrote behind the end: they must never be taken for
    /// entries of this one.
    fn erase_behind(&self, found: &LoadedQueue<E>, end: i64) -> io::Result<()> {
        let directory = self.files.directory_of(&found.queue);
        if found.bases.is_empty() && end == 0 {
            // Unless it holds something foreign: then the log is looked through at every start.
            let _ = self.files.disk.remove_dir(&directory);
        }
        for base in &found.bases {
            // Java takes the first entry of a file for one whatever it holds; but the first file
            // also says where the queue goes on.
            if *base >= end && (end == 0 || Some(base) != found.bases.first()) {
                self.files.forget(&found.queue);
                self.files.distrust_names(&found.queue);
                let name = file_names::of(base * E::BYTES as i64);
                self.files.disk.remove_file(&directory.join(name))?;
            } else if base + self.files.file_entries > end
                && let Some(file) = self.files.open(&found.queue, *base)?
            {
                let position = self.files.position_in_file(*base, end.max(*base));
                file.zero(
                    position,
                    self.files.file_bytes() - position,
                    Reserve::Lazily,
                )?;
                if end < found.files_end {
                    file.sync()?;
                }
            }
        }
        Ok(())
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

impl<E: Unit> Queue<E> {
    /// Takes over what the files hold: entries from `start` to `end`.
    fn place(&self, start: i64, end: i64) {
        let mut state = self.state.lock();
        state.restart(end);
        state.min = start;
        state.has_past = end > start;
    }

    pub(crate) fn end(&self) -> i64 {
        self.state.lock().end()
    }

    fn min(&self) -> i64 {
        self.state.lock().min
    }
}
