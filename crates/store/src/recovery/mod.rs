//! Opening a store: finding the end of its log and making its queues fit it.
//!
//! The log is the truth. Queues are believed below the point that the checkpoint (or, without one, the
//! queues themselves) vouch for; from there on their entries are made again from the log. After
//! a kill everything in the page cache is back; after a power loss everything that was durable.
//! The index is made to fit later, while the store is in use (`index::build`).
//! Whatever a scan meets that is not the plain end of the log is said in the [`RecoveryReport`].

mod further;
mod mend;
mod queues;
mod report;
mod scan;
mod search;
pub(crate) mod start;
mod whole;

use std::collections::BTreeMap;
use std::io;

use ferrocket_protocol::message::View;

use self::mend::Mender;
pub(crate) use self::mend::is_filler;
use self::queues::Loaded;
pub use self::report::{Cut, Damage, DamagedMessage, RecoveryReport, Repair};
use self::scan::{End, Rules, Scanner, Stop};
pub(crate) use self::search::is_credible;
use crate::batch_queue::BatchQueues;
use crate::checkpoint::CheckpointFile;
use crate::config::StoreConfig;
use crate::deleted::Deletion;
use crate::disk::Disk;
use crate::errors::OpenError;
use crate::log::CommitLog;
use crate::offsets::PhysicalOffset;
use crate::opening::Opening;
use crate::planted::Planted;
use crate::queue::QueueTable;
use crate::queue_ext::QueueExt;

/// Queue entries are written behind after this many records, so that a long recovery stays small.
const RECORDS_PER_WRITE_BEHIND: u64 = 64 * 1024;

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
    pub(crate) batch_queues: &'a BatchQueues,
    pub(crate) queue_ext: &'a QueueExt,
    pub(crate) config: &'a StoreConfig,
    /// Deleted topics.
    pub(crate) deleted: &'a BTreeMap<String, Deletion>,
    /// No other broker has written here since this one did.
    pub(crate) is_ours: bool,
    pub(crate) now_ms: i64,
    pub(crate) opening: &'a dyn Opening,
}

impl Parts<'_> {
    /// Whether a record has no place in the queues of a topic, which was deleted after it came.
    fn is_forgotten(&self, topic: &str, record: &View<'_>) -> bool {
        let deletion = self.deleted.get(topic);
        deletion.is_some_and(|deletion| deletion.covers(record.physical_offset, record.store_ms))
    }
}

/// `mark_used` writes `abort`; it is called when this recovery, interrupted, must not be taken for a
/// clean stop.
pub(crate) fn recover(
    parts: &Parts<'_>,
    checkpoint: &mut CheckpointFile,
    clean: bool,
    mark_used: &dyn Fn() -> io::Result<()>,
) -> Result<Recovered, OpenError> {
    let log = parts.log;
    let mut loaded = Loaded::find(parts)?;
    loaded
        .finish_deletions(parts)
        .map_err(failed("the queues of deleted topics"))?;
    whole::check(parts, &loaded, checkpoint)?;
    let mark_used = || if clean { mark_used() } else { Ok(()) };
    let mut start = where_to_start(parts, &mut loaded, checkpoint, clean)?;
    let confirmed = checkpoint.current.confirmed;
    let mut found = loop {
        disown(log, checkpoint, start, &mark_used).map_err(failed("the checkpoint"))?;
        let scanned = scan(parts, &loaded, confirmed, start, clean)?;
        let earlier = scanned.missing_from.unwrap_or(start);
        let earlier = start::begin_at(log, earlier).map_err(failed("the commit log"))?;
        if earlier >= start {
            break scanned.end;
        }
        // Entries of records before the start are missing: they are made again, too.
        start = earlier;
        tracing::warn!(
            start,
            "a consume queue lacks entries, the log is read again from here"
        );
    };
    if parts.config.has(Planted::CutOneEarly)
        && let (Stop::Damaged(_), Some((last, _))) = (&found.stop, found.last)
    {
        found.end = last;
    }
    if !found.holes.is_empty() {
        mark_used().map_err(failed("the end of the commit log"))?;
    }
    let mender = Mender {
        disk: parts.disk,
        log,
        config: parts.config,
    };
    let damages: Vec<Damage> = found.holes.iter().map(|hole| mender.mend(hole)).collect();
    queues::keep_offsets(parts, &damages).map_err(failed("the consume queues"))?;
    let cut = match &found.stop {
        Stop::LastSegmentFull => None,
        Stop::Unwritten if clean => None,
        stop => mender
            .cut(found.end, stop)
            .map_err(failed("the end of the commit log"))?,
    };
    let segments_dropped = finish(parts, &loaded, &found, start, clean && cut.is_none())?;
    queues::keep_batch_offsets(parts, &damages);
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
    loaded: &mut Loaded,
    checkpoint: &CheckpointFile,
    clean: bool,
) -> Result<i64, OpenError> {
    let log = parts.log;
    let start = start::of_scan(log, checkpoint, loaded.end_physical(), clean)
        .map_err(failed("the commit log"))?;
    loaded
        .verify(parts, start, clean)
        .map_err(failed("the consume queues"))?;
    let start = loaded.complete_until(start, clean);
    start::begin_at(log, start).map_err(failed("the commit log"))
}

