//! All consume queues of a store, and the work of keeping their files up with them.

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasher;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use foldhash::fast::FixedState;
use parking_lot::{Mutex, RwLock};

use super::files::{QueueFiles, SYNCED_ONE_BY_ONE_MAX};
use super::{Entry, KEPT_FOR_READERS, Queue, TooWide, UNWRITTEN_MAX, Unit};

/// Parts of the table with a lock each, so that connections looking up queues do not meet. One for
/// each value of the hash's first four bits.
const SHARDS: usize = 16;

/// When this many entries of all queues wait for their files the flusher is asked to come early.
const UNWRITTEN_WANTS_FLUSH: i64 = 256 * 1024;

/// A gap before an entry is filled with so many blanks at most, or as many as a file has.
const GAP_BLANKS_MAX: i64 = 1024 * 1024;

/// The queues of a topic are in ascending order.
pub(super) type Shard<E> = HashMap<Arc<str>, Vec<Arc<Queue<E>>>, FixedState>;

#[derive(Debug)]
pub(crate) struct QueueTable<E: Unit = Entry> {
    pub(super) shards: [RwLock<Shard<E>>; SHARDS],
    pub(super) files: QueueFiles<E>,
    serial: AtomicU32,
    /// Queues with something in memory.
    listed: Mutex<Vec<Arc<Queue<E>>>>,
    /// Queues with entries in files that were not synced.
    to_sync: Mutex<Vec<Arc<Queue<E>>>>,
    /// Entries that wait for their files.
    unwritten: AtomicI64,
    /// Held while files are written or removed; an append never waits for it.
    pub(super) writing: Mutex<()>,
    /// Held by the one sync that is under way.
    syncing: Mutex<()>,
    /// Deleted topics whose files the disk did not let go yet.
    half_removed: Mutex<BTreeSet<Box<str>>>,
    /// Queues with files before their beginnings, as a crash in the middle of a removal leaves them.
    pub(super) lagging: Mutex<Vec<Arc<Queue<E>>>>,
}

impl<E: Unit> QueueTable<E> {
    pub(crate) fn new(files: QueueFiles<E>) -> Self {
        Self {
            shards: std::array::from_fn(|_| RwLock::new(Shard::default())),
            files,
            serial: AtomicU32::new(0),
            listed: Mutex::new(Vec::new()),
            to_sync: Mutex::new(Vec::new()),
            unwritten: AtomicI64::new(0),
            writing: Mutex::new(()),
            syncing: Mutex::new(()),
            half_removed: Mutex::new(BTreeSet::new()),
            lagging: Mutex::new(Vec::new()),
        }
    }

    pub(crate) fn files(&self) -> &QueueFiles<E> {
        &self.files
    }

    pub(crate) fn find(&self, topic: &str, id: i32) -> Option<Arc<Queue<E>>> {
        let shard = self.shard(topic).read();
        let queues = shard.get(topic)?;
        let index = queues.binary_search_by_key(&id, |queue| queue.id()).ok()?;
        queues.get(index).cloned()
    }

    pub(crate) fn has_topic(&self, topic: &str) -> bool {
        let has_any = self.serial.load(Ordering::Relaxed) > 0;
        has_any && self.shard(topic).read().contains_key(topic)
    }

    /// How many queues a topic has, and how many offsets they gave out: the same under the append lock
    /// as before when nothing was appended to it in between.
    pub(crate) fn extent(&self, topic: &str) -> (usize, i64) {
        let shard = self.shard(topic).read();
        let queues = shard.get(topic).into_iter().flatten();
        queues.fold((0, 0), |(count, offsets), queue| {
            (count + 1, offsets + queue.next_offset())
        })
    }

    pub(crate) fn find_or_create(&self, topic: &str, id: i32) -> Arc<Queue<E>> {
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
        let queue = self.make(&name, id);
        queues.insert(place, Arc::clone(&queue));
        queue
    }

    /// A queue that is in the table only when it is [taken in](Self::take_in).
    pub(super) fn make(&self, topic: &Arc<str>, id: i32) -> Arc<Queue<E>> {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        Arc::new(Queue::new(Arc::clone(topic), id, serial))
    }

    /// The queues of a topic that has none yet, in ascending order.
    pub(super) fn take_in(&self, topic: &Arc<str>, queues: Vec<Arc<Queue<E>>>) {
        if !queues.is_empty() {
            let mut shard = self.shard(topic).write();
            shard.insert(Arc::clone(topic), queues);
        }
    }

