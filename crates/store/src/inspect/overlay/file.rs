//! One file of an overlay: what was changed of it, over what it was.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::disk::{DiskFile, Reserve};

const PAGE_BYTES: u64 = 4096;

type Page = Box<[u8; PAGE_BYTES as usize]>;

/// What all files of an overlay may keep together.
#[derive(Debug)]
pub(super) struct Room {
    bytes_max: u64,
    used: AtomicU64,
}

impl Room {
    pub(super) fn new(bytes_max: u64) -> Self {
        Self {
            bytes_max,
            used: AtomicU64::new(0),
        }
    }

    fn take_page(&self) -> io::Result<()> {
        let taken = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                (used + PAGE_BYTES <= self.bytes_max).then_some(used + PAGE_BYTES)
            });
        if taken.is_err() {
            let problem = format!(
                "more than {} MiB would be changed, which is not tried out in memory",
                self.bytes_max >> 20
            );
            return Err(io::Error::other(problem));
        }
        Ok(())
    }

    fn give_back(&self, pages: usize) {
        self.used
            .fetch_sub(pages as u64 * PAGE_BYTES, Ordering::Relaxed);
    }
}

/// A file's changes.
#[derive(Debug, Default)]
pub(super) struct Content {
    bytes: u64,
    /// So much of the file below shows through.
    below_bytes: u64,
    was_bytes: u64,
    pages: BTreeMap<u64, Page>,
    /// Pages that read as zeros: first and one past the last, apart from each other.
    zeroed: BTreeMap<u64, u64>,
}

impl Content {
    pub(super) fn over(bytes: u64) -> Self {
        Self {
            bytes,
            below_bytes: bytes,
            was_bytes: bytes,
            ..Self::default()
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn is_changed(&self) -> bool {
        self.bytes != self.was_bytes || !self.pages.is_empty() || !self.zeroed.is_empty()
    }

    fn is_zeroed(&self, page: u64) -> bool {
        let before = self.zeroed.range(..=page).next_back();
        before.is_some_and(|(_, end)| page < *end)
    }

    fn touches(&self, from: u64, to: u64) -> bool {
        self.pages.range(from..to).next().is_some()
            || self.is_zeroed(from)
            || self.zeroed.range(from..to).next().is_some()
    }

    fn zero_pages(&mut self, from: u64, to: u64) -> usize {
        let gone: Vec<u64> = self.pages.range(from..to).map(|(page, _)| *page).collect();
        for page in &gone {
            self.pages.remove(page);
        }
        let (mut start, mut end) = (from, to);
        let overlapping: Vec<(u64, u64)> = self
            .zeroed
            .range(..=to)
            .filter(|(_, old_end)| **old_end >= from)
            .map(|(old_start, old_end)| (*old_start, *old_end))
            .collect();
        for (old_start, old_end) in overlapping {
            self.zeroed.remove(&old_start);
            start = start.min(old_start);
            end = end.max(old_end);
        }
        self.zeroed.insert(start, end);
        gone.len()
    }
}

#[derive(Debug)]
pub(super) struct OverlayFile {
    base: Option<Arc<dyn DiskFile>>,
    content: Arc<Mutex<Content>>,
    room: Arc<Room>,
}

impl OverlayFile {
    pub(super) fn new(
        base: Option<Arc<dyn DiskFile>>,
        content: Arc<Mutex<Content>>,
        room: Arc<Room>,
    ) -> Self {
        Self {
            base,
            content,
            room,
        }
    }

    /// Reads bytes of the file below, zeros where it has none.
    fn read_below(&self, buffer: &mut [u8], position: u64, below_bytes: u64) -> io::Result<()> {
        let there = below_bytes.saturating_sub(position);
        let there = usize::try_from(there)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let (from_base, rest) = buffer.split_at_mut(there);
        match &self.base {
            Some(base) if !from_base.is_empty() => base.read_exact_at(from_base, position)?,
            _ => from_base.fill(0),
        }
        rest.fill(0);
        Ok(())
    }

    fn page(&self, content: &Content, page: u64) -> io::Result<Page> {
        if let Some(kept) = content.pages.get(&page) {
            return Ok(kept.clone());
        }
        let mut made: Page = Box::new([0; PAGE_BYTES as usize]);
        if !content.is_zeroed(page) {
            self.read_below(&mut made[..], page * PAGE_BYTES, content.below_bytes)?;
        }
        Ok(made)
    }

    fn write(&self, content: &mut Content, bytes: &[u8], position: u64) -> io::Result<()> {
        let mut at = position;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (page, within) = (at / PAGE_BYTES, (at % PAGE_BYTES) as usize);
            let count = rest.len().min(PAGE_BYTES as usize - within);
            let (piece, after) = rest.split_at(count);
            if !content.pages.contains_key(&page) {
                self.room.take_page()?;
                let made = self.page(content, page)?;
                content.pages.insert(page, made);
            }
            let kept = content.pages.get_mut(&page);
            if let Some(into) = kept.and_then(|kept| kept.get_mut(within..within + count)) {
                into.copy_from_slice(piece);
            }
            rest = after;
            at += count as u64;
        }
        content.bytes = content.bytes.max(at);
        Ok(())
    }
}

impl DiskFile for OverlayFile {
    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()> {
        let content = self.content.lock();
        let end = position.saturating_add(buffer.len() as u64);
        if end > content.bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if !content.touches(position / PAGE_BYTES, end.div_ceil(PAGE_BYTES)) {
            let below_bytes = content.below_bytes;
            drop(content);
            return self.read_below(buffer, position, below_bytes);
        }
        let mut at = position;
        let mut rest = buffer;
        while !rest.is_empty() {
            let within = (at % PAGE_BYTES) as usize;
            let count = rest.len().min(PAGE_BYTES as usize - within);
            let (into, after) = rest.split_at_mut(count);
            let page = self.page(&content, at / PAGE_BYTES)?;
            into.copy_from_slice(page.get(within..within + count).unwrap_or_default());
            rest = after;
            at += count as u64;
        }
        Ok(())
    }

    fn write_all_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        self.write(&mut self.content.lock(), bytes, position)
    }

    fn zero(&self, position: u64, bytes: u64, _reserve: Reserve) -> io::Result<()> {
        const ZEROS: [u8; PAGE_BYTES as usize] = [0; PAGE_BYTES as usize];
        let mut content = self.content.lock();
        let end = position.saturating_add(bytes).min(content.bytes);
        if position >= end {
            return Ok(());
        }
        let mut zero = |from: u64, to: u64| {
            let count = usize::try_from(to.saturating_sub(from)).unwrap_or(0);
            self.write(&mut content, ZEROS.get(..count).unwrap_or_default(), from)
        };
        let (first, last) = (position.div_ceil(PAGE_BYTES), end / PAGE_BYTES);
        if first > last {
            return zero(position, end);
        }
        zero(position, first * PAGE_BYTES)?;
        zero(last * PAGE_BYTES, end)?;
        if first < last {
            let gone = content.zero_pages(first, last);
            self.room.give_back(gone);
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn set_bytes(&self, bytes: u64) -> io::Result<()> {
        let mut content = self.content.lock();
        let before = content.bytes;
        if bytes < before {
            // What is cut off must not show again when the file grows.
            content.bytes = before;
            drop(content);
            self.zero(bytes, before - bytes, Reserve::Lazily)?;
            content = self.content.lock();
            content.below_bytes = content.below_bytes.min(bytes);
        }
        content.bytes = bytes;
        Ok(())
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(self.content.lock().bytes)
    }
}
