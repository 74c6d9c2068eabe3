//! Batch consume queues (`BatchConsumeQueue`): the queues of topics whose attribute `queue.type` is
//! `BatchCQ`. A record there may hold many messages, an *inner batch*, and has one entry.
//!
//! Files, memory and recovery are those of plain queues; here an entry's number is not its queue
//! offset, so entries are searched, by offset and by their own store times. An offset in the middle
//! of a batch means the whole batch. Bounds and times count messages.
//!
//! Deliberately absent: compacted offsets in entries, which only Java's compaction topics have.

mod entry;
pub(crate) mod inner;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

pub(crate) use self::entry::{BATCH_ENTRY_BYTES, BatchEntry};
use crate::disk::{Disk, unless_full};
use crate::opening::Opening;
use crate::queue::{Bounds, LoadedQueue, Newest, Queue, QueueFiles, QueueTable, Residence, Unit};

pub(crate) type BatchQueue = Queue<BatchEntry>;

/// What a batch queue remembers besides its entries.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    /// The queue offset at which it begins.
    min_offset: AtomicI64,
}

/// A batch queue as its readers may see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    /// Queue offsets.
    pub(crate) offsets: Bounds,
    /// Numbers of entries.
    pub(crate) entries: Bounds,
}

/// An answer that may need bytes that are not in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sought<T> {
    Found(T),
    /// Only what is in memory was wanted, and that is not all.
    Cold,
}

#[derive(Debug)]
pub(crate) struct BatchQueues {
    table: QueueTable<BatchEntry>,
}

impl BatchQueues {
    pub(crate) fn new(disk: Arc<dyn Disk>, directory: PathBuf, file_bytes: u64) -> Self {
        Self {
            table: QueueTable::new(QueueFiles::new(disk, directory, file_bytes)),
        }
    }

    /// The queues as all queues are kept, written and deleted.
    pub(crate) fn table(&self) -> &QueueTable<BatchEntry> {
        &self.table
    }

    /// Adds the entry of a record just appended. True when the flusher should come early.
    pub(crate) fn push(
        &self,
        queue: &Arc<BatchQueue>,
        entry: BatchEntry,
        readable: i64,
    ) -> io::Result<bool> {
        let entries = queue.bounds(i64::MAX);
        if entries.min == entries.max {
            queue
                .memo()
                .min_offset
                .store(entry.base_offset, Ordering::Relaxed);
        }
        self.table.push(queue, entries.max, entry, readable)
    }

    /// Adds the entry of a record that is gone through again. The later record wins: offsets that
    /// the queue has already mean that its topic was deleted and made again between the two. True when
    /// the queue lacks the offsets before.
    pub(crate) fn push_again(
        &self,
        queue: &Arc<BatchQueue>,
        entry: BatchEntry,
    ) -> io::Result<bool> {
        let entries = queue.bounds(i64::MAX);
        let last = self.last_entry(queue, entries)?;
        let next = last.map_or(0, |last| last.next_offset());
        let mut number = entries.max;
        if entry.base_offset < next {
            let before = |known: &BatchEntry| known.next_offset() <= entry.base_offset;
            if let Sought::Found(found) =
                self.partition(queue, entries, Residence::Anywhere, before)?
            {
                number = found;
            }
        }
        let pushed = self.table.push(queue, number, entry, i64::MAX);
        unless_full(pushed.map(|_| ()))?;
        Ok(next < entry.base_offset)
    }

    /// After the log was gone through: fits the queues to it, and learns their ends.
    pub(crate) fn finish_recovery(
        &self,
        loaded: &[LoadedQueue<BatchEntry>],
        log_start: i64,
        clean: bool,
        opening: &dyn Opening,
    ) -> io::Result<()> {
        self.table
            .finish_recovery(loaded, log_start, clean, opening)?;
        for queue in self.table.all() {
            let entries = queue.bounds(i64::MAX);
            let last = self.last_entry(&queue, entries)?;
            if let Some(last) = last {
                queue.keep_newest(last);
                queue.go_on_behind(last.next_offset());
            }
            self.learn_min(&queue)?;
        }
        Ok(())
    }

    /// Learns the queue offset of the first entry, after the beginning of the queue moved.
    pub(crate) fn learn_min(&self, queue: &BatchQueue) -> io::Result<()> {
        let entries = queue.bounds(i64::MAX);
        let first = if entries.min < entries.max {
            self.entry(queue, entries, entries.min)?
                .map(|entry| entry.base_offset)
        } else {
            self.last_entry(queue, entries)?
                .map(|entry| entry.next_offset())
        };
        let first = first.unwrap_or(0);
        queue.memo().min_offset.store(first, Ordering::Relaxed);
        Ok(())
    }

