//! Finding where the entries in the files of a queue end.
//!
//! The beginning of each file was read when it was found, and most ends are there. Otherwise the file
//! that has the end is searched from its beginning in growing steps.

use std::io;
use std::sync::Arc;

use super::files::{READ_PIECE_BYTES, Residence};
use super::{LoadedQueue, Queue, QueueTable, Unit};
use crate::disk::FileHead;

/// A file of a queue, with its beginning.
#[derive(Debug)]
pub(super) struct FoundFile {
    /// Its first entry.
    pub(super) base: i64,
    /// As it was before it was given the length that all have.
    pub(super) file: FileHead,
}

impl FoundFile {
    /// Whole entries that were read.
    fn known<E: Unit>(&self) -> i64 {
        (self.file.head.len() / E::BYTES) as i64
    }

    /// An entry that was read, or zeros.
    fn entry<E: Unit>(&self, offset: i64) -> E {
        E::decode(self.from::<E>(offset))
    }

    /// What was read from an entry on.
    fn from<E: Unit>(&self, offset: i64) -> &[u8] {
        let skipped = usize::try_from(offset - self.base).unwrap_or(0) * E::BYTES;
        self.file.head.get(skipped..).unwrap_or_default()
    }
}

/// The entries around the end of a queue, as far as they were read.
struct Ends<E> {
    end: i64,
    /// The one before `last`.
    before: Option<E>,
    last: Option<E>,
    /// What stands at the end.
    behind: Option<E>,
}

impl<E: Unit> QueueTable<E> {
    /// How many of the first files to believe: what is behind a missing one is made again.
    fn whole_files(&self, bases: &[i64]) -> usize {
        if E::MAY_SKIP_FILES {
            return bases.len();
        }
        let neighbours = bases.iter().zip(bases.iter().skip(1));
        let touching =
            neighbours.take_while(|(one, next)| *one + self.files.file_entries == **next);
        bases.len().min(1 + touching.count())
    }

    /// Finds the end of a queue in its files: behind the last entry of the last file that has any,
    /// unless a file before is not full.
    pub(super) fn measure(
        &self,
        queue: Arc<Queue<E>>,
        files: &[FoundFile],
    ) -> io::Result<LoadedQueue<E>> {
        let bases: Vec<i64> = files.iter().map(|file| file.base).collect();
        let start = bases.first().copied().unwrap_or(0);
        let lengths = || files.iter().map(|found| found.file.bytes);
        // What is behind a missing file is made again.
        let known = self.whole_files(&bases);
        let mut found = LoadedQueue {
            queue,
            files_end: start,
            end: start,
            end_physical: 0,
            first: None,
            last: None,
            before_end: None,
            is_zero_behind: false,
            is_suspect: known < files.len()
                || lengths().any(|bytes| ![0, self.files.file_bytes()].contains(&bytes)),
            is_unfinished: bases.is_empty() || lengths().any(|bytes| bytes == 0),
            bases,
        };
        let mut used = files.get(..known).unwrap_or_default();
        while let Some((last, before)) = used.split_last()
            && !last.entry::<E>(last.base).is_written()
        {
            // Entries behind zeros are not found, and others may have stood before them.
            found.is_suspect |= self.has_data(&found.queue, last)?;
            used = before;
        }
        found.first = used.first().map(|file| file.entry(file.base));
        let Some((last, full)) = used.split_last() else {
            return Ok(found);
        };
        let mut file_with_end = last;
        for file in full {
            let limit = self.limit_of(file);
            let is_full = limit == file.base + self.files.file_entries;
            if !(is_full && self.entry_in(&found.queue, file, limit - 1)?.is_written()) {
                found.is_suspect = true;
                file_with_end = file;
                break;
            }
        }
        self.find_end(&mut found, file_with_end)?;
        found.is_zero_behind &= used.len() == files.len();
        Ok(found)
    }

