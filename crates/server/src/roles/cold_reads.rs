//! The threads that serve reads of the past, which may wait for a disk.
//!
//! Bounded on both sides: at most [`THREADS_MAX`] threads, at most [`JOBS_MAX`] jobs waiting. A
//! broker whose readers all follow the end of the log never starts one of these threads.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use ferrocket_broker::{Broker, ColdRead};
use parking_lot::{Condvar, Mutex};

use crate::clock::now_ms;

pub(crate) const THREADS_MAX: usize = 4;
/// Further reads are answered busy.
pub(crate) const JOBS_MAX: usize = 1024;
/// A thread without work for so long ends.
const IDLE: Duration = Duration::from_secs(30);

/// The pool; clones share it.
#[derive(Debug, Clone, Default)]
pub(crate) struct ColdReads {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Debug, Default)]
struct State {
    broker: Weak<Broker>,
    jobs: VecDeque<ColdRead>,
    threads: usize,
    idle: usize,
    stopped: bool,
}

impl ColdReads {
    /// Names the broker that serves the jobs; before this, and after it is gone, jobs are refused.
    pub(crate) fn serve(&self, broker: &Arc<Broker>) {
        self.shared.state.lock().broker = Arc::downgrade(broker);
    }

    /// Queues a job; false when the queue is full or the pool has stopped.
    pub(crate) fn submit(&self, job: ColdRead) -> bool {
        let mut state = self.shared.state.lock();
        if state.stopped || state.jobs.len() >= JOBS_MAX {
            return false;
        }
        if state.idle == 0 && state.threads < THREADS_MAX {
            let shared = Arc::clone(&self.shared);
            let name = format!("cold-read-{}", state.threads);
            let spawned = std::thread::Builder::new()
                .name(name)
                .spawn(move || shared.work());
            match spawned {
                Ok(_) => state.threads += 1,
                Err(_) if state.threads == 0 => return false,
                Err(_) => {}
            }
        }
        state.jobs.push_back(job);
        drop(state);
        self.shared.work.notify_one();
        true
    }

    /// Refuses further jobs, drops those waiting and waits until none is being served.
    pub(crate) fn stop(&self) {
        let mut state = self.shared.state.lock();
        state.stopped = true;
        state.jobs.clear();
        self.shared.work.notify_all();
        while state.threads > 0 {
            self.shared.work.wait(&mut state);
        }
    }
}

impl Shared {
    fn work(&self) {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                let broker = state.broker.upgrade();
                drop(state);
                if let Some(broker) = broker {
                    broker.read_cold(now_ms(), job);
                }
                state = self.state.lock();
                continue;
            }
            if state.stopped {
                break;
            }
            state.idle += 1;
            let waited = self.work.wait_for(&mut state, IDLE);
            state.idle -= 1;
            if waited.timed_out() && state.jobs.is_empty() {
                break;
            }
        }
        state.threads -= 1;
        drop(state);
        self.work.notify_all();
    }
}
