//! The open loop: requests leave at their times, whether answers come or not.

use std::io::Write;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Context, anyhow, ensure};

use super::Share;
use crate::measure::Tally;
use crate::wire::{Inbox, OPAQUE_BASE};

/// Requests that may wait for answers on one connection; beyond it the server is hopelessly late.
const IN_FLIGHT_MAX: u64 = 1 << 16;
/// Requests of one write at most.
const WRITE_REQUESTS_MAX: u64 = 256;

/// A writer and a reader thread per connection. A request's latency counts from its due time, so
/// that a stalled server is charged for all requests that it kept waiting.
pub(super) fn run(mut share: Share) -> anyhow::Result<Tally> {
    let schedule = Schedule::new(&share)?;
    let mut inbox = share.inbox.take().context("no socket to read from")?;
    let share = Arc::new(share);
    let answered = Arc::new(AtomicU64::new(0));
    let reader = {
        let (share, answered) = (Arc::clone(&share), Arc::clone(&answered));
        let run = move || read(&share, &mut inbox, schedule, &answered);
        thread::Builder::new()
            .stack_size(super::STACK_BYTES)
            .spawn(run)?
    };
    let written = write(&share, schedule, &answered);
    if written.is_err() {
        // Wakes the reader, whose error says more; the socket may be gone already.
        let _ = share.stream.shutdown(Shutdown::Both);
    }
    let tally = reader
        .join()
        .map_err(|_| anyhow!("a load thread panicked"))??;
    written?;
    Ok(tally)
}

/// When the requests of one connection are due.
#[derive(Debug, Clone, Copy)]
struct Schedule {
    gap_ns: f64,
    /// Connections take turns within a gap.
    phase_ns: f64,
    requests: u64,
}

impl Schedule {
    fn new(share: &Share) -> anyhow::Result<Self> {
        let rate = share.work.rate.context("an open loop without a rate")?;
        ensure!(
            rate > 0.0,
            "a rate of {rate} messages per second never sends"
        );
        let connections = share.work.connections as f64;
        let gap_ns = 1e9 * connections * share.work.batch.max(1) as f64 / rate;
        let phase_ns = gap_ns * (share.first >> 40) as f64 / connections;
        let fitting = (share.window.to_ns as f64 - phase_ns) / gap_ns;
        Ok(Self {
            gap_ns,
            phase_ns,
            requests: (fitting.max(0.0) as u64).min(share.quota),
        })
    }

    fn due_ns(&self, n: u64) -> u64 {
        (self.phase_ns + n as f64 * self.gap_ns) as u64
    }
}

fn write(share: &Share, schedule: Schedule, answered: &AtomicU64) -> anyhow::Result<()> {
    let mut out = Vec::new();
    let mut sent = 0;
    while sent < schedule.requests {
        share.window.sleep_until(schedule.due_ns(sent));
        let now_ns = share.window.now_ns();
        out.clear();
        let batch_end = schedule.requests.min(sent + WRITE_REQUESTS_MAX);
        while sent < batch_end && schedule.due_ns(sent) <= now_ns {
            let opaque = OPAQUE_BASE + i32::try_from(sent % IN_FLIGHT_MAX)?;
            share.append(&mut out, opaque, sent, schedule.due_ns(sent));
            sent += 1;
        }
        let waiting = sent - answered.load(Ordering::Acquire);
        ensure!(
            waiting < IN_FLIGHT_MAX,
            "the server is {waiting} requests late: lower the rate"
        );
        (&share.stream).write_all(&out)?;
    }
    Ok(())
}

fn read(
    share: &Share,
    inbox: &mut Inbox,
    schedule: Schedule,
    answered: &AtomicU64,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::new()?;
    // Answers may overtake each other: the opaque says which request it was, and the request's
    // number is the latest with that opaque that can have been sent.
    let mut number_of = (0..IN_FLIGHT_MAX.min(schedule.requests)).collect::<Vec<u64>>();
    let mut count = 0;
    let mut answers = Vec::new();
    while count < schedule.requests {
        answers.clear();
        inbox.receive(|answer| {
            answers.push((answer.opaque, answer.code));
            Ok(())
        })?;
        let now_ns = share.window.now_ns();
        for (opaque, code) in &answers {
            let slot = usize::try_from(opaque - OPAQUE_BASE)?;
            let number = number_of
                .get_mut(slot)
                .context("an answer to a request never sent")?;
            share.count(&mut tally, *code, schedule.due_ns(*number), now_ns);
            *number += IN_FLIGHT_MAX;
        }
        count += answers.len() as u64;
        answered.store(count, Ordering::Release);
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_spread_evenly() {
        let schedule = Schedule {
            gap_ns: 1e9 / 3.0,
            phase_ns: 100.0,
            requests: 10,
        };
        assert_eq!(schedule.due_ns(0), 100);
        assert_eq!(schedule.due_ns(3), 1_000_000_100);
    }
}
