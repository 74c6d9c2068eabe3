//! Where to begin to read the log when a store is opened.

use std::io;

use ferrocket_protocol::message::record::{BLANK_BYTES, MAGIC_V1, MAGIC_V2, RECORD_BYTES_MIN};
use ferrocket_protocol::message::view::ViewError;
use ferrocket_protocol::message::{View, sys_flag};

use crate::checkpoint::{Checkpoint, CheckpointFile};
use crate::log::CommitLog;

/// Bytes that hold every fixed field up to the store time, whatever the addresses are.
const HEAD_BYTES: usize = 76;
const _: () = assert!(HEAD_BYTES < RECORD_BYTES_MIN);

/// The fields of a record that recovery and searches by time look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordHead {
    pub(crate) bytes: i32,
    pub(crate) physical_offset: i64,
    pub(crate) sys_flag: i32,
    pub(crate) store_ms: i64,
}

impl RecordHead {
    /// Reads the head of the record at an offset; `None` when there is no record.
    pub(crate) fn read(log: &CommitLog, offset: i64) -> io::Result<Option<Self>> {
        let mut head = [0_u8; HEAD_BYTES];
        if !log.read_at(offset, &mut head)? {
            return Ok(None);
        }
        Ok(Self::decode(&head).filter(|head| head.physical_offset == offset))
    }

    /// Takes the fields out of the first bytes of a record.
    pub(crate) fn decode(head: &[u8]) -> Option<Self> {
        let magic = u32::from_be_bytes(*head.get(4..)?.first_chunk()?);
        if magic != MAGIC_V1 && magic != MAGIC_V2 {
            return None;
        }
        let bytes = i32::from_be_bytes(*head.first_chunk()?);
        let physical_offset = i64::from_be_bytes(*head.get(28..)?.first_chunk()?);
        let flag = i32::from_be_bytes(*head.get(36..)?.first_chunk()?);
        let store_ms_at = if flag & sys_flag::BORN_HOST_V6 == 0 {
            56
        } else {
            68
        };
        let store_ms = i64::from_be_bytes(*head.get(store_ms_at..)?.first_chunk()?);
        Some(Self {
            bytes,
            physical_offset,
            sys_flag: flag,
            store_ms,
        })
    }
}

/// A clean start on a directory that another broker left checks so much of the end of the log.
const LOOK_BACK_BYTES: i64 = 256 * 1024 * 1024;

/// The offset of the record from which on the queues cannot be believed.
///
/// What this broker wrote into the checkpoint is the last record whose entries are durable: the scan
/// begins there. Java's says less (4.x moves it with every dispatch, not with flushes), so behind it
/// the scan begins with a whole segment, as in Java: the last one whose first record the checkpoint
/// still covers, and after a clean stop [`LOOK_BACK_BYTES`] before the end. Either way the queues must
/// reach that far themselves, so a lost `consumequeue` is made again from the beginning.
pub(super) fn of_scan(
    log: &CommitLog,
    checkpoint: &CheckpointFile,
    queues_end: i64,
    clean: bool,
) -> io::Result<i64> {
    let Checkpoint {
        queues_physical, ..
    } = checkpoint.current;
    if checkpoint.is_ours
        && queues_physical > 0
        && queues_physical < queues_end
        && RecordHead::read(log, queues_physical)?.is_some()
    {
        return Ok(queues_physical);
    }
    for segment in log.segments().iter().rev() {
        let Some(first) = RecordHead::read(log, segment.base())? else {
            continue;
        };
        let covered = if clean {
            first.physical_offset <= queues_end - LOOK_BACK_BYTES
        } else if checkpoint.is_ours || queues_physical > 0 {
            // Never by time where the place is known: the clock may have been set back since.
            first.physical_offset <= queues_physical
        } else {
            first.store_ms <= checkpoint.current.safe_ms()
        };
        if covered && first.physical_offset < queues_end {
            return Ok(segment.base());
        }
    }
    Ok(log.start())
}

/// Where to begin to read so that `place`, where a queue says that its last record ends, is met. A queue
/// may be wrong, and what is no record where the reading begins is taken for damage: it begins where
/// something of the log does, or else with the segment. Where a segment is missing it begins behind it.
pub(super) fn begin_at(log: &CommitLog, place: i64) -> io::Result<i64> {
    let place = place.max(log.start());
    let Some(segment) = log.segment_at(place) else {
        return Ok(log.next_base_from(place).unwrap_or(place));
    };
    let is_start = RecordHead::read(log, place)?.is_some() || is_blank(log, place, segment.base())?;
    Ok(if is_start { place } else { segment.base() })
}

/// Whether the record stands there that ends a segment.
fn is_blank(log: &CommitLog, place: i64, segment_base: i64) -> io::Result<bool> {
    let mut bytes = [0; BLANK_BYTES];
    if !log.read_at(place, &mut bytes)? {
        return Ok(false);
    }
    let left = segment_base + log.segment_bytes() - place;
    Ok(match View::parse(&bytes) {
        Err(ViewError::Blank { bytes }) => i64::from(bytes) == left,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ferrocket_protocol::message::record;

    use super::*;
    use crate::config::StoreConfig;
    use crate::disk::Disk;
    use crate::disk::mem::MemDisk;
    use crate::log::Directories;

    #[test]
    fn a_scan_begins_where_something_does() {
        let config = StoreConfig::new("/store");
        let disk = Arc::new(MemDisk::new());
        let directories = Directories::new(&config).unwrap();
        let log = CommitLog::load(disk.clone(), directories, 1024).unwrap();
        log.create_directories().unwrap();
        for _ in 0..3 {
            log.roll().unwrap();
        }
        let mut blank = Vec::new();
        record::encode_blank(&mut blank, 24);
        let last = log.last().unwrap();
        log.write_at(&last, 3048, &blank).unwrap();
        // A blank that ends elsewhere is a part of a message.
        log.write_at(&last, 2500, &blank).unwrap();
        for (place, begin) in [(2048, 2048), (2500, 2048), (3048, 3048), (3000, 2048)] {
            assert_eq!(begin_at(&log, place).unwrap(), begin, "{place}");
        }
        disk.remove_file(last.path()).unwrap();
        let middle = log.segments()[1].path().to_owned();
        disk.remove_file(&middle).unwrap();
        disk.create(
            &middle.with_file_name("00000000000000003072"),
            1024,
            crate::disk::Reserve::Lazily,
        )
        .unwrap();
        let directories = Directories::new(&config).unwrap();
        let log = CommitLog::load(disk, directories, 1024).unwrap();
        log.create_directories().unwrap();
        for (place, begin) in [(1500, 3072), (3080, 3072), (4096, 4096)] {
            assert_eq!(begin_at(&log, place).unwrap(), begin, "{place}");
        }
    }
}