    /// Finds the end of a queue in the file that has it.
    fn find_end(&self, found: &mut LoadedQueue<E>, file: &FoundFile) -> io::Result<()> {
        let limit = self.limit_of(file);
        let known = limit.min(file.base + file.known::<E>());
        let near = partition(file.base, known, |at| Ok(file.entry::<E>(at).is_written()))?;
        let ends = if near < known || known == limit {
            found.is_zero_behind = file.file.data_from.is_none() && is_zero(file.from::<E>(near));
            let at = |offset| (offset >= file.base).then(|| file.entry(offset));
            let last = match at(near - 1) {
                // The file begins with zeros: it is the one before that has the last entry.
                None if near > found.start() => self.files.entry(&found.queue, near - 1)?,
                last => last,
            };
            Ends {
                end: near,
                before: at(near - 2),
                last,
                behind: (near < limit).then(|| file.entry(near)),
            }
        } else {
            let ends = self.search_end(&found.queue, file.base, near, limit)?;
            let position = self.files.position_in_file(file.base, ends.end);
            found.is_zero_behind = !self.files.has_data(&found.queue, file.base, position)?;
            ends
        };
        found.before_end = match ends.before {
            None if ends.end - 1 > found.start() => None,
            before => Some(before.map_or(0, |entry| entry.end())),
        };
        found.end = ends.end;
        found.files_end = ends.end;
        found.end_physical = ends.last.map_or(0, |last| last.end());
        if ends.last.is_some_and(|entry| entry.is_blank()) {
            // A blank says nothing about the log.
            found.end_physical = self.last_entry(found)?.map_or(0, |entry| entry.end());
        }
        found.last = ends.last;
        // Half an entry was a whole one once, and there may have been others.
        found.is_suspect |= ends.behind.is_some_and(|entry| entry != E::decode(&[]));
        Ok(())
    }

    /// Finds the end between an entry of the file with this base, before which all are written, and
    /// `limit`. Most files are longer by far than what is in them.
    fn search_end(
        &self,
        queue: &Queue<E>,
        base: i64,
        from: i64,
        limit: i64,
    ) -> io::Result<Ends<E>> {
        let is_written = |offset| -> io::Result<bool> {
            let entry = self.files.entry(queue, offset)?;
            Ok(entry.is_some_and(|entry| entry.is_written()))
        };
        let piece_entries = (READ_PIECE_BYTES / E::BYTES) as i64;
        let (mut low, mut high) = (from, limit);
        let mut step = piece_entries;
        while low + step < high {
            if is_written(low + step)? {
                low += step + 1;
                step *= 2;
            } else {
                high = low + step;
            }
        }
        // The two before the end and the one behind it are wanted, too.
        while high - low > piece_entries - 3 {
            let middle = low + (high - low) / 2;
            if is_written(middle)? {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let first = (low - 2).max(base);
        let wanted = usize::try_from(limit.min(high + 1) - first).unwrap_or(0);
        let mut piece = vec![E::BLANK; wanted];
        let read = self
            .files
            .read(queue, first, &mut piece, Residence::Anywhere)?;
        piece.truncate(read.unwrap_or(0));
        let end = piece.partition_point(|entry| entry.is_written());
        let at = |index: Option<usize>| index.and_then(|index| piece.get(index)).copied();
        Ok(Ends {
            end: first + end as i64,
            before: at(end.checked_sub(2)),
            last: at(end.checked_sub(1)),
            behind: at(Some(end)),
        })
    }

    /// Where the whole entries of a file end.
    fn limit_of(&self, file: &FoundFile) -> i64 {
        let whole = i64::try_from(file.file.bytes / E::BYTES as u64).unwrap_or(i64::MAX);
        file.base + whole.min(self.files.file_entries)
    }

    fn entry_in(&self, queue: &Queue<E>, file: &FoundFile, offset: i64) -> io::Result<E> {
        if offset < file.base + file.known::<E>() {
            return Ok(file.entry(offset));
        }
        let entry = self.files.entry(queue, offset)?;
        Ok(entry.unwrap_or(E::decode(&[])))
    }

    fn has_data(&self, queue: &Queue<E>, file: &FoundFile) -> io::Result<bool> {
        match file.file.data_from {
            _ if !is_zero(&file.file.head) => Ok(true),
            Some(from) => self.files.has_data(queue, file.base, from),
            None => Ok(false),
        }
    }
}

/// Looks at all of them, which is quicker than to stop at one.
fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |all, byte| all | byte) == 0
}

