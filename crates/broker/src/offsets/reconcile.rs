//! Offsets that point past the end of their queue, found at the start.
//!
//! Such an offset would skip every message until the queue has grown to it. There are two ways to
//! one: the topic was deleted and the process killed before the file said so (files of other brokers,
//! which save offsets later than they answer), and a power loss took messages that were consumed but
//! not yet flushed. What a running consumer knows itself is beyond this module.

use std::fmt::Write as _;
use std::sync::Arc;

use ferrocket_store::Store;

use super::{GroupOffsets, Offsets, Progress};
use crate::PersistError;
use crate::topics::Topics;

impl Offsets {
    /// Compares what the file said with topics and store; the file is corrected before anything can
    /// be sent.
    pub(crate) fn reconcile(&self, topics: &Topics, store: &Store) -> Result<(), PersistError> {
        self.drop_absent(topics, store);
        let report = store.recovery_report();
        if !report.clean || report.cut.is_some() {
            self.clamp(store);
        }
        self.save()
    }

    /// Drops offsets of topics that are neither among the settings nor in the store: nothing could
    /// be consumed from there, and a topic made under that name begins at 0. A topic that only lacks
    /// its settings (they could not be written, or are restored later) keeps its offsets as long as
    /// it has messages, be it an ordinary or a retry topic.
    fn drop_absent(&self, topics: &Topics, store: &Store) {
        let mut dropped = 0_usize;
        self.groups.each(|group| {
            group.topics.write().retain(|topic, progress| {
                let kept = topics.contains(topic) || is_stored(store, topic, progress);
                dropped += usize::from(!kept);
                kept
            });
        });
        if dropped > 0 {
            tracing::warn!(
                dropped,
                "offsets of topics that do not exist any more are dropped"
            );
            self.ledger.touch();
        }
    }

    /// Takes offsets back to the end of their queues.
    fn clamp(&self, store: &Store) {
        for group in self.groups.values() {
            for (topic, progress) in progress_of(&group) {
                let changes = progress.clamp(|queue_id| store.max_offset(&topic, queue_id).0);
                if !changes.is_empty() {
                    tracing::warn!(
                        group = %group.name,
                        topic = %topic,
                        "committed offsets were beyond the end of their queues, whose messages were lost with the last stop; set back: {changes}"
                    );
                    self.ledger.touch();
                }
            }
        }
    }
}

impl Progress {
    /// Lowers what is committed to the ends of the queues; answers a text of what was lowered.
    fn clamp(&self, end: impl Fn(i32) -> i64) -> String {
        let mut changes = String::new();
        let mut queues = self.queues.lock();
        for (queue_id, progress) in queues.iter_mut() {
            let end = end(*queue_id);
            let Some(committed) = progress.committed.filter(|committed| *committed > end) else {
                continue;
            };
            progress.committed = Some(end);
            let separator = if changes.is_empty() { "" } else { ", " };
            let _ = write!(
                changes,
                "{separator}queue {queue_id} from {committed} to {end}"
            );
        }
        changes
    }
}

fn is_stored(store: &Store, topic: &str, progress: &Progress) -> bool {
    progress
        .all_committed()
        .keys()
        .any(|queue_id| store.max_offset(topic, *queue_id).0 > 0)
}

fn progress_of(group: &GroupOffsets) -> Vec<(Box<str>, Arc<Progress>)> {
    let topics = group.topics.read();
    topics
        .iter()
        .map(|(topic, progress)| (topic.clone(), Arc::clone(progress)))
        .collect()
}
