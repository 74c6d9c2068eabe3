//! The threads of the store and the broker: the flusher, the segment maker, the write-behind, the
//! cleaner, the one that delivers delayed messages and, after a start, the index builder.
//!
//! Each waits for its signal or its period; none runs without cause. In SYNC_FLUSH the flusher
//! needs no timer: what was appended while one flush ran is the next flush (group commit). Without
//! one of them a broker would take requests and never answer: a panic of theirs ends the process,
//! and the next start recovers the store.

use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ferrocket_broker::Broker;
use ferrocket_store::{FlushError, FlushMode, Store, StoreSignals};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use parking_lot::{Condvar, Mutex};

use crate::clock::{now_ms, ticks_ns};
use crate::failure::end_process_on_panic;

/// The write-behind of queues, and the broker's offsets.
const WRITE_BEHIND_EVERY: Duration = Duration::from_secs(1);
/// The shortest period of the asynchronous flusher.
const FLUSH_CHECK_MIN: Duration = Duration::from_millis(100);
const FLUSH_CHECK_MAX: Duration = Duration::from_millis(1000);
/// How often the disks are measured, and what had no room is tried again.
const SPACE_CHECK_EVERY: Duration = Duration::from_secs(1);
/// Java's, and time to stop a broker whose settings would delete too much.
const FIRST_CLEAN_AFTER: Duration = Duration::from_secs(60);

/// How often the clock is looked at while delayed messages wait: it may jump.
const CLOCK_CHECK_EVERY: Duration = Duration::from_secs(1);
/// Messages that are due within this are delivered together.
const DELIVERY_STEP: Duration = Duration::from_millis(5);

/// The segment maker rests so many times as long as it wrote zeros: they cost as much as messages, and
/// where these come faster than that they go without.
const REST_OF_SEGMENT_MAKER: u32 = 9;
/// What the index builder reads of the log at once.
const INDEX_STEP_BYTES: u64 = 4 * 1024 * 1024;
/// How often it says how far it is.
const INDEX_PROGRESS_EVERY: Duration = Duration::from_secs(10);

/// A flag that a thread sleeps on.
#[derive(Debug, Default)]
struct Bell {
    state: Mutex<Rung>,
    rung: Condvar,
}

#[derive(Debug, Default)]
struct Rung {
    rung: bool,
    stopped: bool,
}

/// Why a thread woke up.
#[derive(Debug, PartialEq, Eq)]
enum Wake {
    Rung,
    Period,
    Stopped,
}

impl Bell {
    fn ring(&self) {
        let mut state = self.state.lock();
        if !state.rung {
            state.rung = true;
            self.rung.notify_one();
        }
    }

    fn stop(&self) {
        self.state.lock().stopped = true;
        self.rung.notify_one();
    }

    fn wait(&self, period: Option<Duration>) -> Wake {
        let mut state = self.state.lock();
        let deadline = period.map(|period| Instant::now() + period);
        loop {
            if state.stopped {
                return Wake::Stopped;
            }
            if std::mem::take(&mut state.rung) {
                return Wake::Rung;
            }
            match deadline {
                None => self.rung.wait(&mut state),
                Some(deadline) => {
                    if self.rung.wait_until(&mut state, deadline).timed_out() && !state.rung {
                        return if state.stopped {
                            Wake::Stopped
                        } else {
                            Wake::Period
                        };
                    }
                }
            }
        }
    }
}

/// The store's signals, each a bell of the thread that it wakes.
#[derive(Debug, Default)]
pub(crate) struct Bells {
    flush: Bell,
    segment: Bell,
    queues: Bell,
    space: Bell,
    delay: Bell,
    /// Only ever stopped: the index builder wakes by itself.
    index: Bell,
}

impl Bells {
    /// Delayed messages may be due before the time that the broker named.
    pub(crate) fn delay_wanted(&self) {
        self.delay.ring();
    }
}

impl StoreSignals for Bells {
    fn flush_wanted(&self) {
        self.flush.ring();
    }

    fn segment_wanted(&self) {
        self.segment.ring();
    }

    fn queues_wanted(&self) {
        self.queues.ring();
    }

    fn space_wanted(&self) {
        self.space.ring();
    }

    fn ticks_ns(&self) -> u64 {
        ticks_ns()
    }
}

/// The running threads; [`StoreThreads::stop`] joins them.
#[derive(Debug)]
pub(crate) struct StoreThreads {
    bells: Arc<Bells>,
    threads: Vec<JoinHandle<()>>,
}

