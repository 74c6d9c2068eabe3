//! A bounded cache of open files.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::DiskFile;

/// Open files at most; the one used longest ago is closed for a new one. A process reserves several
/// times as many handles for its files.
const HANDLES_MAX: usize = 256;

/// So many are closed at once, for new ones or when the machine has no handle left.
const CLOSED_AT_ONCE: usize = 32;

#[derive(Debug)]
pub(crate) struct Handles<K> {
    open: Mutex<Open<K>>,
}

#[derive(Debug)]
struct Open<K> {
    files: HashMap<K, Used, foldhash::fast::FixedState>,
    /// Counts uses, as the age of a handle.
    uses: u64,
}

#[derive(Debug)]
struct Used {
    file: Arc<dyn DiskFile>,
    last: u64,
}

impl<K> Open<K> {
    fn close_oldest(&mut self) {
        let mut ages: Vec<u64> = self.files.values().map(|used| used.last).collect();
        ages.sort_unstable();
        let kept_from = ages.get(CLOSED_AT_ONCE).copied().unwrap_or(u64::MAX);
        self.files.retain(|_, used| used.last >= kept_from);
    }
}

impl<K: Copy + Eq + Hash> Handles<K> {
    pub(crate) fn new() -> Self {
        Self {
            open: Mutex::new(Open {
                files: HashMap::default(),
                uses: 0,
            }),
        }
    }

    pub(crate) fn find(&self, key: K) -> Option<Arc<dyn DiskFile>> {
        let mut open = self.open.lock();
        open.uses += 1;
        let now = open.uses;
        let used = open.files.get_mut(&key)?;
        used.last = now;
        Some(Arc::clone(&used.file))
    }

    pub(crate) fn keep(&self, key: K, file: &Arc<dyn DiskFile>) {
        let mut open = self.open.lock();
        if open.files.len() >= HANDLES_MAX {
            open.close_oldest();
        }
        open.uses += 1;
        let last = open.uses;
        open.files.insert(
            key,
            Used {
                file: Arc::clone(file),
                last,
            },
        );
    }

    /// Closes those that were used longest ago; who reads one of them keeps it until then.
    pub(crate) fn close_oldest(&self) {
        self.open.lock().close_oldest();
    }

    pub(crate) fn close_if(&self, gone: impl Fn(&K) -> bool) {
        self.open.lock().files.retain(|key, _| !gone(key));
    }
}
