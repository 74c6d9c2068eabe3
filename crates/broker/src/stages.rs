//! How long the broker's own part of a run of sends takes. One run in [`ONE_IN`] is timed.

use std::sync::atomic::{AtomicU64, Ordering};

use ferrocket_protocol::stages::{Durations, DurationsSnapshot, ONE_IN};

use crate::{Broker, Surroundings};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Stages {
    runs: AtomicU64,
    /// Headers read, messages checked and encoded.
    check: Durations,
    /// Answers encoded, or parked until the disk has the messages.
    reply: Durations,
    /// Consumers looked for that wait for one of the messages, and served.
    dispatch: Durations,
}

/// A run that is timed, and since when its present stage lasts.
#[derive(Debug)]
pub(crate) struct Stopwatch<'a> {
    stages: &'a Stages,
    clock: &'a dyn Surroundings,
    since_ns: u64,
}

impl Stopwatch<'_> {
    pub(crate) fn checked(&mut self) {
        self.end(|stages| &stages.check);
    }

    pub(crate) fn replied(&mut self) {
        self.end(|stages| &stages.reply);
    }

    pub(crate) fn dispatched(&mut self) {
        self.end(|stages| &stages.dispatch);
    }

    fn end(&mut self, stage: impl FnOnce(&Stages) -> &Durations) {
        let now_ns = self.clock.ticks_ns();
        stage(self.stages).add(now_ns.saturating_sub(self.since_ns));
        self.since_ns = now_ns;
    }
}

impl Broker {
    /// When a run begins, if it is one of those that are timed.
    pub(crate) fn begin_run(&self) -> Option<u64> {
        let number = self.stages.runs.fetch_add(1, Ordering::Relaxed);
        let timed = number.is_multiple_of(ONE_IN);
        timed.then(|| self.surroundings.ticks_ns())
    }

    /// Goes on with a run that began at `since_ns`.
    pub(crate) fn stopwatch(&self, since_ns: u64) -> Stopwatch<'_> {
        Stopwatch {
            stages: &self.stages,
            clock: &*self.surroundings,
            since_ns,
        }
    }

    /// How long the broker's own stages of a send take, by name.
    #[must_use]
    pub fn stages(&self) -> [(&'static str, DurationsSnapshot); 3] {
        [
            ("check", self.stages.check.snapshot()),
            ("reply", self.stages.reply.snapshot()),
            ("dispatch", self.stages.dispatch.snapshot()),
        ]
    }
}
