//! Pulls that wait: how they are put aside, and who takes them up again.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use ferrocket_protocol::outbox::Outbox;
use ferrocket_store::QueueOffset;

use super::error::{BusyError, PullError};
use super::waiting::Waiter;
use super::{Place, Pull, refuse};
use crate::Broker;
use crate::config::BrokerConfig;
use crate::outboxes::Outboxes;
use crate::topics::Topic;

/// Pulls that may wait at a time.
const WAITERS_MAX: usize = 100_000;
/// How often the queues of waiting pulls are looked at (`PullRequestHoldService`).
const LOOK_INTERVAL_MS: i64 = 5_000;

impl Broker {
    /// `seen_max` is the end of the queue that the pull has seen.
    pub(super) fn park_pull(
        &self,
        now_ms: i64,
        config: &BrokerConfig,
        mut pull: Pull,
        deadline_ms: i64,
        seen_max: QueueOffset,
        out: &mut Outbox,
    ) {
        let state = &self.pull_state;
        let waiting = state.waiting.load(Ordering::Relaxed);
        if waiting >= WAITERS_MAX {
            self.metrics.pulls_refused_for_waiting.add(1);
            refuse(
                pull.to,
                &BusyError::Waiting {
                    waiting,
                    max: WAITERS_MAX,
                }
                .into(),
                out,
            );
            return;
        }
        pull.suspend_ms = None;
        let topic = Arc::clone(&pull.topic);
        let live = &topic.live;
        let queue_id = pull.queue_id;
        state.waiting.fetch_add(1, Ordering::Relaxed);
        live.waiting.park(Waiter { pull, deadline_ms });
        // Only now: a look that begins between the two either sees the waiter or is lowered after.
        state
            .next_deadline_ms
            .fetch_min(deadline_ms, Ordering::Relaxed);
        // The topic may have been deleted since it was looked up, and its waiters answered already.
        let present = self.topics.get(&live.name);
        if !present.is_some_and(|present| Arc::ptr_eq(&present.live, live)) {
            self.drop_waiters(&topic);
            return;
        }
        // A message may have come between the read and the parking.
        let max = self.store.max_offset(&live.name, queue_id);
        if max > seen_max {
            let mut woken = Vec::new();
            live.waiting.arrived(queue_id, max.0, None, &[], &mut woken);
            self.resume_pulls(now_ms, config, woken);
        }
    }

    /// Reads again for pulls that were taken out of waiting, and sends what they get.
    pub(crate) fn resume_pulls(&self, now_ms: i64, config: &BrokerConfig, woken: Vec<Pull>) {
        if woken.is_empty() {
            return;
        }
        self.pull_state
            .waiting
            .fetch_sub(woken.len(), Ordering::Relaxed);
        let mut answers = Outboxes::default();
        for pull in woken {
            if !pull.peer.is_open() {
                continue;
            }
            let peer = Arc::clone(&pull.peer);
            self.serve_pull(now_ms, config, pull, Place::Task, answers.of(&peer));
        }
        answers.send();
    }

    /// Answers pulls whose time is over, and every few seconds those whose queue grew by messages
    /// that they did not want.
    pub(crate) fn expire_pulls(&self, now_ms: i64) {
        let state = &self.pull_state;
        let look = now_ms >= state.next_look_ms.load(Ordering::Relaxed);
        if !look
            && (state.waiting.load(Ordering::Relaxed) == 0
                || now_ms < state.next_deadline_ms.load(Ordering::Relaxed))
        {
            return;
        }
        let config = self.config.load();
        if look {
            let interval_ms = if config.long_polling_enable {
                LOOK_INTERVAL_MS
            } else {
                config.short_polling_time_ms
            };
            state
                .next_look_ms
                .store(now_ms + interval_ms, Ordering::Relaxed);
        }
        if state.waiting.load(Ordering::Relaxed) == 0 {
            return;
        }
        // Set before the look, so that a pull parked meanwhile lowers it again.
        state.next_deadline_ms.store(i64::MAX, Ordering::Relaxed);
        let mut next_ms = i64::MAX;
        let mut woken = Vec::new();
        self.topics.each_with_light(|topic| {
            let live = &topic.live;
            live.waiting.take_if(
                |waiter| {
                    let leaves = waiter.deadline_ms <= now_ms
                        || (look && self.is_overtaken(&live.name, &waiter.pull));
                    if !leaves {
                        next_ms = next_ms.min(waiter.deadline_ms);
                    }
                    leaves
                },
                &mut woken,
            );
        });
        state.next_deadline_ms.fetch_min(next_ms, Ordering::Relaxed);
        self.resume_pulls(now_ms, &config, woken);
    }

    /// Answers the pulls of a group that wait for a topic: its offsets were reset.
    pub(crate) fn wake_group(&self, now_ms: i64, topic: &Topic, group: &str) {
        let mut woken = Vec::new();
        let waiting = &topic.live.waiting;
        waiting.take_if(|waiter| &*waiter.pull.group.name == group, &mut woken);
        self.resume_pulls(now_ms, &self.config.load(), woken);
    }

    /// Whether nobody waits for the answer any more, or the queue is longer than the waiter knew.
    fn is_overtaken(&self, topic: &str, pull: &Pull) -> bool {
        !pull.peer.is_open() || self.store.max_offset(topic, pull.queue_id) > pull.offset
    }

    /// Answers every pull that waits for the topic: it is deleted, and not in the table any more.
    pub(crate) fn drop_waiters(&self, topic: &Topic) {
        // Pairs with `Waiting::park`: either this sees the waiter, or whoever parks sees that the
        // topic is gone.
        fence(Ordering::SeqCst);
        let mut woken = Vec::new();
        topic.live.waiting.take_if(|_| true, &mut woken);
        self.pull_state
            .waiting
            .fetch_sub(woken.len(), Ordering::Relaxed);
        let mut answers = Outboxes::default();
        for pull in woken {
            let error = PullError::TopicMissing {
                topic: topic.name().to_string(),
            };
            refuse(pull.to, &error, answers.of(&pull.peer));
        }
        answers.send();
    }

    /// Answers every waiting pull as if its time were over: the broker stops.
    pub(crate) fn answer_waiters(&self, now_ms: i64) {
        let mut woken = Vec::new();
        self.topics
            .each_with_light(|topic| topic.live.waiting.take_if(|_| true, &mut woken));
        self.resume_pulls(now_ms, &self.config.load(), woken);
    }
}
