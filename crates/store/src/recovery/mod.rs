//! Opening a store: finding the end of its log and making its queues fit it.
//!
//! The log is the truth. Queues are believed below the point that the checkpoint (or, without one, the
//! queues themselves) vouch for; from there on their entries are made again from the log. After
//! a kill everything in the page cache is back; after a power loss everything that was durable.
//! The index is made to fit later, while the store is in use (`index::build`).
//! Whatever a scan meets that is not the plain end of the log is said in the [`RecoveryReport`].

mod further;
mod mend;
mod report;
mod scan;
mod search;
pub(crate) mod start;

use std::io;
use std::sync::Arc;

use ferrocket_protocol::message::View;

use self::mend::Mender;
pub use self::report::{Cut, Damage, DamagedMessage, RecoveryReport, Repair};
use self::scan::{End, Rules, Scanner, Stop};
use crate::checkpoint::CheckpointFile;
use crate::config::StoreConfig;
use crate::disk::{Disk, unless_full};
use crate::dispatch::{self, TagsCode};
use crate::errors::OpenError;
use crate::log::CommitLog;
use crate::offsets::PhysicalOffset;
use crate::queue::{Entry, LoadedQueue, Queue, QueueTable, Unit};

/// Queue entries are written behind after this many records, so that a long recovery stays small.
const RECORDS_PER_WRITE_BEHIND: u64 = 64 * 1024;

/// A clean start looks whether the queues have all entries of so much of the end of the log.
const LOOK_BACK_BYTES: i64 = 4 * 1024 * 1024;

/// No queue offset is as high: the place of its entry in bytes would not be a number.
const QUEUE_OFFSET_END: i64 = i64::MAX / 32;

/// What the store goes on from.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) end: i64,
    /// Start and store time of the last record that is known.
    pub(crate) last: Option<(i64, i64)>,
    pub(crate) report: RecoveryReport,
}

/// What a store is made of while it is opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) disk: &'a dyn Disk,
    pub(crate) log: &'a CommitLog,
    pub(crate) queues: &'a QueueTable,
    pub(crate) config: &'a StoreConfig,
}

/// `mark_used` writes `abort`; it is called when this recovery, interrupted, must not be taken for a
/// clean stop.
pub(crate) fn recover(
    parts: &Parts<'_>,
    checkpoint: &mut CheckpointFile,
    clean: bool,
    mark_used: &dyn Fn() -> io::Result<()>,
) -> Result<Recovered, OpenError> {
    let Parts { log, queues, .. } = *parts;
    let loaded = queues.load()?;
    if log.last().is_none()
        && let Some(queue) = loaded.iter().find(|queue| queue.end() > 0)
    {
        return Err(OpenError::NoLog {
            directories: parts.config.commit_log_paths(),
            topic: queue.topic().to_string(),
            messages: queue.end(),
        });
    }
    let mark_used = || if clean { mark_used() } else { Ok(()) };
    let mut start = where_to_start(parts, &loaded, checkpoint, clean)?;
    let found = loop {
        disown(log, checkpoint, start, &mark_used).map_err(failed("the checkpoint"))?;
        let scanned = scan(parts, &loaded, checkpoint, start, clean)?;
        match scanned.missing_from {
            // Entries of records before the start are missing: they are made again, too.
            Some(earlier) if earlier.max(log.start()) < start => {
                start = earlier.max(log.start());
                tracing::warn!(
                    start,
                    "a consume queue lacks entries, the log is read again from here"
                );
            }
            _ => break scanned.end,
        }
    };
    if !found.holes.is_empty() {
        mark_used().map_err(failed("the end of the commit log"))?;
    }
    let mender = Mender {
        disk: parts.disk,
        log,
        config: parts.config,
    };
    let damages: Vec<Damage> = found.holes.iter().map(|hole| mender.mend(hole)).collect();
    keep_offsets(queues, &damages).map_err(failed("the consume queues"))?;
    let cut = match &found.stop {
        Stop::LastSegmentFull => None,
        Stop::Unwritten if clean => None,
        stop => mender
            .cut(found.end, stop.reason())
            .map_err(failed("the end of the commit log"))?,
    };
    let segments_dropped = finish(parts, &loaded, &found, start, clean && cut.is_none())?;
    let report = RecoveryReport {
        clean,
        scanned_from: PhysicalOffset(start),
        records_scanned: found.records,
        end: PhysicalOffset(found.end),
        segments_dropped,
        gaps: log.gaps().into_iter().map(PhysicalOffset).collect(),
        damages,
        cut,
    };
    report.tell();
    Ok(Recovered {
        end: found.end,
        last: found.last,
        report,
    })
}