/// The first of `from..to` for which `holds` does not, which must not hold for any after it.
fn partition(from: i64, to: i64, holds: impl Fn(i64) -> io::Result<bool>) -> io::Result<i64> {
    let (mut low, mut high) = (from, to);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle)? {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::disk::Disk;
    use crate::disk::mem::MemDisk;
    use crate::opening::Alone;
    use crate::queue::{ENTRY_BYTES, Entry, QueueFiles};

    const FILE_ENTRIES: i64 = 3000;

    fn table(disk: &MemDisk) -> QueueTable {
        let bytes = FILE_ENTRIES.unsigned_abs() * ENTRY_BYTES as u64;
        QueueTable::new(QueueFiles::new(
            Arc::new(disk.clone()),
            "/queues".into(),
            bytes,
        ))
    }

    fn entry(offset: i64) -> Entry {
        Entry {
            physical_offset: offset * 100,
            bytes: 100,
            tags_code: 7,
        }
    }

    fn filled(entries: i64) -> MemDisk {
        let disk = MemDisk::new();
        let table = table(&disk);
        let queue = table.find_or_create("T", 0);
        for offset in 0..entries {
            table.push(&queue, offset, entry(offset), i64::MAX).unwrap();
        }
        table.write_behind(i64::MAX).unwrap();
        disk
    }

    fn measured(disk: &MemDisk) -> LoadedQueue {
        table(disk).load(&Alone).unwrap().remove(0)
    }

    #[test]
    fn an_end_is_found_wherever_it_is() {
        let near_the_head = 200..210;
        let far = [255, 256, 257, 459, 460, 461, 1000, 2740, 2745, 2998, 2999];
        let around_a_file = [3000, 3001, 3002, 3300, 6000, 6001, 8999];
        let counts = [1, 2, 3].into_iter().chain(near_the_head).chain(far);
        for count in counts.chain(around_a_file) {
            let found = measured(&filled(count));
            assert_eq!((found.end, found.files_end), (count, count));
            assert_eq!(found.end_physical, count * 100, "{count}");
            assert_eq!(found.first, Some(entry(0)));
            assert_eq!(found.last, Some(entry(count - 1)));
            assert!(found.is_zero_behind && !found.is_suspect, "{count}");
            let before_end = found.last_in_order().map(|(_, before)| before);
            let is_first_of_later_file = count > FILE_ENTRIES && count % FILE_ENTRIES == 1;
            let wanted = (!is_first_of_later_file).then_some((count - 1) * 100);
            assert_eq!(before_end, wanted, "{count}");
        }
    }

    #[test]
    fn what_stands_behind_an_end_is_noticed() {
        for count in [1, 203, 204, 205, 1000, 2999] {
            for (behind, is_suspect) in [(0, true), (50, false), (19_000, false)] {
                let disk = filled(count);
                let path = Path::new("/queues/T/0/00000000000000000000");
                let mut content = disk.read(path).unwrap();
                let at = count as usize * ENTRY_BYTES + 19 + behind;
                let Some(byte) = content.get_mut(at) else {
                    continue;
                };
                *byte = 1;
                disk.write(path, &content).unwrap();
                let found = measured(&disk);
                assert_eq!(found.end, count);
                assert!(!found.is_zero_behind, "{count} {behind}");
                assert_eq!(found.is_suspect, is_suspect, "{count} {behind}");
            }
        }
    }

    #[test]
    fn a_queue_at_rest_costs_a_few_hundred_bytes() {
        let disk = MemDisk::new();
        let made = table(&disk);
        for id in 0..1000 {
            let queue = made.find_or_create("T", id);
            made.push(&queue, 0, entry(0), i64::MAX).unwrap();
        }
        made.write_behind(i64::MAX).unwrap();
        let table = table(&disk);
        let loaded = table.load(&Alone).unwrap();
        table.cut_at(&loaded, i64::MAX).unwrap();
        table.finish_recovery(&loaded, 0, true, &Alone).unwrap();
        let queues = table.all();
        assert_eq!(queues.len(), 1000);
        // Nothing outside of itself: the name is that of all queues of the topic.
        let names: Vec<_> = queues
            .iter()
            .map(|queue| Arc::as_ptr(queue.topic()))
            .collect();
        assert!(names.iter().all(|name| std::ptr::eq(*name, names[0])));
        assert!(
            queues
                .iter()
                .all(|queue| queue.state.lock().tail.capacity() == 0)
        );
        // Its counts, and its place in the table.
        let shared = 2 * size_of::<usize>() + size_of::<Queue>() + size_of::<Arc<Queue>>();
        assert!(shared <= 200, "{shared}");
    }
}
