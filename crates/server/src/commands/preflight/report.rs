//! What preflight found.

use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;

use ferrocket_protocol::message::View;
use ferrocket_store::disk::LockState;
use ferrocket_store::inspect::{
    ConfigState, ConfigView, Found, LogEnd, LogView, Pending, QueueKind, StateView, TimerView,
};
use serde_json::{Value, json};

use super::back;
use super::disk::Measured;
use super::origin::{self, Origin};
use super::rehearsal::Rehearsal;
use crate::commands::store::source::Source;

/// A longer log is read for damage only when that is asked for.
const LOG_BYTES_READ: u64 = 4 << 30;

/// How much a finding matters; the highest decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    Note,
    /// Something is repaired, lost, or waits.
    Repair,
    /// Starting fails, or would serve less than there is.
    Blocked,
    InUse,
}

/// Places of the log.
#[derive(Debug, Clone, Default)]
pub(super) struct LogReport {
    pub(super) directories: Vec<String>,
    pub(super) segments: usize,
    pub(super) segment_bytes: u64,
    pub(super) bytes: u64,
    pub(super) start: i64,
    /// One past the last record and how many there are; none when it was not read.
    pub(super) read: Option<(i64, u64)>,
    pub(super) first_ms: i64,
    pub(super) last_ms: i64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct QueueReport {
    pub(super) topics: usize,
    pub(super) queues: usize,
    pub(super) batch_queues: usize,
    pub(super) light_queues: usize,
    pub(super) messages: i64,
    pub(super) file_bytes: u64,
    /// Bytes of a full file, by what most files have.
    pub(super) plain_file_bytes: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Report {
    pub(super) root: String,
    pub(super) conf: Option<String>,
    pub(super) origin: Origin,
    pub(super) state: StateView,
    pub(super) log: LogReport,
    pub(super) queues: QueueReport,
    pub(super) topics: usize,
    pub(super) groups: usize,
    pub(super) offsets: usize,
    pub(super) config_files: usize,
    pub(super) pending: Pending,
    pub(super) timer: Option<TimerView>,
    pub(super) index_files: usize,
    pub(super) index_entries: u64,
    pub(super) rehearsal: Option<Rehearsal>,
    /// Of the log's directories and of the queues.
    pub(super) disks: Vec<Measured>,
    /// Lines that broker.conf must have.
    pub(super) keys: Vec<String>,
    pub(super) findings: Vec<(Severity, String)>,
}

impl Report {
    pub(super) fn of(source: &Source, full: bool) -> io::Result<Self> {
        let view = &source.view;
        let root = &view.config().root;
        let log = view.log()?;
        let state = view.state()?;
        let files = view.config_files()?;
        let queues = view.queues()?;
        let index = view.index()?;
        let mut report = Self {
            root: root.display().to_string(),
            conf: source.conf.as_ref().map(|conf| conf.display().to_string()),
            origin: origin::guess(root, &state, &files),
            state,
            log: LogReport::default(),
            queues: QueueReport::default(),
            topics: members(&files, "topics.json", "topicConfigTable"),
            groups: members(&files, "subscriptionGroup.json", "subscriptionGroupTable"),
            offsets: offsets(&files, view.config().enable_lmq),
            config_files: files.len(),
            pending: Pending::count(&log, &queues, &files)?,
            timer: source.timer()?,
            index_files: index.len(),
            index_entries: index
                .iter()
                .filter(|file| file.is_plausible)
                .map(|file| u64::from(file.entries))
                .sum(),
            rehearsal: None,
            disks: Vec::new(),
            keys: Vec::new(),
            findings: Vec::new(),
        };
        report.look_at_log(source, &log, full)?;
        report.look_at_queues(source, &log)?;
        report.look_at_config(&files);
        report.look_at_index(source)?;
        super::layouts::look(root, &mut report);
        Ok(report)
    }

    pub(super) fn add(&mut self, severity: Severity, text: String) {
        self.findings.push((severity, text));
    }

    pub(super) fn is_in_use(&self) -> bool {
        self.state.is_in_use()
    }

    pub(super) fn worst(&self) -> Severity {
        let severities = self.findings.iter().map(|(severity, _)| *severity);
        severities.max().unwrap_or(Severity::Note)
    }

    pub(super) fn exit_code(&self) -> u8 {
        match self.worst() {
            Severity::Note => 0,
            Severity::Repair => 1,
            Severity::Blocked => 2,
            Severity::InUse => 3,
        }
    }

    fn look_at_log(&mut self, source: &Source, log: &LogView, full: bool) -> io::Result<()> {
        let directories = source.view.log_directories().iter();
        self.log = LogReport {
            directories: directories.map(|path| path.display().to_string()).collect(),
            segments: log.files.files.len(),
            segment_bytes: log.segment_bytes,
            bytes: log.files.total_bytes(),
            start: log.start(),
            ..LogReport::default()
        };
        let first = log.record_at(log.start())?;
        self.log.first_ms = first.map_or(0, |record| stored(&record));
        for path in &log.files.foreign {
            let path = path.display();
            let text =
                format!("{path} is no segment: Ferrocket leaves it alone, Java refuses to start");
            self.add(Severity::Note, text);
        }
        if self.log.segments > 0 {
            self.need(source, "mappedFileSizeCommitLog", log.segment_bytes);
        }
        if log.files.total_bytes() > LOG_BYTES_READ && !full {
            let text = "only the end of the log was read; --full reads all of it for damage";
            self.add(Severity::Note, text.to_owned());
            return Ok(());
        }
        let mut damages = Vec::new();
        let mut last_ms = 0;
        let walked = log.walk(log.start(), &mut |found| {
            match found {
                Found::Record(record) => last_ms = record.store_ms,
                Found::Damage(damage) => damages.push((damage.from, damage.to, damage.reason)),
                Found::Gap { from, to } => {
                    damages.push((from, to, "segments are missing".to_owned()));
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        self.log.read = Some((walked.end, walked.records));
        self.log.last_ms = last_ms;
        for (from, to, reason) in damages {
            self.add(
                Severity::Repair,
                format!("damage in the log from {from} to {to}: {reason}"),
            );
        }
        if let LogEnd::Torn { reason } = walked.how
            && !self.is_in_use()
        {
            let end = walked.end;
            self.add(
                Severity::Repair,
                format!("the log ends at {end} in no record: {reason}"),
            );
        }
        Ok(())
    }

    fn look_at_queues(&mut self, source: &Source, log: &LogView) -> io::Result<()> {
        let queues = source.view.queues()?;
        let mut topics = BTreeSet::new();
        for queue in &queues {
            topics.insert(queue.topic.clone());
            let bounds = queue.bounds(log.start())?;
            self.queues.messages += bounds.max - bounds.min;
            self.queues.file_bytes += queue.files.total_bytes();
            self.queues.batch_queues += usize::from(queue.kind == QueueKind::Batch);
            self.queues.light_queues += usize::from(queue.topic.starts_with("%LMQ%"));
            if queue.kind == QueueKind::Plain && !queue.files.files.is_empty() {
                self.queues.plain_file_bytes = Some(queue.file_bytes());
            }
            if self.log.read.is_none()
                && let Some(at) = bounds.last_physical
                && let Some(record) = log.record_at(at)?
            {
                self.log.last_ms = self.log.last_ms.max(stored(&record));
            }
        }
        self.queues.topics = topics.len();
        self.queues.queues = queues.len();
        if let Some(bytes) = self.queues.plain_file_bytes {
            self.need(source, "mappedFileSizeConsumeQueue", bytes);
        }
        Ok(())
    }

    fn look_at_index(&mut self, source: &Source) -> io::Result<()> {
        for file in source.view.index()? {
            let path = file.path.display();
            match file.sizes {
                Some((slots, entries)) if file.is_plausible => {
                    self.need(source, "maxHashSlotNum", u64::from(slots));
                    self.need(source, "maxIndexNum", u64::from(entries));
                }
                Some(_) => {
                    let text = format!("{path} has a damaged header: its keys are not found");
                    self.add(Severity::Repair, text);
                }
                None => {
                    let text = format!(
                        "{path} is {} bytes long, which fits no known maxHashSlotNum and maxIndexNum: its keys are not found",
                        file.bytes
                    );
                    self.add(Severity::Repair, text);
                }
            }
        }
        Ok(())
    }

    fn look_at_config(&mut self, files: &[ConfigView]) {
        for file in files {
            let name = file.name;
            match &file.state {
                ConfigState::Good => {}
                ConfigState::BackupOnly(why) => {
                    let text = format!("config/{name}: {why}; its .bak is good and would be used");
                    self.add(Severity::Repair, text);
                }
                ConfigState::Unreadable(why) => {
                    let text = format!(
                        "config/{name}: {why}, and there is no good .bak; repair one or move both away"
                    );
                    self.add(Severity::Blocked, text);
                }
            }
        }
    }

    /// A size that the files have and the configuration must name.
    fn need(&mut self, source: &Source, key: &str, found: u64) {
        let class = crate::config::catalog::Class::Store;
        let configured: u64 = match key {
            "mappedFileSizeConsumeQueue" => source
                .settings
                .number::<u64>(class, "mappedFileSizeConsumeQueue")
                .next_multiple_of(20),
            "mappedFileSizeCommitLog" => source.settings.number(class, "mappedFileSizeCommitLog"),
            "maxHashSlotNum" => source.settings.number(class, "maxHashSlotNum"),
            _ => source.settings.number(class, "maxIndexNum"),
        };
        let line = format!("{key}={found}");
        if configured != found && !self.keys.contains(&line) {
            self.keys.push(line);
        }
    }

    pub(super) fn stopped(&self) -> String {
        match (
            self.state.lock,
            self.state.is_abort_there,
            self.state.abort_process,
        ) {
            (LockState::Held { holder: Some(pid) }, ..) => format!("runs now, as process {pid}"),
            (LockState::Held { holder: None }, ..) => "runs now, as another process".to_owned(),
            (LockState::Free, true, Some(pid)) => {
                format!("killed (abort is there, of process {pid})")
            }
            (LockState::Free, true, None) => "killed (abort is there)".to_owned(),
            (LockState::Free, false, _) => "cleanly".to_owned(),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let severity = |severity: &Severity| match severity {
            Severity::Note => "note",
            Severity::Repair => "repair",
            Severity::Blocked => "blocked",
            Severity::InUse => "inUse",
        };
        let findings: Vec<Value> = self
            .findings
            .iter()
            .map(|(level, text)| json!({"severity": severity(level), "text": text}))
            .collect();
        json!({
            "exitCode": self.exit_code(),
            "verdict": severity(&self.worst()),
            "root": self.root,
            "config": self.conf,
            "writtenBy": {"guess": self.origin.guess, "evidence": self.origin.evidence},
            "stopped": self.stopped(),
            "checkpoint": self.state.checkpoint,
            "log": {
                "directories": self.log.directories,
                "segments": self.log.segments,
                "segmentBytes": self.log.segment_bytes,
                "bytes": self.log.bytes,
                "start": self.log.start,
                "end": self.log.read.map(|(end, _)| end),
                "records": self.log.read.map(|(_, records)| records),
                "firstStoreTimestamp": self.log.first_ms,
                "lastStoreTimestamp": self.log.last_ms,
            },
            "queues": {
                "topics": self.queues.topics,
                "queues": self.queues.queues,
                "batchQueues": self.queues.batch_queues,
                "lightQueues": self.queues.light_queues,
                "messages": self.queues.messages,
                "fileBytes": self.queues.file_bytes,
            },
            "configured": {"topics": self.topics, "groups": self.groups, "offsets": self.offsets},
            "waiting": {
                "delayed": self.pending.delayed_messages(),
                "delayedByLevel": self.pending.delayed,
                "half": self.pending.halves,
                "timed": self.timer.as_ref().map_or(0, |timer| timer.waiting),
                "lastTimed": self.timer.as_ref().and_then(|timer| timer.last_ms),
            },
            "index": {"files": self.index_files, "entries": self.index_entries},
            "backToJava": back::judge(self).to_json(),
            "starting": self.rehearsal.as_ref().map(Rehearsal::to_json),
            "disks": self.disks.iter().map(Measured::to_json).collect::<Vec<_>>(),
            "brokerConf": self.keys,
            "findings": findings,
        })
    }
}

/// Of the file in force: with light queues another one, once it is there.
fn offsets(files: &[ConfigView], enable_lmq: bool) -> usize {
    let light = "lmqConsumerOffset.json";
    if enable_lmq && files.iter().any(|file| file.name == light) {
        return members(files, light, "offsetTable") + members(files, light, "lmqOffsetTable");
    }
    members(files, "consumerOffset.json", "offsetTable")
}

fn members(files: &[ConfigView], name: &str, table: &str) -> usize {
    let file = files.iter().find(|file| file.name == name);
    file.map_or(0, |file| file.members(table))
}

fn stored(record: &[u8]) -> i64 {
    View::parse(record).map_or(0, |record| record.store_ms)
}