fn failed(what: &'static str) -> impl FnOnce(io::Error) -> OpenError {
    move |source| OpenError::Recovery {
        what: what.into(),
        source,
    }
}

fn where_to_start(
    parts: &Parts<'_>,
    loaded: &[LoadedQueue],
    checkpoint: &CheckpointFile,
    clean: bool,
) -> Result<i64, OpenError> {
    let log = parts.log;
    let start =
        start::of_scan(log, checkpoint, end_of(loaded), clean).map_err(failed("the commit log"))?;
    // The end of a queue's last record is where some record begins. A queue that was written to
    // shortly before a clean stop may have lost its last entries since.
    let lately = end_of(loaded) - LOOK_BACK_BYTES;
    let suspect = loaded
        .iter()
        .filter(|queue| queue.is_suspect() || (clean && queue.end_physical() >= lately.max(1)));
    let start = suspect.map(LoadedQueue::end_physical).fold(start, i64::min);
    Ok(start.max(log.start()))
}

/// How far the log reached, as the queues know it.
fn end_of(loaded: &[LoadedQueue]) -> i64 {
    loaded
        .iter()
        .map(LoadedQueue::end_physical)
        .max()
        .unwrap_or(0)
}

struct Scanned {
    end: End,
    /// A queue lacks entries of records from here on, which is before the start of the scan.
    missing_from: Option<i64>,
}

/// Makes the entries of all records from `start` on again.
fn scan(
    parts: &Parts<'_>,
    loaded: &[LoadedQueue],
    checkpoint: &CheckpointFile,
    start: i64,
    clean: bool,
) -> Result<Scanned, OpenError> {
    let Parts {
        log,
        queues,
        config,
        ..
    } = *parts;
    queues
        .cut_at(loaded, start)
        .map_err(failed("the consume queues"))?;
    let confirmed = checkpoint.current.confirmed;
    let rules = Rules {
        check_crc: config.check_crc_on_recover,
        property_crc: config.append_property_crc,
        durable: confirmed,
        reaches: confirmed.max(end_of(loaded)),
        clean,
    };
    let mut visited = 0_u64;
    let mut missing_from = None;
    let end = Scanner::new(log, rules)
        .run(start, &mut |record| {
            visited += 1;
            if visited.is_multiple_of(RECORDS_PER_WRITE_BEHIND) {
                unless_full(queues.write_behind(i64::MAX))?;
            }
            if let Some(gap) = redispatch(queues, config, record)? {
                let from = gap.start(loaded, start);
                missing_from = missing_from.min(from).or(missing_from).or(from);
            }
            Ok(())
        })
        .map_err(failed("the commit log"))?;
    Ok(Scanned { end, missing_from })
}

/// A record was met whose queue lacks the entry before its own.
struct Gap {
    queue: Arc<Queue>,
    /// Where the queue ended.
    end: i64,
}