    /// Every queue, in no order.
    pub(crate) fn all(&self) -> Vec<Arc<Queue<E>>> {
        self.shards
            .iter()
            .flat_map(|shard| shard.read().values().flatten().cloned().collect::<Vec<_>>())
            .collect()
    }

    /// Adds the entry of a record to its queue, visible at once. True when so many entries wait for
    /// their files that the flusher should come early. A queue that waits beyond its bound is
    /// written here and now, as far as `readable` allows, unless somebody writes queues already.
    pub(crate) fn push(
        &self,
        queue: &Arc<Queue<E>>,
        offset: i64,
        entry: E,
        readable: i64,
    ) -> io::Result<bool> {
        // Slots of one file must not stay zeros between others.
        let blanks_max = GAP_BLANKS_MAX.max(self.files.file_entries);
        let pushed = match queue.push(offset, entry, blanks_max) {
            Ok(pushed) => pushed,
            Err(TooWide { end }) => {
                self.bridge(queue, end, offset, readable)?;
                return self.push(queue, offset, entry, readable);
            }
        };
        if pushed.newly_listed {
            self.listed.lock().push(Arc::clone(queue));
        }
        let unwritten = self.unwritten.fetch_add(1, Ordering::Relaxed) + 1;
        if pushed.unwritten > UNWRITTEN_MAX
            && pushed.unwritten.is_multiple_of(UNWRITTEN_MAX / 4)
            && let Some(_writing) = self.writing.try_lock()
        {
            self.write_queue(queue, readable)?;
        }
        Ok(unwritten % UNWRITTEN_WANTS_FLUSH == 0)
    }

    /// Makes a queue go on behind a gap that is too wide for blanks, which only damage makes.
    fn bridge(
        &self,
        queue: &Arc<Queue<E>>,
        end: i64,
        offset: i64,
        readable: i64,
    ) -> io::Result<()> {
        let (topic, queue_id) = (&**queue.topic(), queue.id());
        tracing::error!(
            topic,
            queue_id,
            end,
            offset,
            "a queue has a gap: messages are lost"
        );
        if let Some(_writing) = self.writing.try_lock() {
            // Only damage leads here, and it does not have its entry yet: a full disk must not be
            // taken for one that keeps the entry waiting.
            self.write_queue(queue, readable)
                .map_err(io::Error::other)?;
            let (from, to) = queue.begin_sync();
            self.files.sync(queue, from, to)?;
        }
        queue.jump(offset);
        Ok(())
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
        let _syncing = self.syncing.lock();
        let mut queues = std::mem::take(&mut *self.to_sync.lock());
        if queues.len() > SYNCED_ONE_BY_ONE_MAX {
            let ends: Vec<i64> = queues.iter().map(|queue| queue.begin_sync().1).collect();
            match self.files.sync_everything() {
                None => {}
                Some(Ok(())) => {
                    let synced = queues.iter().zip(ends);
                    synced.for_each(|(queue, end)| queue.synced(end));
                    return Ok(());
                }
                Some(Err(error)) => {
                    self.to_sync.lock().append(&mut queues);
                    return Err(error);
                }
            }
        }
        while let Some(queue) = queues.pop() {
            if queue.is_deleted() {
                continue;
            }
            let (from, to) = queue.begin_sync();
            if let Err(error) = self.files.sync(&queue, from, to) {
                queues.push(queue);
                self.to_sync.lock().append(&mut queues);
                return Err(error);
            }
            queue.synced(to);
            if queue.is_deleted() {
                self.files.forget(&queue);
            }
        }
        self.files.sync_directories()
    }

    /// Queues whose files a sync would go to.
    pub(crate) fn to_sync_count(&self) -> usize {
        self.to_sync.lock().len()
    }

    /// After a kill: what has to be synced may be in files whose names are not durable either.
    pub(crate) fn distrust_names(&self) {
        for queue in self.to_sync.lock().iter() {
            self.files.distrust_names(queue);
        }
    }

