//! `ferrocket/deletedTopics`: which records of the log belong to a deleted topic, and so to nobody.
//!
//! A topic loses its queues when it is deleted, its records stay in the log. Queues that are made again
//! from the log after a kill must not bring it back. One line for each topic: where the log ended when
//! it was deleted, the store time of the last record then, and its name. A record must be before both:
//! a log that was cut since, by a power loss or by a Java broker, holds new records at old places. Java
//! knows nothing like it: its rebuilt queues have the old messages again.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::config::StoreConfig;
use crate::config_file;
use crate::disk::Disk;

/// So many deletions are remembered, the latest ones.
const DELETIONS_MAX: usize = 10_000;

/// The first line. A file without any would be taken for one that was never written.
const HEADING: &str = "# where the log ended, its last store time, the topic that was deleted then";

/// Up to where records belong to nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deletion {
    /// The end of the log.
    pub(crate) end: i64,
    /// The store time of its last record.
    pub(crate) store_ms: i64,
}

impl Deletion {
    /// Whether it was after a record had come.
    pub(crate) fn covers(&self, physical_offset: i64, store_ms: i64) -> bool {
        physical_offset < self.end && store_ms <= self.store_ms
    }
}

#[derive(Debug)]
pub(crate) struct DeletedTopics {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    topics: Mutex<BTreeMap<String, Deletion>>,
}

impl DeletedTopics {
    /// Reads the file. One that cannot be read deletes nothing: the log is then taken at its word.
    pub(crate) fn load(disk: Arc<dyn Disk>, config: &StoreConfig) -> Self {
        let path = config.below_root("ferrocket").join("deletedTopics");
        let decode = |content: &[u8]| Ok::<_, Infallible>(decode(content));
        let topics = match config_file::read_with_backup(&*disk, &path, decode) {
            Ok(topics) => topics.unwrap_or_default(),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "cannot read which topics were deleted");
                BTreeMap::new()
            }
        };
        Self {
            topics: Mutex::new(topics),
            disk,
            path,
        }
    }

    pub(crate) fn all(&self) -> BTreeMap<String, Deletion> {
        self.topics.lock().clone()
    }

    /// Notes a deletion durably. Those of whose records the log, which begins at `log_start`, has
    /// nothing any more are left out.
    pub(crate) fn add(&self, topic: &str, deletion: Deletion, log_start: i64) -> io::Result<()> {
        let mut topics = self.topics.lock();
        topics.retain(|_, deletion| deletion.end > log_start);
        if topics.len() >= DELETIONS_MAX
            && let Some(oldest) = topics.iter().min_by_key(|(_, deletion)| deletion.end)
        {
            let oldest = oldest.0.clone();
            topics.remove(&oldest);
        }
        topics.insert(topic.to_owned(), deletion);
        self.write(&topics)
    }

    /// While the store is opened: the log ends at `end` now, and what will be stored from there on was
    /// not deleted. Durable before anything is.
    pub(crate) fn end_at(&self, end: i64) -> io::Result<()> {
        let mut topics = self.topics.lock();
        if topics.values().all(|deletion| deletion.end <= end) {
            return Ok(());
        }
        for deletion in topics.values_mut() {
            deletion.end = deletion.end.min(end);
        }
        self.write(&topics)
    }

    fn write(&self, topics: &BTreeMap<String, Deletion>) -> io::Result<()> {
        let mut content = format!("{HEADING}\n");
        for (topic, Deletion { end, store_ms }) in topics {
            let _ = writeln!(content, "{end} {store_ms} {topic}");
        }
        config_file::write_atomically(&*self.disk, &self.path, content.as_bytes())
    }
}

fn decode(content: &[u8]) -> BTreeMap<String, Deletion> {
    let content = String::from_utf8_lossy(content);
    let lines = content.lines().filter_map(|line| {
        let mut words = line.splitn(3, ' ');
        let end = words.next()?.parse().ok()?;
        let store_ms = words.next()?.parse().ok()?;
        Some((words.next()?.to_owned(), Deletion { end, store_ms }))
    });
    lines.collect()
}
