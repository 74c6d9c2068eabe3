//! What a server process uses, read from `/proc`.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::Serialize;

/// `USER_HZ`; it has been 100 on every Linux architecture we run on for two decades.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process's use of the machine at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) cpu_seconds: f64,
    pub(crate) context_switches: u64,
    /// Calls that read or wrote a file, and those of sockets but `recv` and `send`.
    pub(crate) read_write_calls: u64,
}

impl Usage {
    pub(crate) fn of(pid: u32) -> anyhow::Result<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
            .with_context(|| format!("no process {pid}"))?;
        // The command in parentheses may contain anything.
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        // utime and stime are the fields 14 and 15, the state behind the command is field 3.
        let ticks: f64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|t| t.parse::<f64>().ok())
            .sum();
        Ok(Self {
            cpu_seconds: ticks / TICKS_PER_SECOND,
            context_switches: context_switches(pid).unwrap_or_default(),
            read_write_calls: read_write_calls(pid).unwrap_or_default(),
        })
    }
}

/// Voluntary and forced switches of all living threads.
fn context_switches(pid: u32) -> Option<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let Ok(status) = fs::read_to_string(task.ok()?.path().join("status")) else {
            continue;
        };
        let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
        let counts = lines.filter_map(|line| line.split_whitespace().last()?.parse::<u64>().ok());
        sum += counts.sum::<u64>();
    }
    Some(sum)
}

/// `syscr` and `syscw`, which also count threads that have ended.
fn read_write_calls(pid: u32) -> Option<u64> {
    let counts = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    let lines = counts.lines().filter(|line| line.starts_with("sysc"));
    Some(
        lines
            .filter_map(|line| line.split_whitespace().last()?.parse::<u64>().ok())
            .sum(),
    )
}

/// Resident memory in MiB.
pub(crate) fn rss_mib(pid: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))
        .with_context(|| format!("no process {pid}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = line
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .context("no VmRSS in the status of the process")?;
    Ok(kib / 1024.0)
}

/// What a process uses while nobody asks anything of it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AtRest {
    pub(crate) seconds: f64,
    /// In percent of one core.
    pub(crate) cpu_percent: f64,
    pub(crate) context_switches_per_second: f64,
    pub(crate) rss_mib: f64,
}

impl AtRest {
    pub(crate) fn measure(pid: u32, during: Duration) -> anyhow::Result<Self> {
        let (before, since) = (Usage::of(pid)?, Instant::now());
        std::thread::sleep(during);
        let (after, seconds) = (Usage::of(pid)?, since.elapsed().as_secs_f64());
        let switches = after
            .context_switches
            .saturating_sub(before.context_switches);
        Ok(Self {
            seconds,
            cpu_percent: (after.cpu_seconds - before.cpu_seconds) / seconds * 100.0,
            context_switches_per_second: switches as f64 / seconds,
            rss_mib: rss_mib(pid)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_time() {
        let pid = std::process::id();
        assert!(rss_mib(pid).unwrap() > 0.1);
        let before = Usage::of(pid).unwrap();
        let since = Instant::now();
        let mut n = 0u64;
        while since.elapsed() < Duration::from_millis(60) {
            n = n.wrapping_add(std::hint::black_box(1));
        }
        assert!(n > 0);
        assert!(Usage::of(pid).unwrap().cpu_seconds > before.cpu_seconds);
    }

    #[test]
    fn a_process_that_is_gone_is_named() {
        let error = Usage::of(u32::MAX).unwrap_err().to_string();
        assert!(error.contains("no process"), "{error}");
    }
}
