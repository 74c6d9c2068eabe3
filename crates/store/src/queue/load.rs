//! Finding the queues of a directory, and fitting them to the log that they point into.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::files::Residence;
use super::{Entry, Queue, QueueTable, Unit};
use crate::disk::Reserve;
use crate::errors::OpenError;
use crate::file_names;

/// Blanks (lost messages) that a search looks past.
const BLANKS_SKIPPED_MAX: i64 = 64;

/// A queue as its files were found.
#[derive(Debug)]
pub(crate) struct LoadedQueue<E: Unit = Entry> {
    queue: Arc<Queue<E>>,
    /// The base entries of its files, ascending; there is at least one.
    bases: Vec<i64>,
    end: i64,
    /// Where the record of the last entry ends.
    end_physical: i64,
    /// Its files are not as they were left: entries may be missing at its end.
    is_suspect: bool,
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
}

impl<E: Unit> QueueTable<E> {
    /// Finds the queues of the directory. Names that no queue can have are left alone.
    pub(crate) fn load(&self) -> Result<Vec<LoadedQueue<E>>, OpenError> {
        let root = self.files.directory.clone();
        let mut loaded = Vec::new();
        for topic in self.directories(&root)? {
            let directory = root.join(&topic);
            for name in self.directories(&directory)? {
                let Ok(id) = name.parse::<i32>() else {
                    continue;
                };
                let files = file_names::load(
                    &*self.files.disk,
                    [&*directory.join(&name)],
                    self.files.file_bytes(),
                    E::FILE_BYTES_KEY,
                )?;
                let bases: Vec<i64> = files
                    .iter()
                    .map(|file| file.base / E::BYTES as i64)
                    .collect();
                if bases.is_empty() {
                    continue;
                }
                let queue = self.find_or_create(&topic, id);
                let failed = |source| OpenError::Recovery {
                    what: format!("queue {id} of topic {topic}"),
                    source,
                };
                let whole = self.whole_files(&bases);
                let known = bases.iter().take(whole).copied().collect();
                let mut found = self.measure(queue, known).map_err(failed)?;
                found.is_suspect = files.iter().any(|file| file.was_short) || whole < bases.len();
                found.bases = bases;
                loaded.push(found);
            }
        }
        Ok(loaded)
    }

    /// Cuts every queue before its first entry that points at or behind `physical`: those entries
    /// are made again from the log.
    pub(crate) fn cut_at(&self, loaded: &[LoadedQueue<E>], physical: i64) -> io::Result<()> {
        for found in loaded {
            let start = found.bases.first().copied().unwrap_or(0);
            let end = if found.end_physical <= physical {
                found.end
            } else {
                self.first_where(&found.queue, &found.bases, found.end, |entry| {
                    !entry.is_blank() && entry.physical_offset() >= physical
                })?
            };
            found.queue.place(start, end);
        }
        Ok(())
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
            if !clean || found.is_suspect || end < found.end {
                self.erase_behind(found, end)?;
            }
            if found
                .bases
                .first()
                .is_some_and(|base| found.queue.min() < *base)
            {
                // Its first files were missing, and their entries were made again.
                continue;
            }
            let kept = |base: &i64| *base < end;
            let bases: Vec<i64> = found.bases.iter().copied().filter(kept).collect();
            let min = self.first_where(&found.queue, &bases, end, |entry| {
                !entry.is_blank() && entry.physical_offset() >= log_start
            })?;
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

    fn measure(&self, queue: Arc<Queue<E>>, bases: Vec<i64>) -> io::Result<LoadedQueue<E>> {
        let start = bases.first().copied().unwrap_or(0);
        let mut end = start;
        for base in bases.iter().rev() {
            if self
                .files
                .entry(&queue, *base)?
                .is_some_and(|entry| entry.is_written())
            {
                end = self.partition(&queue, *base, base + self.files.file_entries, |entry| {
                    entry.is_written()
                })?;
                break;
            }
        }
        let mut end_physical = 0;
        // A blank says nothing about the log.
        for offset in (start.max(end - BLANKS_SKIPPED_MAX)..end).rev() {
            end_physical = self
                .files
                .entry(&queue, offset)?
                .map_or(0, |entry| entry.end());
            if end_physical > 0 {
                break;
            }
        }
        Ok(LoadedQueue {
            queue,
            bases,
            end,
            end_physical,
            is_suspect: false,
        })
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

    /// The entry at an offset; instead of a blank, the next one that is none, if it is near.
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
        self.any_entry(queue, offset, end)
    }

    /// Removes entries that an earlier life wrote behind the end: they must never be taken for
    /// entries of this one.
    fn erase_behind(&self, found: &LoadedQueue<E>, end: i64) -> io::Result<()> {
        let directory = self.files.directory_of(&found.queue);
        for base in &found.bases {
            if *base >= end && Some(base) != found.bases.first() {
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
                if end < found.end {
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
