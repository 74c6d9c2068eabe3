//! All consume queues of a store, and the work of keeping their files up with them.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use foldhash::fast::FixedState;
use parking_lot::{Mutex, RwLock};

use super::files::QueueFiles;
use super::{Entry, KEPT_FOR_READERS, Queue, UNWRITTEN_MAX};

/// Parts of the table with a lock each, so that connections looking up queues do not meet. One for
/// each value of the hash's first four bits.
const SHARDS: usize = 16;

/// When this many entries of all queues wait for their files the flusher is asked to come early.
const UNWRITTEN_WANTS_FLUSH: i64 = 256 * 1024;

/// The queues of a topic are in ascending order.
type Shard = HashMap<Arc<str>, Vec<Arc<Queue>>, FixedState>;

#[derive(Debug)]
pub(crate) struct QueueTable {
    shards: [RwLock<Shard>; SHARDS],
    pub(super) files: QueueFiles,
    serial: AtomicU32,
    /// Queues with something in memory.
    listed: Mutex<Vec<Arc<Queue>>>,
    /// Queues with entries in files that were not synced.
    to_sync: Mutex<Vec<Arc<Queue>>>,
    /// Entries that wait for their files.
    unwritten: AtomicI64,
    /// Held while files are written or removed.
    writing: Mutex<()>,
}

impl QueueTable {
    pub(crate) fn new(files: QueueFiles) -> Self {
        Self {
            shards: std::array::from_fn(|_| RwLock::new(Shard::default())),
            files,
            serial: AtomicU32::new(0),
            listed: Mutex::new(Vec::new()),
            to_sync: Mutex::new(Vec::new()),
            unwritten: AtomicI64::new(0),
            writing: Mutex::new(()),
        }
    }

    pub(crate) fn files(&self) -> &QueueFiles {
        &self.files
    }

    pub(crate) fn find(&self, topic: &str, id: i32) -> Option<Arc<Queue>> {
        let shard = self.shard(topic).read();
        let queues = shard.get(topic)?;
        let index = queues.binary_search_by_key(&id, |queue| queue.id()).ok()?;
        queues.get(index).cloned()
    }

    pub(crate) fn find_or_create(&self, topic: &str, id: i32) -> Arc<Queue> {
        if let Some(queue) = self.find(topic, id) {
            return queue;
        }
        let mut shard = self.shard(topic).write();
        let name = match shard.get_key_value(topic) {
            Some((name, _)) => Arc::clone(name),
            None => Arc::from(topic),
        };
        let queues = shard.entry(Arc::clone(&name)).or_default();
        let place = match queues.binary_search_by_key(&id, |queue| queue.id()) {
            Ok(index) => match queues.get(index) {
                Some(queue) => return Arc::clone(queue),
                None => index,
            },
            Err(place) => place,
        };
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let queue = Arc::new(Queue::new(name, id, serial));
        queues.insert(place, Arc::clone(&queue));
        queue
    }