impl StoreThreads {
    pub(crate) fn start(
        store: &Arc<Store>,
        broker: &Arc<Broker>,
        bells: &Arc<Bells>,
    ) -> std::io::Result<Self> {
        let mut threads = Self {
            bells: Arc::clone(bells),
            threads: Vec::new(),
        };
        let worker = Worker {
            store: Arc::clone(store),
            broker: Arc::downgrade(broker),
            bells: Arc::clone(bells),
        };
        threads.spawn("flusher", worker.clone(), Worker::flush)?;
        threads.spawn("segment-maker", worker.clone(), Worker::make_segments)?;
        threads.spawn("write-behind", worker.clone(), Worker::write_behind)?;
        threads.spawn("cleaner", worker.clone(), Worker::clean)?;
        threads.spawn("delay", worker.clone(), Worker::deliver)?;
        if !store.index_progress().complete {
            threads.spawn("index-builder", worker, Worker::build_index)?;
        }
        Ok(threads)
    }

    fn spawn(
        &mut self,
        name: &'static str,
        worker: Worker,
        job: fn(&Worker),
    ) -> std::io::Result<()> {
        let thread = std::thread::Builder::new().name(name.to_owned());
        self.threads
            .push(thread.spawn(move || end_process_on_panic(name, || job(&worker)))?);
        Ok(())
    }

    /// Ends all threads; what they would still have written is the business of `Store::close`.
    pub(crate) fn stop(self) {
        let Bells {
            flush,
            segment,
            queues,
            space,
            delay,
            index,
        } = &*self.bells;
        for bell in [flush, segment, queues, space, delay, index] {
            bell.stop();
        }
        for thread in self.threads {
            // A panic has ended the process before.
            let _ = thread.join();
        }
    }
}

#[derive(Debug, Clone)]
struct Worker {
    store: Arc<Store>,
    broker: Weak<Broker>,
    bells: Arc<Bells>,
}

impl Worker {
    fn flush(&self) {
        let period = match self.store.config().flush_mode {
            FlushMode::Sync => None,
            FlushMode::Async => {
                let interval = u64::try_from(self.store.config().flush_interval_ms);
                let interval = Duration::from_millis(interval.unwrap_or_default());
                Some(interval.clamp(FLUSH_CHECK_MIN, FLUSH_CHECK_MAX))
            }
        };
        let mut complaint = Complaint::new(
            "flush of the commit log failed, the store refuses messages from now on",
        );
        loop {
            match self.bells.flush.wait(period) {
                Wake::Stopped => return,
                Wake::Period if !self.store.flush_due(now_ms()) => continue,
                Wake::Period | Wake::Rung => {}
            }
            complaint.about(&self.store.flush(now_ms()).map(|_| ()));
            if let Some(broker) = self.broker.upgrade() {
                broker.durable_advanced(now_ms());
            }
        }
    }

    fn make_segments(&self) {
        let mut complaint = Complaint::new("cannot make the next commit log segment ready");
        let mut rest = None;
        while self.bells.segment.wait(rest) != Wake::Stopped {
            let began = Instant::now();
            let prepared = self.store.prepare_segment();
            let is_unfinished = matches!(prepared, Ok(true));
            rest = is_unfinished.then(|| began.elapsed() * REST_OF_SEGMENT_MAKER);
            complaint.about(&prepared.map(|_| ()));
        }
    }

    /// Runs until the message index is complete, at most half of the time, so that a start leaves
    /// the machine and the disk to those who send and receive.
    fn build_index(&self) {
        let began = Instant::now();
        let mut told = began;
        let behind_at_first = self.store.index_progress().behind_bytes;
        tracing::info!(
            behind_bytes = behind_at_first,
            "the message index is behind the log and catches up in the background"
        );
        let mut complaint = Complaint::new("the message index stays behind");
        loop {
            let step = Instant::now();
            let built = self.store.build_index(INDEX_STEP_BYTES);
            let full = matches!(built, Err(FlushError::NoSpace(_)));
            complaint.about(&built.as_ref().map(|_| ()));
            if built.is_err() && !full {
                return;
            }
            let progress = self.store.index_progress();
            let seconds = began.elapsed().as_secs();
            if progress.complete {
                tracing::info!(seconds, "the message index has caught up with the log");
                return;
            }
            if told.elapsed() >= INDEX_PROGRESS_EVERY {
                told = Instant::now();
                let behind_bytes = progress.behind_bytes;
                let done = behind_at_first.saturating_sub(behind_bytes);
                let seconds_left = behind_bytes.saturating_mul(seconds) / done.max(1);
                tracing::info!(behind_bytes, seconds_left, "the message index catches up");
            }
            let rest = if full {
                INDEX_PROGRESS_EVERY
            } else {
                step.elapsed()
            };
            if self.bells.index.wait(Some(rest)) == Wake::Stopped {
                return;
            }
        }
    }

