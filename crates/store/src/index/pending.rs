//! Keys that wait for their file.
//!
//! The keys of one record are always in one chunk.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

use super::file::Wanted;
use super::format::Key;

/// Keys of one chunk: searches and the write-behind share whole chunks without copying them.
const CHUNK_KEYS: usize = 4096;

/// Chunks that are written together.
const BATCH_CHUNKS: usize = 16;

/// When this many keys wait the flusher is asked to come early.
const PENDING_WANTS_FLUSH: usize = 64 * 1024;

/// When this many keys wait (6 MiB of them) the append itself writes a batch of them before it goes
/// on: the bound of the memory when the flusher does not keep up.
pub(super) const PENDING_MAX: usize = 256 * 1024;

/// A search takes no more than this many of the keys that wait; those further back are found when
/// they are in their file.
const FOUND_MAX: usize = CHUNK_KEYS;

#[derive(Debug, Default)]
pub(super) struct Pending {
    chunks: Mutex<Chunks>,
}

#[derive(Debug, Default)]
struct Chunks {
    sealed: VecDeque<Arc<Vec<Key>>>,
    open: Vec<Key>,
    keys: usize,
    /// The flusher was asked and did not come yet.
    asked: bool,
    /// The files are behind: the keys stay here until those of all records before are written.
    held: bool,
    /// While they are held: the keys of all records from here on are here.
    begins_at: i64,
}

/// What the appender is to do about the keys that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pressure {
    None,
    WantsFlush,
    Full,
}

impl Pending {
    pub(super) fn push(&self, keys: impl Iterator<Item = Key>) -> Pressure {
        let mut chunks = self.chunks.lock();
        for key in keys {
            let same_record = |last: &Key| last.physical_offset == key.physical_offset;
            if chunks.open.len() >= CHUNK_KEYS && !chunks.open.last().is_some_and(same_record) {
                chunks.seal();
            }
            chunks.open.push(key);
            chunks.keys += 1;
        }
        if chunks.held {
            chunks.let_go();
            Pressure::None
        } else if chunks.keys >= PENDING_MAX {
            Pressure::Full
        } else if chunks.keys >= PENDING_WANTS_FLUSH && !std::mem::replace(&mut chunks.asked, true)
        {
            Pressure::WantsFlush
        } else {
            Pressure::None
        }
    }

    /// Keeps the keys, of records from `end` on, until [`release`](Self::release).
    pub(super) fn hold_back(&self, end: i64) {
        let mut chunks = self.chunks.lock();
        chunks.held = true;
        chunks.begins_at = end;
    }

    /// While keys are held back: those of all records from here on are here.
    pub(super) fn begins_at(&self) -> i64 {
        self.chunks.lock().begins_at
    }

    pub(super) fn is_held(&self) -> bool {
        self.chunks.lock().held
    }

    /// Lets the keys go to their files when those have the keys of all records before `written`.
    /// False when some were let go meanwhile, which must be read from the log now.
    pub(super) fn release(&self, written: i64) -> bool {
        let mut chunks = self.chunks.lock();
        chunks.held = written < chunks.begins_at;
        !chunks.held
    }

    /// The oldest chunks; they stay until [`forget`](Self::forget). None while they are held back.
    pub(super) fn oldest(&self) -> Vec<Arc<Vec<Key>>> {
        let mut chunks = self.chunks.lock();
        chunks.asked = false;
        if chunks.held {
            return Vec::new();
        }
        if chunks.sealed.len() < BATCH_CHUNKS {
            chunks.seal();
        }
        chunks.sealed.iter().take(BATCH_CHUNKS).cloned().collect()
    }

    /// Lets go of the oldest keys, which are written.
    pub(super) fn forget(&self, mut count: usize) {
        let mut chunks = self.chunks.lock();
        while count > 0
            && let Some(oldest) = chunks.sealed.pop_front()
        {
            let forgotten = count.min(oldest.len());
            chunks.keys -= forgotten;
            count -= forgotten;
            if let Some(rest) = oldest.get(forgotten..).filter(|rest| !rest.is_empty()) {
                chunks.sealed.push_front(Arc::new(rest.to_vec()));
            }
        }
    }

