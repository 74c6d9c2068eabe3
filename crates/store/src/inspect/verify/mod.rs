//! Going through a store and saying everything that is not as it should be.
//!
//! The log is read once; each record is compared with its entry in its queue on the way, so that
//! neither records nor entries are read at random. Entries that no record answered for are looked up
//! one by one afterwards. Faults that follow each other are told as one.

mod index;
mod queues;

use std::io;
use std::ops::ControlFlow;

use self::queues::QueueChecks;
use super::log::end_of;
use super::{Found, LogEnd, LogView, StoreView};
use crate::recovery::is_filler;

/// Bytes between two reports of progress.
const PROGRESS_BYTES: i64 = 32 << 20;

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The last segment, the ends of the queues, the headers of the index.
    Fast,
    /// Every byte of the log, every entry of queues and index.
    Full,
}

/// Which part of the store a fault is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    Log,
    Queue,
    Index,
    Config,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    /// The file, or the queue.
    pub place: String,
    /// Where in the log, where that can be said.
    pub physical_offset: Option<i64>,
    pub problem: String,
}

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub what: &'static str,
    pub done_bytes: u64,
    pub total_bytes: u64,
}

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Verified {
    pub records: u64,
    /// Of them, those that fill places that were damaged once: a message was lost there.
    pub fillers: u64,
    /// Bytes of the log that were read as records.
    pub log_bytes: u64,
    /// One past the last record.
    pub log_end: i64,
    pub queues: u64,
    pub queue_entries: u64,
    pub index_files: u64,
    pub index_entries: u64,
    /// Records of topics that were deleted and made anew, whose queues begin behind them.
    pub records_of_former_topics: u64,
    pub faults: u64,
}

/// Who is told.
pub struct Listener<'a> {
    pub progress: &'a mut dyn FnMut(Progress),
    pub fault: &'a mut dyn FnMut(Fault),
}

impl std::fmt::Debug for Listener<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Listener")
    }
}

/// Checks a store.
///
/// # Errors
/// When the disk cannot be read.
pub fn verify(view: &StoreView, depth: Depth, listener: &mut Listener<'_>) -> io::Result<Verified> {
    let mut done = Verified::default();
    let in_use = view.state()?.is_in_use();
    let mut faults = Faults {
        tell: &mut *listener.fault,
        count: 0,
    };
    let log = view.log()?;
    segments(&log, &mut faults);
    let queues = view.queues()?;
    done.queues = queues.len() as u64;
    let mut checks = QueueChecks::new(view, &log, &queues, in_use)?;
    let from = match depth {
        Depth::Full => log.start(),
        Depth::Fast => log.files.files.last().map_or(0, |last| last.base),
    };
    let (records, end) = records(
        &log,
        from,
        in_use,
        &mut checks,
        &mut faults,
        &mut *listener.progress,
    )?;
    done.records = records;
    done.fillers = checks.fillers();
    done.log_end = end;
    done.log_bytes = (end - from).max(0).unsigned_abs();
    checks.finish(depth, end, &mut faults, &mut *listener.progress)?;
    done.queue_entries = checks.entries();
    done.records_of_former_topics = checks.former();
    let files = view.index()?;
    done.index_files = files.len() as u64;
    for file in &files {
        done.index_entries += u64::from(file.entries);
        index::check(&log, file, depth, end, in_use, &mut faults)?;
    }
    config(view, &mut faults)?;
    done.faults = faults.count;
    Ok(done)
}

/// Tells and counts.
struct Faults<'a> {
    tell: &'a mut dyn FnMut(Fault),
    count: u64,
}

impl Faults<'_> {
    fn add(&mut self, kind: FaultKind, place: &str, at: Option<i64>, problem: String) {
        self.count += 1;
        (self.tell)(Fault {
            kind,
            place: place.to_owned(),
            physical_offset: at,
            problem,
        });
    }

    fn log(&mut self, at: i64, place: &str, problem: String) {
        self.add(FaultKind::Log, place, Some(at), problem);
    }
}

