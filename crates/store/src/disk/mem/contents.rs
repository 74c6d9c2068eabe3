//! The content of one file, as a process sees it and as a power loss leaves it.

use std::collections::BTreeSet;
use std::io;

/// Sectors arrive whole or not at all.
const SECTOR_BYTES: u64 = 512;

/// What space is given out in.
const BLOCK_BYTES: u64 = 4096;

/// In which way unsynced writes reach the medium before a power loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Each sector has what was in the cache at some moment since the last sync.
    AnyMoment,
    /// Of each write any sectors, whatever came before or after it: more than a page cache can do.
    AnySubset,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    live: Content,
    durable: Content,
    /// What was done since the last sync, in order.
    unsynced: Vec<Change>,
    /// Which blocks were written.
    blocks: Vec<bool>,
    /// A sync failed: the cache holds what no later sync will write.
    is_stale: bool,
}

/// Bytes with an implied tail of zeros, so that a sparse file costs what was written to it.
#[derive(Debug, Clone, Default)]
struct Content {
    bytes: Vec<u8>,
    len: u64,
}

#[derive(Debug, Clone)]
enum Change {
    Write { position: u64, bytes: Vec<u8> },
    Zero { position: u64, bytes: u64 },
    Len(u64),
}

impl Contents {
    /// How many of so many bytes can be written when `left` bytes of the disk are free.
    pub(super) fn fits(&self, position: u64, bytes: usize, left: u64) -> usize {
        let end = position + bytes as u64;
        let mut blocks_left = left / BLOCK_BYTES;
        for block in position / BLOCK_BYTES..end.div_ceil(BLOCK_BYTES) {
            if self.blocks.get(as_index(block)) == Some(&true) {
                continue;
            }
            if blocks_left == 0 {
                return as_index((block * BLOCK_BYTES).saturating_sub(position));
            }
            blocks_left -= 1;
        }
        bytes
    }

    pub(super) fn used_bytes(&self) -> u64 {
        self.blocks.iter().filter(|used| **used).count() as u64 * BLOCK_BYTES
    }

    pub(super) fn write(&mut self, position: u64, bytes: &[u8]) {
        let blocks = position / BLOCK_BYTES..(position + bytes.len() as u64).div_ceil(BLOCK_BYTES);
        let (first, end) = (as_index(blocks.start), as_index(blocks.end));
        if self.blocks.len() < end {
            self.blocks.resize(end, false);
        }
        self.blocks
            .get_mut(first..end)
            .unwrap_or_default()
            .fill(true);
        self.change(Change::Write {
            position,
            bytes: bytes.to_vec(),
        });
    }

    pub(super) fn zero(&mut self, position: u64, bytes: u64) {
        let last = as_index((position + bytes) / BLOCK_BYTES).min(self.blocks.len());
        let first = as_index(position.div_ceil(BLOCK_BYTES)).min(last);
        self.blocks
            .get_mut(first..last)
            .unwrap_or_default()
            .fill(false);
        self.change(Change::Zero { position, bytes });
    }

    pub(super) fn set_len(&mut self, len: u64) {
        self.blocks.truncate(as_index(len.div_ceil(BLOCK_BYTES)));
        self.change(Change::Len(len));
    }

    pub(super) fn extend(&mut self, len: u64) {
        if self.live.len < len {
            self.set_len(len);
        }
    }

    pub(super) fn sync(&mut self) {
        for change in self.unsynced.drain(..) {
            self.durable.apply(&change);
        }
    }

    /// A sync that fails: what has not arrived by then never will, though the cache still shows it.
    pub(super) fn fail_sync(&mut self, coin: &mut dyn FnMut() -> bool) {
        self.arrive(Arrival::AnyMoment, coin);
        self.unsynced.clear();
        self.is_stale = true;
    }

