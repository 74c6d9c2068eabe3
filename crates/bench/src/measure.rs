//! When measuring begins and ends, and what was measured.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::observed::{Observed, Sight, StageTime};
use crate::process::Usage;

/// No latency above this is told apart.
const LATENCY_NS_MAX: u64 = 120_000_000_000;

/// The time in which work counts; threads of one run share it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// All times of a run are nanoseconds since then.
    pub(crate) base: Instant,
    pub(crate) from_ns: u64,
    pub(crate) to_ns: u64,
}

impl Window {
    /// Begins after `warm_up`, from now on.
    pub(crate) fn new(warm_up: Duration, length: Duration) -> Self {
        let nanos = |d: Duration| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
        let from_ns = nanos(warm_up);
        Self {
            base: Instant::now(),
            from_ns,
            to_ns: from_ns.saturating_add(nanos(length)),
        }
    }

    pub(crate) fn now_ns(&self) -> u64 {
        u64::try_from(self.base.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    pub(crate) fn contains(&self, ns: u64) -> bool {
        (self.from_ns..self.to_ns).contains(&ns)
    }

    pub(crate) fn sleep_until(&self, ns: u64) {
        let left = ns.saturating_sub(self.now_ns());
        if left > 0 {
            std::thread::sleep(Duration::from_nanos(left));
        }
    }
}

/// What one thread counted.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) messages: u64,
    pub(crate) body_bytes: u64,
    pub(crate) latency: Histogram<u64>,
    /// Refusals by response code.
    pub(crate) refused: BTreeMap<i32, u64>,
}

impl Tally {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let latency = Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3)?;
        Ok(Self {
            messages: 0,
            body_bytes: 0,
            latency,
            refused: BTreeMap::new(),
        })
    }

    pub(crate) fn record(&mut self, latency_ns: u64) {
        self.latency.saturating_record(latency_ns.max(1));
    }

    pub(crate) fn refuse(&mut self, code: i32) {
        *self.refused.entry(code).or_default() += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        self.messages += other.messages;
        self.body_bytes += other.body_bytes;
        self.latency.add(&other.latency)?;
        for (code, count) in &other.refused {
            *self.refused.entry(*code).or_default() += count;
        }
        Ok(())
    }
}

/// The result of one run, as it is printed and written.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Outcome {
    pub(crate) work: String,
    pub(crate) messages: u64,
    pub(crate) seconds: f64,
    pub(crate) messages_per_second: f64,
    pub(crate) body_mib_per_second: f64,
    /// Refusals by response code; an honest run has none.
    pub(crate) refused: BTreeMap<i32, u64>,
    pub(crate) latency: Option<Latency>,
    pub(crate) server: Option<ServerUse>,
    /// What the load generator itself used; beyond one core it may be what limits the rate.
    pub(crate) generator_cpu_cores: f64,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) p999_us: f64,
    pub(crate) max_us: f64,
}

impl Latency {
    fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        (!histogram.is_empty()).then(|| Self {
            p50_us: at(0.5),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: histogram.max() as f64 / 1000.0,
        })
    }
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct ServerUse {
    pub(crate) cpu_us_per_message: f64,
    pub(crate) cpu_cores: f64,
    pub(crate) context_switches_per_message: f64,
    /// Reads, writes and syncs.
    pub(crate) calls_per_message: f64,
    /// Of a server that tells them; also those of what is not a message.
    pub(crate) stages: Vec<StageTime>,
    pub(crate) rss_mib: f64,
}

/// Watches processes during the time that counts.
#[derive(Debug)]
pub(crate) struct Watch {
    server: Option<(Observed, Sight)>,
    generator: Usage,
    since: Instant,
}

impl Watch {
    pub(crate) fn start(server: Option<Observed>) -> anyhow::Result<Self> {
        let server = server
            .map(|server| server.look().map(|sight| (server, sight)))
            .transpose()?;
        let generator = Usage::of(std::process::id())?;
        Ok(Self {
            server,
            generator,
            since: Instant::now(),
        })
    }

    /// Reads the processes again. The tally may come later, when the threads have ended.
    pub(crate) fn stop(self) -> anyhow::Result<Watched> {
        let seconds = self.since.elapsed().as_secs_f64();
        let generator = Usage::of(std::process::id())?;
        let server = match self.server {
            Some((server, before)) => Some((before, server.look()?)),
            None => None,
        };
        let generator_cpu_seconds = generator.cpu_seconds - self.generator.cpu_seconds;
        Ok(Watched {
            seconds,
            server,
            generator_cpu_seconds,
        })
    }
}

/// What was seen of the processes.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) seconds: f64,
    server: Option<(Sight, Sight)>,
    generator_cpu_seconds: f64,
}

impl Watched {
    pub(crate) fn outcome(self, work: String, tally: &Tally) -> Outcome {
        let messages = tally.messages.max(1) as f64;
        let server = self.server.map(|(before, after)| {
            let cpu_seconds = after.usage.cpu_seconds - before.usage.cpu_seconds;
            let switches = after
                .usage
                .context_switches
                .saturating_sub(before.usage.context_switches);
            ServerUse {
                cpu_us_per_message: cpu_seconds * 1e6 / messages,
                cpu_cores: cpu_seconds / self.seconds,
                context_switches_per_message: switches as f64 / messages,
                calls_per_message: after.calls_since(&before) as f64 / messages,
                stages: after.stages_since(&before),
                rss_mib: after.rss_mib,
            }
        });
        Outcome {
            work,
            messages: tally.messages,
            seconds: self.seconds,
            messages_per_second: tally.messages as f64 / self.seconds,
            body_mib_per_second: tally.body_bytes as f64 / self.seconds / (1024.0 * 1024.0),
            refused: tally.refused.clone(),
            latency: Latency::of(&tally.latency),
            server,
            generator_cpu_cores: self.generator_cpu_seconds / self.seconds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_come_out_in_microseconds() {
        let mut tally = Tally::new().unwrap();
        for n in 1..=1000u64 {
            tally.record(n * 1000);
        }
        let latency = Latency::of(&tally.latency).unwrap();
        assert!((latency.p50_us - 500.0).abs() < 2.0, "{latency:?}");
        assert!((latency.p99_us - 990.0).abs() < 2.0, "{latency:?}");
        assert!((latency.max_us - 1000.0).abs() < 2.0, "{latency:?}");
    }

    #[test]
    fn the_warm_up_does_not_count() {
        let window = Window::new(Duration::from_secs(1), Duration::from_secs(2));
        assert!(!window.contains(999_999_999));
        assert!(window.contains(1_000_000_000));
        assert!(!window.contains(3_000_000_000));
    }
}