    /// Bounds of a queue; records that end behind `readable` do not count.
    pub(crate) fn view(&self, queue: &BatchQueue, readable: i64) -> View {
        let (entries, newest) = queue.newest(readable);
        let min = queue.memo().min_offset.load(Ordering::Relaxed);
        let max = newest.map_or(min, |newest| match newest {
            Newest::Seen(entry) => entry.next_offset(),
            Newest::Hidden(entry) => entry.base_offset,
        });
        View {
            offsets: Bounds {
                min: min.min(max),
                max,
            },
            entries,
        }
    }

    /// The number of the entry that holds a queue offset; of the next one, when no record has it.
    pub(crate) fn number_of(
        &self,
        queue: &BatchQueue,
        view: View,
        offset: i64,
        residence: Residence,
    ) -> io::Result<Sought<i64>> {
        self.partition(queue, view.entries, residence, |entry| {
            entry.next_offset() <= offset
        })
    }

    /// The entry that holds a queue offset.
    pub(crate) fn entry_of(
        &self,
        queue: &BatchQueue,
        view: View,
        offset: i64,
    ) -> io::Result<Option<BatchEntry>> {
        if offset < view.offsets.min || offset >= view.offsets.max {
            return Ok(None);
        }
        match self.number_of(queue, view, offset, Residence::Anywhere)? {
            Sought::Found(number) => self.entry(queue, view.entries, number),
            Sought::Cold => Ok(None),
        }
    }

    /// The first queue offset of the first record that `before` does not hold for, and that of the
    /// record before it. Store times ascend along a queue.
    pub(crate) fn neighbours(
        &self,
        queue: &BatchQueue,
        view: View,
        before: impl Fn(&BatchEntry) -> bool,
    ) -> io::Result<(Option<i64>, Option<i64>)> {
        let Sought::Found(number) =
            self.partition(queue, view.entries, Residence::Anywhere, before)?
        else {
            return Ok((None, None));
        };
        let base = |number| -> io::Result<Option<i64>> {
            let entry = self.entry(queue, view.entries, number)?;
            Ok(entry.map(|entry| entry.base_offset))
        };
        Ok((base(number)?, base(number - 1)?))
    }

    /// The first number of an entry for which `before` does not hold.
    fn partition(
        &self,
        queue: &BatchQueue,
        entries: Bounds,
        residence: Residence,
        before: impl Fn(&BatchEntry) -> bool,
    ) -> io::Result<Sought<i64>> {
        let (mut low, mut high) = (entries.min, entries.max);
        // Most readers are near the end, which is in memory.
        let mut middle = (high - 1).max(low);
        while low < high {
            match self.entry_in(queue, entries, middle, residence)? {
                Some(entry) if before(&entry) => low = middle + 1,
                Some(_) => high = middle,
                None if residence == Residence::Resident => return Ok(Sought::Cold),
                None => low = middle + 1,
            }
            middle = low + (high - low) / 2;
        }
        Ok(Sought::Found(low))
    }

    fn last_entry(&self, queue: &BatchQueue, entries: Bounds) -> io::Result<Option<BatchEntry>> {
        if let (_, Some(Newest::Seen(entry))) = queue.newest(i64::MAX) {
            return Ok(Some(entry));
        }
        if entries.max == 0 {
            return Ok(None);
        }
        let last = entries.max - 1;
        let read = self.table.files().entry(queue, last)?;
        Ok(read.filter(Unit::is_written))
    }

    fn entry(
        &self,
        queue: &BatchQueue,
        entries: Bounds,
        number: i64,
    ) -> io::Result<Option<BatchEntry>> {
        if number < entries.min || number >= entries.max {
            return Ok(None);
        }
        self.entry_in(queue, entries, number, Residence::Anywhere)
    }

    fn entry_in(
        &self,
        queue: &BatchQueue,
        entries: Bounds,
        number: i64,
        residence: Residence,
    ) -> io::Result<Option<BatchEntry>> {
        let mut one = [BatchEntry::BLANK];
        let files = self.table.files();
        let read = queue.entries(files, number, entries.max, &mut one, residence)?;
        let entry = read.filter(|count| *count == 1).and(one.first().copied());
        Ok(entry.filter(Unit::is_written))
    }
}
