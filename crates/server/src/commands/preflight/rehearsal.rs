//! Opening the store in memory, to see what that does.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::Instant;

use ferrocket_store::inspect::{ChangeKind, ConfigView, Overlay, Pending, QueueView, StoreView};
use ferrocket_store::{Damage, NoSignals, OpenError, RecoveryReport, Repair, Store, StoreConfig};
use serde_json::{Value, json};

use super::back;
use super::report::{Report, Severity};
use crate::clock;
use crate::commands::store::source::Source;
use crate::config::settings::Settings;
use crate::failure::with_causes;

/// How topics begin that brokers make by themselves, in small letters.
const BROKER_TOPICS: [&str; 7] = [
    "rmq_sys_",
    "schedule_topic_xxxx",
    "tbw102",
    "offset_moved_event",
    "%retry%",
    "%dlq%",
    "%lmq%",
];

/// What opening did.
#[derive(Debug)]
pub(super) struct Rehearsal {
    pub(super) seconds: f64,
    pub(super) recovery: RecoveryReport,
    pub(super) files_created: usize,
    pub(super) files_changed: usize,
    pub(super) files_removed: usize,
    /// Messages that queues have more, and less, than their files say.
    pub(super) entries_made: i64,
    pub(super) entries_cut: i64,
    /// Queues that have messages but no files.
    pub(super) queues_made: usize,
    /// Why messages would be refused for want of room.
    pub(super) no_room: Option<String>,
    /// What Java would refuse of the files that are there then.
    pub(super) obstacles: Vec<String>,
}

pub(super) fn rehearse(source: &Source, report: &mut Report) {
    let overlay = Overlay::new(Arc::clone(source.view.disk()));
    let config = config(source, report);
    let started = Instant::now();
    let opened = Store::open(
        Arc::new(overlay.clone()),
        config,
        Arc::new(NoSignals),
        clock::now_ms(),
    );
    let seconds = started.elapsed().as_secs_f64();
    let store = match opened {
        Ok(store) => store,
        Err(error) => {
            report.add(Severity::Blocked, refusal(&error));
            return;
        }
    };
    let mut rehearsal = Rehearsal {
        seconds,
        recovery: store.recovery_report().clone(),
        files_created: 0,
        files_changed: 0,
        files_removed: 0,
        entries_made: 0,
        entries_cut: 0,
        queues_made: 0,
        no_room: store.no_room(),
        obstacles: Vec::new(),
    };
    for change in overlay.changes() {
        match change.kind {
            ChangeKind::Created { .. } => rehearsal.files_created += 1,
            ChangeKind::Changed => rehearsal.files_changed += 1,
            ChangeKind::Removed => rehearsal.files_removed += 1,
        }
    }
    if let Err(error) = look_again(source, &store, overlay, &mut rehearsal, report) {
        let text = format!("what starting would leave cannot be read: {error}");
        report.add(Severity::Blocked, text);
    }
    judge(&rehearsal, report);
    report.rehearsal = Some(rehearsal);
}

/// As a broker would be started; sizes that nobody configured are those of the files, which the
/// report says to write down.
fn config(source: &Source, report: &Report) -> StoreConfig {
    let mut config = source.view.config().clone();
    let is_given = |settings: &Settings, key| settings.source(key).is_some();
    let settings = &source.settings;
    if !is_given(settings, "mappedFileSizeCommitLog") && report.log.segment_bytes > 0 {
        config.segment_bytes = report.log.segment_bytes;
    }
    if let Some(bytes) = report.queues.plain_file_bytes
        && !is_given(settings, "mappedFileSizeConsumeQueue")
    {
        config.queue_file_bytes = bytes;
    }
    config.batch_topics = batch_topics(source);
    let sizes = source.view.index().unwrap_or_default();
    let sizes = sizes.iter().rev().find_map(|file| file.sizes);
    if let Some((slots, entries)) = sizes
        && !is_given(settings, "maxHashSlotNum")
        && !is_given(settings, "maxIndexNum")
    {
        config.index_slots = slots;
        config.index_entries = entries;
    }
    config
}

/// Topics whose `queue.type` is `BatchCQ`: their lost queues are made again as such.
fn batch_topics(source: &Source) -> BTreeSet<String> {
    let files = source.view.config_files().unwrap_or_default();
    let topics = files.iter().find(|file| file.name == "topics.json");
    let table = topics.and_then(|file| file.value.as_ref()?.get("topicConfigTable"));
    let table = table.and_then(Value::as_object).into_iter().flatten();
    table
        .filter(|(_, topic)| {
            let attributes = topic.get("attributes");
            let kind = attributes.and_then(|attributes| attributes.get("queue.type"));
            kind.and_then(Value::as_str) == Some("BatchCQ")
        })
        .map(|(name, _)| name.clone())
        .collect()
}

fn refusal(error: &OpenError) -> String {
    format!("starting would fail: {}", with_causes(error))
}

/// Compares the files with those that starting would leave, queues that had none among them.
fn look_again(
    source: &Source,
    store: &Store,
    overlay: Overlay,
    rehearsal: &mut Rehearsal,
    report: &mut Report,
) -> io::Result<()> {
    store
        .flush_queues(clock::now_ms())
        .map_err(io::Error::other)?;
    let view = StoreView::new(Arc::new(overlay), store.config().clone());
    let log = view.log()?;
    let queues = view.queues()?;
    let files = view.config_files()?;
    compare_queues(source, &queues, log.start(), rehearsal)?;
    report.pending = Pending::count(&log, &queues, &files)?;
    rehearsal.obstacles = back::obstacles(&view)?;
    tell_lost_topics(&queues, &files, report);
    Ok(())
}

