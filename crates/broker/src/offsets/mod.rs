//! How far groups have consumed (`ConsumerOffsetManager`): committed offsets, which
//! `consumerOffset.json` keeps, and the ends of the last pulls, which live in memory.
//!
//! A commit is stored as it comes, a lower one too. Offsets reach the file every
//! `flushConsumerOffsetInterval` and at a clean stop; a crash loses at most that much progress, so
//! messages may be consumed again, never skipped. What is forgotten with a topic or a group is gone
//! from the file before that is answered, and what [`reconcile`] finds at the start to point past
//! its queue is corrected. Groups need no settings to have offsets: files of other brokers bring
//! such along.
//!
//! With `enableLmq` the file is `lmqConsumerOffset.json`, where groups with the prefix of light queues
//! have one number for each topic (`LmqConsumerOffsetManager`).

mod reconcile;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use ferrocket_protocol::bodies::{self, ConsumerOffsetSerializeWrapper, DataVersion};
use ferrocket_store::QueueOffset;
use ferrocket_store::disk::Disk;
use parking_lot::{Mutex, RwLock};

use crate::ledger::Ledger;
use crate::read_mostly::{FixedMap, ReadMostly};
use crate::stats::Meter;
use crate::topics::names::LIGHT_PREFIX;
use crate::{OpenError, PersistError};

const FILE: &str = "consumerOffset.json";
/// The file with `enableLmq`.
const LIGHT_FILE: &str = "lmqConsumerOffset.json";
/// Separates topic and group in a key of the file.
const KEY_SEPARATOR: char = '@';
/// The one queue of a light topic, and of what a light group has a number for.
const LIGHT_QUEUE_ID: i32 = 0;

/// What one group did with one topic.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    queues: Mutex<FixedMap<i32, QueueProgress>>,
    /// Queues with a reset that no pull has taken yet; zero spares pulls the look.
    resets: AtomicUsize,
    /// Messages that left for this group (`GROUP_GET_NUMS`).
    pub(crate) got_messages: Meter,
}

#[derive(Debug, Clone, Copy, Default)]
struct QueueProgress {
    committed: Option<i64>,
    pulled: Option<i64>,
    /// Where an administrator wants the next pull to go on; until then commits have no effect.
    reset: Option<i64>,
}

/// What a commit did.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub(crate) struct Committed {
    pub(crate) went_back_from: Option<i64>,
}

impl Progress {
    pub(crate) fn committed(&self, queue_id: i32) -> Option<QueueOffset> {
        self.queues
            .lock()
            .get(&queue_id)?
            .committed
            .map(QueueOffset)
    }

    /// The end of the last pull, or what is committed when that is further.
    pub(crate) fn pulled(&self, queue_id: i32) -> Option<QueueOffset> {
        let queues = self.queues.lock();
        let queue = queues.get(&queue_id)?;
        queue.pulled.max(queue.committed).map(QueueOffset)
    }

    pub(crate) fn note_pull(&self, queue_id: i32, next: QueueOffset) {
        self.queues.lock().entry(queue_id).or_default().pulled = Some(next.0);
    }

    /// The next pull of the queue goes on here.
    fn reset(&self, queue_id: i32, offset: QueueOffset) {
        let mut queues = self.queues.lock();
        let queue = queues.entry(queue_id).or_default();
        queue.committed = Some(offset.0);
        queue.pulled = None;
        if queue.reset.replace(offset.0).is_none() {
            self.resets.fetch_add(1, Ordering::Release);
        }
    }

    /// Where an administrator wants the queue to go on, when no pull took it yet.
    pub(crate) fn pending_reset(&self, queue_id: i32) -> Option<QueueOffset> {
        if self.resets.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.queues.lock().get(&queue_id)?.reset.map(QueueOffset)
    }

    /// The same, and it is done with.
    pub(crate) fn take_reset(&self, queue_id: i32) -> Option<QueueOffset> {
        if self.resets.load(Ordering::Acquire) == 0 {
            return None;
        }
        let taken = self.queues.lock().get_mut(&queue_id)?.reset.take()?;
        self.resets.fetch_sub(1, Ordering::Release);
        Some(QueueOffset(taken))
    }

    fn commit(&self, queue_id: i32, offset: QueueOffset) -> Option<i64> {
        self.queues
            .lock()
            .entry(queue_id)
            .or_default()
            .committed
            .replace(offset.0)
    }

