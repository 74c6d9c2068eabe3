//! Going on behind the units that entries name, after a start.

use std::io;
use std::sync::Arc;

use super::unit::{END_BYTES, UNIT_BYTES_MIN, position_of};
use super::{ExtUnit, QueueExt, Tail, Unit, is_address};
use crate::disk::unless_full;
use crate::queue::{Entry, Queue, QueueFiles, Residence, Unit as _};

/// Entries looked through at once.
const PIECE_ENTRIES: i64 = 256;

impl QueueExt {
    /// Whether a queue may name units or have some.
    pub(crate) fn may_have_units(&self) -> bool {
        self.is_written || self.files.is_any()
    }

    /// Before entries are made again: the extension of a queue ends behind the unit that its last
    /// entry names.
    pub(crate) fn resume(
        &self,
        queue: &Arc<Queue>,
        files: &QueueFiles<Entry>,
        clean: bool,
    ) -> io::Result<()> {
        if self.files.bases(queue)?.is_empty() && !(self.is_written && names_units(queue, files)?) {
            return Ok(());
        }
        let end = match last_address(queue, files)? {
            Some(address) => self.end_of(queue, address)?,
            None => 0,
        };
        let tail = Tail {
            believed: clean,
            ..Tail::new(queue, end)
        };
        self.tails.lock().insert(queue.serial(), tail);
        Ok(())
    }

    /// As [`push`](Self::push), for a message that is gone through again. After a clean stop the unit
    /// that its entry in the file names is kept, because the bits in it cannot be made again here; of
    /// a killed broker nobody knows whether they are whole, and bits that are missing by half would
    /// hide the message.
    pub(crate) fn push_again(
        &self,
        queue: &Arc<Queue>,
        unit: &ExtUnit,
        in_file: impl FnOnce() -> io::Result<Option<Entry>>,
    ) -> io::Result<i64> {
        let end = {
            let tails = self.tails.lock();
            let tail = tails.get(&queue.serial()).filter(|tail| tail.believed);
            tail.map(|tail| tail.end)
        };
        let Some(end) = end else {
            return Ok(self.push(queue, unit));
        };
        let address = in_file()?.map(|entry| entry.tags_code);
        let address = address.filter(|code| is_address(*code) && position_of(*code) >= end);
        if let Some(address) = address
            && let Unit::There(found) =
                self.files
                    .read(queue, position_of(address), Residence::Anywhere)?
            && (found.tags_code, found.store_ms) == (unit.tags_code, unit.store_ms)
        {
            let end = position_of(address) + found.bytes() as i64;
            if let Some(tail) = self.tails.lock().get_mut(&queue.serial()) {
                (tail.end, tail.written) = (end, end);
            }
            return Ok(address);
        }
        if let Some(tail) = self.tails.lock().get_mut(&queue.serial()) {
            tail.believed = false;
        }
        Ok(self.push(queue, unit))
    }

    /// After entries were made again: writes their units, and removes what other lives left behind
    /// the end.
    pub(crate) fn finish_recovery(
        &self,
        clean: bool,
        queues: &[Arc<Queue>],
        files: &QueueFiles<Entry>,
    ) -> io::Result<()> {
        if self.tails.lock().is_empty() {
            return Ok(());
        }
        unless_full(self.write_behind())?;
        for queue in queues {
            self.remove_expired(queue, files)?;
        }
        let _writing = self.writing.lock();
        for serial in self.serials(|_| !clean) {
            let found = self
                .tails
                .lock()
                .get(&serial)
                .map(|tail| (Arc::clone(&tail.queue), tail.end));
            if let Some((queue, end)) = found {
                self.files.erase_behind(&queue, end)?;
                // Names of files that a killed process made are not durable yet.
                if !self.files.bases(&queue)?.is_empty() {
                    self.files.distrust_names(&queue);
                }
            }
        }
        Ok(())
    }

    /// Removes the files of all queues that no entry names any more.
    pub(crate) fn expire(&self, files: &QueueFiles<Entry>) -> io::Result<()> {
        let queues: Vec<Arc<Queue>> = {
            let tails = self.tails.lock();
            tails.values().map(|tail| Arc::clone(&tail.queue)).collect()
        };
        for queue in queues.iter().filter(|queue| !queue.is_deleted()) {
            self.remove_expired(queue, files)?;
        }
        Ok(())
    }

    /// Removes files of a queue that no entry from its minimum on names.
    pub(crate) fn remove_expired(
        &self,
        queue: &Queue,
        files: &QueueFiles<Entry>,
    ) -> io::Result<()> {
        let bounds = queue.bounds(i64::MAX);
        if !self.tails.lock().contains_key(&queue.serial()) || bounds.min >= bounds.max {
            return Ok(());
        }
        let mut one = [Entry::BLANK];
        let read = queue.entries(files, bounds.min, bounds.max, &mut one, Residence::Anywhere)?;
        match (read, one.first()) {
            (Some(1), Some(first)) => self.remove_before(queue, first.tags_code),
            _ => Ok(()),
        }
    }

    /// Where what follows the unit of an address begins. When the unit is lost, the next file.
    fn end_of(&self, queue: &Queue, address: i64) -> io::Result<i64> {
        let position = position_of(address);
        Ok(
            match self.files.read(queue, position, Residence::Anywhere)? {
                Unit::There(unit) => position + unit.bytes() as i64,
                Unit::Lost | Unit::Cold => {
                    let behind = position + UNIT_BYTES_MIN as i64 + END_BYTES;
                    behind + self.files.file_bytes() - behind % self.files.file_bytes()
                }
            },
        )
    }
}

/// Whether entries name units although there is no file of any: none of the next ones may take their
/// places. The ends of the queue show it.
fn names_units(queue: &Queue, files: &QueueFiles<Entry>) -> io::Result<bool> {
    let bounds = queue.bounds(i64::MAX);
    let mut one = [Entry::BLANK];
    for offset in [bounds.min, bounds.max - 1] {
        if (bounds.min..bounds.max).contains(&offset)
            && queue.entries(files, offset, bounds.max, &mut one, Residence::Anywhere)? == Some(1)
            && one.iter().any(|entry| is_address(entry.tags_code))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The address in the last entry that has one. Addresses ascend along a queue.
fn last_address(queue: &Queue, files: &QueueFiles<Entry>) -> io::Result<Option<i64>> {
    let bounds = queue.bounds(i64::MAX);
    let mut to = bounds.max;
    let mut piece = [Entry::BLANK; PIECE_ENTRIES as usize];
    while to > bounds.min {
        let from = bounds.min.max(to - PIECE_ENTRIES);
        let mut at = from;
        let mut last = None;
        while at < to {
            let Some(count) = queue.entries(files, at, to, &mut piece, Residence::Anywhere)? else {
                break;
            };
            let found = piece.iter().take(count).rev().map(|entry| entry.tags_code);
            last = found.into_iter().find(|code| is_address(*code)).or(last);
            at += count as i64;
            if count == 0 {
                break;
            }
        }
        if last.is_some() {
            return Ok(last);
        }
        to = from;
    }
    Ok(None)
}
