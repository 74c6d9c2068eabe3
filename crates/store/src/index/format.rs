//! The bytes of an index file (`IndexFile`, `IndexHeader`): a header, a table of slots, and entries
//! that are chained from the slots, newest first.

pub(crate) const HEADER_BYTES: usize = 40;
pub(crate) const SLOT_BYTES: usize = 4;
pub(crate) const ENTRY_BYTES: usize = 20;

/// A key of a message on its way into the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    /// See `index_hash`; never negative.
    pub(crate) hash: i32,
    pub(crate) physical_offset: i64,
    pub(crate) store_ms: i64,
}

/// How large index files are: `maxHashSlotNum` and `maxIndexNum`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) slots: u32,
    /// Number 0 is never used, so one less fits.
    pub(crate) entries: u32,
}

impl Shape {
    pub(crate) fn file_bytes(self) -> u64 {
        self.entry_position(self.entries)
    }

    pub(crate) fn slot_of(self, hash: i32) -> u32 {
        hash.unsigned_abs() % self.slots.max(1)
    }

    pub(crate) fn slot_position(self, slot: u32) -> u64 {
        HEADER_BYTES as u64 + u64::from(slot) * SLOT_BYTES as u64
    }

    pub(crate) fn entry_position(self, number: u32) -> u64 {
        self.slot_position(self.slots) + u64::from(number) * ENTRY_BYTES as u64
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Header {
    pub(crate) begin_ms: i64,
    pub(crate) end_ms: i64,
    pub(crate) begin_physical: i64,
    /// Start of the last record with an entry.
    pub(crate) end_physical: i64,
    pub(crate) slots_used: u32,
    /// The number of the next entry; the first is 1.
    pub(crate) next: u32,
}

impl Header {
    pub(crate) fn is_empty(&self) -> bool {
        self.next <= 1
    }

    /// Whether a file of this shape can have such a header. Times tell nothing: a clock that was set
    /// back lets a file end before it begins.
    pub(crate) fn is_plausible(&self, shape: Shape) -> bool {
        self.next <= shape.entries.max(1)
            && self.slots_used <= shape.slots
            && 0 <= self.begin_physical
            && self.begin_physical <= self.end_physical
    }

    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut raw = [0; HEADER_BYTES];
        let (longs, ints) = raw.split_at_mut(32);
        let long_fields = [
            self.begin_ms,
            self.end_ms,
            self.begin_physical,
            self.end_physical,
        ];
        for (into, field) in longs.as_chunks_mut::<8>().0.iter_mut().zip(long_fields) {
            *into = field.to_be_bytes();
        }
        let int_fields = [self.slots_used, self.next];
        for (into, field) in ints.as_chunks_mut::<4>().0.iter_mut().zip(int_fields) {
            *into = field.to_be_bytes();
        }
        raw
    }

    pub(crate) fn decode(raw: &[u8; HEADER_BYTES]) -> Self {
        let long = |at: usize| {
            let field = raw.get(at..).and_then(|rest| rest.first_chunk());
            field.map_or(0, |field| i64::from_be_bytes(*field))
        };
        let int = |at: usize| {
            let field = raw.get(at..).and_then(|rest| rest.first_chunk());
            let field = field.map_or(0, |field| i32::from_be_bytes(*field));
            u32::try_from(field).unwrap_or(0)
        };
        Self {
            begin_ms: long(0),
            end_ms: long(8),
            begin_physical: long(16),
            end_physical: long(24),
            slots_used: int(32),
            next: int(36).max(1),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) hash: i32,
    pub(crate) physical_offset: i64,
    /// Whole seconds from the time at which the file begins.
    pub(crate) seconds: i32,
    /// The entry before this one in the same slot; 0 when there is none.
    pub(crate) previous: u32,
}

impl Entry {
    /// When its record was stored, rounded down to the second from the time at which the file
    /// begins.
    pub(super) fn stored_ms(&self, begin_ms: i64) -> i64 {
        begin_ms.saturating_add(i64::from(self.seconds) * 1000)
    }

    pub(crate) fn encode(&self) -> [u8; ENTRY_BYTES] {
        let [a, b, c, d] = self.hash.to_be_bytes();
        let [e, f, g, h, i, j, k, l] = self.physical_offset.to_be_bytes();
        let [m, n, o, p] = self.seconds.to_be_bytes();
        let [q, r, s, t] = self.previous.to_be_bytes();
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t]
    }

    pub(crate) fn decode(raw: &[u8; ENTRY_BYTES]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t] = *raw;
        let previous = i32::from_be_bytes([q, r, s, t]);
        Self {
            hash: i32::from_be_bytes([a, b, c, d]),
            physical_offset: i64::from_be_bytes([e, f, g, h, i, j, k, l]),
            seconds: i32::from_be_bytes([m, n, o, p]),
            previous: u32::try_from(previous).unwrap_or(0),
        }
    }
}

/// Whole seconds between two times, as far as the field holds them.
pub(crate) fn seconds_between(begin_ms: i64, store_ms: i64) -> i32 {
    if begin_ms <= 0 {
        return 0;
    }
    i32::try_from((store_ms.saturating_sub(begin_ms) / 1000).max(0)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_bytes_of_the_worked_example() {
        let header = Header {
            begin_ms: 1_700_000_000_123,
            end_ms: 1_700_000_000_123,
            slots_used: 1,
            next: 2,
            ..Header::default()
        };
        let mut wanted = [0_u8; HEADER_BYTES];
        wanted[2..8].copy_from_slice(&[0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x7b]);
        wanted[10..16].copy_from_slice(&[0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x7b]);
        wanted[35] = 1;
        wanted[39] = 2;
        assert_eq!(header.encode(), wanted);
        assert_eq!(Header::decode(&wanted), header);
        let entry = Entry {
            hash: 2_539_445,
            physical_offset: 0,
            seconds: 0,
            previous: 0,
        };
        assert_eq!(entry.encode()[..4], [0x00, 0x26, 0xbf, 0xb5]);
        assert_eq!(Entry::decode(&entry.encode()), entry);
        let shape = Shape {
            slots: 5_000_000,
            entries: 20_000_000,
        };
        assert_eq!(shape.file_bytes(), 420_000_040);
        assert_eq!(shape.slot_position(shape.slot_of(2_539_445)), 10_157_820);
        assert_eq!(shape.entry_position(1), 20_000_060);
    }

    #[test]
    fn a_header_of_zeros_or_noise_is_read_with_care() {
        let header = Header::decode(&[0; HEADER_BYTES]);
        assert_eq!(header.next, 1);
        let shape = Shape {
            slots: 10,
            entries: 20,
        };
        assert!(header.is_plausible(shape));
        assert_eq!(Header::decode(&[0xFF; HEADER_BYTES]).next, 1);
        assert!(!Header::decode(&[0x5A; HEADER_BYTES]).is_plausible(shape));
    }

    #[test]
    fn seconds_stay_within_their_field() {
        assert_eq!(seconds_between(1_000, 2_999), 1);
        assert_eq!(seconds_between(5_000, 1_000), 0);
        assert_eq!(seconds_between(0, 1_000_000), 0);
        assert_eq!(seconds_between(1, i64::MAX), i32::MAX);
    }
}
