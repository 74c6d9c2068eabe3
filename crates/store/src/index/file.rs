//! One index file: adding keys in batches and walking the chain of a slot.
//!
//! Entries are written before the slots that point to them, so whoever follows a slot finds an
//! entry. Slots are read and written in pieces, with one call for all keys of a batch that fall into
//! a piece; the file is sparse and never mapped.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, RwLock};

use super::format::seconds_between;
use super::format::{ENTRY_BYTES, Entry, HEADER_BYTES, Header, Key, SLOT_BYTES, Shape};
use crate::disk::{Disk, DiskFile, Reserve};

/// Slots that are read and written together: a page of them.
const PIECE_SLOTS: u32 = 1024;

/// A chain is followed for no more than this many entries; keys further down are not found. A key
/// that so many messages share tells none of them from the others.
const CHAIN_ENTRIES_MAX: u32 = 200_000;

#[derive(Debug)]
pub(super) struct IndexFile {
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) path: PathBuf,
    pub(super) shape: Shape,
    header: Mutex<Header>,
    /// Held while slots are written, so that no reader sees half of one.
    pub(super) slots: RwLock<()>,
    /// Written to since the last sync began. Set before and behind every change: a sync in between
    /// covers the first half only.
    pub(super) dirty: AtomicBool,
    /// An append failed half way: slots may point to entries that the header does not have.
    torn: AtomicBool,
}

/// What a search asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) hash: i32,
    pub(crate) begin_ms: i64,
    pub(crate) end_ms: i64,
}

/// A slot and the number of its newest entry.
#[derive(Debug, Clone, Copy)]
struct SlotUpdate {
    slot: u32,
    newest: u32,
}

impl IndexFile {
    /// Makes a file that goes on from where `before` ended, as Java does.
    pub(super) fn create(
        disk: &dyn Disk,
        path: PathBuf,
        shape: Shape,
        before: Option<Header>,
    ) -> io::Result<Self> {
        let file = disk.create(&path, shape.file_bytes(), Reserve::Lazily)?;
        let mut header = Header {
            next: 1,
            ..Header::default()
        };
        if let Some(before) = before {
            header.begin_ms = before.end_ms;
            header.end_ms = before.end_ms;
            header.begin_physical = before.end_physical;
            header.end_physical = before.end_physical;
        }
        file.write_all_at(&header.encode(), 0)?;
        Ok(Self::of(file, path, shape, header))
    }

    /// Opens a file; `None` when its header cannot be one.
    pub(super) fn open(disk: &dyn Disk, path: &Path, shape: Shape) -> io::Result<Option<Self>> {
        let file = disk.open(path)?;
        let mut raw = [0; HEADER_BYTES];
        file.read_exact_at(&mut raw, 0)?;
        let header = Header::decode(&raw);
        let opened = Self::of(file, path.to_owned(), shape, header);
        if !header.is_plausible(shape) {
            return Ok(None);
        }
        // A file that ends before its first entry has lost it.
        let has_first = opened.file.bytes()? >= shape.entry_position(2);
        let fits = header.is_empty()
            || (has_first && opened.entry(1)?.physical_offset == header.begin_physical);
        Ok(fits.then_some(opened))
    }

    fn of(file: Arc<dyn DiskFile>, path: PathBuf, shape: Shape, header: Header) -> Self {
        Self {
            file,
            path,
            shape,
            header: Mutex::new(header),
            slots: RwLock::new(()),
            dirty: AtomicBool::new(true),
            torn: AtomicBool::new(false),
        }
    }

    pub(super) fn header(&self) -> Header {
        *self.header.lock()
    }

    /// Entries that still fit.
    pub(super) fn room(&self) -> usize {
        self.shape.entries.saturating_sub(self.header().next) as usize
    }

