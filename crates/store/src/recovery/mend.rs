//! Making a damaged place one that every broker walks over.
//!
//! What stands there is copied to `ferrocket/damaged/` below the root, which Java never looks at;
//! then the place is overwritten by *fillers*: well formed records of a transaction that was rolled
//! back, which belong to no queue and have no keys (`CommitLogDispatcherBuildConsumeQueue`,
//! `IndexService`), or by the blank record that ends a segment. So nobody ever ends the log there.
//!
//! Only holes are written to, never a good record. A hole that is shorter than the shortest filler
//! stays as it is; between the starts of two records there is none.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ferrocket_protocol::message::record::{self, BLANK_BYTES, Holes, Limits, RECORD_BYTES_MIN};
use ferrocket_protocol::message::{NewMessage, View, sys_flag};

use super::report::{Cut, Damage, Repair};
use super::scan::{Hole, SECTOR_BYTES, Stop};
use crate::config::StoreConfig;
use crate::disk::{Disk, DiskFile, Reserve};
use crate::log::{CommitLog, Part, Segment};
use crate::offsets::PhysicalOffset;

/// The topic of fillers, cut short where there is no room for it.
pub(crate) const FILLER_TOPIC: &str = "HOLE";

/// Whether a record fills a place that was damaged; its queue offset is nobody's.
pub(crate) fn is_filler(record: &View<'_>) -> bool {
    !record.topic.is_empty()
        && FILLER_TOPIC.starts_with(record.topic)
        && record.properties.is_empty()
        && record.transaction() == sys_flag::TRANSACTION_ROLLBACK
}

/// The shortest filler has a topic of one byte.
const FILLER_BYTES_MIN: i64 = RECORD_BYTES_MIN as i64 + 1;

/// No filler is longer: Java reads a record into memory.
const FILLER_BYTES_MAX: i64 = 1024 * 1024;

/// Saved and searched in pieces of this size.
const PIECE_BYTES: usize = 1024 * 1024;

/// A torn tail is saved up to this length.
const TAIL_SAVED_BYTES_MAX: i64 = 64 * 1024 * 1024;

/// Where zeros end the log, so much behind them is looked at for a tail worth saving: a segment that was
/// written out ahead has a gigabyte of them.
const ZEROS_READ_BYTES_MAX: i64 = 16 * 1024 * 1024;

/// A record says so far from its start that it belongs to no queue.
const SYS_FLAG_END: i64 = 40;

/// First bytes of fillers that are written when the others are durable.
type Heads = Vec<(Arc<Segment>, i64, Vec<u8>)>;

#[derive(Debug)]
pub(super) struct Mender<'a> {
    pub(super) disk: &'a dyn Disk,
    pub(super) log: &'a CommitLog,
    pub(super) config: &'a StoreConfig,
}

