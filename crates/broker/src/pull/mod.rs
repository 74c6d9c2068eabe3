//! Pulling: requests 11 and 361 (`PullMessageProcessor`).
//!
//! A pull that finds nothing and may wait is parked with its topic and read again when a message
//! that it may want arrives, which is then the last time. A pull whose messages may have to come
//! from the disk is handed to a thread that may wait. In both cases the answer leaves through the
//! connection's own handle.

mod check;
mod error;
mod filter;
mod park;
mod slots;
pub(crate) mod waiting;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize};

use ferrocket_protocol::codes::response;
use ferrocket_protocol::frame::ReplyTo;
use ferrocket_protocol::headers::{PullMessage, PullMessageResponse};
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::Peer;
use ferrocket_store::{QueueOffset, ReadAnswer, ReadRequest, ReadStatus};

use self::error::{BusyError, PullError};
use self::filter::{PullFilter, Wanted};
use self::slots::{Slot, Slots};
use crate::admin::log_step_back;
use crate::clients::subscription::Subscription;
use crate::config::BrokerConfig;
use crate::groups::Group;
use crate::offsets::Progress;
use crate::request::Request;
use crate::topics::Topic;
use crate::{Broker, ColdRead};

/// The longest that a pull waits, whatever its header says.
const SUSPEND_MAX_MS: i64 = 300_000;
/// Bytes of one answer, below the largest frame; the store has narrower limits of its own.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A pull that passed all checks.
#[derive(Debug)]
pub(crate) struct Pull {
    peer: Arc<dyn Peer>,
    to: ReplyTo,
    topic: Arc<Topic>,
    group: Arc<Group>,
    progress: Arc<Progress>,
    subscription: Arc<Subscription>,
    filter: PullFilter,
    queue_id: i32,
    offset: QueueOffset,
    messages_max: u32,
    /// How long it may wait for a message; `None` when it may not, or no longer.
    suspend_ms: Option<i64>,
    /// What it takes of its connection's share of waiting pulls, once it waits.
    slot: Option<Slot>,
}

impl Pull {
    pub(crate) fn peer(&self) -> &Arc<dyn Peer> {
        &self.peer
    }
}

/// What is known of all waiting pulls.
#[derive(Debug)]
pub(crate) struct PullState {
    waiting: AtomicUsize,
    /// How many of them each connection has.
    slots: Arc<Slots>,
    /// No waiter's time is over before this.
    next_deadline_ms: AtomicI64,
    next_look_ms: AtomicI64,
}

/// Where a pull is being served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// On a connection's task, which does not wait for a disk.
    Task,
    /// On a thread that may.
    Disk,
}

impl PullState {
    pub(crate) fn new() -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            slots: Arc::default(),
            next_deadline_ms: AtomicI64::new(i64::MAX),
            next_look_ms: AtomicI64::new(0),
        }
    }
}

