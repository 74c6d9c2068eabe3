//! How long the stages of a request take, counted where they are: net, broker and store each have
//! theirs, and whoever has a clock tells how long it was.
//!
//! Counting is two additions without a lock. One of every [`ONE_IN`] reads of a socket and runs of
//! requests is timed; so it costs next to nothing, and the rare ones are still seen soon.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Of so many one is timed.
pub const ONE_IN: u64 = 16;
/// The first bucket ends here, in nanoseconds, and each of the others at twice the one before.
const FIRST_END_NS: u64 = 256;
/// The last of them ends at two seconds; beyond is one more.
const BUCKETS: usize = 24;

/// A histogram of durations.
#[derive(Debug, Default)]
pub struct Durations {
    buckets: [AtomicU64; BUCKETS + 1],
    sum_ns: AtomicU64,
}

/// A histogram at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DurationsSnapshot {
    buckets: [u64; BUCKETS + 1],
    pub sum_ns: u64,
}

impl Durations {
    pub fn add(&self, ns: u64) {
        if let Some(bucket) = self.buckets.get(bucket(ns)) {
            bucket.fetch_add(1, Relaxed);
        }
        self.sum_ns.fetch_add(ns, Relaxed);
    }

    #[must_use]
    pub fn snapshot(&self) -> DurationsSnapshot {
        DurationsSnapshot {
            buckets: self.buckets.each_ref().map(|bucket| bucket.load(Relaxed)),
            sum_ns: self.sum_ns.load(Relaxed),
        }
    }
}

impl DurationsSnapshot {
    /// How many durations there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Upper ends in seconds, each with how many durations were no longer.
    pub fn up_to(&self) -> impl Iterator<Item = (f64, u64)> {
        let ends = (0..BUCKETS).map(|n| (FIRST_END_NS << n) as f64 / 1e9);
        ends.zip(&self.buckets).scan(0, |sum, (end, count)| {
            *sum += count;
            Some((end, *sum))
        })
    }
}

/// The bucket of a duration: one that ends exactly there is in it.
fn bucket(ns: u64) -> usize {
    let ends = ns.saturating_sub(1) / FIRST_END_NS;
    let doublings = u64::BITS - ends.leading_zeros();
    BUCKETS.min(doublings as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_counted_up_to_the_first_end_that_it_does_not_pass() {
        let durations = Durations::default();
        for ns in [0, 256, 257, 512, 513, 3_000_000_000] {
            durations.add(ns);
        }
        let snapshot = durations.snapshot();
        let counts: Vec<u64> = snapshot.up_to().map(|(_, count)| count).collect();
        assert_eq!(counts[..4], [2, 4, 5, 5]);
        assert_eq!((counts.last(), snapshot.count()), (Some(&5), 6));
        assert_eq!(snapshot.sum_ns, 3_000_001_538);
        let ends: Vec<f64> = snapshot.up_to().map(|(end, _)| end).collect();
        assert_eq!((ends[0], ends[1]), (256e-9, 512e-9));
        assert!(ends.last().is_some_and(|end| (2.1..2.2).contains(end)));
    }
}
