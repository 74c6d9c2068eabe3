//! Taking entries off the end of an index file, and making its slots fit what is left.
//!
//! After a power loss entries, slots and header may each be of another moment. What a sync covered
//! is all there: the entries below the cut, and for every slot either its state of then or a later
//! one. So a slot that points below the cut is right, and one that points behind it is made again
//! from the entries below.

use std::io;
use std::sync::atomic::Ordering;

use super::build::Distrust;
use super::file::{IndexFile, number_in};
use super::format::{ENTRY_BYTES, Entry, Header, SLOT_BYTES};
use crate::disk::Reserve;
use crate::log::CommitLog;
use crate::recovery::start::RecordHead;

/// Slots that are looked at together: 4 MiB of memory.
const PASS_SLOTS: u32 = 1024 * 1024;

/// Entries that are read together.
const PIECE_ENTRIES: u32 = 16 * 1024;

impl IndexFile {
    /// Keeps only the entries that are believed. False when none is left.
    pub(super) fn cut_at(&self, distrusted: Distrust, log: &CommitLog) -> io::Result<bool> {
        let header = self.header();
        self.dirty.store(true, Ordering::Relaxed);
        let next = self.first_of(distrusted, header)?;
        let slots_used = self.mend_all_slots(next)?;
        // No entry of an earlier life must show up again behind the end.
        let begin = self.shape.entry_position(next);
        let end = self.shape.file_bytes();
        self.file.zero(begin, end - begin, Reserve::Lazily)?;
        let mut kept = Header {
            next,
            slots_used,
            ..header
        };
        if next <= 1 {
            self.set_header(kept)?;
            return Ok(false);
        }
        let last = self.entry(next - 1)?;
        kept.end_physical = last.physical_offset;
        kept.end_ms = match RecordHead::read(log, last.physical_offset) {
            Ok(Some(head)) => head.store_ms,
            // It is not there, or the disk does not give it back.
            Ok(None) | Err(_) => last.stored_ms(header.begin_ms).saturating_add(999),
        };
        self.set_header(kept)?;
        Ok(true)
    }

    /// The number of the first entry that is not believed or that never arrived. Times in entries
    /// are seconds rounded down: the last second may go too. An entry that was torn between two
    /// sectors may look like one of an earlier record: the one before it, which was not, tells.
    fn first_of(&self, distrusted: Distrust, header: Header) -> io::Result<u32> {
        let (mut low, mut high) = (1, header.next.max(1));
        while low < high {
            let middle = low + (high - low) / 2;
            let is_believed = |number: u32| -> io::Result<bool> {
                let entry = self.entry(number)?;
                let stored_ms = entry.stored_ms(header.begin_ms).saturating_add(999);
                let believed =
                    entry.physical_offset < distrusted.physical && stored_ms <= distrusted.until_ms;
                Ok(believed && !is_blank(&entry))
            };
            if is_believed(middle)? && (middle == 1 || is_believed(middle - 1)?) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Makes all slots point below `next`; how many are used.
    pub(super) fn mend_all_slots(&self, next: u32) -> io::Result<u32> {
        let mut slots_used = 0;
        let mut from = 0;
        while from < self.shape.slots {
            let to = (from + PASS_SLOTS).min(self.shape.slots) - 1;
            slots_used += self.mend_slots(from, to, next)?;
            from = to + 1;
        }
        Ok(slots_used)
    }

    /// Makes the slots from `from` to `to` point below `next`; how many are used.
    fn mend_slots(&self, from: u32, to: u32, next: u32) -> io::Result<u32> {
        let mut raw = self.read_slots(from, to)?;
        let slots = raw.as_chunks_mut::<SLOT_BYTES>().0;
        let mut lost = vec![false; slots.len()];
        let mut any_lost = false;
        for (slot, lost) in slots.iter_mut().zip(&mut lost) {
            if *slot != [0; SLOT_BYTES] && !(1..next).contains(&number_in(*slot)) {
                *slot = [0; SLOT_BYTES];
                *lost = true;
                any_lost = true;
            }
        }
        if any_lost {
            self.visit_entries(next, &mut |number, entry| {
                let Some(index) = self.shape.slot_of(entry.hash).checked_sub(from) else {
                    return;
                };
                let index = index as usize;
                if lost.get(index) == Some(&true)
                    && let Some(slot) = slots.get_mut(index)
                {
                    *slot = number.to_be_bytes();
                }
            })?;
        }
        let used = slots.iter().filter(|slot| number_in(**slot) > 0).count();
        if any_lost {
            let _slots = self.slots.write();
            self.file
                .write_all_at(&raw, self.shape.slot_position(from))?;
        }
        Ok(u32::try_from(used).unwrap_or(u32::MAX))
    }

    fn visit_entries(&self, end: u32, visit: &mut dyn FnMut(u32, &Entry)) -> io::Result<()> {
        let mut piece = vec![0_u8; PIECE_ENTRIES.min(end) as usize * ENTRY_BYTES];
        let mut number = 1;
        while number < end {
            let count = (end - number).min(PIECE_ENTRIES);
            let raw = piece.get_mut(..count as usize * ENTRY_BYTES);
            let raw = raw.unwrap_or_default();
            self.file
                .read_exact_at(raw, self.shape.entry_position(number))?;
            for raw in raw.as_chunks::<ENTRY_BYTES>().0 {
                visit(number, &Entry::decode(raw));
                number += 1;
            }
        }
        Ok(())
    }
}

fn is_blank(entry: &Entry) -> bool {
    let Entry {
        hash,
        physical_offset,
        seconds,
        previous,
    } = *entry;
    hash == 0 && physical_offset == 0 && seconds == 0 && previous == 0
}
