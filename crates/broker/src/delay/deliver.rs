//! Deliveries: messages whose time has come go into their own topics.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use ferrocket_protocol::message::view::records;
use ferrocket_protocol::message::{View, properties, property};
use ferrocket_store::{NewMessage, QueueEntry, QueueOffset, ReadAnswer, ReadRequest, ReadStatus};

use super::put::nameless;
use super::{IDLE, Level};
use crate::Broker;
use crate::config::BrokerRole;
use crate::send::SendRun;
use crate::topics::Topic;
use crate::topics::names::{HALF_TOPIC, SCHEDULE_TOPIC};

/// What one level delivers before it is another's turn.
const TURN_MESSAGES_MAX: usize = 1_024;
const TURN_BYTES_MAX: usize = 1024 * 1024;
/// A level that could not go on is tried again after this, as in Java.
const RETRY_MS: i64 = 100;
/// Messages read at once.
const READ_MESSAGES: u32 = 256;
const READ_BYTES: usize = 1024 * 1024;

/// How far a read of a level came.
enum Came {
    /// To this place; more may be due.
    To(i64),
    /// Nothing is due before this time.
    Until(i64),
    /// To the end of the queue.
    End,
}

impl Broker {
    /// Delivers the delayed messages that are due, a bounded number of each level, and tells when it
    /// wants to be called again: at once, at a time, or (`i64::MAX`) when
    /// [`Surroundings::delay_wanted`](crate::Surroundings::delay_wanted) says so. May wait for the
    /// disk. A clock that jumps forward is not heard of: call it from time to time while anything
    /// waits. `clock` is asked again and again: messages arrive meanwhile, and a time that was read
    /// before they were stored says nothing about them.
    pub fn deliver_delayed(&self, clock: &dyn Fn() -> i64) -> i64 {
        if self.is_stopping() || self.config.load().broker_role == BrokerRole::Slave {
            return IDLE;
        }
        let mut run = self.delay.turn.lock();
        for level in &self.delay.levels {
            let now_ms = clock();
            if !level.is_due(now_ms) {
                continue;
            }
            let wake_ms = self.deliver_level(clock, level, &mut run);
            level.wake_ms.store(wake_ms, Ordering::Release);
            if wake_ms == IDLE {
                // Pairs with `before_arrivals`: either this sees the message, or its sender sees that
                // the level is idle.
                fence(Ordering::SeqCst);
                let max = self.store.max_offset(SCHEDULE_TOPIC, level.queue_id).0;
                if max > level.offset.load(Ordering::Acquire) {
                    level.wake_ms.store(now_ms, Ordering::Release);
                }
            }
        }
        let wakes = self.delay.levels.iter();
        let wakes = wakes.map(|level| level.wake_ms.load(Ordering::Acquire));
        wakes.min().unwrap_or(IDLE)
    }

    /// Delivers what is due of a level, up to a bound; tells when to look at it again.
    fn deliver_level(&self, clock: &dyn Fn() -> i64, level: &Level, run: &mut SendRun) -> i64 {
        let mut wake_ms = clock();
        if self.has_flush_backlog(run) {
            return wake_ms + RETRY_MS;
        }
        let began = level.offset.load(Ordering::Acquire);
        let mut place = began;
        // Where each message of the run was.
        let mut places = Vec::new();
        while places.len() < TURN_MESSAGES_MAX && run.bytes() < TURN_BYTES_MAX {
            match self.read_due(clock, level, place, run, &mut places) {
                Ok(Came::To(next)) if next != place => place = next,
                Ok(Came::To(_)) => {
                    wake_ms = clock() + RETRY_MS;
                    break;
                }
                Ok(Came::End) => {
                    wake_ms = IDLE;
                    break;
                }
                Ok(Came::Until(due_ms)) => {
                    wake_ms = due_ms;
                    break;
                }
                Err(error) => {
                    tracing::error!(level = level.number(), %error, "delayed messages cannot be read");
                    wake_ms = clock() + RETRY_MS;
                    break;
                }
            }
        }
        let now_ms = clock();
        let put = self.commit_own(now_ms, run);
        if let Some(refused_at) = places.get(put.stored) {
            let level = level.number();
            if let Some(cause) = put.refusal {
                tracing::warn!(level, %cause, "delayed messages are due but cannot be stored yet");
            }
            place = *refused_at;
            wake_ms = now_ms + RETRY_MS;
        }
        self.advance(now_ms, level, began, place);
        wake_ms
    }

