//! Finding an entry of a queue by what it says. Entries point ever further into the log; blanks, which
//! stand for lost messages, say nothing, and searches look past them, however many there are.

use std::io;

use super::files::Residence;
use super::{LoadedQueue, Queue, QueueTable, Unit};

/// Entries looked at together.
const PIECE_ENTRIES: usize = 32;

impl<E: Unit> QueueTable<E> {
    /// The last entry of a queue that says where a record is.
    pub(crate) fn last_entry(&self, found: &LoadedQueue<E>) -> io::Result<Option<E>> {
        self.last_entry_before(found, found.end())
    }

    /// As above, of those before `end`.
    pub(super) fn last_entry_before(
        &self,
        found: &LoadedQueue<E>,
        end: i64,
    ) -> io::Result<Option<E>> {
        let mut piece = [E::BLANK; PIECE_ENTRIES];
        let mut to = end;
        while to > found.start() {
            let from = found.start().max(to - PIECE_ENTRIES as i64);
            let from = from.max(self.files.base_of(to - 1));
            let piece = piece.get_mut(..usize::try_from(to - from).unwrap_or(0));
            let piece = piece.unwrap_or_default();
            let read = self
                .files
                .read(found.queue(), from, piece, Residence::Anywhere)?;
            let mut known = piece.iter().take(read.unwrap_or(0)).rev();
            if let Some(last) = known.find(|entry| entry.is_written() && !entry.is_blank()) {
                return Ok(Some(*last));
            }
            to = from;
        }
        Ok(None)
    }

    /// The first believed entry that points at or behind `physical`, or was not written before one that
    /// does.
    pub(super) fn first_at(&self, found: &LoadedQueue<E>, physical: i64) -> io::Result<i64> {
        if let Some((last, before_end)) = found.last_in_order()
            && before_end <= physical
            && last.physical_offset() >= physical
        {
            return Ok(found.end - 1);
        }
        self.first_where(&found.queue, &found.bases, found.end, |entry| {
            !entry.is_blank() && (entry.physical_offset() >= physical || !entry.is_written())
        })
    }

    pub(super) fn is_written_at(&self, queue: &Queue<E>, offset: i64) -> io::Result<bool> {
        let entry = self.files.entry(queue, offset)?;
        Ok(entry.is_some_and(|entry| entry.is_written()))
    }

    /// The first entry below `end` for which `reached` holds, which must hold for all after it too;
    /// where blanks are before it, the first of them.
    pub(super) fn first_where(
        &self,
        queue: &Queue<E>,
        bases: &[i64],
        end: i64,
        reached: impl Fn(&E) -> bool,
    ) -> io::Result<i64> {
        let Some(start) = bases.first().copied() else {
            return Ok(end);
        };
        let mut from = start;
        for base in bases.iter().rev().filter(|base| **base < end) {
            let file_end = end.min(base + self.files.file_entries);
            let first = self.first_known(queue, *base, file_end)?;
            if first.is_some_and(|entry| !reached(&entry)) {
                from = *base;
                break;
            }
        }
        let to = end.min(from + self.files.file_entries);
        let (mut low, mut high) = (from, to);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.first_known(queue, middle, high)? {
                Some(entry) if !reached(&entry) => low = middle + 1,
                _ => high = middle,
            }
        }
        Ok(low)
    }

    /// The first entry of `from..to` that is no blank; `None` when all are, or when a file is missing.
    pub(super) fn first_known(
        &self,
        queue: &Queue<E>,
        from: i64,
        to: i64,
    ) -> io::Result<Option<E>> {
        let mut piece = [E::BLANK; PIECE_ENTRIES];
        let mut at = from;
        while at < to {
            let wanted = usize::try_from(to - at).unwrap_or(usize::MAX);
            let piece = piece.get_mut(..wanted.min(PIECE_ENTRIES));
            let piece = piece.unwrap_or_default();
            let read = self.any_entries(queue, at, to, piece)?;
            let Some(count) = read.filter(|count| *count > 0) else {
                break;
            };
            if let Some(known) = piece.iter().take(count).find(|entry| !entry.is_blank()) {
                return Ok(Some(*known));
            }
            at += count as i64;
        }
        Ok(None)
    }

    /// An entry from memory or its file.
    pub(super) fn any_entry(
        &self,
        queue: &Queue<E>,
        offset: i64,
        end: i64,
    ) -> io::Result<Option<E>> {
        let mut one = [E::BLANK];
        let read = self.any_entries(queue, offset, end, &mut one)?;
        Ok(read.filter(|count| *count == 1).and(one.first().copied()))
    }

    /// Entries from memory or a file, as many as `into` holds and the file has.
    fn any_entries(
        &self,
        queue: &Queue<E>,
        offset: i64,
        end: i64,
        into: &mut [E],
    ) -> io::Result<Option<usize>> {
        if queue.end() <= offset {
            return self.files.read(queue, offset, into, Residence::Anywhere);
        }
        queue.entries(&self.files, offset, end, into, Residence::Anywhere)
    }
}
