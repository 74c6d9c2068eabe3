//! Opening a store: finding the end of its log and making its queues and its index fit it.
//!
//! The log is the truth. Queues and index are believed below the point that the checkpoint (or, without one,
//! the queues themselves) vouch for; from there on their entries are made again from the log. After
//! a kill everything in the page cache is back; after a power loss everything that was durable.
//! Whatever a scan meets that is not the plain end of the log is said in the [`RecoveryReport`].

mod further;
mod scan;
pub(crate) mod start;

use std::io;

use ferrocket_protocol::message::View;

use self::scan::{Scanner, Stop};
use crate::checkpoint::CheckpointFile;
use crate::config::StoreConfig;
use crate::disk::unless_full;
use crate::dispatch::{self, TagsCode};
use crate::errors::OpenError;
use crate::index::{Index, Key, keys};
use crate::log::CommitLog;
use crate::offsets::PhysicalOffset;
use crate::queue::{Entry, QueueTable};

/// Queue entries and index keys are written behind after this many records, so that a long recovery
/// stays small.
const RECORDS_PER_WRITE_BEHIND: u64 = 64 * 1024;

/// No queue offset is as high: the place of its entry in bytes would not be a number.
const QUEUE_OFFSET_END: i64 = i64::MAX / 32;

/// What opening a store found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecoveryReport {
    /// The store was stopped cleanly the last time: there was no `abort`.
    pub clean: bool,
    /// Where the log was read from.
    pub scanned_from: PhysicalOffset,
    pub records_scanned: u64,
    /// Where the log ends.
    pub end: PhysicalOffset,
    /// Segments behind the end that were deleted (those made ahead among them).
    pub segments_dropped: usize,
    /// Where segments are missing between others; what was in them is gone.
    pub gaps: Vec<PhysicalOffset>,
    /// Set when what follows the end is neither zeros nor the end of a segment.
    pub cut: Option<Cut>,
}

/// A log that ended in something else than nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    pub reason: String,
    /// A whole record was found behind the cut: messages were lost, not just a torn last write.
    pub record_beyond: Option<PhysicalOffset>,
}

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
    pub(crate) log: &'a CommitLog,
    pub(crate) queues: &'a QueueTable,
    pub(crate) index: &'a Index,
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
    let Parts {
        log,
        queues,
        index,
        config,
    } = *parts;
    let loaded = queues.load()?;
    let failed = |what: &'static str| {
        move |source| OpenError::Recovery {
            what: what.into(),
            source,
        }
    };
    let queues_end = loaded
        .iter()
        .map(|queue| queue.end_physical())
        .max()
        .unwrap_or(0);
    let start = start::of_scan(log, &checkpoint.current, queues_end, clean)
        .map_err(failed("the commit log"))?;
    // The end of a queue's last record is where some record begins.
    let suspect = loaded.iter().filter(|queue| queue.is_suspect());
    let start = suspect
        .map(|queue| queue.end_physical())
        .fold(start, i64::min);
    let start = if config.message_index_enable && config.message_index_safe {
        start.min(start::of_index(log, index.end_physical()).map_err(failed("the commit log"))?)
    } else {
        start
    };
    let start = start.max(log.start());
    let mark_used = || if clean { mark_used() } else { Ok(()) };
    disown(log, checkpoint, start, &mark_used).map_err(failed("the checkpoint"))?;
    queues
        .cut_at(&loaded, start)
        .map_err(failed("the consume queues"))?;
    if !clean {
        index
            .cut_at(start, log)
            .and_then(|()| index.sync())
            .map_err(failed("the index"))?;
    }
    let index_from = index.resume_at();

    let mut scanner = Scanner::new(log, config.check_crc_on_recover);
    let mut visited = 0_u64;
    let found = scanner
        .run(start, &mut |record| {
            visited += 1;
            if visited.is_multiple_of(RECORDS_PER_WRITE_BEHIND) {
                unless_full(queues.write_behind(i64::MAX))?;
                unless_full(index.write_behind())?;
            }
            if record.physical_offset >= index_from {
                redispatch_keys(parts, record)?;
            }
            redispatch(queues, config, record)
        })
        .map_err(failed("the commit log"))?;
    let cut = cut_of(&mut scanner, &found, clean).map_err(failed("the commit log"))?;
    drop(scanner);

    let segments_dropped = log
        .truncate(found.end)
        .map_err(failed("the end of the commit log"))?;
    if !clean || cut.is_some() {
        log.erase_behind(found.end)
            .map_err(failed("the end of the commit log"))?;
    }
    queues
        .finish_recovery(&loaded, log.start(), clean)
        .map_err(failed("the consume queues"))?;
    unless_full(queues.write_behind(i64::MAX)).map_err(failed("the consume queues"))?;
    unless_full(index.finish_recovery(found.end, log)).map_err(failed("the index"))?;
    if !clean {
        queues.distrust_names();
        // What a killed process left in the page cache is not durable yet.
        log.sync(start, found.end)
            .map_err(failed("the commit log"))?;
    }
    let report = RecoveryReport {
        clean,
        scanned_from: PhysicalOffset(start),
        records_scanned: found.records,
        end: PhysicalOffset(found.end),
        segments_dropped,
        gaps: log.gaps().into_iter().map(PhysicalOffset).collect(),
        cut,
    };
    tell(&report);
    Ok(Recovered {
        end: found.end,
        last: found.last,
        report,
    })
}

