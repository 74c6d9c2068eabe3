//! The threads that serve reads of the past, which may wait for a disk.
//!
//! Bounded on both sides: at most [`THREADS_MAX`] threads, at most [`JOBS_MAX`] jobs waiting. A
//! broker whose readers all follow the end of the log never starts one of these threads. Jobs whose
//! peer is gone are not served; a job that panics costs its peer the connection and nobody else
//! anything.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use ferrocket_broker::{Broker, ColdRead};
use ferrocket_protocol::peer::Peer;
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::clock::now_ms;

pub(crate) const THREADS_MAX: usize = 4;
/// Further reads are answered busy.
pub(crate) const JOBS_MAX: usize = 1024;
/// A thread without work for so long ends.
const IDLE: Duration = Duration::from_secs(30);
/// How long a stop waits for reads that are being served.
const STOP_LIMIT: Duration = Duration::from_millis(500);

/// The reads of a broker; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct ColdReads {
    pool: Pool<Read>,
    broker: Arc<Mutex<Weak<Broker>>>,
}

impl ColdReads {
    /// Names the broker that serves the jobs; before this, and after it is gone, jobs are refused.
    pub(crate) fn serve(&self, broker: &Arc<Broker>) {
        *self.broker.lock() = Arc::downgrade(broker);
    }

    /// Queues a job; false when the queue is full, the pool has stopped or there is no broker.
    pub(crate) fn submit(&self, job: ColdRead) -> bool {
        let broker = Weak::clone(&self.broker.lock());
        broker.strong_count() > 0 && self.pool.submit(Read { broker, job })
    }

    /// Refuses further jobs and those waiting, and waits a while for those that are being served.
    pub(crate) fn stop(&self) {
        if !self.pool.stop(STOP_LIMIT) {
            tracing::warn!(
                "reads of the past are still waiting for the disk, stopping without them"
            );
        }
    }
}

/// A read and its broker, which must not be kept alive by what waits.
#[derive(Debug)]
struct Read {
    broker: Weak<Broker>,
    job: ColdRead,
}

impl Job for Read {
    fn peer(&self) -> &Arc<dyn Peer> {
        self.job.peer()
    }

    fn serve(self) {
        if let Some(broker) = self.broker.upgrade() {
            broker.read_cold(now_ms(), self.job);
        }
    }

    fn refuse(self) {
        if let Some(broker) = self.broker.upgrade() {
            broker.refuse_cold(&self.job);
        }
    }
}

/// Something to do for a peer.
trait Job: Send + 'static {
    fn peer(&self) -> &Arc<dyn Peer>;
    fn serve(self);
    fn refuse(self);
}

#[derive(Debug)]
struct Pool<J> {
    shared: Arc<Shared<J>>,
}

#[derive(Debug)]
struct Shared<J> {
    state: Mutex<State<J>>,
    work: Condvar,
    /// Rung when a thread ends.
    ended: Condvar,
}

#[derive(Debug)]
struct State<J> {
    jobs: VecDeque<J>,
    threads: usize,
    idle: usize,
    stopped: bool,
}

impl<J> Clone for Pool<J> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<J> Default for Pool<J> {
    fn default() -> Self {
        let state = State {
            jobs: VecDeque::new(),
            threads: 0,
            idle: 0,
            stopped: false,
        };
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                work: Condvar::new(),
                ended: Condvar::new(),
            }),
        }
    }
}

impl<J: Job> Pool<J> {
    fn submit(&self, job: J) -> bool {
        let mut state = self.shared.state.lock();
        if state.stopped || state.jobs.len() >= JOBS_MAX {
            return false;
        }
        if state.idle == 0 && state.threads < THREADS_MAX {
            let seat = Seat {
                shared: Arc::clone(&self.shared),
                taken: true,
            };
            let name = format!("cold-read-{}", state.threads);
            // Counted before, because a seat that is dropped unused counts itself out.
            state.threads += 1;
            let spawned = MutexGuard::unlocked(&mut state, || {
                std::thread::Builder::new()
                    .name(name)
                    .spawn(move || seat.work())
                    .is_ok()
            });
            if state.stopped || (!spawned && state.threads == 0) {
                return false;
            }
        }
        state.jobs.push_back(job);
        drop(state);
        self.shared.work.notify_one();
        true
    }

    /// False when jobs are still being served after `limit`.
    fn stop(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        let mut state = self.shared.state.lock();
        state.stopped = true;
        let waiting = std::mem::take(&mut state.jobs);
        self.shared.work.notify_all();
        drop(state);
        for job in waiting {
            job.refuse();
        }
        let mut state = self.shared.state.lock();
        while state.threads > 0 {
            let waited = self.shared.ended.wait_until(&mut state, deadline);
            if waited.timed_out() {
                return state.threads == 0;
            }
        }
        true
    }
}

/// A thread's place among [`THREADS_MAX`], free again however the thread ends.
struct Seat<J> {
    shared: Arc<Shared<J>>,
    taken: bool,
}

impl<J> Drop for Seat<J> {
    fn drop(&mut self) {
        if self.taken {
            self.shared.state.lock().threads -= 1;
        }
        self.shared.ended.notify_all();
    }
}

impl<J: Job> Seat<J> {
    fn work(mut self) {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                MutexGuard::unlocked(&mut state, || serve(job));
                continue;
            }
            if state.stopped {
                break;
            }
            state.idle += 1;
            let waited = shared.work.wait_for(&mut state, IDLE);
            state.idle -= 1;
            if waited.timed_out() && state.jobs.is_empty() {
                break;
            }
        }
        // Under the same lock as the last look at the jobs: none is left to a thread that goes.
        state.threads -= 1;
        self.taken = false;
    }
}

fn serve<J: Job>(job: J) {
    let peer = Arc::clone(job.peer());
    if !peer.is_open() {
        return;
    }
    if std::panic::catch_unwind(AssertUnwindSafe(|| job.serve())).is_err() {
        tracing::error!(remote = %peer.remote(), "a read of the past panicked, its connection is closed");
        peer.close();
    }
}

#[cfg(test)]
#[path = "cold_reads_tests.rs"]
mod tests;
