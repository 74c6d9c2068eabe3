//! Fitting the queues that were found to the log that they point into.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::files::Residence;
use super::{LoadedQueue, Queue, QueueTable, Unit};
use crate::disk::Reserve;
use crate::file_names;
use crate::opening::{self, Opening};

/// Blanks (lost messages) that a search looks past.
const BLANKS_SKIPPED_MAX: i64 = 64;

impl<E: Unit> QueueTable<E> {
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
        if let Some((last, before_end)) = found.last_in_order()
            && before_end <= physical
            && last.physical_offset() >= physical
        {
            return Ok(found.end - 1);
        }
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
        opening: &dyn Opening,
    ) -> io::Result<()> {
        opening::map(opening, loaded, |found| {
            self.fit_files(found, log_start, clean)
        })?;
        for queue in self.all() {
            queue.next.store(queue.end(), Ordering::Relaxed);
        }
        Ok(())
    }

    fn fit_files(&self, found: &LoadedQueue<E>, log_start: i64, clean: bool) -> io::Result<()> {
        let end = found.queue.end();
        let is_emptied = end == 0 && !found.bases.is_empty();
        // What a killed broker was writing may stand behind the end.
        let is_as_left = found.is_zero_behind && found.queue.is_unwritten(found.files_end);
        if (!clean && !is_as_left) || found.is_suspect || is_emptied || end < found.files_end {
            self.erase_behind(found, end)?;
        }
        if found.bases.is_empty() || found.queue.min() < found.start() {
            // Its first files were missing, and their entries were made again.
            return Ok(());
        }
        self.blank_before(found, found.queue.min())?;
        let points_into_log = |entry: &E| !entry.is_blank() && entry.physical_offset() >= log_start;
        if found.end > found.start()
            && end > found.start()
            && found.first.as_ref().is_some_and(points_into_log)
        {
            return Ok(());
        }
        let kept = |base: &i64| *base < end;
        let bases: Vec<i64> = found.bases.iter().copied().filter(kept).collect();
        let min = self.first_where(&found.queue, &bases, end, points_into_log)?;
        found.queue.raise_min(min);
        let first = bases.first();
        if first.is_some_and(|first| first + self.files.file_entries <= min) && bases.len() > 1 {
            self.lagging.lock().push(Arc::clone(&found.queue));
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
