//! The entry of a consume queue (`ConsumeQueue`): 20 bytes at `queue offset * 20`; and what the queue
//! machinery needs to know of any entry.

use std::fmt::Debug;

use ferrocket_protocol::message::View;

use super::verify;
use crate::config::StoreConfig;

/// Bytes of an entry.
pub(crate) const ENTRY_BYTES: usize = 20;

/// An entry as table, files and recovery of queues see it: of a fixed length, at `number * length` of
/// the queue's endless file.
pub(crate) trait Unit: Copy + Debug + PartialEq + Send + Sync + 'static {
    const BYTES: usize;
    /// Fills numbers that no record has.
    const BLANK: Self;
    /// The key that says how long a file is.
    const FILE_BYTES_KEY: &'static str;
    /// So many of its newest entries a queue at rest keeps in memory.
    const KEPT_AT_REST: usize;
    /// A wide gap in a queue leaves files out.
    const MAY_SKIP_FILES: bool;
    /// What a queue of such entries remembers besides.
    type Memo: Debug + Default + Send + Sync;

    /// Where the record begins.
    fn physical_offset(&self) -> i64;
    /// One past the last byte of the record; of a blank, nothing.
    fn end(&self) -> i64;
    fn is_blank(&self) -> bool;
    /// Java's test for a slot that was written, blank ones included; zeros are not written.
    fn is_written(&self) -> bool;
    /// Whether it says of a record, whose position and length it has, what this broker would, and
    /// stands in its place: topic, queue and number of the entry.
    fn is_made_of(&self, record: &View<'_>, place: (&str, i32, i64), config: &StoreConfig) -> bool;

    fn encode(&self, into: &mut Vec<u8>);
    /// From the first bytes of `raw`; what is too short reads as zeros.
    fn decode(raw: &[u8]) -> Self;
}

/// Where a record is, and what a filter may look at without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) physical_offset: i64,
    pub(crate) bytes: i32,
    pub(crate) tags_code: i64,
}

impl Unit for Entry {
    const BYTES: usize = ENTRY_BYTES;
    /// Before the first offset of a queue that does not begin at 0 (`ConsumeQueue#fillPreBlank`), and
    /// where a message was lost.
    const BLANK: Entry = Entry {
        physical_offset: 0,
        bytes: i32::MAX,
        tags_code: 0,
    };
    const FILE_BYTES_KEY: &'static str = "mappedFileSizeConsumeQueue";
    const KEPT_AT_REST: usize = 0;
    const MAY_SKIP_FILES: bool = true;
    type Memo = ();

    fn physical_offset(&self) -> i64 {
        self.physical_offset
    }

    fn end(&self) -> i64 {
        if self.is_blank() {
            0
        } else {
            self.physical_offset.saturating_add(i64::from(self.bytes))
        }
    }

    fn is_blank(&self) -> bool {
        *self == Self::BLANK
    }

    fn is_written(&self) -> bool {
        self.physical_offset >= 0 && self.bytes > 0
    }

    fn is_made_of(&self, record: &View<'_>, place: (&str, i32, i64), config: &StoreConfig) -> bool {
        verify::belongs(record, place) && !self.lacks_tags(record, config)
    }

    fn encode(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.physical_offset.to_be_bytes());
        into.extend_from_slice(&self.bytes.to_be_bytes());
        into.extend_from_slice(&self.tags_code.to_be_bytes());
    }

    fn decode(raw: &[u8]) -> Self {
        let mut fields = Fields(raw);
        Self {
            physical_offset: i64::from_be_bytes(fields.take()),
            bytes: i32::from_be_bytes(fields.take()),
            tags_code: i64::from_be_bytes(fields.take()),
        }
    }
}

/// Takes fixed fields off the front of an entry.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    pub(crate) fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk() {
            Some((field, rest)) => {
                self.0 = rest;
                *field
            }
            None => [0; N],
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
        let mut raw = Vec::new();
        entry.encode(&mut raw);
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
            let mut raw = Vec::new();
            entry.encode(&mut raw);
            prop_assert_eq!(Entry::decode(&raw), entry);
        }
    }
}