    /// Reads what is on the medium again where the cache holds what a failed sync dropped.
    pub(super) fn evict(&mut self) {
        if std::mem::take(&mut self.is_stale) {
            self.live = self.durable.clone();
            for change in &self.unsynced {
                self.live.apply(change);
            }
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.live.len
    }

    /// One past the last byte that was ever written.
    pub(super) fn written(&self) -> u64 {
        self.live.bytes.len() as u64
    }

    pub(super) fn whole(&self) -> Vec<u8> {
        let mut whole = self.live.bytes.clone();
        whole.resize(as_index(self.live.len), 0);
        whole
    }

    pub(super) fn read(&self, position: u64, buffer: &mut [u8]) -> io::Result<()> {
        if position + buffer.len() as u64 > self.live.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let written = self
            .live
            .bytes
            .get(as_index(position)..)
            .unwrap_or_default();
        let both = written.len().min(buffer.len());
        let (known, zeros) = buffer.split_at_mut(both);
        known.copy_from_slice(written.get(..both).unwrap_or_default());
        zeros.fill(0);
        Ok(())
    }

    /// Changes bits on the medium. False when nothing was ever written there.
    pub(super) fn rot(&mut self, position: u64, mask: u8) -> bool {
        let position = as_index(position);
        let byte = self.durable.bytes.get_mut(position);
        let Some(byte) = byte.filter(|_| self.unsynced.is_empty()) else {
            return false;
        };
        *byte ^= mask;
        if let Some(byte) = self.live.bytes.get_mut(position) {
            *byte ^= mask;
        }
        true
    }

    /// What is left when unsynced changes arrive or not as `coin` says.
    pub(super) fn after_power_loss(
        &self,
        arrival: Arrival,
        coin: &mut dyn FnMut() -> bool,
    ) -> Contents {
        let mut left = Contents {
            durable: self.durable.clone(),
            unsynced: self.unsynced.clone(),
            blocks: self.blocks.clone(),
            ..Contents::default()
        };
        left.arrive(arrival, coin);
        left.unsynced.clear();
        left.live = left.durable.clone();
        left
    }

    /// Brings a part of the unsynced changes to the medium.
    fn arrive(&mut self, arrival: Arrival, coin: &mut dyn FnMut() -> bool) {
        let mut late = BTreeSet::new();
        for change in &self.unsynced {
            let Some((position, bytes)) = change.range() else {
                if coin() {
                    self.durable.apply(change);
                }
                continue;
            };
            let mut at = position;
            let end = position + bytes;
            while at < end {
                let sector = at / SECTOR_BYTES;
                let next = end.min((sector + 1) * SECTOR_BYTES);
                let arrives = !late.contains(&sector) && coin();
                if arrives {
                    self.durable.apply_part(change, at, next);
                } else if arrival == Arrival::AnyMoment {
                    late.insert(sector);
                }
                at = next;
            }
        }
    }

    fn change(&mut self, change: Change) {
        self.live.apply(&change);
        self.unsynced.push(change);
    }
}

impl Change {
    /// The bytes that it changes; `None` for a change of the length.
    fn range(&self) -> Option<(u64, u64)> {
        match self {
            Change::Write { position, bytes } => Some((*position, bytes.len() as u64)),
            Change::Zero { position, bytes } => Some((*position, *bytes)),
            Change::Len(_) => None,
        }
    }
}

impl Content {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Write { position, bytes } => self.write(*position, bytes),
            Change::Zero { position, bytes } => self.zero(*position, position + bytes),
            Change::Len(len) => {
                self.bytes.truncate(as_index(*len));
                self.len = *len;
            }
        }
    }

    fn apply_part(&mut self, change: &Change, from: u64, to: u64) {
        match change {
            Change::Write { position, bytes } => {
                let part = bytes.get(as_index(from - position)..as_index(to - position));
                self.write(from, part.unwrap_or_default());
            }
            Change::Zero { .. } => self.zero(from, to),
            Change::Len(_) => {}
        }
    }

    fn write(&mut self, position: u64, bytes: &[u8]) {
        let start = as_index(position);
        let end = start + bytes.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        if let Some(to) = self.bytes.get_mut(start..end) {
            to.copy_from_slice(bytes);
        }
        self.len = self.len.max(end as u64);
    }

    fn zero(&mut self, from: u64, to: u64) {
        let start = as_index(from).min(self.bytes.len());
        if as_index(to) >= self.bytes.len() {
            self.bytes.truncate(start);
        } else if let Some(range) = self.bytes.get_mut(start..as_index(to)) {
            range.fill(0);
        }
    }
}

fn as_index(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}
