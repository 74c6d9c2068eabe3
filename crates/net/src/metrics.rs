//! Counters of all sockets of a process, for whoever serves `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ferrocket_protocol::stages::{Durations, DurationsSnapshot};

use crate::closing::CloseReason;

/// Counters that only grow, but for `connections` and `unwritten_bytes`.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Connections open now, in both directions.
    pub(crate) connections: AtomicU64,
    pub(crate) accepted: AtomicU64,
    pub(crate) connected: AtomicU64,
    pub(crate) reads: AtomicU64,
    pub(crate) writes: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    pub(crate) frames_in: AtomicU64,
    pub(crate) frames_out: AtomicU64,
    pub(crate) read_pauses: AtomicU64,
    pub(crate) unwritten_bytes: AtomicU64,
    pub(crate) accept_errors: AtomicU64,
    closed: [AtomicU64; CloseReason::ALL.len()],
    pub(crate) stages: Stages,
}

/// What a connection does with a read that is timed.
#[derive(Debug, Default)]
pub(crate) struct Stages {
    /// The read itself.
    pub(crate) receive: Durations,
    /// Bytes become frames.
    pub(crate) decode: Durations,
    /// Answers are written.
    pub(crate) answer: Durations,
}

/// The counters at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsSnapshot {
    /// Connections open now, in both directions.
    pub connections: u64,
    /// Connections accepted by listeners.
    pub accepted: u64,
    /// Connections opened by outbound clients.
    pub connected: u64,
    /// Socket reads that brought bytes.
    pub reads: u64,
    /// Socket writes that took bytes.
    pub writes: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub frames_in: u64,
    pub frames_out: u64,
    /// How often reading stopped because too many bytes waited to be written.
    pub read_pauses: u64,
    /// Bytes that wait for sockets now, without what [`Peer::send`] queued behind them.
    ///
    /// [`Peer::send`]: ferrocket_protocol::peer::Peer::send
    pub unwritten_bytes: u64,
    /// Failed accepts; nearly always the limit of open files.
    pub accept_errors: u64,
    /// Ended connections by reason.
    pub closed: Vec<(CloseReason, u64)>,
}

impl Metrics {
    pub(crate) fn count_closed(&self, reason: CloseReason) {
        let counters = CloseReason::ALL.iter().zip(&self.closed);
        for (_, counter) in counters.filter(|(r, _)| **r == reason) {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// How many connections ended for this reason.
    #[must_use]
    pub fn closed(&self, reason: CloseReason) -> u64 {
        let mut counters = CloseReason::ALL.iter().zip(&self.closed);
        counters
            .find(|(r, _)| **r == reason)
            .map_or(0, |(_, counter)| counter.load(Relaxed))
    }

    /// How long the stages of a connection take, by name.
    #[must_use]
    pub fn stages(&self) -> [(&'static str, DurationsSnapshot); 3] {
        [
            ("receive", self.stages.receive.snapshot()),
            ("decode", self.stages.decode.snapshot()),
            ("answer", self.stages.answer.snapshot()),
        ]
    }

    /// All counters, each read on its own.
    #[must_use]
    pub fn snapshot(&self) -> MetricsSnapshot {
        MetricsSnapshot {
            connections: self.connections.load(Relaxed),
            accepted: self.accepted.load(Relaxed),
            connected: self.connected.load(Relaxed),
            reads: self.reads.load(Relaxed),
            writes: self.writes.load(Relaxed),
            bytes_in: self.bytes_in.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
            frames_in: self.frames_in.load(Relaxed),
            frames_out: self.frames_out.load(Relaxed),
            read_pauses: self.read_pauses.load(Relaxed),
            unwritten_bytes: self.unwritten_bytes.load(Relaxed),
            accept_errors: self.accept_errors.load(Relaxed),
            closed: CloseReason::ALL
                .iter()
                .map(|r| (*r, self.closed(*r)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_counter_of_its_own() {
        let metrics = Metrics::default();
        for reason in CloseReason::ALL {
            metrics.count_closed(reason);
            assert_eq!(metrics.closed(reason), 1);
        }
    }
}
