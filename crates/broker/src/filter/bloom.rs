//! Bits of filters in the extension of consume queues (`BloomFilter` of Java): each group and topic has
//! a few positions in a map of a few bytes, and a message's map has the positions of every filter that
//! wants it. A filter with a bit that is missing does not want the message.

use ferrocket_protocol::bodies::BloomFilterData;

use crate::config::BrokerConfig;

/// Of a map; Java has no limit, and its own parameters stay far below.
const BITS_MAX: u32 = 8 * 4096;

/// How long maps are, and how many positions a filter has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BloomShape {
    bits: u32,
    positions: u32,
}

impl BloomShape {
    /// For `expectConsumerNumUseFilter` filters, of which `maxErrorRateOfBloomFilter` percent may be
    /// taken for wanting a message that they do not want.
    pub(crate) fn of(config: &BrokerConfig) -> Self {
        let rate = f64::from(config.max_error_rate_of_bloom_filter.clamp(1, 99)) / 100.0;
        let filters = f64::from(config.expect_consumer_num_use_filter.max(1));
        let positions = (rate.ln() / 0.5_f64.ln()).ceil();
        let bits = (filters * (1.0 / rate).log2() * std::f64::consts::LOG2_E).ceil();
        Self {
            bits: (bits.min(f64::from(BITS_MAX)) as u32).next_multiple_of(8),
            positions: positions as u32,
        }
    }

    /// The positions of a group's filter for a topic (`BloomFilter#generate`).
    pub(crate) fn positions_of(self, group: &str, topic: &str) -> BloomFilterData {
        let hash = murmur3(format!("{group}#{topic}").as_bytes());
        let (low, high) = (hash as u32 as i32, (hash >> 32) as i32);
        let position = |number: u32| {
            let combined = low.wrapping_add((number as i32).wrapping_mul(high));
            let combined = if combined < 0 { !combined } else { combined };
            combined.unsigned_abs() % self.bits
        };
        BloomFilterData {
            bit_num: self.bits,
            bit_pos: (1..=self.positions).map(position).collect(),
        }
    }

    /// Whether positions are of this shape (`BloomFilter#isValid`).
    pub(crate) fn fits(self, data: &BloomFilterData) -> bool {
        data.bit_num == self.bits && data.bit_pos.len() == self.positions as usize
    }

    /// A map without bits.
    pub(crate) fn empty_map(self) -> Vec<u8> {
        vec![0; self.bits as usize / 8]
    }
}

pub(crate) fn set(map: &mut [u8], data: &BloomFilterData) {
    for position in &data.bit_pos {
        if let Some(byte) = map.get_mut(*position as usize / 8) {
            *byte |= 1 << (position % 8);
        }
    }
}

/// Whether a map says that the filter does not want the message. A map of another length says
/// nothing.
pub(crate) fn excludes(map: &[u8], data: &BloomFilterData) -> bool {
    map.len() * 8 == data.bit_num as usize
        && data.bit_pos.iter().any(|position| {
            let byte = map.get(*position as usize / 8);
            byte.is_some_and(|byte| byte & (1 << (position % 8)) == 0)
        })
}

/// The first half of MurmurHash3 x64 128 with seed 0.
fn murmur3(bytes: &[u8]) -> u64 {
    const C1: u64 = 0x87c3_7b91_1142_53d5;
    const C2: u64 = 0x4cf5_ad43_2745_937f;
    let mix1 = |k: u64| k.wrapping_mul(C1).rotate_left(31).wrapping_mul(C2);
    let mix2 = |k: u64| k.wrapping_mul(C2).rotate_left(33).wrapping_mul(C1);
    let word = |bytes: &[u8]| {
        let mut word = [0; 8];
        for (to, from) in word.iter_mut().zip(bytes) {
            *to = *from;
        }
        u64::from_le_bytes(word)
    };
    let (mut h1, mut h2) = (0_u64, 0_u64);
    let (blocks, rest) = bytes.as_chunks::<16>();
    for block in blocks {
        let (first, second) = block.split_at(8);
        h1 = (h1 ^ mix1(word(first))).rotate_left(27).wrapping_add(h2);
        h1 = h1.wrapping_mul(5).wrapping_add(0x52dc_e729);
        h2 = (h2 ^ mix2(word(second))).rotate_left(31).wrapping_add(h1);
        h2 = h2.wrapping_mul(5).wrapping_add(0x3849_5ab5);
    }
    let (first, second) = rest.split_at(rest.len().min(8));
    h1 ^= mix1(word(first));
    h2 ^= mix2(word(second));
    h1 ^= bytes.len() as u64;
    h2 ^= bytes.len() as u64;
    h1 = h1.wrapping_add(h2);
    h2 = h2.wrapping_add(h1);
    finish(h1).wrapping_add(finish(h2))
}

fn finish(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worked_example_has_java_s_bits() {
        let shape = BloomShape::of(&BrokerConfig::default());
        assert_eq!((shape.bits, shape.positions), (112, 3));
        assert_eq!(murmur3(b"CID_demo#TopicTest"), 0x2dec_644a_2076_3bb8);
        let data = shape.positions_of("CID_demo", "TopicTest");
        assert_eq!(data.bit_pos, [34, 108, 73]);
        let mut map = shape.empty_map();
        assert!(excludes(&map, &data));
        set(&mut map, &data);
        assert_eq!(map, [0, 0, 0, 0, 4, 0, 0, 0, 0, 2, 0, 0, 0, 16]);
        assert!(!excludes(&map, &data));
        let other = shape.positions_of("another", "TopicTest");
        assert!(excludes(&map, &other));
        assert!(!excludes(&[], &other), "no map says nothing");
        assert!(!excludes(&[0; 8], &other), "nor does one of another shape");
    }

    #[test]
    fn any_setting_has_a_shape() {
        for (rate, filters) in [(0, 0), (100, 1), (-5, i32::MIN), (1, i32::MAX), (20, 32)] {
            let config = BrokerConfig {
                max_error_rate_of_bloom_filter: rate,
                expect_consumer_num_use_filter: filters,
                ..BrokerConfig::default()
            };
            let shape = BloomShape::of(&config);
            assert!(shape.bits >= 8 && shape.bits <= BITS_MAX, "{shape:?}");
            assert!(shape.fits(&shape.positions_of("g", "T")));
        }
    }
}
