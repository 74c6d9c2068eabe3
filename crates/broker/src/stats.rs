//! What the broker counts, and the rates that `clusterList`, `brokerStatus` and the statistics of
//! topics and groups are made of.
//!
//! Counting is one atomic addition. Rates come from samples that [`Stats::sample`] takes as time
//! passes: one each second for the broker (10 minutes are kept), one each 10 seconds for a topic or
//! a group (a minute is kept), as in `StoreStatsService` and `StatsItem`.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

const SAMPLES_MAX: usize = 601;
const SAMPLE_INTERVAL_MS: i64 = 1_000;
const METER_SAMPLES_MAX: usize = 7;
/// How often [`Meter::sample`] is to be called.
pub(crate) const METER_INTERVAL_MS: i64 = 10_000;
const DAY_MS: i64 = 86_400_000;

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A counter with its rate over the last minute.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    counter: Counter,
    samples: Mutex<VecDeque<(i64, u64)>>,
}

impl Meter {
    pub(crate) fn add(&self, amount: u64) {
        self.counter.add(amount);
    }

    pub(crate) fn sample(&self, now_ms: i64) {
        let total = self.counter.total();
        let mut samples = self.samples.lock();
        // A counter at rest keeps one sample: its rate is 0, and counts anew when it moves again.
        if samples.iter().all(|(_, sampled)| *sampled == total) {
            samples.clear();
        }
        if samples.len() >= METER_SAMPLES_MAX {
            samples.pop_front();
        }
        samples.push_back((now_ms, total));
    }

    /// Events per second between the oldest and the newest sample, in `StatsItem`'s arithmetic.
    pub(crate) fn per_second(&self) -> f64 {
        let samples = self.samples.lock();
        match (samples.front(), samples.back()) {
            (Some((from_ms, from)), Some((to_ms, to))) if to_ms > from_ms => {
                (to - from) as f64 * 1_000.0 / (to_ms - from_ms) as f64
            }
            _ => 0.0,
        }
    }
}

/// The broker's own counters.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) put_messages: Counter,
    pub(crate) put_bytes: Counter,
    pub(crate) put_failed: Counter,
    /// Pulls that found something.
    pub(crate) get_found: Counter,
    /// Pulls that found nothing.
    pub(crate) get_missed: Counter,
    /// Messages that left in pull answers.
    pub(crate) get_messages: Counter,
    history: Mutex<History>,
}

#[derive(Debug, Default)]
struct History {
    samples: VecDeque<Sample>,
    day: i64,
    today: (u64, u64),
    yesterday: (u64, u64),
    started_ms: i64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sample {
    at_ms: i64,
    put: u64,
    found: u64,
    missed: u64,
    transferred: u64,
}

/// Rates over 10 seconds, a minute and 10 minutes, as text: `a b c` (`StoreStatsService`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rates {
    pub(crate) put: String,
    pub(crate) found: String,
    pub(crate) missed: String,
    pub(crate) total: String,
    pub(crate) transferred: String,
}

/// Messages in and out up to the last two midnights (UTC), as `clusterList -m` wants them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct DayTotals {
    pub(crate) put_yesterday_morning: u64,
    pub(crate) put_today_morning: u64,
    pub(crate) get_yesterday_morning: u64,
    pub(crate) get_today_morning: u64,
}

impl Stats {
    pub(crate) fn start(&self, now_ms: i64) {
        let mut history = self.history.lock();
        history.day = now_ms.div_euclid(DAY_MS);
        history.started_ms = now_ms;
    }

    pub(crate) fn started_ms(&self) -> i64 {
        self.history.lock().started_ms
    }

    /// Takes a sample when one is due.
    pub(crate) fn sample(&self, now_ms: i64) {
        let mut history = self.history.lock();
        let last_ms = history.samples.back().map(|sample| sample.at_ms);
        if last_ms.is_some_and(|last_ms| now_ms - last_ms < SAMPLE_INTERVAL_MS) {
            return;
        }
        let sample = Sample {
            at_ms: now_ms,
            put: self.put_messages.total(),
            found: self.get_found.total(),
            missed: self.get_missed.total(),
            transferred: self.get_messages.total(),
        };
        if history.samples.len() >= SAMPLES_MAX {
            history.samples.pop_front();
        }
        history.samples.push_back(sample);
        let day = now_ms.div_euclid(DAY_MS);
        if day != history.day {
            history.day = day;
            history.yesterday = history.today;
            history.today = (sample.put, sample.transferred);
        }
    }

    pub(crate) fn rates(&self) -> Rates {
        let history = self.history.lock();
        let text = |value: &dyn Fn(&Sample) -> u64| {
            [10_usize, 60, 600]
                .map(|seconds| rate(&history.samples, seconds, value))
                .join(" ")
        };
        Rates {
            put: text(&|sample| sample.put),
            found: text(&|sample| sample.found),
            missed: text(&|sample| sample.missed),
            total: text(&|sample| sample.found + sample.missed),
            transferred: text(&|sample| sample.transferred),
        }
    }

    pub(crate) fn days(&self) -> DayTotals {
        let history = self.history.lock();
        DayTotals {
            put_yesterday_morning: history.yesterday.0,
            put_today_morning: history.today.0,
            get_yesterday_morning: history.yesterday.1,
            get_today_morning: history.today.1,
        }
    }
}

fn rate(samples: &VecDeque<Sample>, seconds: usize, value: &dyn Fn(&Sample) -> u64) -> String {
    let Some(last) = samples.back() else {
        return "0.0".to_owned();
    };
    let index = samples.len().saturating_sub(seconds + 1);
    let first = samples.get(index).unwrap_or(last);
    let elapsed_ms = last.at_ms - first.at_ms;
    if elapsed_ms <= 0 {
        return "0.0".to_owned();
    }
    let per_second = (value(last) - value(first)) as f64 * 1_000.0 / elapsed_ms as f64;
    // Rust prints 0 for 0.0 unless told otherwise; Java always prints a fraction.
    format!("{per_second:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_follow_the_samples() {
        let stats = Stats::default();
        stats.start(0);
        for second in 0..=20 {
            stats.sample(second * 1_000);
            stats.sample(second * 1_000 + 1);
            stats.put_messages.add(5);
        }
        let rates = stats.rates();
        assert_eq!(rates.put, "5.0 5.0 5.0");
        assert_eq!(rates.missed, "0.0 0.0 0.0");
    }

    #[test]
    fn a_meter_forgets_what_is_older_than_a_minute() {
        let meter = Meter::default();
        meter.add(1_000);
        for step in 0..10 {
            meter.sample(step * METER_INTERVAL_MS);
            meter.add(20);
        }
        assert!((meter.per_second() - 2.0).abs() < 1e-9);
        for step in 10..30 {
            meter.sample(step * METER_INTERVAL_MS);
        }
        assert!(meter.per_second().abs() < 1e-9);
    }

    #[test]
    fn the_day_turns_at_midnight() {
        let stats = Stats::default();
        stats.start(DAY_MS - 10);
        stats.put_messages.add(7);
        stats.sample(DAY_MS + 10);
        assert_eq!(stats.days().put_today_morning, 7);
        assert_eq!(stats.days().put_yesterday_morning, 0);
    }
}
