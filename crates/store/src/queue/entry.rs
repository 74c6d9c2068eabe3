//! The entry of a consume queue (`ConsumeQueue`): 20 bytes at `queue offset * 20`.

/// Bytes of an entry.
pub(crate) const ENTRY_BYTES: usize = 20;

/// Where a record is, and what a filter may look at without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) physical_offset: i64,
    pub(crate) bytes: i32,
    pub(crate) tags_code: i64,
}

impl Entry {
    /// Fills slots that no message has: before the first offset of a queue that does not begin at 0
    /// (`ConsumeQueue#fillPreBlank`), and where a message was lost.
    pub(crate) const BLANK: Entry = Entry {
        physical_offset: 0,
        bytes: i32::MAX,
        tags_code: 0,
    };

    pub(crate) fn is_blank(&self) -> bool {
        *self == Self::BLANK
    }

    /// Java's test for a slot that was written, blank ones included; zeros are not written.
    pub(crate) fn is_written(&self) -> bool {
        self.physical_offset >= 0 && self.bytes > 0
    }

    /// One past the last byte of the record; of a blank, nothing.
    pub(crate) fn end(&self) -> i64 {
        if self.is_blank() {
            0
        } else {
            self.physical_offset + i64::from(self.bytes)
        }
    }

    pub(crate) fn encode(&self) -> [u8; ENTRY_BYTES] {
        let mut raw = [0; ENTRY_BYTES];
        let (physical_offset, rest) = raw.split_at_mut(8);
        let (bytes, tags_code) = rest.split_at_mut(4);
        physical_offset.copy_from_slice(&self.physical_offset.to_be_bytes());
        bytes.copy_from_slice(&self.bytes.to_be_bytes());
        tags_code.copy_from_slice(&self.tags_code.to_be_bytes());
        raw
    }

    pub(crate) fn decode(raw: &[u8; ENTRY_BYTES]) -> Self {
        let [a, b, c, d, e, f, g, h, rest @ ..] = *raw;
        let [i, j, k, l, rest @ ..] = rest;
        Self {
            physical_offset: i64::from_be_bytes([a, b, c, d, e, f, g, h]),
            bytes: i32::from_be_bytes([i, j, k, l]),
            tags_code: i64::from_be_bytes(rest),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn has_the_bytes_of_the_worked_example() {
        let entry = Entry {
            physical_offset: 0,
            bytes: 101,
            tags_code: 97,
        };
        let raw = entry.encode();
        assert_eq!(
            raw,
            [
                0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x65, 0, 0, 0, 0, 0, 0, 0, 0x61
            ]
        );
        assert_eq!(Entry::decode(&raw), entry);
    }

    #[test]
    fn zeros_are_unwritten_and_blanks_are_no_message() {
        assert!(!Entry::decode(&[0; ENTRY_BYTES]).is_written());
        assert!(Entry::BLANK.is_written() && Entry::BLANK.is_blank());
        assert_eq!(Entry::BLANK.end(), 0);
    }

    proptest! {
        #[test]
        fn any_entry_reads_back(physical_offset in any::<i64>(), bytes in any::<i32>(), tags_code in any::<i64>()) {
            let entry = Entry { physical_offset, bytes, tags_code };
            prop_assert_eq!(Entry::decode(&entry.encode()), entry);
        }
    }
}
