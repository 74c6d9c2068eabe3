//! `ferrocket/deletedTopics`: up to where in the log the records of a deleted topic belong to nobody.
//!
//! A topic loses its queues when it is deleted, its records stay in the log. Queues that are made again
//! from the log after a kill must not bring it back. One line for each topic, position and name. Java
//! knows nothing like it: its rebuilt queues have the old messages again.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::config::StoreConfig;
use crate::config_file;
use crate::disk::Disk;

/// So many deletions are remembered, the latest ones.
const DELETIONS_MAX: usize = 10_000;

#[derive(Debug)]
pub(crate) struct DeletedTopics {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    ends: Mutex<BTreeMap<String, i64>>,
}

impl DeletedTopics {
    /// Reads the file. One that cannot be read deletes nothing: the log is then taken at its word.
    pub(crate) fn load(disk: Arc<dyn Disk>, config: &StoreConfig) -> Self {
        let path = config.below_root("ferrocket").join("deletedTopics");
        let content = match disk.read(&path) {
            Ok(content) => String::from_utf8_lossy(&content).into_owned(),
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(path = %path.display(), %error, "cannot read which topics were deleted");
                }
                String::new()
            }
        };
        let lines = content.lines().filter_map(|line| {
            let (end, topic) = line.split_once(' ')?;
            Some((topic.to_owned(), end.parse().ok()?))
        });
        Self {
            ends: Mutex::new(lines.collect()),
            disk,
            path,
        }
    }

    /// The topics, with the end of their forgotten records.
    pub(crate) fn all(&self) -> BTreeMap<String, i64> {
        self.ends.lock().clone()
    }

    /// Notes, durably, that records of a topic before `end` belong to nobody. Those of which the log,
    /// which begins at `log_start`, has nothing any more are left out.
    pub(crate) fn add(&self, topic: &str, end: i64, log_start: i64) -> io::Result<()> {
        let mut ends = self.ends.lock();
        ends.retain(|_, end| *end > log_start);
        if ends.len() >= DELETIONS_MAX
            && let Some(oldest) = ends.iter().min_by_key(|(_, end)| **end)
        {
            let oldest = oldest.0.clone();
            ends.remove(&oldest);
        }
        ends.insert(topic.to_owned(), end);
        self.write(&ends)
    }

    /// Before a recovery, when another broker was here since: nothing is known any more.
    pub(crate) fn clear(&self) -> io::Result<()> {
        let mut ends = self.ends.lock();
        if ends.is_empty() {
            return Ok(());
        }
        ends.clear();
        self.disk.remove_file(&self.path)?;
        self.sync_directory()
    }

    /// After a recovery and before anything is appended: what is appended from `log_end` on belongs to
    /// whoever its topic is then, also when the log went further when the topic was deleted.
    pub(crate) fn lower(&self, log_end: i64) -> io::Result<()> {
        {
            let mut ends = self.ends.lock();
            if ends.values().all(|end| *end <= log_end) {
                return Ok(());
            }
            ends.values_mut().for_each(|end| *end = (*end).min(log_end));
            if self.write(&ends).is_ok() {
                return Ok(());
            }
        }
        // No file says less than an old one, and needs no room.
        self.clear()
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.disk
            .sync_dir(self.path.parent().unwrap_or(Path::new(".")))
    }

    fn write(&self, ends: &BTreeMap<String, i64>) -> io::Result<()> {
        let mut content = String::new();
        for (topic, end) in ends {
            let _ = writeln!(content, "{end} {topic}");
        }
        config_file::write_atomically(&*self.disk, &self.path, content.as_bytes())
    }
}