struct Scanned {
    end: End,
    /// A queue lacks entries of records from here on, which is before the start of the scan.
    missing_from: Option<i64>,
}

/// Makes the entries of all records from `start` on again.
fn scan(
    parts: &Parts<'_>,
    loaded: &Loaded,
    confirmed: i64,
    start: i64,
    clean: bool,
) -> Result<Scanned, OpenError> {
    let Parts { log, config, .. } = *parts;
    loaded
        .cut_at(parts, start, clean)
        .map_err(failed("the consume queues"))?;
    let rules = Rules {
        check_crc: config.check_crc_on_recover && !config.has(Planted::CrcIgnored),
        property_crc: config.append_property_crc && !config.has(Planted::CrcIgnored),
        // Java confirms what is in the log, durable or not.
        durable: if parts.is_ours { confirmed } else { 0 },
        is_ours: parts.is_ours,
        now_ms: parts.now_ms,
        reaches: confirmed.max(loaded.end_physical()),
        clean,
    };
    let mut visited = 0_u64;
    let mut missing_from = None;
    let read = |at: i64| {
        let total = rules.reaches.max(at) - start;
        let done = at - start;
        parts
            .opening
            .progress(done.max(0).unsigned_abs(), total.max(0).unsigned_abs());
    };
    let end = Scanner::new(log, rules, &read)
        .run(start, &mut |record| {
            visited += 1;
            if visited.is_multiple_of(RECORDS_PER_WRITE_BEHIND) {
                queues::write_behind(parts)?;
            }
            if let Some(gap) = queues::redispatch(parts, record)? {
                let from = gap.start(loaded, start);
                missing_from = missing_from.min(from).or(missing_from).or(from);
            }
            Ok(())
        })
        .map_err(failed("the commit log"))?;
    Ok(Scanned { end, missing_from })
}

/// Makes the files of log and queues fit what the scan found, durably after a kill. Returns how many
/// segments were deleted.
fn finish(
    parts: &Parts<'_>,
    loaded: &Loaded,
    found: &End,
    start: i64,
    was_plain_stop: bool,
) -> Result<usize, OpenError> {
    let log = parts.log;
    let segments_dropped = log
        .truncate(found.end)
        .map_err(failed("the end of the commit log"))?;
    if !was_plain_stop {
        log.erase_behind(found.end)
            .map_err(failed("the end of the commit log"))?;
    }
    loaded
        .finish(parts, was_plain_stop)
        .map_err(failed("the consume queues"))?;
    if !was_plain_stop {
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
