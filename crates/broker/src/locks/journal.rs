//! Who holds which queue, as a file of one line for each change (`ferrocket/queueLocks`), which Java
//! does not know and nobody misses when it is deleted.
//!
//! A line is in the page cache before the client is answered, so a killed process leaves it behind; a
//! power loss may take the last second. A line that is torn or no line ends what is read.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ferrocket_protocol::bodies::{self, MessageQueue};
use ferrocket_store::config_file;
use ferrocket_store::disk::{Disk, DiskFile};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// A longer journal is written anew.
const LONG_BYTES: u64 = 16 * 1024 * 1024;
/// How often the time is noted while anything is held: renewals are not.
const STAMP_INTERVAL_MS: i64 = 10_000;

/// One line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Entry {
    pub(super) at_ms: i64,
    /// The client that holds the queue now; of a release, nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_id: Option<String>,
    pub(super) group: String,
    pub(super) queue: MessageQueue,
    /// The client that let go of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    released_by: Option<String>,
}

impl Entry {
    pub(super) fn held(group: &str, queue: &MessageQueue, client_id: &str, at_ms: i64) -> Self {
        Self {
            at_ms,
            client_id: Some(client_id.to_owned()),
            group: group.to_owned(),
            queue: queue.clone(),
            released_by: None,
        }
    }

    pub(super) fn released(group: &str, queue: &MessageQueue, client_id: &str) -> Self {
        Self {
            released_by: Some(client_id.to_owned()),
            client_id: None,
            ..Self::held(group, queue, client_id, 0)
        }
    }
}

#[derive(Debug, Default)]
struct Open {
    file: Option<Arc<dyn DiskFile>>,
    bytes: u64,
    stamped_ms: i64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Journal {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    open: Mutex<Open>,
    dirty: AtomicBool,
}

impl Journal {
    /// What was held at the end, unless nothing was noted since `deadline_ms`.
    pub(super) fn open(disk: Arc<dyn Disk>, path: PathBuf, deadline_ms: i64) -> (Self, Vec<Entry>) {
        let text = disk.read(&path).unwrap_or_default();
        let mut held: BTreeMap<(String, MessageQueue), Entry> = BTreeMap::new();
        let mut last_ms = i64::MIN;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let Some(entry) = line
                .strip_suffix(b"\n")
                .and_then(|line| bodies::read::<Entry>(line).ok())
            else {
                break;
            };
            last_ms = last_ms.max(entry.at_ms);
            let key = (entry.group.clone(), entry.queue.clone());
            if entry.client_id.is_some() {
                held.insert(key, entry);
            } else if held
                .get(&key)
                .is_some_and(|known| known.client_id == entry.released_by)
            {
                held.remove(&key);
            }
        }
        // A stamp may be as old as its interval.
        if last_ms < deadline_ms.saturating_sub(STAMP_INTERVAL_MS) {
            held.clear();
        }
        let journal = Self {
            disk,
            path,
            open: Mutex::default(),
            dirty: AtomicBool::new(false),
        };
        (journal, held.into_values().collect())
    }

    /// Notes changes. A disk that refuses is no reason to refuse the lock: without a note a start
    /// knows as little as Java's.
    pub(super) fn append(&self, entries: &[Entry]) {
        if entries.is_empty() {
            return;
        }
        let mut lines = Vec::new();
        for entry in entries {
            lines.extend(bodies::print(entry));
            lines.push(b'\n');
        }
        let mut open = self.open.lock();
        let written = open
            .file
            .as_ref()
            .map(|file| file.write_all_at(&lines, open.bytes));
        match written {
            Some(Ok(())) => open.bytes += lines.len() as u64,
            Some(Err(error)) => {
                tracing::error!(%error, "a lock of a queue is not noted; a start would not know of it");
            }
            None => {}
        }
        drop(open);
        self.dirty.store(true, Ordering::Release);
    }

    /// Notes that locks are held at this time, when that was not done for a while.
    pub(super) fn stamp(&self, any: bool, now_ms: i64) {
        if !any || now_ms - self.open.lock().stamped_ms < STAMP_INTERVAL_MS {
            return;
        }
        self.open.lock().stamped_ms = now_ms;
        self.append(&[Entry {
            at_ms: now_ms,
            ..Entry::default()
        }]);
    }

    pub(super) fn is_long(&self) -> bool {
        self.open.lock().bytes > LONG_BYTES
    }

    /// Replaces the journal by what is held now; changes wait meanwhile.
    pub(super) fn rewrite(&self, held: impl FnOnce() -> Vec<Entry>) {
        let mut open = self.open.lock();
        let mut lines = Vec::new();
        for entry in held() {
            lines.extend(bodies::print(&entry));
            lines.push(b'\n');
        }
        let replaced = config_file::write_atomically(self.disk.as_ref(), &self.path, &lines)
            .and_then(|()| self.disk.open(&self.path));
        match replaced {
            Ok(file) => {
                open.bytes = lines.len() as u64;
                open.file = Some(file);
                open.stamped_ms = i64::MIN / 2;
            }
            Err(error) => {
                open.file = None;
                tracing::error!(%error, file = %self.path.display(), "locks of queues are not noted; a start would not know of them");
            }
        }
    }

    /// Makes what was noted durable.
    pub(super) fn sync(&self) {
        if !self.dirty.swap(false, Ordering::AcqRel) {
            return;
        }
        let file = self.open.lock().file.clone();
        if let Some(Err(error)) = file.map(|file| file.sync()) {
            tracing::warn!(%error, "locks of queues are not on the disk yet");
        }
    }
}