    /// Reads on from a place, and adds what is due to the run.
    fn read_due(
        &self,
        clock: &dyn Fn() -> i64,
        level: &Level,
        place: i64,
        run: &mut SendRun,
        places: &mut Vec<i64>,
    ) -> Result<Came, ferrocket_store::ReadError> {
        let request = ReadRequest {
            topic: SCHEDULE_TOPIC,
            queue_id: level.queue_id,
            offset: QueueOffset(place),
            messages_max: READ_MESSAGES,
            bytes_max: READ_BYTES,
            hot_only: false,
        };
        let mut due_next_ms = None;
        let mut now_ms = clock();
        let mut is_due = |entry: &QueueEntry<'_>| {
            if entry
                .tags_code
                .is_some_and(|at_ms| level.is_too_far(at_ms, now_ms))
            {
                // It may have been stored since the clock was read.
                now_ms = clock();
            }
            let due_ms = due_ms(entry, level, now_ms);
            if due_ms > now_ms {
                due_next_ms = Some(due_ms);
            }
            due_ms <= now_ms
        };
        let answer = self.store.read_while(&request, &mut is_due)?;
        Ok(match answer.status {
            ReadStatus::Found => {
                self.add_due(&answer, run, places);
                Came::To(answer.next_offset.0)
            }
            ReadStatus::NoMessageInQueue | ReadStatus::OffsetOverflowOne => Came::End,
            _ => match due_next_ms {
                Some(due_ms) if answer.next_offset.0 == place => Came::Until(due_ms),
                // Files or records are gone, or the queue begins or ends elsewhere.
                _ => Came::To(answer.next_offset.0),
            },
        })
    }

    fn add_due(&self, answer: &ReadAnswer, run: &mut SendRun, places: &mut Vec<i64>) {
        for record in answer.records.iter().flat_map(|bytes| records(bytes)) {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    tracing::error!(%error, "a delayed message cannot be read and is left out");
                    self.metrics.delayed_left_out.add(1);
                    continue;
                }
            };
            match self.add_delivery(&record, run) {
                Ok(()) => places.push(record.queue_offset),
                Err(reason) => {
                    let (queue_id, queue_offset) = (record.queue_id, record.queue_offset);
                    tracing::error!(
                        queue_id,
                        queue_offset,
                        reason,
                        "a delayed message is left out"
                    );
                    self.metrics.delayed_left_out.add(1);
                }
            }
        }
    }

    /// Adds a message to the run as it goes into its own topic. As in Java its properties stay what
    /// they were while it waited (`ScheduleMessageService#messageTimeUp` renders them before it takes
    /// some away): consumers see `DELAY`, `REAL_TOPIC` and `REAL_QID`.
    fn add_delivery(&self, record: &View<'_>, run: &mut SendRun) -> Result<(), &'static str> {
        let name = record
            .property(property::REAL_TOPIC)
            .ok_or("its topic is not known")?;
        if name == HALF_TOPIC {
            return Err("it is half of a transaction");
        }
        let queue_id = record
            .property(property::REAL_QUEUE_ID)
            .and_then(|queue_id| queue_id.parse().ok())
            .ok_or("its queue is not known")?;
        // As in Java a message whose topic was deleted is stored in the queue that it was for.
        let topic: Arc<Topic> = self.topics.get(name).unwrap_or_else(|| nameless(name));
        let mut text = Vec::new();
        properties::append_without(&mut text, record.properties, &[property::CRC32]);
        let message = NewMessage {
            topic: name,
            queue_id,
            prepared_transaction_offset: 0,
            properties: &text,
            ..record.to_new_message()
        };
        self.add_own(&self.delay.limits, topic, &message, run)
            .map_err(|_| "its topic or queue can never be stored")
    }

    fn advance(&self, now_ms: i64, level: &Level, began: i64, place: i64) {
        if place == began {
            return;
        }
        level.offset.store(place, Ordering::Release);
        let step = self.config.load().delay_offset_update_version_step.max(1);
        let moved = (place - began).max(1);
        let before = self.delay.delivered.fetch_add(moved, Ordering::Relaxed);
        if before / step != (before + moved) / step {
            self.delay.version.lock().advance(0, now_ms);
        }
        self.delay.ledger.touch();
    }
}

/// When a message is due. One whose time is too far ahead is due now
/// (`ScheduleMessageService#correctDeliverTimestamp`).
fn due_ms(entry: &QueueEntry<'_>, level: &Level, now_ms: i64) -> i64 {
    match entry.tags_code {
        Some(due_ms) if !level.is_too_far(due_ms, now_ms) => due_ms,
        _ => now_ms,
    }
}
