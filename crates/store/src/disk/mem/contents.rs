//! The content of one file, as a process sees it and as a power loss leaves it.

use std::io;

/// Sectors arrive whole or not at all.
const SECTOR_BYTES: u64 = 512;

/// What space is given out in.
const BLOCK_BYTES: u64 = 4096;

#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    live: Content,
    durable: Content,
    /// What was done since the last sync, in order.
    unsynced: Vec<Change>,
    /// Which blocks were written.
    blocks: Vec<bool>,
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

    pub(super) fn len(&self) -> u64 {
        self.live.len
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
        buffer.fill(0);
        let written = self
            .live
            .bytes
            .get(as_index(position)..)
            .unwrap_or_default();
        let both = written.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..both), written.get(..both)) {
            to.copy_from_slice(from);
        }
        Ok(())
    }

    /// What is left when every sector of an unsynced change arrives or not as `coin` says.
    pub(super) fn after_power_loss(&self, coin: &mut dyn FnMut() -> bool) -> Contents {
        let mut content = self.durable.clone();
        for change in &self.unsynced {
            match change {
                Change::Write { position, bytes } => {
                    for (at, sector) in sectors(*position, bytes) {
                        if coin() {
                            content.apply(&Change::Write {
                                position: at,
                                bytes: sector.to_vec(),
                            });
                        }
                    }
                }
                other => {
                    if coin() {
                        content.apply(other);
                    }
                }
            }
        }
        Contents {
            live: content.clone(),
            durable: content,
            unsynced: Vec::new(),
            blocks: self.blocks.clone(),
        }
    }

    fn change(&mut self, change: Change) {
        self.live.apply(&change);
        self.unsynced.push(change);
    }
}

impl Content {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Write { position, bytes } => {
                let start = as_index(*position);
                let end = start + bytes.len();
                if self.bytes.len() < end {
                    self.bytes.resize(end, 0);
                }
                if let Some(to) = self.bytes.get_mut(start..end) {
                    to.copy_from_slice(bytes);
                }
                self.len = self.len.max(end as u64);
            }
            Change::Zero { position, bytes } => {
                let start = as_index(*position).min(self.bytes.len());
                let end = as_index(position + bytes).min(self.bytes.len());
                if let Some(range) = self.bytes.get_mut(start..end) {
                    range.fill(0);
                }
            }
            Change::Len(len) => {
                self.bytes.truncate(as_index(*len));
                self.len = *len;
            }
        }
    }
}

/// A write cut at sector boundaries.
fn sectors(position: u64, bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let head = as_index(SECTOR_BYTES - position % SECTOR_BYTES).min(bytes.len());
    let (first, rest) = bytes.split_at(head);
    let mut at = position;
    std::iter::once(first)
        .chain(rest.chunks(as_index(SECTOR_BYTES)))
        .filter(|sector| !sector.is_empty())
        .map(move |sector| {
            let here = at;
            at += sector.len() as u64;
            (here, sector)
        })
}

fn as_index(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}