impl Broker {
    /// PULL_MESSAGE and LITE_PULL_MESSAGE.
    pub(crate) fn pull(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<PullMessage<'_>>(out) else {
            return;
        };
        match self.check_pull(request, &header) {
            Ok(pull) => {
                let commits = header.sys_flag & check::FLAG_COMMIT_OFFSET != 0;
                if commits && pull.progress.pending_reset(pull.queue_id).is_none() {
                    let offset = QueueOffset(header.commit_offset);
                    let step = request.config.consumer_offset_update_version_step;
                    let queue_id = pull.queue_id;
                    let committed =
                        self.offsets
                            .commit(&pull.progress, queue_id, offset, step, request.now_ms);
                    if let Some(before) = committed.went_back_from {
                        let what = (&*pull.group.name, &**pull.topic.name(), queue_id);
                        log_step_back(request, what, before, offset);
                    }
                }
                self.serve_pull(request.now_ms, request.config, pull, Place::Task, out);
            }
            Err(error) => refuse(request.to, &error, out),
        }
    }

    fn serve_pull(
        &self,
        now_ms: i64,
        config: &BrokerConfig,
        mut pull: Pull,
        place: Place,
        out: &mut Outbox,
    ) {
        if let Some(offset) = pull.progress.take_reset(pull.queue_id) {
            let answer = self.reset_answer(&pull, offset);
            self.answer_pull(config, &pull, response::PULL_OFFSET_MOVED, &answer, out);
            return;
        }
        let wanted = ReadRequest {
            topic: pull.topic.name(),
            queue_id: pull.queue_id,
            offset: pull.offset,
            messages_max: pull.messages_max,
            bytes_max: ANSWER_BYTES_MAX,
            hot_only: place == Place::Task,
        };
        let mut filter = Wanted {
            pull: &pull,
            filters: &self.filters,
        };
        let answer = match self.store.read_filtered(&wanted, &mut filter) {
            Ok(answer) => answer,
            Err(error) => {
                tracing::error!(topic = %pull.topic.name(), queue_id = pull.queue_id, %error, "a pull cannot be read");
                let error = BusyError::Store {
                    cause: error.to_string(),
                };
                refuse(pull.to, &error.into(), out);
                return;
            }
        };
        if answer.status == ReadStatus::Cold {
            self.read_pull_later(pull, out);
            return;
        }
        let code = code_of(answer.status, pull.offset);
        if code == response::PULL_NOT_FOUND
            && let Some(suspend_ms) = pull.suspend_ms
        {
            pull.slot = self.pull_state.slots.take(pull.peer.id());
            if pull.slot.is_none() {
                self.metrics.pulls_refused_for_waiting.add(1);
                let max = slots::OF_CONNECTION_MAX;
                refuse(pull.to, &BusyError::WaitingOfConnection { max }.into(), out);
                return;
            }
            self.park_pull(
                now_ms,
                config,
                pull,
                now_ms + suspend_ms,
                answer.max_offset,
                out,
            );
            return;
        }
        self.answer_pull(config, &pull, code, &answer, out);
    }

    /// The answer to a pull of a group whose offset was reset: it goes on there.
    fn reset_answer(&self, pull: &Pull, offset: QueueOffset) -> ReadAnswer {
        let topic = pull.topic.name();
        ReadAnswer {
            status: ReadStatus::OffsetReset,
            next_offset: offset,
            min_offset: self.store.min_offset(topic, pull.queue_id),
            max_offset: self.store.max_offset(topic, pull.queue_id),
            records: Vec::new(),
            messages: 0,
            bytes: 0,
            suggest_slave: false,
        }
    }

    fn read_pull_later(&self, pull: Pull, out: &mut Outbox) {
        let to = pull.to;
        self.metrics.cold_reads.add(1);
        if !self.surroundings.read_later(ColdRead { pull }) {
            self.metrics.pulls_refused_for_cold_reads.add(1);
            refuse(to, &BusyError::ColdReads.into(), out);
        }
    }

    /// Serves a pull on a thread that may wait for the disk.
    pub(crate) fn serve_cold_read(&self, now_ms: i64, job: ColdRead) {
        let config = self.config.load();
        let peer = Arc::clone(&job.pull.peer);
        let mut out = Outbox::new();
        self.serve_pull(now_ms, &config, job.pull, Place::Disk, &mut out);
        if !out.is_empty() {
            peer.send(out);
        }
    }

    /// Answers a pull that no thread will serve any more: busy, try again.
    pub(crate) fn refuse_cold_read(&self, job: &ColdRead) {
        self.metrics.pulls_refused_for_cold_reads.add(1);
        let mut out = Outbox::new();
        refuse(job.pull.to, &BusyError::ColdReads.into(), &mut out);
        if !out.is_empty() {
            job.pull.peer.send(out);
        }
    }

    fn answer_pull(
        &self,
        config: &BrokerConfig,
        pull: &Pull,
        code: i32,
        answer: &ReadAnswer,
        out: &mut Outbox,
    ) {
        pull.progress.note_pull(pull.queue_id, answer.next_offset);
        if code == response::SUCCESS {
            let messages = u64::from(answer.messages);
            self.stats.get_found.add(1);
            self.stats.get_messages.add(messages);
            pull.progress.got_messages.add(messages);
        } else {
            self.stats.get_missed.add(1);
        }
        if code == response::PULL_OFFSET_MOVED {
            tracing::info!(
                topic = %pull.topic.name(),
                queue_id = pull.queue_id,
                group = %pull.group.name,
                requested = pull.offset.0,
                next = answer.next_offset.0,
                status = status_name(answer.status),
                "a consumer's offset is moved"
            );
        }
        let header = PullMessageResponse {
            suggest_which_broker_id: suggested_broker(config, &pull.group, answer),
            next_begin_offset: answer.next_offset.0,
            min_offset: answer.min_offset.0,
            max_offset: answer.max_offset.0,
            offset_delta: None,
            topic_sys_flag: Some(pull.topic.config.topic_sys_flag),
            group_sys_flag: Some(pull.group.config.group_sys_flag),
            forbidden_type: None,
        };
        let remark = status_name(answer.status);
        out.reply(pull.to, code, Some(remark), Some(&header), &answer.records);
    }
}

