//! Numbers that need to differ rather than to be random: queues that senders leave to the broker,
//! and ids for messages that came without one. A seeded generator: cores have no randomness.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use ferrocket_protocol::calendar;
use ferrocket_protocol::message::ids::UniqueId;

/// See the module.
#[derive(Debug)]
pub(crate) struct Chance {
    seed: u64,
    drawn: AtomicU64,
}

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            drawn: AtomicU64::new(0),
        }
    }

    /// A number in `0..below`; 0 when there is none.
    pub(crate) fn below(&self, below: i32) -> i32 {
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
        let below = u64::try_from(below).unwrap_or(0).max(1);
        i32::try_from(mix(self.seed.wrapping_add(drawn)) % below).unwrap_or(0)
    }

    /// An id in the form in which clients make them (`MessageClientIDSetter`).
    pub(crate) fn unique_id(&self, broker_ip: IpAddr, now_ms: i64) -> UniqueId {
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
        let seed = mix(self.seed);
        UniqueId {
            client_ip: broker_ip,
            process_id: seed as u16,
            class_loader_hash: (seed >> 32) as i32,
            month_ms: i32::try_from(now_ms - calendar::month_start_ms(now_ms)).unwrap_or(i32::MAX),
            counter: drawn as u16,
        }
    }
}

/// The finaliser of SplitMix64.
fn mix(number: u64) -> u64 {
    let number = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_spread_and_ids_differ() {
        let chance = Chance::new(7);
        let mut hits = [0; 4];
        for _ in 0..4_000 {
            hits[chance.below(4) as usize] += 1;
        }
        assert!(
            hits.iter().all(|hits| (800..1_200).contains(hits)),
            "{hits:?}"
        );
        assert_eq!(chance.below(0), 0);
        let ip = "10.0.0.1".parse().unwrap();
        assert_ne!(chance.unique_id(ip, 5), chance.unique_id(ip, 5));
    }
}
