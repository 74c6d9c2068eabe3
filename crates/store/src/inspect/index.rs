//! Index files as they are: their headers, and whether slots and chains are what they should be.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::disk::{Disk, DiskFile};
use crate::index::Shape;
use crate::index::format::{ENTRY_BYTES, Entry, HEADER_BYTES, Header, SLOT_BYTES};
use crate::index::names;

/// Entries or slots read at once.
const PIECE: u32 = 64 * 1024;

/// `maxIndexNum` for each of `maxHashSlotNum`, by Java's defaults.
const ENTRIES_PER_SLOT: u64 = 4;

/// An index file and its header.
#[derive(Debug, Clone)]
pub struct IndexView {
    disk: Arc<dyn Disk>,
    pub path: PathBuf,
    pub bytes: u64,
    pub begin_ms: i64,
    pub end_ms: i64,
    pub begin_physical: i64,
    pub end_physical: i64,
    /// Entries that it has.
    pub entries: u32,
    /// `maxHashSlotNum` and `maxIndexNum` of the file; none where its length fits no sizes known.
    pub sizes: Option<(u32, u32)>,
    /// Whether a file of its sizes can have such a header.
    pub is_plausible: bool,
    header: Header,
}

/// One entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexRow {
    pub number: u32,
    pub hash: i32,
    pub physical_offset: i64,
    pub seconds: i32,
}

/// All files of `index/`, oldest first. `configured` are `maxHashSlotNum` and `maxIndexNum`.
pub(super) fn list(
    disk: &Arc<dyn Disk>,
    root: &Path,
    configured: (u32, u32),
) -> io::Result<Vec<IndexView>> {
    let directory = root.join("index");
    let mut views = Vec::new();
    for entry in disk.list(&directory)? {
        if entry.is_dir || names::number_of(&entry.name).is_none() {
            continue;
        }
        let path = directory.join(&entry.name);
        let mut raw = [0; HEADER_BYTES];
        let file = disk.open_read_only(&path)?;
        if file.bytes()? >= HEADER_BYTES as u64 {
            file.read_exact_at(&mut raw, 0)?;
        }
        let header = Header::decode(&raw);
        let sizes = sizes_of(entry.bytes, configured);
        let shape = sizes.map(shape_of);
        views.push(IndexView {
            disk: Arc::clone(disk),
            path,
            bytes: entry.bytes,
            begin_ms: header.begin_ms,
            end_ms: header.end_ms,
            begin_physical: header.begin_physical,
            end_physical: header.end_physical,
            entries: header.next.saturating_sub(1),
            sizes,
            is_plausible: shape.is_some_and(|shape| header.is_plausible(shape)),
            header,
        });
    }
    Ok(views)
}

/// Slots and entries of a file of some length: as configured, or in Java's proportion.
fn sizes_of(bytes: u64, configured: (u32, u32)) -> Option<(u32, u32)> {
    if shape_of(configured).file_bytes() == bytes {
        return Some(configured);
    }
    let each = SLOT_BYTES as u64 + ENTRIES_PER_SLOT * ENTRY_BYTES as u64;
    let body = bytes.checked_sub(HEADER_BYTES as u64)?;
    let slots = u32::try_from(body / each).ok()?;
    (slots > 0 && body.is_multiple_of(each)).then_some((slots, slots * ENTRIES_PER_SLOT as u32))
}

fn shape_of((slots, entries): (u32, u32)) -> Shape {
    Shape { slots, entries }
}

impl IndexView {
    /// Visits every entry, and says of every fault of slots and chains what kind it is of and where.
    /// Does nothing when the file's sizes are not known or its header cannot be one.
    ///
    /// # Errors
    /// When the disk cannot be read, or the visitor says so.
    pub fn check(
        &self,
        visit: &mut dyn FnMut(IndexRow) -> io::Result<()>,
        fault: &mut dyn FnMut(&'static str, String),
    ) -> io::Result<()> {
        let Some(shape) = self.sizes.map(shape_of).filter(|_| self.is_plausible) else {
            return Ok(());
        };
        let file = self.disk.open_read_only(&self.path)?;
        let heads = self.heads(&*file, shape, fault)?;
        self.entries(&*file, shape, &heads, visit, fault)
    }

    /// The newest entry of every slot.
    fn heads(
        &self,
        file: &dyn DiskFile,
        shape: Shape,
        fault: &mut dyn FnMut(&'static str, String),
    ) -> io::Result<Vec<u32>> {
        let mut heads = Vec::with_capacity(shape.slots as usize);
        let mut from = 0;
        while from < shape.slots {
            let count = PIECE.min(shape.slots - from);
            let mut raw = vec![0; count as usize * SLOT_BYTES];
            file.read_exact_at(&mut raw, shape.slot_position(from))?;
            for (slot, raw) in (from..).zip(raw.as_chunks::<SLOT_BYTES>().0) {
                let head = u32::try_from(i32::from_be_bytes(*raw)).unwrap_or(0);
                if head >= self.header.next {
                    fault("slots that point to no entry", format!("slot {slot}"));
                }
                heads.push(head);
            }
            from += count;
        }
        Ok(heads)
    }

    fn entries(
        &self,
        file: &dyn DiskFile,
        shape: Shape,
        heads: &[u32],
        visit: &mut dyn FnMut(IndexRow) -> io::Result<()>,
        fault: &mut dyn FnMut(&'static str, String),
    ) -> io::Result<()> {
        // The newest entry of each slot so far: what the next one of the slot must point to.
        let mut newest = vec![0_u32; heads.len()];
        let mut number = 1;
        while number < self.header.next {
            let count = PIECE.min(self.header.next - number);
            let mut raw = vec![0; count as usize * ENTRY_BYTES];
            file.read_exact_at(&mut raw, shape.entry_position(number))?;
            for raw in raw.as_chunks::<ENTRY_BYTES>().0 {
                let entry = Entry::decode(raw);
                let slot = shape.slot_of(entry.hash) as usize;
                if let Some(before) = newest.get_mut(slot) {
                    if entry.previous != *before {
                        fault("entries out of their chain", format!("entry {number}"));
                    }
                    *before = number;
                }
                visit(IndexRow {
                    number,
                    hash: entry.hash,
                    physical_offset: entry.physical_offset,
                    seconds: entry.seconds,
                })?;
                number += 1;
            }
        }
        for (slot, (head, newest)) in heads.iter().zip(&newest).enumerate() {
            if head != newest && *head < self.header.next {
                fault(
                    "slots that do not point to their newest entry",
                    format!("slot {slot}"),
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_found_from_the_length() {
        let default = (5_000_000, 20_000_000);
        assert_eq!(sizes_of(420_000_040, default), Some(default));
        assert_eq!(sizes_of(8_440, default), Some((100, 400)));
        assert_eq!(sizes_of(8_441, default), None);
        assert_eq!(sizes_of(40 + 4 * 7 + 20 * 9, (7, 9)), Some((7, 9)));
    }
}
