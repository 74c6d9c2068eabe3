//! Messages that wait for something: a delay, or the end of a transaction.

use std::collections::BTreeSet;
use std::io;

use ferrocket_protocol::message::View;
use serde_json::Value;

use super::{ConfigView, LogView, QueueKind, QueueView};
use crate::dispatch::SCHEDULE_TOPIC;

const HALF_TOPIC: &str = "RMQ_SYS_TRANS_HALF_TOPIC";
const OP_TOPIC: &str = "RMQ_SYS_TRANS_OP_HALF_TOPIC";
/// The group under which the check of half messages keeps its place.
const TRANSACTION_GROUP: &str = "CID_RMQ_SYS_TRANS";

/// Half messages that are told apart; beyond them all count as open.
const HALVES_MAX: usize = 1 << 22;

/// What waits in a store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pending {
    /// By level, messages that are not delivered yet.
    pub delayed: Vec<(i32, i64)>,
    /// Half messages that were neither committed nor rolled back.
    pub halves: u64,
}

impl Pending {
    /// Counts from the queues, the committed positions in `config/` and the bodies of the decisions.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn count(log: &LogView, queues: &[QueueView], files: &[ConfigView]) -> io::Result<Self> {
        Ok(Self {
            delayed: delayed(log, queues, files)?,
            halves: halves(log, queues, files)?,
        })
    }

    #[must_use]
    pub fn delayed_messages(&self) -> i64 {
        self.delayed.iter().map(|(_, messages)| messages).sum()
    }
}

fn delayed(
    log: &LogView,
    queues: &[QueueView],
    files: &[ConfigView],
) -> io::Result<Vec<(i32, i64)>> {
    let offsets = table(files, "delayOffset.json", "offsetTable");
    let mut found = Vec::new();
    for queue in queues.iter().filter(|queue| queue.topic == SCHEDULE_TOPIC) {
        let bounds = queue.bounds(log.start())?;
        let level = queue.queue_id + 1;
        let done = offsets.and_then(|offsets| number(offsets, level));
        let waiting = bounds.max - done.unwrap_or(0).clamp(bounds.min, bounds.max);
        if waiting > 0 {
            found.push((level, waiting));
        }
    }
    Ok(found)
}

fn halves(log: &LogView, queues: &[QueueView], files: &[ConfigView]) -> io::Result<u64> {
    let of_topic = |topic: &'static str| {
        queues
            .iter()
            .filter(move |queue| queue.topic == topic && queue.kind == QueueKind::Plain)
    };
    let offsets = table(files, "consumerOffset.json", "offsetTable")
        .and_then(|table| table.get(format!("{HALF_TOPIC}@{TRANSACTION_GROUP}")));
    let mut open = BTreeSet::new();
    let mut uncounted = 0;
    for queue in of_topic(HALF_TOPIC) {
        let done = offsets.and_then(|offsets| number(offsets, queue.queue_id));
        let from = done.unwrap_or(0).max(queue.bounds(log.start())?.min);
        queue.walk(&mut |row| {
            if row.is_blank || row.queue_offset < from {
            } else if open.len() < HALVES_MAX {
                open.insert((queue.queue_id, row.queue_offset));
            } else {
                uncounted += 1;
            }
            Ok(())
        })?;
    }
    for queue in of_topic(OP_TOPIC) {
        if open.is_empty() {
            break;
        }
        queue.walk(&mut |row| {
            if row.is_blank || row.physical_offset < log.start() {
                return Ok(());
            }
            let Some(record) = log.record_at(row.physical_offset)? else {
                return Ok(());
            };
            let body = View::parse(&record)
                .map(|view| view.body)
                .unwrap_or_default();
            // One offset before 5.0, several with commas since.
            for offset in String::from_utf8_lossy(body).split(',') {
                if let Ok(offset) = offset.trim().parse::<i64>() {
                    open.remove(&(queue.queue_id, offset));
                }
            }
            Ok(())
        })?;
    }
    Ok(open.len() as u64 + uncounted)
}

fn table<'a>(files: &'a [ConfigView], name: &str, table: &str) -> Option<&'a Value> {
    let file = files.iter().find(|file| file.name == name)?;
    file.value.as_ref()?.get(table)
}

fn number(table: &Value, key: i32) -> Option<i64> {
    table.get(key.to_string())?.as_i64()
}