    /// Forgets a topic and removes its files. What `hold_appends` gives is kept while the queues are
    /// taken out of the table, so that no append has one of them in its hands.
    pub(crate) fn delete_topic<L>(
        &self,
        topic: &str,
        hold_appends: impl FnOnce() -> L,
    ) -> io::Result<()> {
        let _writing = self.writing.lock();
        let queues = {
            let _held = hold_appends();
            let removed = self.shard(topic).write().remove(topic);
            let queues = removed.unwrap_or_default();
            queues.iter().for_each(|queue| queue.delete());
            queues
        };
        for queue in &queues {
            self.files.forget(queue);
        }
        self.half_removed.lock().insert(topic.into());
        self.files.remove_topic(topic)?;
        self.half_removed.lock().remove(topic);
        Ok(())
    }

    /// With `writing` and the append lock held: forgets one queue.
    pub(super) fn take_out(&self, queue: &Queue<E>) {
        let mut shard = self.shard(queue.topic()).write();
        if let Some(queues) = shard.get_mut(queue.topic()) {
            queues.retain(|other| other.serial != queue.serial);
            if queues.is_empty() {
                shard.remove(queue.topic());
            }
        }
        queue.delete();
    }

    /// With `writing` held: files of a deleted topic must be gone before its name is used again.
    fn finish_removal(&self, topic: &str) -> io::Result<()> {
        if !self.half_removed.lock().contains(topic) {
            return Ok(());
        }
        self.files.remove_topic(topic)?;
        self.half_removed.lock().remove(topic);
        Ok(())
    }

    fn write_queue(&self, queue: &Arc<Queue<E>>, readable: i64) -> io::Result<()> {
        if queue.is_deleted() {
            return Ok(());
        }
        let (offset, entries) = queue.unwritten(readable);
        if entries.is_empty() {
            return Ok(());
        }
        self.finish_removal(queue.topic())?;
        self.files.write(queue, offset, &entries)?;
        self.unwritten
            .fetch_sub(entries.len() as i64, Ordering::Relaxed);
        if queue.wrote(offset, entries.len()) {
            self.to_sync.lock().push(Arc::clone(queue));
        }
        Ok(())
    }

    fn shard(&self, topic: &str) -> &RwLock<Shard<E>> {
        let [first, ..] = &self.shards;
        let hash = FixedState::default().hash_one(topic);
        self.shards.get((hash >> 60) as usize).unwrap_or(first)
    }
}

/// The steps of a write-behind, called with the table's `writing` lock held, and of a sync.
impl<E: Unit> Queue<E> {
    /// Entries that may be written now and are not, and where they begin.
    fn unwritten(&self, readable: i64) -> (i64, Vec<E>) {
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
        let dropped = state.tail.len().saturating_sub(E::KEPT_AT_REST);
        state.tail.drain(..dropped);
        state.tail.shrink_to_fit();
        state.tail_start += dropped as i64;
        state.listed = false;
        true
    }

    /// What a sync has to cover. What is written from now on lists the queue again.
    fn begin_sync(&self) -> (i64, i64) {
        let mut state = self.state.lock();
        state.to_sync = false;
        (state.unsynced, state.written)
    }

    /// Whether the files, in which entries up to `files_end` were found, are as they were then: the
    /// entries that came since are in memory, and follow those.
    pub(super) fn is_unwritten(&self, files_end: i64) -> bool {
        let state = self.state.lock();
        !state.to_sync && state.tail_start <= files_end
    }

    fn synced(&self, to: i64) {
        let mut state = self.state.lock();
        state.unsynced = to.min(state.written);
    }

    fn delete(&self) {
        self.deleted.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;
    use crate::disk::mem::MemDisk;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "an append that waits must fail the test, not stop it"
    )]
    fn an_append_waits_for_nobody_who_writes_queues() {
        let disk = Arc::new(MemDisk::new());
        let files = QueueFiles::new(disk, "/queues".into(), 6_000_000);
        let table = Arc::new(QueueTable::new(files));
        let queue = table.find_or_create("T", 0);
        let writing = table.writing.lock();
        let (done, is_done) = mpsc::channel();
        let appending = Arc::clone(&table);
        std::thread::spawn(move || {
            for offset in 0..2 * UNWRITTEN_MAX as i64 {
                let entry = Entry {
                    physical_offset: offset * 100,
                    bytes: 100,
                    tags_code: 0,
                };
                appending.push(&queue, offset, entry, i64::MAX).unwrap();
            }
            done.send(()).unwrap();
        });
        is_done.recv_timeout(Duration::from_secs(30)).unwrap();
        drop(writing);
        assert!(table.writing.try_lock().is_some());
        table.write_behind(i64::MAX).unwrap();
        table.sync().unwrap();
    }
}
