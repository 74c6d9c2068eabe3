//! Consume queues as their files are: plain ones of 20 bytes an entry, batch queues of 46, and the
//! units of the queue extension.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::files::{FoundFiles, common, directories};
use crate::batch_queue::{BATCH_ENTRY_BYTES, BatchEntry};
use crate::disk::{Disk, DiskFile};
use crate::file_names;
use crate::queue::{ENTRY_BYTES, Entry, Unit};
use crate::queue_ext::{ExtUnit, UNIT_BYTES_MIN, is_address, position_of};

/// Entries read at once when all are.
const PIECE_ENTRIES: u64 = 4096;

/// `queue.type` of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum QueueKind {
    Plain,
    Batch,
}

impl QueueKind {
    /// As Java's attribute spells it.
    #[must_use]
    pub fn java_name(self) -> &'static str {
        match self {
            Self::Plain => "SimpleCQ",
            Self::Batch => "BatchCQ",
        }
    }

    pub(super) fn directory(self) -> &'static str {
        match self {
            Self::Plain => "consumequeue",
            Self::Batch => "batchconsumequeue",
        }
    }

    fn entry_bytes(self) -> u64 {
        match self {
            Self::Plain => ENTRY_BYTES as u64,
            Self::Batch => BATCH_ENTRY_BYTES as u64,
        }
    }
}

/// A queue and its files.
#[derive(Debug, Clone)]
pub struct QueueView {
    disk: Arc<dyn Disk>,
    pub kind: QueueKind,
    pub topic: String,
    pub queue_id: i32,
    pub files: FoundFiles,
    file_bytes: u64,
}

/// An entry with everything that its kind has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueRow {
    /// Of its first message.
    pub queue_offset: i64,
    pub physical_offset: i64,
    pub bytes: i32,
    pub tags_code: i64,
    /// Messages that it stands for; 1 but for inner batches.
    pub messages: i64,
    /// A slot that no message has (`ConsumeQueue#fillPreBlank`).
    pub is_blank: bool,
}

/// Where a queue begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueBounds {
    /// The first message whose record the log still has.
    pub min: i64,
    /// One past the last.
    pub max: i64,
    /// Start of the record of the last entry.
    pub last_physical: Option<i64>,
    pub first_physical: Option<i64>,
}

/// All queues below a root, by kind, topic and number. `configured` are the lengths of the files of
/// plain and batch queues, which count where the files do not agree on another.
pub(super) fn list(
    disk: &Arc<dyn Disk>,
    root: &Path,
    configured: [u64; 2],
) -> io::Result<Vec<QueueView>> {
    let mut queues = Vec::new();
    for (kind, configured) in [QueueKind::Plain, QueueKind::Batch]
        .into_iter()
        .zip(configured)
    {
        let first = queues.len();
        let directory = root.join(kind.directory());
        for topic in directories(&**disk, &directory)? {
            for name in directories(&**disk, &directory.join(&topic))? {
                let Ok(queue_id) = name.parse() else { continue };
                let path = directory.join(&topic).join(&name);
                let files = FoundFiles::list(&**disk, &[path])?;
                queues.push(QueueView {
                    disk: Arc::clone(disk),
                    kind,
                    topic: topic.clone(),
                    queue_id,
                    files,
                    file_bytes: configured,
                });
            }
        }
        let found = queues.get_mut(first..).unwrap_or_default();
        let lengths = found
            .iter()
            .flat_map(|queue| queue.files.files.iter().map(|file| file.bytes));
        let file_bytes = common(lengths).unwrap_or(configured);
        let file_bytes = file_bytes.next_multiple_of(kind.entry_bytes());
        for queue in found {
            queue.file_bytes = file_bytes;
        }
    }
    queues.sort_by(|a, b| (&a.topic, a.queue_id, a.kind).cmp(&(&b.topic, b.queue_id, b.kind)));
    Ok(queues)
}

