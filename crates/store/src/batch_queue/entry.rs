//! The entry of a batch consume queue (`BatchConsumeQueue`): 46 bytes, one for each record, which
//! holds one message or the many of an inner batch.

use ferrocket_protocol::message::View;

use super::inner::messages_of;
use crate::config::StoreConfig;
use crate::queue::{Entry, Fields, Unit};

/// Bytes of an entry.
pub(crate) const BATCH_ENTRY_BYTES: usize = 46;

/// In place of an offset in a compacted log, which these queues do not have.
const NOT_COMPACTED: i32 = -1;

/// Where a record is, and which queue offsets it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchEntry {
    pub(crate) physical_offset: i64,
    pub(crate) bytes: i32,
    pub(crate) tags_code: i64,
    pub(crate) store_ms: i64,
    /// The queue offset of the first message in the record.
    pub(crate) base_offset: i64,
    /// Messages in the record.
    pub(crate) messages: i16,
}

impl BatchEntry {
    /// The queue offset behind the last message in the record.
    pub(crate) fn next_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.messages))
    }

    /// What an entry of a plain queue would say of the record.
    pub(crate) fn plain(&self) -> Entry {
        Entry {
            physical_offset: self.physical_offset,
            bytes: self.bytes,
            tags_code: self.tags_code,
        }
    }
}

impl Unit for BatchEntry {
    const BYTES: usize = BATCH_ENTRY_BYTES;
    /// Never in a file: the number of an entry is no queue offset, so none is ever left out.
    const BLANK: Self = Self {
        physical_offset: 0,
        bytes: i32::MAX,
        tags_code: 0,
        store_ms: 0,
        base_offset: 0,
        messages: 0,
    };
    const FILE_BYTES_KEY: &'static str = "mapperFileSizeBatchConsumeQueue";
    /// The newest entry says where the queue ends.
    const KEPT_AT_REST: usize = 1;
    const MAY_SKIP_FILES: bool = false;
    type Memo = super::Memo;

    fn physical_offset(&self) -> i64 {
        self.physical_offset
    }

    fn end(&self) -> i64 {
        self.physical_offset.saturating_add(i64::from(self.bytes))
    }

    fn is_blank(&self) -> bool {
        *self == Self::BLANK
    }

    fn is_written(&self) -> bool {
        self.physical_offset >= 0 && self.bytes > 0 && self.base_offset >= 0 && self.messages > 0
    }

    fn is_made_of(
        &self,
        record: &View<'_>,
        (topic, queue_id, _): (&str, i32, i64),
        _config: &StoreConfig,
    ) -> bool {
        let said = (self.store_ms, self.base_offset, self.messages);
        (topic, queue_id) == (record.topic, record.queue_id)
            && said == (record.store_ms, record.queue_offset, messages_of(record))
    }

    fn encode(&self, into: &mut Vec<u8>) {
        into.extend_from_slice(&self.physical_offset.to_be_bytes());
        into.extend_from_slice(&self.bytes.to_be_bytes());
        into.extend_from_slice(&self.tags_code.to_be_bytes());
        into.extend_from_slice(&self.store_ms.to_be_bytes());
        into.extend_from_slice(&self.base_offset.to_be_bytes());
        into.extend_from_slice(&self.messages.to_be_bytes());
        into.extend_from_slice(&NOT_COMPACTED.to_be_bytes());
        into.extend_from_slice(&[0; 4]);
    }

    fn decode(raw: &[u8]) -> Self {
        let mut fields = Fields(raw);
        Self {
            physical_offset: i64::from_be_bytes(fields.take()),
            bytes: i32::from_be_bytes(fields.take()),
            tags_code: i64::from_be_bytes(fields.take()),
            store_ms: i64::from_be_bytes(fields.take()),
            base_offset: i64::from_be_bytes(fields.take()),
            messages: i16::from_be_bytes(fields.take()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn has_the_bytes_of_the_worked_example() {
        let entry = BatchEntry {
            physical_offset: 0,
            bytes: 101,
            tags_code: 97,
            store_ms: 1_700_000_000_123,
            base_offset: 0,
            messages: 1,
        };
        let mut raw = Vec::new();
        entry.encode(&mut raw);
        let mut wanted = [0_u8; BATCH_ENTRY_BYTES];
        wanted[11] = 0x65;
        wanted[19] = 0x61;
        wanted[20..28].copy_from_slice(&[0, 0, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x7b]);
        wanted[37] = 1;
        wanted[38..42].fill(0xff);
        assert_eq!(raw, wanted);
        assert_eq!(BatchEntry::decode(&raw), entry);
        assert!(entry.is_written());
    }

    #[test]
    fn zeros_are_unwritten() {
        assert!(!BatchEntry::decode(&[0; BATCH_ENTRY_BYTES]).is_written());
    }

    proptest! {
        #[test]
        fn any_entry_reads_back(
            physical_offset in any::<i64>(), bytes in any::<i32>(), tags_code in any::<i64>(),
            store_ms in any::<i64>(), base_offset in any::<i64>(), messages in any::<i16>(),
        ) {
            let entry = BatchEntry { physical_offset, bytes, tags_code, store_ms, base_offset, messages };
            let mut raw = Vec::new();
            entry.encode(&mut raw);
            prop_assert_eq!(raw.len(), BATCH_ENTRY_BYTES);
            prop_assert_eq!(BatchEntry::decode(&raw), entry);
        }
    }
}
