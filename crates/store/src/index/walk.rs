//! Reading the keys of records from the log, piece by piece.
//!
//! Damage does not end it: the next whole record that says where it is counts, as in recovery. What the
//! disk does not give back counts as damaged.

use std::io;
use std::ops::Range;

use ferrocket_protocol::message::View;
use ferrocket_protocol::message::record::{MAGIC_V1, MAGIC_V2};
use ferrocket_protocol::message::view::ViewError;

use super::format::Key;
use super::keys;
use crate::disk::is_handle_shortage;
use crate::log::CommitLog;
use crate::recovery::start::RecordHead;

/// The least that is read at once.
const PIECE_BYTES_MIN: i64 = 4 * 1024;

/// So much is given up around a sector that cannot be read.
const PAGE_BYTES: usize = 4 * 1024;

/// What every record begins with: its length and its magic.
const START_BYTES: i64 = 8;

/// No record is longer: frames end at half of this. What says so is damage.
const RECORD_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Collects the keys of the records from a place on that begin before `until`, from no more than
/// about `budget` bytes; returns where to go on.
pub(super) fn collect(
    log: &CommitLog,
    mut at: i64,
    until: i64,
    budget: i64,
    keys: &mut Vec<Key>,
) -> io::Result<i64> {
    // What is left of the log may have begun later meanwhile.
    if at < log.start() {
        at = log.start();
    }
    let budget_end = at.saturating_add(budget);
    while at < until && at < budget_end {
        let Some(segment) = log.segment_at(at) else {
            at = log.next_base_from(at).unwrap_or(until).min(until);
            continue;
        };
        let segment_end = segment.base() + log.segment_bytes();
        let wanted = (until - at).min(budget).max(PIECE_BYTES_MIN);
        at = piece(log, at, until, wanted, segment_end, keys)?;
    }
    Ok(at)
}

/// Goes through the records of one read of the log.
fn piece(
    log: &CommitLog,
    mut at: i64,
    until: i64,
    wanted: i64,
    segment_end: i64,
    keys: &mut Vec<Key>,
) -> io::Result<i64> {
    if at + START_BYTES > segment_end {
        return Ok(segment_end);
    }
    let begin = at;
    let mut buffer = Vec::new();
    let mut bytes = wanted.min(segment_end - begin);
    read(log, begin, bytes, &mut buffer)?;
    while at < until {
        let here = usize::try_from(at - begin).unwrap_or(usize::MAX);
        let rest = buffer.get(here..).unwrap_or_default();
        if (rest.len() as i64) < START_BYTES && at + START_BYTES <= segment_end {
            break;
        }
        match View::parse(rest) {
            Ok(view) if view.physical_offset == at => {
                let record_bytes = view.bytes().len() as i64;
                of_record(&view, keys);
                at += record_bytes;
            }
            Err(ViewError::Blank { .. }) => return Ok(segment_end),
            Err(ViewError::Incomplete { needed, .. })
                if needed <= RECORD_BYTES_MAX && at + needed as i64 <= segment_end =>
            {
                if here > 0 {
                    break;
                }
                bytes = needed as i64;
                read(log, begin, bytes, &mut buffer)?;
            }
            _ if at + START_BYTES > segment_end => return Ok(segment_end),
            Ok(_) | Err(_) => {
                let from = here + 1;
                let found = next_record(&buffer, begin, from..buffer.len());
                let beyond = begin + buffer.len() as i64 - (START_BYTES - 1);
                at = found.unwrap_or(beyond.max(at + 1));
                if found.is_none() {
                    break;
                }
            }
        }
    }
    Ok(at)
}

fn read(log: &CommitLog, at: i64, bytes: i64, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.clear();
    buffer.resize(usize::try_from(bytes).unwrap_or(0), 0);
    match log.read_at(at, buffer) {
        Ok(true) => return Ok(()),
        // A segment that retention took away meanwhile reads as nothing.
        Ok(false) => {}
        Err(error) if is_handle_shortage(&error) => return Err(error),
        Err(error) => {
            tracing::error!(at, bytes, %error,
                "the commit log cannot be read: keys of messages there are not found");
            return read_what_is_left(log, at, buffer);
        }
    }
    buffer.fill(0);
    Ok(())
}

/// Reads a range page by page; pages that cannot be read are left as zeros.
fn read_what_is_left(log: &CommitLog, mut at: i64, buffer: &mut [u8]) -> io::Result<()> {
    for page in buffer.chunks_mut(PAGE_BYTES) {
        match log.read_at(at, page) {
            Ok(true) => {}
            Err(error) if is_handle_shortage(&error) => return Err(error),
            Ok(false) | Err(_) => page.fill(0),
        }
        at += page.len() as i64;
    }
    Ok(())
}

/// Where the next record is that says that it is where it is.
fn next_record(buffer: &[u8], begin: i64, within: Range<usize>) -> Option<i64> {
    within
        .filter(|here| {
            let magic = buffer.get(here + 4..).and_then(|rest| rest.first_chunk());
            magic.is_some_and(|magic| [MAGIC_V1, MAGIC_V2].contains(&u32::from_be_bytes(*magic)))
        })
        .find(|here| {
            let head = RecordHead::decode(buffer.get(*here..).unwrap_or_default());
            // What is cut off by the end of the buffer is looked at again.
            head.is_none_or(|head| head.physical_offset == begin + *here as i64)
        })
        .map(|here| begin + here as i64)
}

/// Adds the keys of a record.
fn of_record(record: &View<'_>, into: &mut Vec<Key>) {
    if !keys::is_indexed(record.sys_flag) {
        return;
    }
    let mut hashes = Vec::new();
    keys::hashes(record.topic, record.properties, &mut hashes);
    into.extend(hashes.into_iter().map(|hash| Key {
        hash,
        physical_offset: record.physical_offset,
        store_ms: record.store_ms,
    }));
}