impl Gap {
    /// From where on the log has to be read to fill it, when it lies before this scan. In a scan, gaps
    /// are where records are gone. A topic without any queue was deleted by a Java broker: what the
    /// log still has of it is not brought back.
    fn start(&self, loaded: &[LoadedQueue], scanned_from: i64) -> Option<i64> {
        match loaded.iter().find(|found| found.is_of(&self.queue)) {
            Some(found) => {
                let is_first = found.end() == self.end && found.end_physical() <= scanned_from;
                is_first.then(|| found.end_physical())
            }
            None => {
                let mut topics = loaded.iter().map(LoadedQueue::topic);
                let is_first = self.end == 0 && topics.any(|topic| topic == self.queue.topic());
                is_first.then_some(0)
            }
        }
    }
}

/// A damaged record whose head can be read was given a queue offset: nobody else gets it.
fn keep_offsets(queues: &QueueTable, damages: &[Damage]) -> io::Result<()> {
    for message in damages.iter().filter_map(|damage| damage.message.as_ref()) {
        let Some(queue) = queues.find(&message.topic, message.queue_id) else {
            continue;
        };
        if queue.end() == message.queue_offset.0 {
            queues.push(&queue, message.queue_offset.0, Entry::BLANK, i64::MAX)?;
        }
    }
    Ok(())
}

/// Makes the files of log and queues fit what the scan found, durably after a kill. Returns how many
/// segments were deleted.
fn finish(
    parts: &Parts<'_>,
    loaded: &[LoadedQueue],
    found: &End,
    start: i64,
    was_plain_stop: bool,
) -> Result<usize, OpenError> {
    let Parts { log, queues, .. } = *parts;
    let segments_dropped = log
        .truncate(found.end)
        .map_err(failed("the end of the commit log"))?;
    if !was_plain_stop {
        log.erase_behind(found.end)
            .map_err(failed("the end of the commit log"))?;
    }
    queues
        .finish_recovery(loaded, log.start(), was_plain_stop)
        .map_err(failed("the consume queues"))?;
    unless_full(queues.write_behind(i64::MAX)).map_err(failed("the consume queues"))?;
    if !was_plain_stop {
        queues.distrust_names();
        // What a killed process left in the page cache is not durable yet.
        log.sync(start, found.end)
            .map_err(failed("the commit log"))?;
    }
    Ok(segments_dropped)
}

/// Lowers the checkpoint to where queues are made again from: no later start may believe what is
/// made again now before it is durable again.
fn disown(
    log: &CommitLog,
    checkpoint: &mut CheckpointFile,
    start: i64,
    mark_used: &dyn Fn() -> io::Result<()>,
) -> io::Result<()> {
    let head = start::RecordHead::read(log, start)?;
    let lowered = checkpoint.lowered_to(start, head.map_or(0, |head| head.store_ms));
    if lowered == checkpoint.current {
        return Ok(());
    }
    mark_used()?;
    checkpoint.store(lowered)
}

/// Makes the entries of a record again. Says when its queue lacks the one before.
fn redispatch(
    queues: &QueueTable,
    config: &StoreConfig,
    record: &View<'_>,
) -> io::Result<Option<Gap>> {
    if !dispatch::is_queued(record.sys_flag) {
        return Ok(None);
    }
    if !(0..QUEUE_OFFSET_END).contains(&record.queue_offset) {
        let (at, queue_offset) = (record.physical_offset, record.queue_offset);
        tracing::error!(at, queue_offset, "a record has an impossible queue offset");
        return Ok(None);
    }
    let queue = queues.find_or_create(record.topic, record.queue_id);
    let tags = TagsCode::of(config, record.topic, record.properties);
    let entry = Entry {
        physical_offset: record.physical_offset,
        bytes: i32::try_from(record.bytes().len()).unwrap_or(i32::MAX),
        tags_code: tags.at(record.store_ms),
    };
    let end = queue.end();
    unless_full(
        queues
            .push(&queue, record.queue_offset, entry, i64::MAX)
            .map(|_| ()),
    )?;
    further::redispatch(queues, config, record, entry)?;
    Ok((end < record.queue_offset).then_some(Gap { queue, end }))
}