fn segments(log: &LogView, faults: &mut Faults<'_>) {
    let segment_bytes = log.segment_bytes;
    let last = log.files.files.last();
    for file in &log.files.files {
        // What an interrupted creation leaves; opening removes it.
        if file.bytes == 0 && Some(file) == last {
            continue;
        }
        let place = file.path.display().to_string();
        if file.bytes != segment_bytes {
            let problem = format!(
                "the segment is {} bytes long, the others {segment_bytes}",
                file.bytes
            );
            faults.log(file.base, &place, problem);
        }
        if segment_bytes > 0 && !file.base.unsigned_abs().is_multiple_of(segment_bytes) {
            let problem = format!("its name is no multiple of {segment_bytes}");
            faults.log(file.base, &place, problem);
        }
    }
    for path in &log.files.foreign {
        let problem = "a foreign name in the commit log: Java refuses to start; move it away";
        faults.add(
            FaultKind::Log,
            &path.display().to_string(),
            None,
            problem.to_owned(),
        );
    }
}

/// Walks the log; records that were read and its end.
fn records(
    log: &LogView,
    from: i64,
    in_use: bool,
    checks: &mut QueueChecks<'_>,
    faults: &mut Faults<'_>,
    progress: &mut dyn FnMut(Progress),
) -> io::Result<(u64, i64)> {
    let total_bytes = (log.capacity_end() - from).max(0).unsigned_abs();
    let mut told_at = from;
    let walked = log.walk(from, &mut |found| {
        match found {
            Found::Record(record) => {
                let at = record.physical_offset;
                if is_filler(&record) {
                    checks.filler(at, at + record.bytes().len() as i64);
                }
                checks.record(&record, faults)?;
                if at - told_at >= PROGRESS_BYTES {
                    told_at = at;
                    progress(Progress {
                        what: "commit log",
                        done_bytes: (at - from).unsigned_abs(),
                        total_bytes,
                    });
                }
            }
            Found::Damage(damage) => {
                let bytes = damage.to - damage.from;
                let mut problem = format!("{}; {bytes} bytes to {}", damage.reason, damage.to);
                if let Some(record) = damage.record {
                    let (topic, queue) = (record.topic, record.queue_id);
                    let offset = record.queue_offset;
                    problem.push_str(&format!(
                        ", message {offset} of queue {queue} of topic {topic}"
                    ));
                }
                checks.damaged(damage.from, damage.to);
                faults.log(damage.from, &place(log, damage.from), problem);
            }
            Found::Gap { from, to } => {
                checks.damaged(from, to);
                let problem = format!("segments are missing up to {to}");
                faults.log(from, "commit log", problem);
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if let LogEnd::Torn { reason } = &walked.how
        && !in_use
    {
        let problem = format!("the log ends in something that is no record: {reason}");
        faults.log(walked.end, &place(log, walked.end), problem);
    }
    Ok((walked.records, walked.end))
}

fn place(log: &LogView, at: i64) -> String {
    let segment = log
        .segment_at(at)
        .or_else(|| log.files.files.iter().rfind(|file| end_of(file) == at));
    segment.map_or_else(
        || "commit log".to_owned(),
        |segment| segment.path.display().to_string(),
    )
}

fn config(view: &StoreView, faults: &mut Faults<'_>) -> io::Result<()> {
    for file in view.config_files()? {
        let problem = match file.state {
            super::ConfigState::Good => continue,
            super::ConfigState::BackupOnly(why) => format!("{why}; its .bak is good and is used"),
            super::ConfigState::Unreadable(why) => {
                format!("{why}, and there is no good .bak; repair it or move it away")
            }
        };
        faults.add(
            FaultKind::Config,
            &file.path.display().to_string(),
            None,
            problem,
        );
    }
    Ok(())
}
