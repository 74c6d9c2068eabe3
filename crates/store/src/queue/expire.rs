//! What becomes of queues when the beginning of the log is deleted (`CleanConsumeQueueService`):
//! their beginnings follow it, files without an entry of the log go, the last file of a queue stays.

use std::io;
use std::sync::Arc;

use super::{Queue, QueueTable, Unit};
use crate::file_names;

/// What was removed, and whether the caller wants no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Expired {
    pub(crate) files: usize,
    pub(crate) interrupted: bool,
}

impl Expired {
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            files: self.files + other.files,
            interrupted: self.interrupted || other.interrupted,
        }
    }
}

impl<E: Unit> QueueTable<E> {
    /// Moves the beginnings of all queues to where the log begins and removes the files before them.
    /// `pause` is called after each queue that lost files; false ends the walk.
    pub(crate) fn expire(
        &self,
        log_start: i64,
        pause: &mut dyn FnMut() -> bool,
    ) -> io::Result<Expired> {
        let mut expired = self.remove_lagging(pause)?;
        for queue in self.all() {
            if expired.interrupted {
                break;
            }
            let before = queue.begin();
            let begin = self.follow_log(&queue, log_start)?;
            if self.files.base_of(begin) != self.files.base_of(before) {
                self.remove_files(&queue, begin, &mut expired, pause)?;
            }
        }
        Ok(expired)
    }

    /// Removes files that were to go when an earlier process ended.
    pub(crate) fn remove_lagging(&self, pause: &mut dyn FnMut() -> bool) -> io::Result<Expired> {
        let mut expired = Expired::default();
        loop {
            let lagging = self.lagging.lock().pop();
            let Some(queue) = lagging else { break };
            self.remove_files(&queue, queue.begin(), &mut expired, pause)?;
            if expired.interrupted {
                break;
            }
        }
        Ok(expired)
    }

    /// Removes the queues whose last entry is of a record before the log; those that are kept and
    /// those that never had an entry stay. Their numbers begin at 0 again. What `hold_appends` gives
    /// is held while one goes; `remove_more` removes what it has elsewhere.
    pub(crate) fn remove_expired<L>(
        &self,
        log_start: i64,
        is_kept: &dyn Fn(&str) -> bool,
        hold_appends: impl Fn() -> L,
        remove_more: impl Fn(&Queue<E>) -> io::Result<()>,
    ) -> io::Result<usize> {
        let mut removed = 0;
        for queue in self.all() {
            if is_kept(queue.topic()) || !self.is_expired(&queue, log_start)? {
                continue;
            }
            let _writing = self.writing.lock();
            let _held = hold_appends();
            if queue.is_deleted() || !self.is_expired(&queue, log_start)? {
                continue;
            }
            // The files first: nobody misses them if that fails, but a new queue must not find them.
            let directory = self.files.directory_of(&queue);
            self.files.forget(&queue);
            if self.files.disk.exists(&directory) {
                file_names::remove_directory(&*self.files.disk, &directory)?;
            }
            remove_more(&queue)?;
            self.take_out(&queue);
            removed += 1;
        }
        Ok(removed)
    }

    /// Topics with queues.
    pub(crate) fn topics(&self) -> Vec<Arc<str>> {
        let names = |shard: &parking_lot::RwLock<super::table::Shard<E>>| {
            shard.read().keys().cloned().collect::<Vec<_>>()
        };
        self.shards.iter().flat_map(names).collect()
    }

    fn is_expired(&self, queue: &Queue<E>, log_start: i64) -> io::Result<bool> {
        let end = queue.end();
        if end == 0 {
            return Ok(false);
        }
        let last = self.any_entry(queue, end - 1, end)?;
        Ok(last.is_some_and(|last| !last.is_blank() && last.physical_offset() < log_start))
    }

    /// The first entry of a queue that is of a record of the log; the end of the queue when none is.
    fn follow_log(&self, queue: &Queue<E>, log_start: i64) -> io::Result<i64> {
        let (begin, end) = (queue.begin(), queue.end());
        if begin >= end || queue.begins_in(log_start) {
            return Ok(begin);
        }
        let (mut low, mut high) = (begin, end);
        let mut first = None;
        // Most queues that are looked at begin in the log already.
        let mut middle = begin;
        while low < high {
            match self.first_known(queue, middle, high)? {
                Some(entry) if entry.physical_offset() < log_start => low = middle + 1,
                found => {
                    first = found.or(first);
                    high = middle;
                }
            }
            middle = low + (high - low) / 2;
        }
        queue.raise_begin(low, first.map_or(0, |entry| entry.physical_offset()));
        Ok(low)
    }

    /// Removes the files of a queue that end at or before `begin`, oldest first, but not the last.
    fn remove_files(
        &self,
        queue: &Arc<Queue<E>>,
        begin: i64,
        expired: &mut Expired,
        pause: &mut dyn FnMut() -> bool,
    ) -> io::Result<()> {
        let before = expired.files;
        {
            let _writing = self.writing.lock();
            if queue.is_deleted() {
                return Ok(());
            }
            let directory = self.files.directory_of(queue);
            let entries = self.files.disk.list(&directory)?;
            let names = entries.iter().filter(|entry| !entry.is_dir);
            let mut bases: Vec<i64> = names
                .filter_map(|entry| file_names::base_of(&entry.name))
                .collect();
            bases.sort_unstable();
            bases.pop();
            self.files.distrust_names(queue);
            for base in bases {
                if base / E::BYTES as i64 + self.files.file_entries > begin {
                    break;
                }
                let path = directory.join(file_names::of(base));
                self.files.disk.remove_file(&path)?;
                expired.files += 1;
            }
            self.files.forget(queue);
        }
        if expired.files > before && !pause() {
            expired.interrupted = true;
        }
        Ok(())
    }
}

impl<E: Unit> Queue<E> {
    fn begin(&self) -> i64 {
        self.state.lock().min
    }

    /// Whether its first entry is known to be of a record behind the beginning of the log.
    fn begins_in(&self, log_start: i64) -> bool {
        let state = self.state.lock();
        state.min_physical > 0 && state.min_physical >= log_start
    }

    fn raise_begin(&self, begin: i64, physical: i64) {
        let mut state = self.state.lock();
        if begin >= state.min && begin <= state.end() {
            state.min = begin;
            state.min_physical = physical;
        }
    }
}
