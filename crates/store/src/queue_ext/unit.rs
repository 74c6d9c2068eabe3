//! The unit of a consume queue's extension (`ConsumeQueueExt.CqExtUnit`), and its address.

use crate::queue::Fields;

/// Bytes of a unit without its bit map.
pub(crate) const UNIT_BYTES_MIN: usize = 20;

/// In place of a unit's size: the rest of the file has none.
pub(crate) const END_OF_FILE: [u8; 2] = (-1_i16).to_be_bytes();
/// Java keeps so many bytes free behind the last unit of a file.
pub(crate) const END_BYTES: i64 = 4;

/// In the place of tags an entry has either tags or the address of a unit: tags are never that low,
/// being hashes of 32 bits or times.
const ADDRESS_MAX: i64 = i32::MIN as i64 - 1;

/// What stands in the entry of a message besides where its record is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ExtUnit {
    pub(crate) tags_code: i64,
    pub(crate) store_ms: i64,
    /// Bits that Bloom filters of consumers looked for; empty when nobody computed them.
    pub(crate) filter_bits: Vec<u8>,
}

/// Whether what stands in the place of tags is an address.
pub(crate) fn is_address(tags_code: i64) -> bool {
    tags_code <= ADDRESS_MAX
}

/// The address of what begins at a byte of the queue's endless extension file.
pub(crate) fn address_of(position: i64) -> i64 {
    position.wrapping_add(i64::MIN)
}

pub(crate) fn position_of(address: i64) -> i64 {
    address.wrapping_sub(i64::MIN)
}

impl ExtUnit {
    /// A unit without bits of filters.
    pub(crate) fn new(tags_code: i64, store_ms: i64) -> Self {
        Self {
            tags_code,
            store_ms,
            filter_bits: Vec::new(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        UNIT_BYTES_MIN + self.filter_bits.len()
    }

    /// `None` when the bits are too many for a unit.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let size = i16::try_from(self.bytes()).ok()?;
        let bits = i16::try_from(self.filter_bits.len()).ok()?;
        let mut raw = Vec::with_capacity(self.bytes());
        raw.extend_from_slice(&size.to_be_bytes());
        raw.extend_from_slice(&self.tags_code.to_be_bytes());
        raw.extend_from_slice(&self.store_ms.to_be_bytes());
        raw.extend_from_slice(&bits.to_be_bytes());
        raw.extend_from_slice(&self.filter_bits);
        Some(raw)
    }

    /// The length of the unit that begins with these bytes; `None` when none does.
    pub(crate) fn declared_bytes(head: &[u8; UNIT_BYTES_MIN]) -> Option<usize> {
        let [a, b, .., y, z] = *head;
        let size = usize::try_from(i16::from_be_bytes([a, b])).ok()?;
        let bits = usize::try_from(i16::from_be_bytes([y, z])).ok()?;
        (size == UNIT_BYTES_MIN + bits).then_some(size)
    }

    /// A unit from all its bytes.
    pub(crate) fn decode(raw: &[u8]) -> Option<Self> {
        let (head, bits) = raw.split_first_chunk::<UNIT_BYTES_MIN>()?;
        let size = Self::declared_bytes(head)?;
        let mut fields = Fields(head.get(2..)?);
        Some(Self {
            tags_code: i64::from_be_bytes(fields.take()),
            store_ms: i64::from_be_bytes(fields.take()),
            filter_bits: bits.get(..size - UNIT_BYTES_MIN)?.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn has_the_bytes_of_the_worked_example() {
        let unit = ExtUnit {
            tags_code: 97,
            store_ms: 1_700_000_000_123,
            filter_bits: vec![0; 8],
        };
        let raw = unit.encode().unwrap();
        let mut wanted = [0_u8; 28];
        wanted[1] = 0x1c;
        wanted[9] = 0x61;
        wanted[10..18].copy_from_slice(&[0, 0, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x7b]);
        wanted[19] = 8;
        assert_eq!(raw, wanted);
        assert_eq!(ExtUnit::decode(&raw), Some(unit));
        assert_eq!(address_of(0), i64::MIN);
        assert_eq!(position_of(address_of(22)), 22);
    }

    #[test]
    fn neither_hashes_nor_times_are_addresses() {
        for tags_code in [0, 97, -1, i64::from(i32::MIN), 1_700_000_000_123] {
            assert!(!is_address(tags_code), "{tags_code}");
        }
        assert!(is_address(address_of(0)) && is_address(address_of(1 << 50)));
    }

    #[test]
    fn what_is_no_unit_is_not_read_as_one() {
        assert_eq!(ExtUnit::decode(&[0; 64]), None);
        assert_eq!(ExtUnit::decode(&[0xff; 64]), None);
        assert_eq!(ExtUnit::decode(&[0, 20]), None);
        let too_long = ExtUnit {
            filter_bits: vec![0; 32_767],
            ..ExtUnit::default()
        };
        assert_eq!(too_long.encode(), None);
    }

    proptest! {
        #[test]
        fn any_unit_reads_back(tags_code in any::<i64>(), store_ms in any::<i64>(), filter_bits in proptest::collection::vec(any::<u8>(), 0..200)) {
            let unit = ExtUnit { tags_code, store_ms, filter_bits };
            let raw = unit.encode().unwrap();
            prop_assert_eq!(raw.len(), unit.bytes());
            prop_assert_eq!(ExtUnit::decode(&raw), Some(unit));
        }
    }
}
