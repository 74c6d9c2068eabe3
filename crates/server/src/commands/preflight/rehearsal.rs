//! Opening the store in memory, to see what that does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use ferrocket_store::inspect::{ChangeKind, Overlay};
use ferrocket_store::{Damage, NoSignals, OpenError, RecoveryReport, Repair, Store, StoreConfig};
use serde_json::{Value, json};

use super::report::{Report, Severity};
use crate::clock;
use crate::commands::store::source::Source;
use crate::config::settings::Settings;
use crate::failure::with_causes;

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
    };
    for change in overlay.changes() {
        match change.kind {
            ChangeKind::Created { .. } => rehearsal.files_created += 1,
            ChangeKind::Changed => rehearsal.files_changed += 1,
            ChangeKind::Removed => rehearsal.files_removed += 1,
        }
    }
    compare_queues(source, &store, &mut rehearsal);
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

fn compare_queues(source: &Source, store: &Store, rehearsal: &mut Rehearsal) {
    let Ok(queues) = source.view.queues() else {
        return;
    };
    let log_start = store.min_physical_offset().0;
    for queue in queues {
        let Ok(bounds) = queue.bounds(log_start) else {
            continue;
        };
        let max = store.max_offset(&queue.topic, queue.queue_id).0;
        rehearsal.entries_made += (max - bounds.max).max(0);
        rehearsal.entries_cut += (bounds.max - max).max(0);
    }
}

fn judge(rehearsal: &Rehearsal, report: &mut Report) {
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
            "starting makes {} queue entries again that the files do not have",
            rehearsal.entries_made
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
            "filesCreated": self.files_created,
            "filesChanged": self.files_changed,
            "filesRemoved": self.files_removed,
        })
    }
}
