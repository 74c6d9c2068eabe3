//! The extension of consume queues (`ConsumeQueueExt`): for each message of a plain queue a unit with
//! its tags, its store time and the bits of Bloom filters, in
//! `consumequeue_ext/<topic>/<queue>/<20 digits>`. The entry then has the unit's address in the place
//! of the tags.
//!
//! Written only with `enableConsumeQueueExt`, read whenever an entry has an address. Units are kept in
//! memory until they are written behind, before the entries that name them are made durable. A unit
//! that is lost makes the tags unknown, which every filter lets pass: nothing else depends on it.
//!
//! Lock order: append lock, `writing`, `tails`, handles. No file is touched under `tails`.
//!
//! Deliberately absent: computing the bits of filters.

mod files;
mod resume;
mod unit;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use foldhash::fast::FixedState;
use parking_lot::Mutex;

use self::files::ExtFiles;
use self::unit::{END_BYTES, END_OF_FILE, address_of};
pub(crate) use self::unit::{ExtUnit, UNIT_BYTES_MIN, is_address, position_of};
use crate::disk::Disk;
use crate::queue::{Queue, Residence, UNWRITTEN_MAX};

/// An answer that may need bytes that are not in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unit {
    There(ExtUnit),
    /// It never was, or it is lost.
    Lost,
    /// Only what is in memory was wanted.
    Cold,
}

#[derive(Debug)]
pub(crate) struct QueueExt {
    files: ExtFiles,
    /// `enableConsumeQueueExt`.
    is_written: bool,
    /// By the serial number of the queue; those that got units in this life, and those found with some.
    tails: Mutex<HashMap<u32, Tail, FixedState>>,
    /// Held while files are written or removed.
    writing: Mutex<()>,
}

/// The end of a queue's extension.
#[derive(Debug)]
struct Tail {
    queue: Arc<Queue>,
    /// Where the next unit goes.
    end: i64,
    /// Where and what: units, and ends of files, that are not in the files yet.
    pending: VecDeque<(i64, Vec<u8>)>,
    /// What is written from here on was not synced.
    unsynced: i64,
    /// Where the pending ones begin.
    written: i64,
    /// Units that the files have behind the end are whole, until others take their place.
    believed: bool,
}

impl Tail {
    fn new(queue: &Arc<Queue>, end: i64) -> Self {
        Self {
            queue: Arc::clone(queue),
            end,
            pending: VecDeque::new(),
            unsynced: end,
            written: end,
            believed: false,
        }
    }

    /// Finds room for a unit, in the next file when this one has none.
    fn place(&mut self, raw: Vec<u8>, file_bytes: i64) -> i64 {
        let in_file = self.end % file_bytes;
        if in_file + raw.len() as i64 + END_BYTES > file_bytes {
            self.pending.push_back((self.end, END_OF_FILE.to_vec()));
            self.end += file_bytes - in_file;
        }
        let position = self.end;
        self.end += raw.len() as i64;
        self.pending.push_back((position, raw));
        position
    }
}

