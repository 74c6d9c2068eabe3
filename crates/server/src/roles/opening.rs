//! Threads for the opening of the store, and a line every few seconds on how far a long one is.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ferrocket_store::Opening;
use parking_lot::Mutex;

/// No more threads open files at once.
const THREADS_MAX: usize = 8;

const TELL_EVERY: Duration = Duration::from_secs(3);

/// Lent to the store while it is opened.
#[derive(Debug)]
pub(crate) struct OpeningThreads {
    begun: Instant,
    told: Mutex<Instant>,
}

impl OpeningThreads {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self {
            begun: now,
            told: Mutex::new(now),
        }
    }
}

impl Opening for OpeningThreads {
    fn each(&self, jobs: usize, job: &(dyn Fn(usize) + Sync)) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        // Reading many small files waits for the disk more than it computes.
        let threads = (cores * 2).min(THREADS_MAX).min(jobs);
        if threads <= 1 {
            return (0..jobs).for_each(job);
        }
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        if index >= jobs {
                            return;
                        }
                        job(index);
                    }
                });
            }
        });
    }

    fn progress(&self, done_bytes: u64, total_bytes: u64) {
        let mut told = self.told.lock();
        if told.elapsed() < TELL_EVERY {
            return;
        }
        *told = Instant::now();
        let left = remaining(self.begun.elapsed(), done_bytes, total_bytes);
        tracing::info!(
            percent = percent(done_bytes, total_bytes),
            mib = done_bytes >> 20,
            of_mib = total_bytes >> 20,
            remaining_s = left.map(|left| left.as_secs()),
            "reading the commit log"
        );
    }
}

fn percent(done: u64, total: u64) -> u64 {
    done.saturating_mul(100).checked_div(total).unwrap_or(100)
}

/// How long the rest takes at the speed so far.
fn remaining(elapsed: Duration, done: u64, total: u64) -> Option<Duration> {
    let rest = total.saturating_sub(done) as f64;
    (done > 0).then(|| elapsed.mul_f64(rest / done as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_runs_once() {
        let ran: Vec<AtomicUsize> = (0..1000).map(|_| AtomicUsize::new(0)).collect();
        OpeningThreads::new().each(ran.len(), &|index| {
            ran[index].fetch_add(1, Ordering::Relaxed);
        });
        assert!(ran.iter().all(|ran| ran.load(Ordering::Relaxed) == 1));
    }

    #[test]
    fn the_rest_takes_as_long_as_what_is_done() {
        let left = remaining(Duration::from_secs(3), 25, 100);
        assert_eq!(left, Some(Duration::from_secs(9)));
        assert_eq!(remaining(Duration::from_secs(3), 0, 100), None);
        assert_eq!((percent(25, 100), percent(0, 0)), (25, 100));
    }
}
