//! Consume queues (`ConsumeQueue`): for each topic and queue number, where its messages are.
//!
//! Entries are made from the records just appended and are visible at once; they are kept in memory
//! until [`QueueTable::write_behind`] has written them to the queue's files in batches. A queue at
//! rest costs a few hundred bytes and no handle. Everything here can be made again from the commit
//! log.
//!
//! Lock order: append lock, flush lock, table, queue, handles. No file is touched under a queue's lock.

mod entry;
mod expire;
mod files;
mod fit;
mod handles;
mod load;
mod measure;
mod search;
mod table;
mod verify;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use parking_lot::Mutex;

pub(crate) use self::entry::{ENTRY_BYTES, Entry, Fields, Unit};
pub(crate) use self::expire::Expired;
pub(crate) use self::files::{QueueFiles, Residence};
pub(crate) use self::handles::Handles;
pub(crate) use self::load::LoadedQueue;
pub(crate) use self::table::QueueTable;

/// A queue that waits for its files keeps no more than this many entries before the append itself
/// writes them: the bound of the memory when nobody calls `flush_queues`. Somebody else who writes
/// queues at that moment is not waited for.
pub(crate) const UNWRITTEN_MAX: usize = 64 * 1024;

/// After a write-behind a busy queue keeps this many of its newest entries for its readers.
const KEPT_FOR_READERS: usize = 64;

#[derive(Debug)]
pub(crate) struct Queue<E: Unit = Entry> {
    topic: Arc<str>,
    id: i32,
    /// Names the queue in the handle cache; never used twice.
    serial: u32,
    /// The queue offset of the next message. Changed under the append lock alone.
    next: AtomicI64,
    /// Its topic was deleted: a new queue of the same name takes its place.
    deleted: AtomicBool,
    state: Mutex<State<E>>,
    memo: E::Memo,
}

#[derive(Debug)]
struct State<E> {
    /// The first entry that may point into the log.
    min: i64,
    /// Where the record of that entry begins; 0 when nobody looked.
    min_physical: i64,
    /// Entries below this one are in the files.
    written: i64,
    /// Where `tail` begins; at most `written`.
    tail_start: i64,
    /// The newest entries, up to the end of the queue.
    tail: VecDeque<E>,
    /// The first entry that no sync of a file has covered.
    unsynced: i64,
    /// It has or had entries, so that the next one must follow them.
    has_past: bool,
    /// In the table's list of queues to be written behind.
    listed: bool,
    /// Nothing came since the last write-behind.
    idle: bool,
    /// In the table's list of queues to be synced.
    to_sync: bool,
}

impl<E: Unit> State<E> {
    fn end(&self) -> i64 {
        self.tail_start + self.tail.len() as i64
    }

    /// Makes the queue one that begins at `offset` and is empty.
    fn restart(&mut self, offset: i64) {
        *self = State {
            min: offset,
            min_physical: 0,
            written: offset,
            tail_start: offset,
            tail: VecDeque::new(),
            unsynced: offset,
            has_past: true,
            ..*self
        };
    }

    /// Ends the queue at `offset`, which must not be below its minimum.
    fn cut(&mut self, offset: i64) {
        if offset < self.tail_start {
            self.tail.clear();
            self.tail_start = offset;
        } else {
            self.tail
                .truncate(usize::try_from(offset - self.tail_start).unwrap_or(usize::MAX));
        }
        self.written = self.written.min(offset);
        self.unsynced = self.unsynced.min(offset);
    }
}

/// Where a queue ends, as its readers may see it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Newest<E> {
    /// The last entry that they may see.
    Seen(E),
    /// The first one that they may not see yet; there is none before it in memory.
    Hidden(E),
}

/// What a queue holds, as its readers may see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) min: i64,
    pub(crate) max: i64,
}

impl<E: Unit> Queue<E> {
    /// A queue without messages.
    fn new(topic: Arc<str>, id: i32, serial: u32) -> Self {
        let state = State {
            min: 0,
            min_physical: 0,
            written: 0,
            tail_start: 0,
            tail: VecDeque::new(),
            unsynced: 0,
            has_past: false,
            listed: false,
            idle: false,
            to_sync: false,
        };
        Self {
            topic,
            id,
            serial,
            next: AtomicI64::new(0),
            deleted: AtomicBool::new(false),
            state: Mutex::new(state),
            memo: E::Memo::default(),
        }
    }

    pub(crate) fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    pub(crate) fn id(&self) -> i32 {
        self.id
    }

    pub(crate) fn serial(&self) -> u32 {
        self.serial
    }

