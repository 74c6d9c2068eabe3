//! How long an append waits for its turn, how long it takes, and how long a sync of the log takes.

use ferrocket_protocol::stages::{Durations, DurationsSnapshot};

use super::Store;
use crate::batch::AppendBatch;
use crate::signals::StoreSignals;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Stages {
    wait: Durations,
    append: Durations,
    /// Every sync is timed.
    flush: Durations,
}

impl Stages {
    /// The append lock was taken; tells when.
    pub(super) fn waited(&self, from_ns: u64, clock: &dyn StoreSignals) -> u64 {
        let now_ns = clock.ticks_ns();
        self.wait.add(now_ns.saturating_sub(from_ns));
        now_ns
    }

    pub(super) fn appended(&self, from_ns: u64, clock: &dyn StoreSignals) {
        self.append.add(clock.ticks_ns().saturating_sub(from_ns));
    }

    pub(super) fn flushed(&self, from_ns: u64, clock: &dyn StoreSignals) {
        self.flush.add(clock.ticks_ns().saturating_sub(from_ns));
    }
}

impl AppendBatch {
    /// The next append of this batch is timed.
    pub fn time_next_append(&mut self) {
        self.timed = true;
    }
}

impl Store {
    /// How long the stages of the store take, by name.
    #[must_use]
    pub fn stages(&self) -> [(&'static str, DurationsSnapshot); 3] {
        [
            ("wait", self.stages.wait.snapshot()),
            ("append", self.stages.append.snapshot()),
            ("flush", self.stages.flush.snapshot()),
        ]
    }
}
