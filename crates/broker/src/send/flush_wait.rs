//! Sends that wait for the disk (SYNC_FLUSH): their answers, in the order of the log.
//!
//! A run of sends waits as a whole, because it was written as a whole. The flusher completes all
//! runs up to the durable watermark; those of one connection leave together. Whoever waited longer
//! than `syncFlushTimeout` is told FLUSH_DISK_TIMEOUT, and its consumers are still woken when the
//! disk has the message.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ferrocket_protocol::codes::response;
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

/// A run of one connection that is in the log but not yet on the disk.
#[derive(Debug)]
pub(super) struct Parked {
    pub(super) end: PhysicalOffset,
    pub(super) deadline_ms: i64,
    /// Nobody sent what the broker itself stores.
    pub(super) peer: Option<Arc<dyn Peer>>,
    pub(super) sends: Vec<Send>,
    pub(super) ids: String,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct FlushWait {
    /// Ordered by the end of the runs.
    runs: Mutex<VecDeque<Parked>>,
    sends: AtomicU64,
}

impl FlushWait {
    fn park(&self, parked: Parked) {
        self.sends
            .fetch_add(parked.sends.len() as u64, Ordering::Relaxed);
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
        let sends: usize = taken.iter().map(|run| run.sends.len()).sum();
        self.sends.fetch_sub(sends as u64, Ordering::Relaxed);
        taken
    }
}

impl Broker {
    pub(super) fn park_sends(&self, parked: Parked) {
        self.flush_wait.park(parked);
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
        let config = self.config.load();
        let mut answers = Outboxes::default();
        let mut scratch = String::new();
        for run in &completed {
            let Some(peer) = &run.peer else {
                continue;
            };
            let out = answers.of(peer);
            for send in &run.sends {
                if let Outcome::Stored {
                    at,
                    answered: false,
                } = &send.outcome
                {
                    let texts = Texts {
                        ids: &run.ids,
                        scratch: &mut scratch,
                    };
                    answer::stored(&config, send, at, texts, response::SUCCESS, out);
                }
            }
        }
        answers.send();
        for run in &completed {
            self.wake_for(now_ms, &config, &run.sends);
        }
    }

    /// Tells producers whose messages the disk did not get in time.
    pub(crate) fn expire_flush_waits(&self, now_ms: i64) {
        let mut answers = Outboxes::default();
        let mut scratch = String::new();
        let config = self.config.load();
        let mut runs = self.flush_wait.runs.lock();
        for run in runs.iter_mut().filter(|run| run.deadline_ms <= now_ms) {
            let Parked {
                peer: Some(peer),
                sends,
                ids,
                ..
            } = run
            else {
                continue;
            };
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