    pub(crate) fn memo(&self) -> &E::Memo {
        &self.memo
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Relaxed)
    }

    /// What the next message gets.
    pub(crate) fn next_offset(&self) -> i64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Under the append lock: the next `count` queue offsets.
    pub(crate) fn assign(&self, count: i64) -> i64 {
        let first = self.next.load(Ordering::Relaxed);
        self.next.store(first + count, Ordering::Relaxed);
        first
    }

    /// Under the append lock: takes back the offsets from `first` on, which nothing has.
    pub(crate) fn give_back(&self, first: i64) {
        self.next.store(
            first.min(self.next.load(Ordering::Relaxed)),
            Ordering::Relaxed,
        );
    }

    /// Goes on at `offset`, behind a gap without entries. What is in the files before stays.
    fn jump(&self, offset: i64) {
        let mut state = self.state.lock();
        let min = state.min;
        let is_written = state.written == state.end();
        state.restart(offset);
        if is_written {
            state.min = min;
        }
    }

    /// Appends the entry of queue offset `offset`. The later record wins: an offset that the queue
    /// has already means that its topic was deleted and made again between the two records. A gap
    /// before it is filled with blanks, unless that takes more than `blanks_max`.
    fn push(&self, offset: i64, entry: E, blanks_max: i64) -> Result<Pushed, TooWide> {
        let mut state = self.state.lock();
        if !state.has_past || offset < state.min {
            state.restart(offset);
        } else if offset < state.end() {
            state.cut(offset);
        } else if offset - state.end() > blanks_max {
            return Err(TooWide { end: state.end() });
        }
        for _ in state.end()..offset {
            state.tail.push_back(E::BLANK);
        }
        state.tail.push_back(entry);
        state.idle = false;
        let newly_listed = !std::mem::replace(&mut state.listed, true);
        let unwritten = (state.end() - state.written).unsigned_abs();
        Ok(Pushed {
            newly_listed,
            unwritten: usize::try_from(unwritten).unwrap_or(usize::MAX),
        })
    }

    /// The end of the queue, and where it begins; entries whose records end behind `readable` do not
    /// count.
    pub(crate) fn bounds(&self, readable: i64) -> Bounds {
        let state = self.state.lock();
        let hidden = state
            .tail
            .iter()
            .rev()
            .take_while(|entry| entry.end() > readable)
            .count() as i64;
        let max = state.end() - hidden;
        Bounds {
            min: state.min.min(max),
            max,
        }
    }

    /// As [`bounds`](Self::bounds), with the entry that says where that is, if it is in memory.
    pub(crate) fn newest(&self, readable: i64) -> (Bounds, Option<Newest<E>>) {
        let state = self.state.lock();
        let hidden = state.tail.iter().rev();
        let hidden = hidden.take_while(|entry| entry.end() > readable).count();
        let seen = state.tail.len() - hidden;
        let newest = match seen.checked_sub(1).and_then(|index| state.tail.get(index)) {
            Some(entry) => Some(Newest::Seen(*entry)),
            None => state.tail.front().map(|entry| Newest::Hidden(*entry)),
        };
        let max = state.end() - hidden as i64;
        let min = state.min.min(max);
        (Bounds { min, max }, newest)
    }

    /// Takes the last entry of a queue that has none in memory from its file into memory.
    pub(crate) fn keep_newest(&self, entry: E) {
        let mut state = self.state.lock();
        if state.tail.is_empty() {
            state.tail_start -= 1;
            state.tail.push_back(entry);
        }
    }

    /// While the store is opened: the next message gets this queue offset. The numbers of entries, which
    /// batch queues have beside offsets, say nothing about it.
    pub(crate) fn go_on_behind(&self, next: i64) {
        self.next.store(next, Ordering::Relaxed);
    }

    /// While the store is opened: the next message gets a queue offset that is not lower.
    pub(crate) fn go_on_at(&self, offset: i64) {
        self.next.fetch_max(offset, Ordering::Relaxed);
    }

    /// Copies entries from `offset` on into `into`, not beyond `max`; `None` when they are not in
    /// memory and `residence` wants no others, or when there is no file where one should be.
    pub(crate) fn entries(
        &self,
        files: &QueueFiles<E>,
        offset: i64,
        max: i64,
        into: &mut [E],
        residence: Residence,
    ) -> io::Result<Option<usize>> {
        let wanted = usize::try_from(max - offset).unwrap_or(0).min(into.len());
        let on_disk_until = {
            let state = self.state.lock();
            if offset >= state.tail_start {
                let skipped = usize::try_from(offset - state.tail_start).unwrap_or(usize::MAX);
                let mut copied = 0;
                for (slot, entry) in into
                    .iter_mut()
                    .zip(state.tail.iter().skip(skipped))
                    .take(wanted)
                {
                    *slot = *entry;
                    copied += 1;
                }
                return Ok(Some(copied));
            }
            state.tail_start
        };
        let wanted = wanted.min(usize::try_from(on_disk_until - offset).unwrap_or(0));
        let Some(into) = into.get_mut(..wanted) else {
            return Ok(Some(0));
        };
        files.read(self, offset, into, residence)
    }

    /// Moves the beginning, because the log no longer reaches so far back.
    pub(crate) fn raise_min(&self, min: i64) {
        let mut state = self.state.lock();
        state.min = state.min.max(min);
    }
}

struct Pushed {
    newly_listed: bool,
    /// Entries of the queue that wait for their file.
    unwritten: usize,
}

/// A gap begins at `end` that blanks shall not fill.
struct TooWide {
    end: i64,
}
