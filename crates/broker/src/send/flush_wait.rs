//! Sends that wait for the disk (SYNC_FLUSH): their answers, in the order of the log.
//!
//! A run of sends waits as a whole, because it was written as a whole, and its answers wait encoded:
//! the flusher, for whom the disk waits, only hands them out, all of a connection at once. Whoever
//! waited longer than `syncFlushTimeout` is told FLUSH_DISK_TIMEOUT instead, and its consumers are
//! still woken when the disk has the message.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ferrocket_protocol::codes::response;
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::Peer;
use ferrocket_store::{FlushMode, PhysicalOffset};
use parking_lot::Mutex;

use super::answer::{self, Texts};
use super::error::BusyError;
use super::{Outcome, Send, SendRun};
use crate::Broker;
use crate::outboxes::Outboxes;

/// Sends that may wait for the disk at a time.
const SENDS_MAX: u64 = 32_768;
/// Bytes that may wait for the disk at a time.
const BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Lists of completed runs that are kept for use again, and how long they may be.
const SPARE_RUNS_MAX: usize = 256;
const SPARE_SENDS_MAX: usize = 256;
const SPARE_IDS_BYTES_MAX: usize = 16 * 1024;

/// A run of one connection that is in the log but not yet on the disk.
#[derive(Debug)]
pub(super) struct Parked {
    pub(super) end: PhysicalOffset,
    pub(super) deadline_ms: i64,
    /// Nobody sent what the broker itself stores.
    pub(super) peer: Option<Arc<dyn Peer>>,
    /// What its producers are told when the disk has it; nothing when they were told otherwise.
    pub(super) answers: Outbox,
    pub(super) run: ParkedRun,
}

/// What a run is made of.
#[derive(Debug, Default)]
pub(super) struct ParkedRun {
    pub(super) sends: Vec<Send>,
    pub(super) ids: String,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct FlushWait {
    /// Ordered by the end of the runs.
    runs: Mutex<VecDeque<Parked>>,
    sends: AtomicU64,
    spare: Mutex<Vec<ParkedRun>>,
}

impl FlushWait {
    fn park(&self, parked: Parked) {
        self.sends
            .fetch_add(parked.run.sends.len() as u64, Ordering::Relaxed);
        let mut runs = self.runs.lock();
        // Connections may append in one order and come here in another, never far apart.
        let at = runs
            .iter()
            .rposition(|run| run.end <= parked.end)
            .map_or(0, |at| at + 1);
        runs.insert(at, parked);
    }

    fn take_up_to(&self, durable: PhysicalOffset) -> VecDeque<Parked> {
        let mut runs = self.runs.lock();
        let count = runs.iter().take_while(|run| run.end <= durable).count();
        let rest = runs.split_off(count);
        let taken = std::mem::replace(&mut *runs, rest);
        drop(runs);
        let sends: usize = taken.iter().map(|parked| parked.run.sends.len()).sum();
        self.sends.fetch_sub(sends as u64, Ordering::Relaxed);
        taken
    }

    fn give_back(&self, mut run: ParkedRun) {
        let ParkedRun { sends, ids } = &mut run;
        if sends.capacity() > SPARE_SENDS_MAX || ids.capacity() > SPARE_IDS_BYTES_MAX {
            return;
        }
        sends.clear();
        ids.clear();
        let mut spare = self.spare.lock();
        if spare.len() < SPARE_RUNS_MAX {
            spare.push(run);
        }
    }
}

impl Broker {
    /// Parks what a run is made of, and leaves it empty lists.
    pub(super) fn park_sends(&self, run: &mut SendRun, park: impl FnOnce(ParkedRun) -> Parked) {
        let ParkedRun { sends, ids } = self.flush_wait.spare.lock().pop().unwrap_or_default();
        let run = ParkedRun {
            sends: std::mem::replace(&mut run.sends, sends),
            ids: std::mem::replace(&mut run.ids, ids),
        };
        self.flush_wait.park(park(run));
    }

    /// Refuses a send when too much waits for the disk already.
    pub(super) fn check_flush_backlog(&self, run: &SendRun) -> Result<(), BusyError> {
        if self.store.config().flush_mode == FlushMode::Async {
            return Ok(());
        }
        let waiting = self.flush_wait.sends.load(Ordering::Relaxed) + run.sends.len() as u64;
        if waiting >= SENDS_MAX {
            self.metrics.sends_refused_for_backlog.add(1);
            return Err(BusyError::Flush {
                what: "sends",
                waiting,
                max: SENDS_MAX,
            });
        }
        let behind = self.store.appended().0 - self.store.durable().0;
        let waiting = u64::try_from(behind).unwrap_or(0) + run.batch.bytes() as u64;
        if waiting >= BYTES_MAX {
            self.metrics.sends_refused_for_backlog.add(1);
            return Err(BusyError::Flush {
                what: "bytes",
                waiting,
                max: BYTES_MAX,
            });
        }
        Ok(())
    }

    /// Answers what the disk has by now and wakes the consumers that wait for it.
    pub(crate) fn complete_durable(&self, now_ms: i64) {
        let completed = self.flush_wait.take_up_to(self.store.durable());
        if completed.is_empty() {
            return;
        }
        let mut runs = Vec::with_capacity(completed.len());
        let mut answers = Outboxes::default();
        for parked in completed {
            if let Some(peer) = parked.peer {
                answers.add(peer, parked.answers);
            }
            runs.push(parked.run);
        }
        answers.send();
        let config = self.config.load();
        for run in runs {
            self.wake_for(now_ms, &config, &run.sends);
            self.flush_wait.give_back(run);
        }
    }

    /// Tells producers whose messages the disk did not get in time.
    pub(crate) fn expire_flush_waits(&self, now_ms: i64) {
        let mut answers = Outboxes::default();
        let mut scratch = String::new();
        let config = self.config.load();
        let mut runs = self.flush_wait.runs.lock();
        for parked in runs.iter_mut().filter(|it| it.deadline_ms <= now_ms) {
            let Some(peer) = &parked.peer else {
                continue;
            };
            parked.answers = Outbox::new();
            let ParkedRun { sends, ids } = &mut parked.run;
            for send in sends {
                let Outcome::Stored {
                    at,
                    answered: false,
                } = send.outcome
                else {
                    continue;
                };
                send.outcome = Outcome::Stored { at, answered: true };
                self.metrics.flush_timeouts.add(1);
                let texts = Texts {
                    ids,
                    scratch: &mut scratch,
                };
                let out = answers.of(peer);
                answer::stored(&config, send, &at, texts, response::FLUSH_DISK_TIMEOUT, out);
            }
        }
        drop(runs);
        answers.send();
    }
}
