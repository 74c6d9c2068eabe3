//! Pulls that wait for messages of one topic (`PullRequestHoldService`), by queue.
//!
//! A waiter leaves in one of four ways: a message that it may want arrives, its time is over, the
//! regular look finds its queue longer than it knew (messages that its filter passed over), or its
//! topic or the broker goes. Whoever takes it out answers it. Nothing is answered under the lock.

use std::sync::atomic::{AtomicUsize, Ordering, fence};

use bytes::Bytes;
use parking_lot::Mutex;

use super::Pull;
use crate::read_mostly::FixedMap;

/// A pull with the time at which it is answered in any case.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) pull: Pull,
    pub(crate) deadline_ms: i64,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// Waiters of all queues; zero spares the lock on every send.
    count: AtomicUsize,
    /// Those that want to see what arrives.
    looking: AtomicUsize,
    queues: Mutex<FixedMap<i32, Vec<Waiter>>>,
}

impl Waiting {
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// Whether a waiter chooses by more than the tags.
    pub(crate) fn looks_into_records(&self) -> bool {
        self.looking.load(Ordering::Relaxed) > 0
    }

    pub(crate) fn park(&self, waiter: Waiter) {
        if waiter.pull.filter.looks_into_records() {
            self.looking.fetch_add(1, Ordering::Relaxed);
        }
        let mut queues = self.queues.lock();
        queues.entry(waiter.pull.queue_id).or_default().push(waiter);
        self.count.fetch_add(1, Ordering::Relaxed);
        drop(queues);
        // Pairs with `before_arrivals`: whoever parks looks at the queue again after this, so either
        // it sees the message, or the sender sees the waiter.
        fence(Ordering::SeqCst);
    }

    /// Messages up to `next` arrived in a queue: takes the waiters that want these tags and, if they
    /// look into records, one of these. Without records they take what they can get.
    pub(crate) fn arrived(
        &self,
        queue_id: i32,
        next: i64,
        tags_code: Option<i64>,
        records: &[Bytes],
        woken: &mut Vec<Pull>,
    ) {
        if self.is_empty() {
            return;
        }
        let mut queues = self.queues.lock();
        let Some(waiters) = queues.get_mut(&queue_id) else {
            return;
        };
        let before = woken.len();
        take(waiters, woken, |waiter| {
            next > waiter.pull.offset.0 && waiter.pull.wants(tags_code, records)
        });
        if waiters.is_empty() {
            queues.remove(&queue_id);
        }
        self.left(woken.get(before..).unwrap_or_default());
    }

    /// Takes the waiters for which `leaves` says so.
    pub(crate) fn take_if(&self, mut leaves: impl FnMut(&Waiter) -> bool, woken: &mut Vec<Pull>) {
        if self.is_empty() {
            return;
        }
        let before = woken.len();
        let mut queues = self.queues.lock();
        queues.retain(|_, waiters| {
            take(waiters, woken, &mut leaves);
            !waiters.is_empty()
        });
        self.left(woken.get(before..).unwrap_or_default());
    }

    fn left(&self, woken: &[Pull]) {
        let looking = woken.iter();
        let looking = looking.filter(|pull| pull.filter.looks_into_records());
        self.looking.fetch_sub(looking.count(), Ordering::Relaxed);
        self.count.fetch_sub(woken.len(), Ordering::Relaxed);
    }
}

/// To be called once between an append and the [`Waiting::arrived`] of its messages.
pub(crate) fn before_arrivals() {
    fence(Ordering::SeqCst);
}

/// Moves the waiters that leave, and keeps the others in their order.
fn take(waiters: &mut Vec<Waiter>, woken: &mut Vec<Pull>, mut leaves: impl FnMut(&Waiter) -> bool) {
    woken.extend(
        waiters
            .extract_if(.., |waiter| leaves(waiter))
            .map(|waiter| waiter.pull),
    );
}
