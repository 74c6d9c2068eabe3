//! Fitting the queues that were found to the log that they point into.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{LoadedQueue, Queue, QueueTable, Unit};
use crate::disk::Reserve;
use crate::file_names;
use crate::opening::{self, Opening};

impl<E: Unit> QueueTable<E> {
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
        if found.queue.min() > found.start() {
            return self.begin_at(found, found.queue.min());
        }
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

    /// A queue whose first records are lost begins behind them. Files that end before go, and in its
    /// first one blanks take the slots before: Java would read what stands in the log now, and zeros
    /// end a queue.
    fn begin_at(&self, found: &LoadedQueue<E>, begin: i64) -> io::Result<()> {
        let first_base = self.files.base_of(begin);
        for base in found.bases.iter().filter(|base| **base < first_base) {
            self.remove_file(&found.queue, *base)?;
        }
        // A file that is made now gets its blanks with that.
        if first_base < begin && found.bases.contains(&first_base) {
            let blanks = vec![E::BLANK; usize::try_from(begin - first_base).unwrap_or(0)];
            self.files.write(&found.queue, first_base, &blanks)?;
        }
        Ok(())
    }

    fn remove_file(&self, queue: &Queue<E>, base: i64) -> io::Result<()> {
        self.files.forget(queue);
        self.files.distrust_names(queue);
        let name = file_names::of(base * E::BYTES as i64);
        let directory = self.files.directory_of(queue);
        self.files.disk.remove_file(&directory.join(name))
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
                self.remove_file(&found.queue, *base)?;
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