    /// Adds keys, which must fit: all or, when it fails, none. One caller at a time.
    pub(super) fn append(&self, keys: &[Key]) -> io::Result<()> {
        if self.torn.load(Ordering::Relaxed) {
            let mut header = self.header();
            header.slots_used = self.mend_all_slots(header.next)?;
            self.set_header(header)?;
        }
        self.torn.store(true, Ordering::Relaxed);
        self.append_sound(keys)?;
        self.torn.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn append_sound(&self, keys: &[Key]) -> io::Result<()> {
        let (Some(first), Some(last)) = (keys.first(), keys.last()) else {
            return Ok(());
        };
        let mut header = self.header();
        if header.is_empty() {
            header.begin_physical = first.physical_offset;
            header.begin_ms = first.store_ms;
            header.end_ms = first.store_ms;
        }
        self.dirty.store(true, Ordering::Relaxed);
        let mut by_slot: Vec<(u32, u32)> = (0_u32..)
            .zip(keys)
            .map(|(index, key)| (self.shape.slot_of(key.hash), index))
            .collect();
        by_slot.sort_unstable();
        let mut entries = vec![0_u8; keys.len() * ENTRY_BYTES];
        let mut updates = Vec::with_capacity(by_slot.len());
        for piece in by_slot.chunk_by(|one, next| one.0 / PIECE_SLOTS == next.0 / PIECE_SLOTS) {
            self.chain(keys, piece, &mut header, &mut entries, &mut updates)?;
        }
        self.file
            .write_all_at(&entries, self.shape.entry_position(header.next))?;
        for piece in updates.chunk_by(|one, next| one.slot / PIECE_SLOTS == next.slot / PIECE_SLOTS)
        {
            self.write_slots(piece)?;
        }
        header.next += u32::try_from(keys.len()).unwrap_or(0);
        header.end_physical = last.physical_offset;
        let latest_ms = keys.iter().map(|key| key.store_ms).max();
        header.end_ms = latest_ms.map_or(header.end_ms, |it| it.max(header.end_ms));
        self.set_header(header)
    }

    /// Makes the entries of keys whose slots lie in one piece of the table: pairs of slot and index
    /// of the key, in that order.
    fn chain(
        &self,
        keys: &[Key],
        piece: &[(u32, u32)],
        header: &mut Header,
        entries: &mut [u8],
        updates: &mut Vec<SlotUpdate>,
    ) -> io::Result<()> {
        let from = piece.first().map_or(0, |(slot, _)| *slot);
        let to = piece.last().map_or(from, |(slot, _)| *slot);
        let slots = self.read_slots(from, to)?;
        for same in piece.chunk_by(|one, next| one.0 == next.0) {
            let Some((slot, _)) = same.first().copied() else {
                continue;
            };
            let mut newest = slots
                .as_chunks::<SLOT_BYTES>()
                .0
                .get((slot - from) as usize)
                .map_or(0, |raw| number_in(*raw));
            // What Java takes for an empty slot.
            if newest == 0 || newest >= header.next {
                newest = 0;
                header.slots_used += 1;
            }
            for (_, index) in same {
                let Some(key) = keys.get(*index as usize) else {
                    continue;
                };
                let entry = Entry {
                    hash: key.hash,
                    physical_offset: key.physical_offset,
                    seconds: seconds_between(header.begin_ms, key.store_ms),
                    previous: newest,
                };
                let place = entries.as_chunks_mut::<ENTRY_BYTES>().0;
                if let Some(place) = place.get_mut(*index as usize) {
                    *place = entry.encode();
                }
                newest = header.next + index;
            }
            updates.push(SlotUpdate { slot, newest });
        }
        Ok(())
    }

    /// Calls `visit` for every entry that may be wanted, newest first, with its physical offset;
    /// `visit` returns false when it has enough. Times in the file are seconds rounded down, so what
    /// is visited may be a second too old.
    pub(super) fn walk(
        &self,
        wanted: Wanted,
        visit: &mut dyn FnMut(i64) -> io::Result<bool>,
    ) -> io::Result<()> {
        let begin_ms = self.header().begin_ms;
        let mut raw = [0; SLOT_BYTES];
        {
            let _slots = self.slots.read();
            let position = self.shape.slot_position(self.shape.slot_of(wanted.hash));
            self.file.read_exact_at(&mut raw, position)?;
        }
        let mut number = number_in(raw);
        let mut steps = 0;
        while number > 0 && number < self.shape.entries {
            if steps == CHAIN_ENTRIES_MAX {
                tracing::warn!(
                    hash = wanted.hash,
                    "an index chain is too long to be followed"
                );
                break;
            }
            steps += 1;
            let entry = self.entry(number)?;
            let stored_ms = entry.stored_ms(begin_ms);
            if entry.seconds < 0 || stored_ms.saturating_add(999) < wanted.begin_ms {
                break;
            }
            // A record from before the file's time, when the clock was set back, has no seconds.
            let is_in_time = stored_ms <= wanted.end_ms || entry.seconds == 0;
            let hit = entry.hash == wanted.hash && is_in_time;
            if hit && !visit(entry.physical_offset)? {
                break;
            }
            // A chain only goes back; anything else is damage.
            if entry.previous >= number {
                break;
            }
            number = entry.previous;
        }
        Ok(())
    }

    /// Whether it may hold keys of messages stored at these times.
    pub(super) fn may_hold(&self, wanted: Wanted) -> bool {
        let header = self.header();
        let (one_ms, other_ms) = (header.begin_ms, header.end_ms);
        !header.is_empty()
            && one_ms.min(other_ms) <= wanted.end_ms
            && one_ms.max(other_ms) >= wanted.begin_ms
    }

    pub(super) fn entry(&self, number: u32) -> io::Result<Entry> {
        let mut raw = [0; ENTRY_BYTES];
        self.file
            .read_exact_at(&mut raw, self.shape.entry_position(number))?;
        Ok(Entry::decode(&raw))
    }

    /// Makes it durable, if there is anything to do.
    pub(super) fn sync(&self) -> io::Result<()> {
        if self.dirty.swap(false, Ordering::Relaxed) {
            self.file.sync()?;
        }
        Ok(())
    }

    pub(super) fn set_header(&self, header: Header) -> io::Result<()> {
        self.file.write_all_at(&header.encode(), 0)?;
        self.dirty.store(true, Ordering::Relaxed);
        *self.header.lock() = header;
        Ok(())
    }

    /// The bytes of the slots from `from` to `to`, both included.
    pub(super) fn read_slots(&self, from: u32, to: u32) -> io::Result<Vec<u8>> {
        let mut raw = vec![0; (to - from + 1) as usize * SLOT_BYTES];
        self.file
            .read_exact_at(&mut raw, self.shape.slot_position(from))?;
        Ok(raw)
    }

    fn write_slots(&self, updates: &[SlotUpdate]) -> io::Result<()> {
        let from = updates.first().map_or(0, |update| update.slot);
        let to = updates.last().map_or(from, |update| update.slot);
        let mut raw = self.read_slots(from, to)?;
        let slots = raw.as_chunks_mut::<SLOT_BYTES>().0;
        for update in updates {
            if let Some(slot) = slots.get_mut((update.slot - from) as usize) {
                *slot = update.newest.to_be_bytes();
            }
        }
        let _slots = self.slots.write();
        self.file.write_all_at(&raw, self.shape.slot_position(from))
    }
}

/// The entry number in a slot; 0 when there is none.
pub(super) fn number_in(slot: [u8; SLOT_BYTES]) -> u32 {
    u32::try_from(i32::from_be_bytes(slot)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::mem::MemDisk;

    const SHAPE: Shape = Shape {
        slots: 3,
        entries: 20,
    };

    fn disk() -> MemDisk {
        let disk = MemDisk::new();
        disk.create_dir_all(Path::new("/index")).unwrap();
        disk
    }

    fn key(hash: i32, physical_offset: i64) -> Key {
        Key {
            hash,
            physical_offset,
            store_ms: 1_000,
        }
    }

    fn found(file: &IndexFile, hash: i32) -> Vec<i64> {
        let wanted = Wanted {
            hash,
            begin_ms: 0,
            end_ms: i64::MAX,
        };
        let mut found = Vec::new();
        file.walk(wanted, &mut |at| {
            found.push(at);
            Ok(true)
        })
        .unwrap();
        found
    }

    #[test]
    fn an_append_that_failed_half_way_cuts_no_chain_when_it_is_tried_again() {
        let disk = disk();
        let file = IndexFile::create(&disk, "/index/1".into(), SHAPE, None).unwrap();
        file.append(&[key(1, 10), key(4, 20)]).unwrap();
        // The slot was written, the header was not.
        let update = SlotUpdate { slot: 1, newest: 3 };
        file.write_slots(&[update]).unwrap();
        file.torn.store(true, Ordering::Relaxed);
        file.append(&[key(1, 30)]).unwrap();
        assert_eq!(found(&file, 1), [30, 10]);
        assert_eq!(found(&file, 4), [20]);
        assert_eq!((file.header().slots_used, file.header().next), (1, 4));
    }

    #[test]
    fn a_file_that_the_clock_was_set_back_in_is_one_and_finds_all() {
        let disk = disk();
        let path = Path::new("/index/1");
        let file = IndexFile::create(&disk, path.into(), SHAPE, None).unwrap();
        for (at, store_ms) in [(10, 90_000), (20, 5_000)] {
            let key = Key {
                store_ms,
                ..key(1, at)
            };
            file.append(&[key]).unwrap();
        }
        assert_eq!(file.header().end_ms, 90_000);
        // Java writes the time of the last one.
        let header = Header {
            end_ms: 5_000,
            ..file.header()
        };
        file.set_header(header).unwrap();
        let file = IndexFile::open(&disk, path, SHAPE).unwrap().unwrap();
        assert_eq!(found(&file, 1), [20, 10]);
        let early = Wanted {
            hash: 1,
            begin_ms: 0,
            end_ms: 6_000,
        };
        assert!(file.may_hold(early));
        let mut first = None;
        file.walk(early, &mut |at| {
            first.get_or_insert(at);
            Ok(true)
        })
        .unwrap();
        assert_eq!(first, Some(20));
    }

    #[test]
    fn a_header_that_is_not_of_the_entries_is_not_believed() {
        let disk = disk();
        let path = Path::new("/index/1");
        let file = IndexFile::create(&disk, path.into(), SHAPE, None).unwrap();
        file.append(&[key(1, 10), key(4, 20)]).unwrap();
        assert!(IndexFile::open(&disk, path, SHAPE).unwrap().is_some());
        let mut header = file.header();
        header.begin_physical = 5;
        file.set_header(header).unwrap();
        assert!(IndexFile::open(&disk, path, SHAPE).unwrap().is_none());
    }
}