/// Lowers the checkpoint to where queues and index are made again from: no later start may believe what is
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

/// Makes the entries of a record again.
fn redispatch(queues: &QueueTable, config: &StoreConfig, record: &View<'_>) -> io::Result<()> {
    if !dispatch::is_queued(record.sys_flag) {
        return Ok(());
    }
    if !(0..QUEUE_OFFSET_END).contains(&record.queue_offset) {
        let (at, queue_offset) = (record.physical_offset, record.queue_offset);
        tracing::error!(at, queue_offset, "a record has an impossible queue offset");
        return Ok(());
    }
    let queue = queues.find_or_create(record.topic, record.queue_id);
    let tags = TagsCode::of(config, record.topic, record.properties);
    let entry = Entry {
        physical_offset: record.physical_offset,
        bytes: i32::try_from(record.bytes().len()).unwrap_or(i32::MAX),
        tags_code: tags.at(record.store_ms),
    };
    unless_full(
        queues
            .push(&queue, record.queue_offset, entry, i64::MAX)
            .map(|_| ()),
    )?;
    further::redispatch(queues, config, record, entry)
}

/// Makes the index keys of a record again.
fn redispatch_keys(parts: &Parts<'_>, record: &View<'_>) -> io::Result<()> {
    if !parts.config.message_index_enable || !keys::is_indexed(record.sys_flag) {
        return Ok(());
    }
    let mut hashes = Vec::new();
    keys::hashes(record.topic, record.properties, &mut hashes);
    let keys = hashes.into_iter().map(|hash| Key {
        hash,
        physical_offset: record.physical_offset,
        store_ms: record.store_ms,
    });
    unless_full(parts.index.push(keys).map(|_| ()))
}

/// Judges the end of a scan. Zeros are where every log ends; but a hole that a power loss or a bad
/// disk left has records behind it, which is worth a look when the last stop was not clean.
fn cut_of(scanner: &mut Scanner<'_>, found: &scan::End, clean: bool) -> io::Result<Option<Cut>> {
    let reason = match &found.stop {
        Stop::LastSegmentFull => return Ok(None),
        Stop::Unwritten if clean => return Ok(None),
        Stop::Unwritten => None,
        Stop::Damaged(reason) => Some(reason.clone()),
    };
    let record_beyond = scanner.record_beyond(found.end)?.map(PhysicalOffset);
    let hole = || record_beyond.map(|_| "there are zeros before a record".to_owned());
    Ok(reason.or_else(hole).map(|reason| Cut {
        reason,
        record_beyond,
    }))
}

fn tell(report: &RecoveryReport) {
    let RecoveryReport {
        clean,
        records_scanned,
        segments_dropped,
        ..
    } = report;
    let (from, end) = (report.scanned_from.0, report.end.0);
    tracing::info!(
        clean,
        from,
        end,
        records_scanned,
        segments_dropped,
        "commit log recovered"
    );
    for gap in &report.gaps {
        tracing::error!(at = gap.0, "a segment of the commit log is missing");
    }
    match &report.cut {
        None => {}
        Some(Cut {
            reason,
            record_beyond: None,
        }) => {
            tracing::warn!(
                end,
                reason,
                "torn record at the end of the commit log cut off"
            );
        }
        Some(Cut {
            reason,
            record_beyond: Some(beyond),
        }) => {
            let beyond = beyond.0;
            tracing::error!(
                end,
                reason,
                beyond,
                "commit log is damaged: messages behind it are lost"
            );
        }
    }
}