    fn write_behind(&self) {
        let mut queues = Complaint::new("cannot write consume queues");
        let mut tables = Complaint::new("cannot write offsets of consumers or delay levels");
        let mut persisted = Instant::now();
        loop {
            if self.bells.queues.wait(Some(WRITE_BEHIND_EVERY)) == Wake::Stopped {
                return;
            }
            queues.about(&self.store.flush_queues(now_ms()));
            if persisted.elapsed() >= WRITE_BEHIND_EVERY
                && let Some(broker) = self.broker.upgrade()
            {
                persisted = Instant::now();
                tables.about(&broker.persist(now_ms()));
            }
        }
    }
}

impl Worker {
    /// Sleeps until the next delayed message is due, or for as long as none waits.
    fn deliver(&self) {
        let mut wait = Some(Duration::ZERO);
        while self.bells.delay.wait(wait) != Wake::Stopped {
            let Some(broker) = self.broker.upgrade() else {
                return;
            };
            let next_ms = broker.deliver_delayed(&now_ms);
            wait = match next_ms.checked_sub(now_ms()) {
                _ if next_ms == i64::MAX => None,
                Some(ms) if ms > 0 => Some(
                    Duration::from_millis(ms.unsigned_abs())
                        .clamp(DELIVERY_STEP, CLOCK_CHECK_EVERY),
                ),
                _ => Some(Duration::ZERO),
            };
        }
    }

    /// Measures the disks every second, and deletes what is expired or in the way.
    fn clean(&self) {
        let mut complaint = Complaint::new("cannot delete what is expired");
        let mut due = Instant::now() + FIRST_CLEAN_AFTER;
        while self.bells.space.wait(Some(SPACE_CHECK_EVERY)) != Wake::Stopped {
            self.store.watch_space();
            if Instant::now() < due {
                continue;
            }
            let now = Timestamp::now();
            let utc_offset_ms = i64::from(TimeZone::system().to_offset(now).seconds()) * 1000;
            let cleaned = self
                .store
                .clean(now_ms(), utc_offset_ms, &mut |ms| self.pause(ms));
            complaint.about(&cleaned);
            let interval_ms = self.store.retention().interval_ms;
            due = Instant::now() + Duration::from_millis(interval_ms.unsigned_abs());
        }
    }

    /// Waits between two deletions, and keeps an eye on the disks; false when the thread is to end.
    fn pause(&self, ms: i64) -> bool {
        let until = Instant::now() + Duration::from_millis(ms.unsigned_abs());
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            match self.bells.space.wait(Some(left.min(SPACE_CHECK_EVERY))) {
                Wake::Stopped => return false,
                Wake::Rung | Wake::Period => self.store.watch_space(),
            }
        }
    }
}

/// Logs a failure when its text is new, not on every turn.
#[derive(Debug)]
struct Complaint {
    what: &'static str,
    last: String,
}

impl Complaint {
    fn new(what: &'static str) -> Self {
        Self {
            what,
            last: String::new(),
        }
    }

    fn about<E: std::error::Error>(&mut self, result: &Result<(), E>) {
        let text = match result {
            Ok(()) => String::new(),
            Err(error) => crate::failure::with_causes(error),
        };
        if text != self.last {
            if !text.is_empty() {
                tracing::error!(cause = %text, "{}", self.what);
            }
            self.last = text;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bell_rung_before_the_wait_is_heard_once() {
        let bell = Bell::default();
        bell.ring();
        bell.ring();
        assert_eq!(bell.wait(None), Wake::Rung);
        assert_eq!(bell.wait(Some(Duration::from_millis(1))), Wake::Period);
        bell.ring();
        bell.stop();
        assert_eq!(bell.wait(None), Wake::Stopped);
    }

    #[test]
    fn a_bell_wakes_a_thread_that_waits_without_a_period() {
        let bell = Arc::new(Bell::default());
        let sleeper = {
            let bell = Arc::clone(&bell);
            std::thread::spawn(move || bell.wait(None))
        };
        bell.ring();
        assert_eq!(sleeper.join().unwrap(), Wake::Rung);
    }
}