    /// Physical offsets of keys that may be wanted, newest first; no more than [`FOUND_MAX`].
    pub(super) fn find(&self, wanted: Wanted) -> Vec<i64> {
        let (mut found, sealed) = {
            let chunks = self.chunks.lock();
            let found: Vec<i64> = matches(&chunks.open, wanted).collect();
            (found, chunks.sealed.clone())
        };
        for chunk in sealed.iter().rev() {
            if found.len() >= FOUND_MAX {
                break;
            }
            found.extend(matches(chunk, wanted));
        }
        found.truncate(FOUND_MAX);
        found
    }

    pub(super) fn newest(&self) -> Option<Key> {
        let chunks = self.chunks.lock();
        let sealed = || chunks.sealed.back().and_then(|chunk| chunk.last());
        chunks.open.last().or_else(sealed).copied()
    }
}

impl Chunks {
    fn seal(&mut self) {
        if !self.open.is_empty() {
            let open = std::mem::take(&mut self.open);
            self.sealed.push_back(Arc::new(open));
        }
    }

    /// Drops the oldest keys when too many are held back.
    fn let_go(&mut self) {
        while self.keys >= PENDING_MAX
            && let Some(chunk) = self.sealed.pop_front()
        {
            self.keys -= chunk.len();
            let last = chunk.last().map(|key| key.physical_offset + 1);
            self.begins_at = last.unwrap_or(self.begins_at);
        }
    }
}

fn matches(keys: &[Key], wanted: Wanted) -> impl Iterator<Item = i64> {
    let hits = keys.iter().rev().filter(move |key| {
        key.hash == wanted.hash && wanted.begin_ms <= key.store_ms && key.store_ms <= wanted.end_ms
    });
    hits.map(|key| key.physical_offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(count: usize) -> impl Iterator<Item = Key> {
        (0..count as i64).map(|number| Key {
            hash: 7,
            physical_offset: number,
            store_ms: number,
        })
    }

    #[test]
    fn the_flusher_is_asked_once_and_then_the_append_helps() {
        let pending = Pending::default();
        assert_eq!(pending.push(keys(PENDING_WANTS_FLUSH - 1)), Pressure::None);
        assert_eq!(pending.push(keys(1)), Pressure::WantsFlush);
        assert_eq!(pending.push(keys(1)), Pressure::None);
        assert_eq!(pending.push(keys(PENDING_MAX)), Pressure::Full);
        loop {
            let oldest = pending.oldest();
            if oldest.is_empty() {
                break;
            }
            assert!(oldest.len() <= BATCH_CHUNKS);
            // A part of a chunk goes too.
            pending.forget(1);
            let oldest = pending.oldest();
            pending.forget(oldest.iter().map(|chunk| chunk.len()).sum());
        }
        assert_eq!(pending.newest(), None);
        assert_eq!(pending.push(keys(1)), Pressure::None);
    }

    #[test]
    fn keys_held_back_stay_and_the_oldest_are_let_go() {
        let pending = Pending::default();
        pending.hold_back(5);
        assert_eq!(pending.push(keys(CHUNK_KEYS + 1)), Pressure::None);
        assert_eq!((pending.oldest().len(), pending.begins_at()), (0, 5));
        assert!(!pending.release(4));
        assert_eq!(pending.push(keys(PENDING_MAX)), Pressure::None);
        let begins_at = pending.begins_at();
        assert!(begins_at > 5);
        assert!(!pending.release(5));
        assert!(pending.release(begins_at));
        assert!(!pending.oldest().is_empty());
    }

    #[test]
    fn keys_are_found_newest_first_within_their_times_and_to_a_bound() {
        let pending = Pending::default();
        pending.push(keys(CHUNK_KEYS * 2 + 10));
        let wanted = |hash, begin_ms, end_ms| Wanted {
            hash,
            begin_ms,
            end_ms,
        };
        let across_chunks = CHUNK_KEYS as i64 * 2;
        assert_eq!(
            pending.find(wanted(7, across_chunks - 1, across_chunks + 1)),
            [across_chunks + 1, across_chunks, across_chunks - 1]
        );
        assert_eq!(pending.find(wanted(8, 0, i64::MAX)), [0_i64; 0]);
        assert_eq!(pending.find(wanted(7, 0, i64::MAX)).len(), FOUND_MAX);
        assert_eq!(
            pending.newest().map(|key| key.store_ms),
            Some(across_chunks + 9)
        );
    }
}