fn compare_queues(
    source: &Source,
    after: &[QueueView],
    log_start: i64,
    rehearsal: &mut Rehearsal,
) -> io::Result<()> {
    let key = |queue: &QueueView| (queue.topic.clone(), queue.queue_id, queue.kind);
    let mut before = BTreeMap::new();
    for queue in source.view.queues()? {
        before.insert(key(&queue), queue.bounds(log_start)?);
    }
    for queue in after {
        let bounds = queue.bounds(log_start)?;
        match before.remove(&key(queue)) {
            Some(before) => {
                rehearsal.entries_made += (bounds.max - before.max).max(0);
                rehearsal.entries_cut += (before.max - bounds.max).max(0);
            }
            None => {
                rehearsal.entries_made += bounds.max - bounds.min;
                rehearsal.queues_made += usize::from(bounds.max > bounds.min);
            }
        }
    }
    rehearsal.entries_cut += before
        .values()
        .map(|bounds| bounds.max - bounds.min)
        .sum::<i64>();
    Ok(())
}

/// Topics with messages that the configuration does not know: no client finds them.
fn tell_lost_topics(queues: &[QueueView], files: &[ConfigView], report: &mut Report) {
    let file = files.iter().find(|file| file.name == "topics.json");
    let table = file.and_then(|file| file.value.as_ref()?.get("topicConfigTable"));
    let is_known = |topic: &str| table.is_some_and(|table| table.get(topic).is_some());
    let is_made_by_brokers = |topic: &str| {
        let topic = topic.to_ascii_lowercase();
        BROKER_TOPICS.iter().any(|begin| topic.starts_with(begin))
    };
    let lost: BTreeSet<&str> = queues
        .iter()
        .map(|queue| queue.topic.as_str())
        .filter(|topic| !is_known(topic) && !is_made_by_brokers(topic))
        .collect();
    let Some(first) = lost.first() else {
        return;
    };
    let text = format!(
        "{} topics have queues but are not in config/topics.json ({first} is one): no client finds them until they are made again with as many queues",
        lost.len()
    );
    report.add(Severity::Repair, text);
}

fn judge(rehearsal: &Rehearsal, report: &mut Report) {
    if let Some(why) = &rehearsal.no_room {
        let text = format!("messages would be refused: {why}");
        report.add(Severity::Repair, text);
    }
    let recovery = &rehearsal.recovery;
    if let Some(cut) = &recovery.cut {
        let text = format!(
            "starting cuts {} bytes off the end of the log at {}: {}",
            cut.bytes, recovery.end, cut.reason
        );
        report.add(Severity::Repair, text);
    }
    for damage in &recovery.damages {
        report.add(Severity::Repair, told(damage));
    }
    if rehearsal.entries_cut > 0 {
        let text = format!(
            "starting takes {} entries off the queues: the log does not have their messages",
            rehearsal.entries_cut
        );
        report.add(Severity::Repair, text);
    }
    if rehearsal.entries_made > 0 {
        let text = format!(
            "starting makes {} queue entries again that the files do not have, {} queues with all of theirs",
            rehearsal.entries_made, rehearsal.queues_made
        );
        report.add(Severity::Repair, text);
    }
}

/// A damaged place, and what starting makes of it.
fn told(damage: &Damage) -> String {
    let mut text = format!(
        "starting steps over {} to {} of the log ({})",
        damage.from, damage.to, damage.reason
    );
    if let Some(message) = &damage.message {
        text.push_str(&format!(
            ", which was message {} of queue {} of topic {}",
            message.queue_offset, message.queue_id, message.topic
        ));
    }
    if let Some(saved) = &damage.saved {
        text.push_str(&format!(", and saves the bytes as {}", saved.display()));
    }
    if let Repair::Left(why) = &damage.repair {
        text.push_str(&format!(
            ", but cannot fill it: {why}; Java may end the log there"
        ));
    }
    text
}

impl Rehearsal {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "seconds": self.seconds,
            "clean": self.recovery.clean,
            "scannedFrom": self.recovery.scanned_from.0,
            "recordsScanned": self.recovery.records_scanned,
            "end": self.recovery.end.0,
            "segmentsDropped": self.recovery.segments_dropped,
            "gaps": self.recovery.gaps.iter().map(|gap| gap.0).collect::<Vec<_>>(),
            "cut": self.recovery.cut.as_ref().map(|cut| &cut.reason),
            "damages": self.recovery.damages.iter().map(|damage| json!({
                "from": damage.from.0,
                "to": damage.to.0,
                "reason": damage.reason,
                "saved": damage.saved,
                "topic": damage.message.as_ref().map(|message| &message.topic),
                "queueId": damage.message.as_ref().map(|message| message.queue_id),
                "queueOffset": damage.message.as_ref().map(|message| message.queue_offset.0),
            })).collect::<Vec<_>>(),
            "queueEntriesMade": self.entries_made,
            "queueEntriesCut": self.entries_cut,
            "queuesMade": self.queues_made,
            "filesCreated": self.files_created,
            "filesChanged": self.files_changed,
            "filesRemoved": self.files_removed,
        })
    }
}