impl Mender<'_> {
    /// Saves what a hole holds and fills it, durably.
    pub(super) fn mend(&self, hole: &Hole) -> Damage {
        let mut damage = Damage {
            from: PhysicalOffset(hole.from),
            to: PhysicalOffset(hole.to),
            reason: hole.reason.clone(),
            message: hole.message.clone(),
            saved: None,
            repair: Repair::Filled,
        };
        let parts = self.log.parts(hole.from, hole.to);
        if let Some(why) = parts.iter().find_map(unfillable) {
            damage.repair = Repair::Left(why);
            return damage;
        }
        match self.save(hole.from, hole.to) {
            Ok(saved) => damage.saved = saved,
            Err(error) => {
                damage.repair = Repair::Left(format!("its bytes cannot be saved: {error}"));
                return damage;
            }
        }
        if let Err(error) = self.fill_all(&parts, hole) {
            damage.repair = Repair::Left(error.to_string());
        }
        damage
    }

    fn fill_all(&self, parts: &[Part], hole: &Hole) -> io::Result<()> {
        let mut heads = Heads::new();
        for part in parts {
            self.fill(part, hole.store_ms, &mut heads)?;
        }
        self.log.sync(hole.from, hole.to)?;
        if heads.is_empty() {
            return Ok(());
        }
        for (segment, at, head) in &heads {
            self.log.write_at(segment, *at, head)?;
        }
        self.log.sync(hole.from, hole.to)
    }

    /// Saves what follows the end of the log, before it is erased. `None` when only zeros do.
    pub(super) fn cut(&self, end: i64, stop: &Stop) -> io::Result<Option<Cut>> {
        let Some(segment) = self.log.segment_at(end) else {
            return Ok(None);
        };
        let mut segment_end = segment.base() + self.log.segment_bytes();
        if *stop == Stop::Unwritten {
            segment_end = segment_end.min(end + ZEROS_READ_BYTES_MAX);
        }
        let mut last = end;
        self.pieces(end, segment_end, &mut |at, piece| {
            if let Some(index) = piece.iter().rposition(|byte| *byte != 0) {
                last = at + index as i64 + 1;
            }
            Ok(())
        })?;
        if last == end {
            return Ok(None);
        }
        let saved = self.save(end, last.min(end + TAIL_SAVED_BYTES_MAX));
        if let Err(error) = &saved {
            tracing::warn!(end, %error, "the torn end of the commit log cannot be saved");
        }
        Ok(Some(Cut {
            reason: stop.reason(),
            bytes: (last - end).unsigned_abs(),
            saved: saved.unwrap_or(None),
        }))
    }

    /// Copies a range of the log to a new file; none when it is all zeros.
    fn save(&self, from: i64, to: i64) -> io::Result<Option<PathBuf>> {
        let mut path = None;
        match self.copy(from, to, &mut path) {
            Ok(()) => Ok(path),
            Err(error) => {
                // Half of it helps nobody, and every start would leave another one.
                if let Some(path) = path {
                    let _ = self.disk.remove_file(&path);
                }
                Err(error)
            }
        }
    }

    /// As above; `path` becomes that of the file as soon as there is one.
    fn copy(&self, from: i64, to: i64, path: &mut Option<PathBuf>) -> io::Result<()> {
        let mut file: Option<Arc<dyn DiskFile>> = None;
        self.pieces(from, to, &mut |at, piece| {
            if piece.iter().all(|byte| *byte == 0) {
                return Ok(());
            }
            if file.is_none() {
                let new = path.insert(self.new_file(from, to)?);
                let bytes = (to - from).unsigned_abs();
                file = Some(self.disk.create(new, bytes, Reserve::Lazily)?);
            }
            match &file {
                Some(file) => file.write_all_at(piece, (at - from).unsigned_abs()),
                None => Ok(()),
            }
        })?;
        let (Some(path), Some(file)) = (path, file) else {
            return Ok(());
        };
        file.sync()?;
        for directory in path.ancestors().skip(1).take(3) {
            self.disk.sync_dir(directory)?;
        }
        Ok(())
    }

    /// A name in the directory of saved places that no file has.
    fn new_file(&self, from: i64, to: i64) -> io::Result<PathBuf> {
        let directory = self.config.below_root("ferrocket").join("damaged");
        self.disk.create_dir_all(&directory)?;
        let name = format!("commitlog-{from:020}-{}", to - from);
        let mut path = directory.join(&name);
        let mut number = 1;
        while self.disk.exists(&path) {
            number += 1;
            path = directory.join(format!("{name}.{number}"));
        }
        Ok(path)
    }

    /// Visits what the log has between two places, as far as segments and written bytes are there.
    fn pieces(
        &self,
        from: i64,
        to: i64,
        visit: &mut dyn FnMut(i64, &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut buffer = vec![0; PIECE_BYTES];
        for part in self.log.parts(from, to) {
            let mut at = part.from;
            while let Some(data) = self.log.data_from(at)?.filter(|data| *data < part.to) {
                let bytes = usize::try_from(part.to - data).unwrap_or(usize::MAX);
                let bytes = bytes.min(PIECE_BYTES);
                let piece = buffer.get_mut(..bytes).unwrap_or_default();
                self.log.read_at(data, piece)?;
                visit(data, piece)?;
                at = data + bytes as i64;
                if at >= part.to {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Fills a part of a hole, but for what `heads` gets.
    fn fill(&self, part: &Part, store_ms: i64, heads: &mut Heads) -> io::Result<()> {
        let Some(segment) = self.log.segment_at(part.from) else {
            return Ok(());
        };
        let mut at = part.from;
        if part.ends_segment {
            // A segment is told by its first record, and by that record's time.
            let room = part.to - at - BLANK_BYTES as i64;
            if at == segment.base() && room >= FILLER_BYTES_MIN {
                let bytes = room.min(RECORD_BYTES_MIN as i64 + FILLER_TOPIC.len() as i64);
                self.put(&segment, at, &filler(at, bytes, store_ms), heads)?;
                at += bytes;
            }
            self.log.zero(at, part.to)?;
            let mut blank = Vec::with_capacity(BLANK_BYTES);
            record::encode_blank(&mut blank, u32::try_from(part.to - at).unwrap_or(u32::MAX));
            return self.log.write_at(&segment, at, &blank);
        }
        while at < part.to {
            let left = part.to - at;
            let bytes = if left <= FILLER_BYTES_MAX {
                left
            } else {
                FILLER_BYTES_MAX.min(left - FILLER_BYTES_MIN)
            };
            self.put(&segment, at, &filler(at, bytes, store_ms), heads)?;
            at += bytes;
        }
        Ok(())
    }

    /// Writes a filler. Where a sector ends before its system flag, the few bytes before that come last,
    /// when all others are durable: with the rest of the record that stood here they would be a message.
    fn put(
        &self,
        segment: &Arc<Segment>,
        at: i64,
        filler: &[u8],
        heads: &mut Heads,
    ) -> io::Result<()> {
        let rest_at = SECTOR_BYTES - (at - segment.base()) % SECTOR_BYTES;
        if rest_at > SYS_FLAG_END {
            return self.log.write_at(segment, at, filler);
        }
        let split = usize::try_from(rest_at).unwrap_or(0).min(filler.len());
        let (head, rest) = filler.split_at(split);
        heads.push((Arc::clone(segment), at, head.to_vec()));
        self.log.write_at(segment, at + rest_at, rest)
    }
}

/// Why no filler fits into a part of a hole, if none does.
fn unfillable(part: &Part) -> Option<String> {
    let bytes_min = if part.ends_segment {
        BLANK_BYTES as i64
    } else {
        FILLER_BYTES_MIN
    };
    let bytes = part.to - part.from;
    (bytes < bytes_min).then(|| format!("{bytes} bytes are too few for a record"))
}

/// A record of `bytes` bytes for the place `at` that no queue and no index takes.
fn filler(at: i64, bytes: i64, store_ms: i64) -> Vec<u8> {
    let room = usize::try_from(bytes)
        .unwrap_or(0)
        .saturating_sub(RECORD_BYTES_MIN);
    let topic = FILLER_TOPIC.get(..room).unwrap_or(FILLER_TOPIC);
    let body = vec![0; room - topic.len()];
    let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
    let message = NewMessage {
        topic,
        queue_id: 0,
        flag: 0,
        sys_flag: sys_flag::TRANSACTION_ROLLBACK,
        born_ms: store_ms,
        born_host: nobody,
        store_host: nobody,
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        properties: b"",
        body: &body,
    };
    let limits = Limits {
        body_bytes_max: usize::MAX,
        append_property_crc: false,
    };
    let mut encoded = Vec::new();
    if record::encode(&mut encoded, &message, limits).is_ok() {
        let holes = Holes {
            queue_offset: 0,
            physical_offset: at,
            store_ms,
        };
        record::fill_holes(&mut encoded, holes);
    }
    encoded
}