impl QueueExt {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        directory: PathBuf,
        file_bytes: u64,
        is_written: bool,
    ) -> Self {
        Self {
            files: ExtFiles::new(disk, directory, file_bytes),
            is_written,
            tails: Mutex::new(HashMap::default()),
            writing: Mutex::new(()),
        }
    }

    /// What stands in the entry of a message in the place of its tags: the address of its unit when
    /// units are written, else the tags.
    pub(crate) fn push(&self, queue: &Arc<Queue>, unit: &ExtUnit) -> i64 {
        if !self.is_written {
            return unit.tags_code;
        }
        let file_bytes = self.files.file_bytes();
        let raw = unit.encode();
        let Some(raw) = raw.filter(|raw| raw.len() as i64 + END_BYTES <= file_bytes) else {
            return unit.tags_code;
        };
        let (position, pending) = {
            let mut tails = self.tails.lock();
            let tail = tails
                .entry(queue.serial())
                .or_insert_with(|| Tail::new(queue, 0));
            let position = tail.place(raw, file_bytes);
            (position, tail.pending.len())
        };
        if pending > UNWRITTEN_MAX
            && pending.is_multiple_of(UNWRITTEN_MAX / 4)
            && let Some(_writing) = self.writing.try_lock()
        {
            // They stay in memory; the flusher tries again and says what is wrong.
            let _ = self.write_queue(queue.serial());
        }
        address_of(position)
    }

    /// The unit of an address.
    pub(crate) fn read(
        &self,
        queue: &Queue,
        address: i64,
        residence: Residence,
    ) -> io::Result<Unit> {
        let position = position_of(address);
        {
            let tails = self.tails.lock();
            let tail = tails.get(&queue.serial());
            let pending = tail.filter(|tail| position >= tail.written);
            if let Some(tail) = pending {
                let index = tail.pending.partition_point(|(at, _)| *at < position);
                let raw = tail.pending.get(index).filter(|(at, _)| *at == position);
                let unit = raw.and_then(|(_, raw)| ExtUnit::decode(raw));
                return Ok(unit.map_or(Unit::Lost, Unit::There));
            }
        }
        self.files.read(queue, position, residence)
    }

    /// Writes all units to their files.
    pub(crate) fn write_behind(&self) -> io::Result<()> {
        let _writing = self.writing.lock();
        self.tails.lock().retain(|_, tail| !tail.queue.is_deleted());
        for serial in self.serials(|tail| !tail.pending.is_empty()) {
            self.write_queue(serial)?;
        }
        Ok(())
    }

    /// Makes what was written behind durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        for serial in self.serials(|tail| tail.unsynced < tail.written) {
            let Some((queue, from, to)) = self
                .tails
                .lock()
                .get(&serial)
                .map(|tail| (Arc::clone(&tail.queue), tail.unsynced, tail.written))
            else {
                continue;
            };
            if queue.is_deleted() {
                continue;
            }
            self.files.sync(&queue, from, to)?;
            if let Some(tail) = self.tails.lock().get_mut(&serial) {
                tail.unsynced = tail.unsynced.max(to);
            }
        }
        self.files.sync_directories()
    }

    /// Forgets a topic and removes its files; before its queues go, so that none of the next life's
    /// units do.
    pub(crate) fn delete_topic(&self, topic: &str) -> io::Result<()> {
        let _writing = self.writing.lock();
        for serial in self.serials(|tail| **tail.queue.topic() == *topic) {
            self.tails.lock().remove(&serial);
            self.files.forget(serial);
        }
        self.files.remove_topic(topic)
    }

    /// Removes the files of a queue that goes, with no append under way.
    pub(crate) fn remove_queue(&self, queue: &Queue) -> io::Result<()> {
        let _writing = self.writing.lock();
        self.tails.lock().remove(&queue.serial());
        self.files.remove_queue(queue)
    }

    /// Removes the files of a queue that end before the unit of an address: the entries that name
    /// what is in them are gone.
    pub(crate) fn remove_before(&self, queue: &Queue, address: i64) -> io::Result<()> {
        if !is_address(address) {
            return Ok(());
        }
        let _writing = self.writing.lock();
        self.files.remove_before(queue, position_of(address))
    }

    fn serials(&self, wanted: impl Fn(&Tail) -> bool) -> Vec<u32> {
        let tails = self.tails.lock();
        let wanted = tails.iter().filter(|(_, tail)| wanted(tail));
        wanted.map(|(serial, _)| *serial).collect()
    }

    /// With `writing` held.
    fn write_queue(&self, serial: u32) -> io::Result<()> {
        let Some((queue, pending)) = self.tails.lock().get(&serial).map(|tail| {
            (
                Arc::clone(&tail.queue),
                tail.pending.iter().cloned().collect::<Vec<_>>(),
            )
        }) else {
            return Ok(());
        };
        if !queue.is_deleted() {
            self.files.write(&queue, &pending)?;
        }
        if let Some(tail) = self.tails.lock().get_mut(&serial) {
            tail.pending.drain(..pending.len());
            tail.written = tail.pending.front().map_or(tail.end, |(at, _)| *at);
        }
        Ok(())
    }
}