impl QueueView {
    /// Bytes of a full file.
    #[must_use]
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// Visits the entries in order, from the first file to the last written entry.
    ///
    /// # Errors
    /// When the disk cannot be read, or the visitor says so.
    pub fn walk(&self, visit: &mut dyn FnMut(&QueueRow) -> io::Result<()>) -> io::Result<()> {
        for file in &self.files.files {
            let mut from = 0;
            loop {
                let rows = self.rows(file.base, from, PIECE_ENTRIES)?;
                let written = rows.iter().take_while(|row| row.is_some()).count();
                for row in rows.iter().flatten().take(written) {
                    visit(row)?;
                }
                from += written as u64;
                if (written as u64) < PIECE_ENTRIES {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Begin and end; `log_start` is where the log begins.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn bounds(&self, log_start: i64) -> io::Result<QueueBounds> {
        let Some((base, last)) = self.last()? else {
            let start = self.files.files.first().map_or(0, |file| match self.kind {
                QueueKind::Plain => file.base / ENTRY_BYTES as i64,
                QueueKind::Batch => 0,
            });
            return Ok(QueueBounds {
                min: start,
                max: start,
                ..QueueBounds::default()
            });
        };
        let max = last.queue_offset + last.messages;
        let first = self.first_from(log_start, base)?;
        Ok(QueueBounds {
            min: first.map_or(max, |first| first.queue_offset),
            max,
            last_physical: (!last.is_blank).then_some(last.physical_offset),
            first_physical: first.map(|first| first.physical_offset),
        })
    }

    /// The entry of a plain queue at an offset.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn entries_at(&self, queue_offset: i64, count: usize) -> io::Result<Vec<Option<QueueRow>>> {
        let at = queue_offset.saturating_mul(ENTRY_BYTES as i64);
        let files = &self.files.files;
        let index = files.partition_point(|file| file.base <= at);
        let Some(file) = index.checked_sub(1).and_then(|index| files.get(index)) else {
            return Ok(Vec::new());
        };
        let from = (at - file.base).unsigned_abs() / ENTRY_BYTES as u64;
        self.rows(file.base, from, count as u64)
    }

    /// The unit that a tags code points to, if it is an address and the unit is there.
    pub(crate) fn ext_unit(
        &self,
        root: &Path,
        file_bytes: u64,
        tags_code: i64,
    ) -> io::Result<Option<ExtUnit>> {
        if !is_address(tags_code) || file_bytes == 0 {
            return Ok(None);
        }
        let address = position_of(tags_code).unsigned_abs();
        let base = address - address % file_bytes;
        let path = root
            .join("consumequeue_ext")
            .join(&self.topic)
            .join(self.queue_id.to_string())
            .join(file_names::of(i64::try_from(base).unwrap_or(0)));
        if !self.disk.exists(&path) {
            return Ok(None);
        }
        let file = self.disk.open_read_only(&path)?;
        let (position, end) = (address - base, file.bytes()?);
        let mut head = [0; UNIT_BYTES_MIN];
        if position + UNIT_BYTES_MIN as u64 > end {
            return Ok(None);
        }
        file.read_exact_at(&mut head, position)?;
        let Some(bytes) = ExtUnit::declared_bytes(&head) else {
            return Ok(None);
        };
        if position + bytes as u64 > end {
            return Ok(None);
        }
        let mut raw = vec![0; bytes];
        file.read_exact_at(&mut raw, position)?;
        Ok(ExtUnit::decode(&raw))
    }

    /// The last written entry, and the base of its file.
    fn last(&self) -> io::Result<Option<(i64, QueueRow)>> {
        for file in self.files.files.iter().rev() {
            let (mut low, mut high) = (0, file.bytes / self.kind.entry_bytes());
            while low < high {
                let middle = low + (high - low) / 2;
                if self.row(file.base, middle)?.is_some() {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            if let Some(index) = low.checked_sub(1) {
                return Ok(self.row(file.base, index)?.map(|last| (file.base, last)));
            }
        }
        Ok(None)
    }

    /// The first entry whose record is at or behind `log_start`.
    fn first_from(&self, log_start: i64, last_base: i64) -> io::Result<Option<QueueRow>> {
        for file in &self.files.files {
            let count = file.bytes / self.kind.entry_bytes();
            let (mut low, mut high) = (0, count);
            while low < high {
                let middle = low + (high - low) / 2;
                match self.row(file.base, middle)? {
                    Some(row) if row.is_blank || row.physical_offset < log_start => {
                        low = middle + 1;
                    }
                    _ => high = middle,
                }
            }
            if low < count
                && let Some(first) = self.row(file.base, low)?
            {
                return Ok(Some(first));
            }
            if file.base == last_base {
                break;
            }
        }
        Ok(None)
    }

    fn row(&self, base: i64, index: u64) -> io::Result<Option<QueueRow>> {
        Ok(self.rows(base, index, 1)?.into_iter().next().flatten())
    }

    /// Entries of one file, as many as it has; none in place of a slot that was not written.
    fn rows(&self, base: i64, from: u64, count: u64) -> io::Result<Vec<Option<QueueRow>>> {
        let files = &self.files.files;
        let Ok(index) = files.binary_search_by_key(&base, |file| file.base) else {
            return Ok(Vec::new());
        };
        let Some(found) = files.get(index) else {
            return Ok(Vec::new());
        };
        let entry_bytes = self.kind.entry_bytes();
        let count = count.min((found.bytes / entry_bytes).saturating_sub(from));
        if count == 0 {
            return Ok(Vec::new());
        }
        let file: Arc<dyn DiskFile> = self.disk.open_read_only(&found.path)?;
        let mut raw = vec![0; usize::try_from(count * entry_bytes).unwrap_or(0)];
        file.read_exact_at(&mut raw, from * entry_bytes)?;
        let first = base / ENTRY_BYTES as i64 + i64::try_from(from).unwrap_or(0);
        let pieces = raw.chunks_exact(usize::try_from(entry_bytes).unwrap_or(1));
        Ok((first..)
            .zip(pieces)
            .map(|(queue_offset, raw)| match self.kind {
                QueueKind::Plain => plain(queue_offset, raw),
                QueueKind::Batch => batch(raw),
            })
            .collect())
    }
}

fn plain(queue_offset: i64, raw: &[u8]) -> Option<QueueRow> {
    let entry = Entry::decode(raw);
    entry.is_written().then(|| QueueRow {
        queue_offset,
        physical_offset: entry.physical_offset,
        bytes: entry.bytes,
        tags_code: entry.tags_code,
        messages: 1,
        is_blank: entry.is_blank(),
    })
}

fn batch(raw: &[u8]) -> Option<QueueRow> {
    let entry = BatchEntry::decode(raw);
    entry.is_written().then(|| QueueRow {
        queue_offset: entry.base_offset,
        physical_offset: entry.physical_offset,
        bytes: entry.bytes,
        tags_code: entry.tags_code,
        messages: i64::from(entry.messages),
        is_blank: false,
    })
}