    pub(crate) fn all_committed(&self) -> BTreeMap<i32, i64> {
        let queues = self.queues.lock();
        queues
            .iter()
            .filter_map(|(queue, progress)| Some((*queue, progress.committed?)))
            .collect()
    }
}

#[derive(Debug, Default)]
struct GroupOffsets {
    name: Box<str>,
    topics: RwLock<FixedMap<Box<str>, Arc<Progress>>>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Offsets {
    groups: ReadMostly<GroupOffsets>,
    version: Mutex<DataVersion>,
    commits: AtomicI64,
    /// `enableLmq`.
    light: bool,
    ledger: Ledger,
}

impl Offsets {
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        directory: &Path,
        light: bool,
        now_ms: i64,
    ) -> Result<Self, OpenError> {
        let offsets = Self {
            groups: ReadMostly::new(),
            version: Mutex::new(DataVersion {
                timestamp: now_ms,
                ..DataVersion::default()
            }),
            commits: AtomicI64::new(0),
            light,
            ledger: Ledger::new(
                Arc::clone(&disk),
                directory.join(if light { LIGHT_FILE } else { FILE }),
            ),
        };
        let read = bodies::read_file::<ConsumerOffsetSerializeWrapper>;
        let mut saved = offsets.ledger.read(read)?;
        if saved.is_none() && light {
            // The first start with light queues: Java begins with no offsets then.
            saved = Ledger::new(disk, directory.join(FILE)).read(read)?;
            offsets.ledger.touch();
        }
        if let Some(saved) = saved {
            offsets.take_over(saved);
        }
        Ok(offsets)
    }

    fn take_over(&self, saved: ConsumerOffsetSerializeWrapper) {
        for (key, queues) in saved.offset_table {
            let Some((topic, group)) = split_key(&key) else {
                continue;
            };
            let progress = self.progress(group, topic);
            for (queue_id, offset) in queues {
                progress.commit(queue_id, QueueOffset(offset));
            }
        }
        for (key, offset) in saved.lmq_offset_table.unwrap_or_default() {
            if let Some((topic, group)) = split_key(&key)
                && self.light
            {
                let progress = self.progress(group, topic);
                progress.commit(LIGHT_QUEUE_ID, QueueOffset(offset));
            }
        }
        if let Some(version) = saved.data_version {
            *self.version.lock() = version;
        }
    }

    /// What the group did with the topic; made when it did nothing yet.
    pub(crate) fn progress(&self, group: &str, topic: &str) -> Arc<Progress> {
        let group = match self.groups.get(group) {
            Some(offsets) => Some(offsets),
            None => self.groups.update(group, |present| {
                Some(present.map_or_else(
                    || {
                        Arc::new(GroupOffsets {
                            name: group.into(),
                            ..GroupOffsets::default()
                        })
                    },
                    Arc::clone,
                ))
            }),
        };
        let Some(group) = group else {
            return Arc::default();
        };
        if let Some(progress) = group.topics.read().get(topic) {
            return Arc::clone(progress);
        }
        Arc::clone(group.topics.write().entry(topic.into()).or_default())
    }

    /// Whether the group did anything.
    pub(crate) fn knows(&self, group: &str) -> bool {
        self.groups.contains(group)
    }

    /// Groups that did anything.
    pub(crate) fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// What the group did with the topic, if it did anything.
    pub(crate) fn present(&self, group: &str, topic: &str) -> Option<Arc<Progress>> {
        self.groups.get(group)?.topics.read().get(topic).cloned()
    }

    /// Stores an offset as it comes.
    pub(crate) fn commit(
        &self,
        progress: &Progress,
        queue_id: i32,
        offset: QueueOffset,
        version_step: i64,
        now_ms: i64,
    ) -> Committed {
        let before = progress.commit(queue_id, offset);
        let commits = self.commits.fetch_add(1, Ordering::Relaxed) + 1;
        if commits % version_step.max(1) == 0 {
            self.version.lock().advance(0, now_ms);
        }
        if before != Some(offset.0) {
            self.ledger.touch();
        }
        Committed {
            went_back_from: before.filter(|before| *before > offset.0),
        }
    }