    /// Every queue, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<Queue>> {
        self.shards
            .iter()
            .flat_map(|shard| shard.read().values().flatten().cloned().collect::<Vec<_>>())
            .collect()
    }

    /// Adds the entry of a record to its queue, visible at once. True when so many entries wait for
    /// their files that the flusher should come early. A queue that waits beyond its bound is
    /// written here and now, as far as `readable` allows.
    pub(crate) fn push(
        &self,
        queue: &Arc<Queue>,
        offset: i64,
        entry: Entry,
        readable: i64,
    ) -> io::Result<bool> {
        let pushed = queue.push(offset, entry);
        if pushed.newly_listed {
            self.listed.lock().push(Arc::clone(queue));
        }
        let unwritten = self.unwritten.fetch_add(1, Ordering::Relaxed) + 1;
        if pushed.unwritten > UNWRITTEN_MAX && pushed.unwritten.is_multiple_of(UNWRITTEN_MAX / 4) {
            let _writing = self.writing.lock();
            self.write_queue(queue, readable)?;
        }
        Ok(unwritten % UNWRITTEN_WANTS_FLUSH == 0)
    }

    /// Writes the entries of records that end at or before `readable` to their files, and lets go
    /// of memory that nobody needs.
    pub(crate) fn write_behind(&self, readable: i64) -> io::Result<()> {
        let _writing = self.writing.lock();
        let listed = std::mem::take(&mut *self.listed.lock());
        let mut kept = Vec::with_capacity(listed.len());
        let mut outcome = Ok(());
        for queue in listed {
            if queue.is_deleted() {
                let (_, never) = queue.unwritten(i64::MAX);
                self.unwritten
                    .fetch_sub(never.len() as i64, Ordering::Relaxed);
                continue;
            }
            if outcome.is_ok() {
                outcome = self.write_queue(&queue, readable);
            }
            if !queue.unlist_if_idle() {
                kept.push(queue);
            }
        }
        self.listed.lock().append(&mut kept);
        outcome
    }

    /// Makes what was written behind durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let _writing = self.writing.lock();
        let queues = std::mem::take(&mut *self.to_sync.lock());
        for queue in queues.iter().filter(|queue| !queue.is_deleted()) {
            let (from, to) = queue.unsynced();
            self.files.sync(queue, from, to)?;
            queue.synced(to);
        }
        self.files.sync_directories()
    }

    /// Forgets a topic and removes its files.
    pub(crate) fn delete_topic(&self, topic: &str) -> io::Result<()> {
        let _writing = self.writing.lock();
        let Some(queues) = self.shard(topic).write().remove(topic) else {
            return Ok(());
        };
        for queue in &queues {
            queue.delete();
            self.files.forget(queue);
            self.files.remove(queue)?;
        }
        self.files.remove_topic(topic)
    }

    fn write_queue(&self, queue: &Arc<Queue>, readable: i64) -> io::Result<()> {
        let (offset, entries) = queue.unwritten(readable);
        if entries.is_empty() {
            return Ok(());
        }
        self.files.write(queue, offset, &entries)?;
        self.unwritten
            .fetch_sub(entries.len() as i64, Ordering::Relaxed);
        if queue.wrote(offset, entries.len()) {
            self.to_sync.lock().push(Arc::clone(queue));
        }
        Ok(())
    }

    fn shard(&self, topic: &str) -> &RwLock<Shard> {
        let [first, ..] = &self.shards;
        let hash = FixedState::default().hash_one(topic);
        self.shards.get((hash >> 60) as usize).unwrap_or(first)
    }
}

/// The steps of a write-behind; called with the table's `writing` lock held.
impl Queue {
    /// Entries that may be written now and are not, and where they begin.
    fn unwritten(&self, readable: i64) -> (i64, Vec<Entry>) {
        let state = self.state.lock();
        let skipped = usize::try_from(state.written - state.tail_start).unwrap_or(0);
        let entries = state.tail.iter().skip(skipped);
        (
            state.written,
            entries
                .take_while(|entry| entry.end() <= readable)
                .copied()
                .collect(),
        )
    }

    /// Notes that entries are in their files. True when the queue must be listed for a sync.
    fn wrote(&self, offset: i64, count: usize) -> bool {
        let mut state = self.state.lock();
        state.written = (offset + count as i64).min(state.end());
        let keep_from = state.written - KEPT_FOR_READERS as i64;
        let droppable = usize::try_from(keep_from - state.tail_start).unwrap_or(0);
        let droppable = droppable.min(state.tail.len());
        let dropped = state.tail.drain(..droppable).count();
        state.tail_start += dropped as i64;
        let needed = state.tail.len().max(KEPT_FOR_READERS);
        if state.tail.capacity() > needed * 4 {
            state.tail.shrink_to(needed);
        }
        !std::mem::replace(&mut state.to_sync, true)
    }

    /// Lets go of the memory of a queue that is wholly in its files and got nothing since the last
    /// round. True when it needs no more looking after.
    fn unlist_if_idle(&self) -> bool {
        let mut state = self.state.lock();
        if state.written < state.end() {
            return false;
        }
        if !state.tail.is_empty() && !std::mem::replace(&mut state.idle, true) {
            return false;
        }
        state.tail = std::collections::VecDeque::new();
        state.tail_start = state.written;
        state.listed = false;
        true
    }

    fn unsynced(&self) -> (i64, i64) {
        let state = self.state.lock();
        (state.unsynced, state.written)
    }

    fn synced(&self, to: i64) {
        let mut state = self.state.lock();
        state.unsynced = to.min(state.written);
        state.to_sync = false;
    }

    fn delete(&self) {
        self.deleted.store(true, Ordering::Relaxed);
    }
}
