//! Counters of what the broker does when a bound is hit or something unusual happens; rates and
//! totals of ordinary work are in [`crate::stats`].

use crate::stats::Counter;

/// See the module. All numbers only grow.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Sends refused because too much waited for the disk.
    pub(crate) sends_refused_for_backlog: Counter,
    /// Sends answered FLUSH_DISK_TIMEOUT.
    pub(crate) flush_timeouts: Counter,
    /// Messages that consumers gave up on.
    pub(crate) sent_to_dead_letters: Counter,
    /// Delayed messages that were due and could never be stored.
    pub(crate) delayed_left_out: Counter,
    /// Pulls refused because too many waited already.
    pub(crate) pulls_refused_for_waiting: Counter,
    /// Pulls refused because too many waited for a cold read.
    pub(crate) pulls_refused_for_cold_reads: Counter,
    /// Offsets refused because their topic has no such queue.
    pub(crate) commits_refused: Counter,
    /// Pulls handed to a thread that may wait for the disk.
    pub(crate) cold_reads: Counter,
    /// Requests with a code that this broker does not serve.
    pub(crate) unsupported_requests: Counter,
}

/// One moment of [`Metrics`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MetricsSnapshot {
    pub sends_refused_for_backlog: u64,
    pub flush_timeouts: u64,
    pub sent_to_dead_letters: u64,
    pub delayed_left_out: u64,
    pub pulls_refused_for_waiting: u64,
    pub pulls_refused_for_cold_reads: u64,
    pub commits_refused: u64,
    pub cold_reads: u64,
    pub unsupported_requests: u64,
}

/// How much there is, and was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sizes {
    pub topics: usize,
    pub groups: usize,
    /// Groups whose clients want different things.
    pub conflicting_groups: usize,
    /// Messages stored since the start.
    pub messages_put: u64,
    /// Messages given to consumers since the start.
    pub messages_got: u64,
    /// Sends answered with a refusal since the start.
    pub sends_failed: u64,
}

impl Metrics {
    pub(crate) fn snapshot(&self) -> MetricsSnapshot {
        MetricsSnapshot {
            sends_refused_for_backlog: self.sends_refused_for_backlog.total(),
            flush_timeouts: self.flush_timeouts.total(),
            sent_to_dead_letters: self.sent_to_dead_letters.total(),
            delayed_left_out: self.delayed_left_out.total(),
            pulls_refused_for_waiting: self.pulls_refused_for_waiting.total(),
            pulls_refused_for_cold_reads: self.pulls_refused_for_cold_reads.total(),
            commits_refused: self.commits_refused.total(),
            cold_reads: self.cold_reads.total(),
            unsupported_requests: self.unsupported_requests.total(),
        }
    }
}