    /// An administrator moves a group to another place; [`Self::save`] before that is answered.
    pub(crate) fn reset(
        &self,
        group: &str,
        topic: &str,
        queue_id: i32,
        offset: QueueOffset,
        now_ms: i64,
    ) {
        self.progress(group, topic).reset(queue_id, offset);
        self.version.lock().advance(0, now_ms);
        self.ledger.touch();
    }

    /// Gives a group the offsets that another one has of a topic, instead of its own
    /// (`ConsumerOffsetManager#cloneOffset`).
    pub(crate) fn copy(&self, from: &str, to: &str, topic: &str) {
        let Some(source) = self.present(from, topic) else {
            return;
        };
        let copied = source.all_committed();
        let progress = self.progress(to, topic);
        let mut queues = progress.queues.lock();
        for queue in queues.values_mut() {
            queue.committed = None;
        }
        for (queue_id, offset) in copied {
            queues.entry(queue_id).or_default().committed = Some(offset);
        }
        drop(queues);
        self.ledger.touch();
    }

    /// Topics that the group has an offset of, sorted.
    pub(crate) fn topics_of(&self, group: &str) -> Vec<String> {
        let Some(group) = self.groups.get(group) else {
            return Vec::new();
        };
        let topics = group.topics.read();
        let mut names: Vec<String> = topics
            .iter()
            .filter(|(_, progress)| !progress.all_committed().is_empty())
            .map(|(topic, _)| topic.to_string())
            .collect();
        names.sort_unstable();
        names
    }

    /// Groups that have an offset of the topic, sorted.
    pub(crate) fn groups_of(&self, topic: &str) -> Vec<String> {
        let mut names = Vec::new();
        for group in self.groups.values() {
            let consumed = group
                .topics
                .read()
                .get(topic)
                .is_some_and(|progress| !progress.all_committed().is_empty());
            if consumed {
                names.push(group.name.to_string());
            }
        }
        names
    }

    /// Forgets every group's progress with a topic; [`Self::save`] before that is answered, or a
    /// topic that is made again would be read from where the old one ended.
    pub(crate) fn forget_topic(&self, topic: &str) {
        let mut forgotten = false;
        self.groups.each(|group| {
            forgotten |= group.topics.write().remove(topic).is_some();
        });
        if forgotten {
            self.ledger.touch();
        }
    }

    /// Forgets all that a group did; [`Self::save`] before that is answered.
    pub(crate) fn forget_group(&self, group: &str) {
        if self.groups.remove(group).is_some() {
            self.ledger.touch();
        }
    }

    /// Samples the meters of all groups.
    pub(crate) fn sample(&self, now_ms: i64) {
        self.groups.each(|group| {
            for progress in group.topics.read().values() {
                progress.got_messages.sample(now_ms);
            }
        });
    }

    /// The body of GET_ALL_CONSUMER_OFFSET and of the file.
    pub(crate) fn wrapper(&self) -> ConsumerOffsetSerializeWrapper {
        let mut offset_table = BTreeMap::new();
        let mut light_table = self.light.then(BTreeMap::new);
        for group in self.groups.values() {
            let mut light_table = light_table
                .as_mut()
                .filter(|_| group.name.starts_with(LIGHT_PREFIX));
            for (topic, progress) in group.topics.read().iter() {
                let key = || format!("{topic}{KEY_SEPARATOR}{}", group.name);
                let mut queues = progress.all_committed();
                if let Some(table) = &mut light_table
                    && let Some(offset) = queues.remove(&LIGHT_QUEUE_ID)
                {
                    table.insert(key(), offset);
                }
                if !queues.is_empty() {
                    offset_table.insert(key(), queues);
                }
            }
        }
        ConsumerOffsetSerializeWrapper {
            offset_table,
            lmq_offset_table: light_table,
            data_version: Some(*self.version.lock()),
            ..ConsumerOffsetSerializeWrapper::default()
        }
    }

    /// Writes the file if anything was committed since.
    pub(crate) fn save(&self) -> Result<(), PersistError> {
        self.ledger.write(|| bodies::print_file(&self.wrapper()))
    }
}

/// Topic and group of a key. Names of light queues may hold the separator, names of groups may not.
fn split_key(key: &str) -> Option<(&str, &str)> {
    if key.starts_with(LIGHT_PREFIX) {
        key.rsplit_once(KEY_SEPARATOR)
    } else {
        key.split_once(KEY_SEPARATOR)
    }
}