/// Who should be asked next time: with `slaveReadEnable` a reader that is far behind is sent away.
fn suggested_broker(config: &BrokerConfig, group: &Group, answer: &ReadAnswer) -> i64 {
    match (config.slave_read_enable, answer.suggest_slave) {
        (false, _) => 0,
        (true, true) => group.config.which_broker_when_consume_slowly,
        (true, false) => group.config.broker_id,
    }
}

fn refuse(to: ReplyTo, error: &PullError, out: &mut Outbox) {
    let remark = error.to_string();
    match error.forbidden_type() {
        Some(forbidden_type) => {
            let header = Forbidden { forbidden_type };
            out.reply(to, error.code(), Some(&remark), Some(&header), &[]);
        }
        None => out.reply_error(to, error.code(), &remark),
    }
}

/// What Java leaves of a response header that was not filled.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Forbidden {
    forbidden_type: i32,
}

/// The response code of a read (`PullMessageProcessor#composeResponseHeader`).
fn code_of(status: ReadStatus, requested: QueueOffset) -> i32 {
    match status {
        ReadStatus::Found => response::SUCCESS,
        ReadStatus::NoMatchedMessage | ReadStatus::MessageWasRemoving => {
            response::PULL_RETRY_IMMEDIATELY
        }
        ReadStatus::NoMatchedLogicQueue | ReadStatus::NoMessageInQueue => {
            if requested.0 == 0 {
                response::PULL_NOT_FOUND
            } else {
                response::PULL_OFFSET_MOVED
            }
        }
        ReadStatus::OffsetFoundNull | ReadStatus::OffsetOverflowOne | ReadStatus::Cold => {
            response::PULL_NOT_FOUND
        }
        ReadStatus::OffsetOverflowBadly | ReadStatus::OffsetTooSmall | ReadStatus::OffsetReset => {
            response::PULL_OFFSET_MOVED
        }
    }
}

/// `GetMessageStatus#name`, which is the remark of every answer.
fn status_name(status: ReadStatus) -> &'static str {
    match status {
        ReadStatus::Found => "FOUND",
        ReadStatus::NoMatchedMessage => "NO_MATCHED_MESSAGE",
        ReadStatus::MessageWasRemoving => "MESSAGE_WAS_REMOVING",
        ReadStatus::OffsetFoundNull | ReadStatus::Cold => "OFFSET_FOUND_NULL",
        ReadStatus::OffsetOverflowBadly => "OFFSET_OVERFLOW_BADLY",
        ReadStatus::OffsetOverflowOne => "OFFSET_OVERFLOW_ONE",
        ReadStatus::OffsetTooSmall => "OFFSET_TOO_SMALL",
        ReadStatus::NoMatchedLogicQueue => "NO_MATCHED_LOGIC_QUEUE",
        ReadStatus::NoMessageInQueue => "NO_MESSAGE_IN_QUEUE",
        ReadStatus::OffsetReset => "OFFSET_RESET",
    }
}
