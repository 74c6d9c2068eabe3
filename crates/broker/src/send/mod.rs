//! Sending: requests 10, 310 and 320 (`SendMessageProcessor`).
//!
//! All sends of one socket read go into one [`SendRun`]: each is checked and encoded, then the run
//! is appended at once and answered in order. With SYNC_FLUSH the answers wait in
//! [`flush_wait::FlushWait`] until the disk has the messages, except for those whose property `WAIT`
//! is false. A refused message is answered as soon as it is looked at.

mod answer;
mod back;
mod check;
mod commit;
mod error;
pub(crate) mod flush_wait;
mod own;

use std::ops::Range;
use std::sync::Arc;

use ferrocket_protocol::bodies::TopicFilterType;
use ferrocket_protocol::codes;
use ferrocket_protocol::frame::ReplyTo;
use ferrocket_protocol::headers::{SendMessage, SendMessageV2};
use ferrocket_protocol::message::{batch, properties, property, sys_flag, tags_code};
use ferrocket_protocol::outbox::Outbox;
use ferrocket_store::{AppendBatch, Appended, NewMessage};

use self::check::Judged;
use self::error::{BusyError, MessageError, SendError};
use crate::Broker;
use crate::config::{BrokerConfig, BrokerRole};
use crate::request::Request;
use crate::topics::Topic;

/// A run that holds this much is appended before the next message joins it.
const RUN_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Runs kept for use again.
const SPARE_RUNS_MAX: usize = 64;
/// Buffers longer than this are not kept.
const SPARE_BYTES_MAX: usize = 1024 * 1024;

/// The sends of one socket read, between being checked and being answered.
#[derive(Debug, Default)]
pub(crate) struct SendRun {
    batch: AppendBatch,
    sends: Vec<Send>,
    /// The unique keys of all messages, which answers repeat as transaction ids.
    ids: String,
    /// Where the stored properties of a message are put together.
    properties: Vec<u8>,
    /// Where the id of a message is put together.
    message_id: String,
    /// When it began, if it is timed.
    began_ns: Option<u64>,
}

/// One accepted send.
#[derive(Debug)]
struct Send {
    to: ReplyTo,
    topic: Arc<Topic>,
    queue_id: i32,
    told_queue_id: i32,
    /// The unique key within the run's `ids`; empty when there is none.
    unique_key: Range<usize>,
    /// The tags, for consumers that wait; `None` for a batch, whose messages differ.
    tags_code: Option<i64>,
    /// The producer wants to hear only when the message is as safe as the broker makes it.
    wait_store_ok: bool,
    batch: bool,
    /// The batch is one record, with a key of its own.
    is_inner_batch: bool,
    /// A consumer's message that came back: its answer is the code alone.
    is_send_back: bool,
    /// The ids of a batch's messages within the run's `ids`.
    batch_ids: Range<usize>,
    /// Light queues that it is in as well, with their ends; empty for nearly every message.
    light: Vec<(Box<str>, i64)>,
    outcome: Outcome,
}

/// What became of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Encoded,
    Refused,
    Stored { at: Appended, answered: bool },
}

impl SendRun {
    fn clear(&mut self) {
        self.batch.clear();
        self.sends.clear();
        self.ids.clear();
        self.properties.clear();
    }

    fn push_key(&mut self, key: &str) -> Range<usize> {
        let start = self.ids.len();
        self.ids.push_str(key);
        start..self.ids.len()
    }
}

/// Whether the request is one of those that go into a run.
pub(crate) fn is_send(code: i32) -> bool {
    use codes::request::{
        CONSUMER_SEND_MSG_BACK, SEND_BATCH_MESSAGE, SEND_MESSAGE, SEND_MESSAGE_V2,
    };
    matches!(
        code,
        SEND_MESSAGE | SEND_MESSAGE_V2 | SEND_BATCH_MESSAGE | CONSUMER_SEND_MSG_BACK
    )
}

impl Broker {
    pub(crate) fn take_run(&self) -> SendRun {
        let mut run = self.spare_runs.lock().pop().unwrap_or_default();
        run.began_ns = self.begin_run();
        run
    }

    pub(crate) fn give_run_back(&self, mut run: SendRun) {
        if run.batch.bytes() > SPARE_BYTES_MAX || run.ids.capacity() > SPARE_BYTES_MAX {
            return;
        }
        run.clear();
        let mut spare = self.spare_runs.lock();
        if spare.len() < SPARE_RUNS_MAX {
            spare.push(run);
        }
    }

    /// Checks and encodes one send; a refusal is answered at once.
    pub(crate) fn add_send(&self, request: &Request<'_>, run: &mut SendRun, out: &mut Outbox) {
        if request.frame.code == codes::request::CONSUMER_SEND_MSG_BACK {
            self.add_send_back(request, run, out);
        } else if let Err(error) = self.try_send(request, run) {
            self.stats.put_failed.add(1);
            answer::refusal(request.config, request.to, &error, out);
        }
        if run.batch.bytes() >= RUN_BYTES_MAX {
            self.commit_sends(request.now_ms, request.config, request.peer, run, out);
        }
    }

    fn try_send(&self, request: &Request<'_>, run: &mut SendRun) -> Result<(), SendError> {
        if request.config.broker_role == BrokerRole::Slave {
            return Err(BusyError::Slave.into());
        }
        if self.is_stopping() {
            let cause = "the broker is stopping".to_owned();
            return Err(BusyError::NotWritable { cause }.into());
        }
        let header: SendMessage<'_> = if request.frame.code == codes::request::SEND_MESSAGE {
            request.frame.header()?
        } else {
            request.frame.header::<SendMessageV2<'_>>()?.into()
        };
        self.check_flush_backlog(run)?;
        if header.batch == Some(true) {
            self.encode_batch(request, &header, run)
        } else {
            self.encode_single(request, &header, run)
        }
    }

    fn encode_single(
        &self,
        request: &Request<'_>,
        header: &SendMessage<'_>,
        run: &mut SendRun,
    ) -> Result<(), SendError> {
        let mut target = self.target(request, header)?;
        let text = header.properties.as_deref().unwrap_or_default().as_bytes();
        let judged = Judged::of(text);
        let delay_level = check::check_wishes(
            request,
            header,
            &target,
            &judged,
            self.store.config().body_bytes_max,
        )?;
        let flags = self.message_flags(header, &target.topic)?;
        let sent_key = judged.unique_key;
        let unique_key = match sent_key {
            Some(key) => run.push_key(key),
            None => {
                let start = run.ids.len();
                let ip = request.config.store_host.ip();
                self.chance
                    .unique_id(ip, request.now_ms)
                    .append_to(&mut run.ids);
                start..run.ids.len()
            }
        };
        let made_key = run
            .ids
            .get(unique_key.clone())
            .filter(|_| sent_key.is_none());
        run.properties.clear();
        stored_properties(
            &mut run.properties,
            request.config,
            text,
            made_key,
            target.dead,
        );
        if let Some(level) = delay_level
            && let Some(place) = self.scheduled(
                level,
                target.topic.name(),
                target.queue_id,
                &mut run.properties,
            )
        {
            (target.topic, target.queue_id) = place;
        }
        let message = NewMessage {
            topic: target.topic.name(),
            queue_id: target.queue_id,
            flag: header.flag,
            sys_flag: flags,
            born_ms: header.born_timestamp,
            born_host: request.peer.remote(),
            store_host: request.config.store_host,
            reconsume_times: header.reconsume_times.unwrap_or(0),
            prepared_transaction_offset: 0,
            properties: &run.properties,
            body: &request.frame.body,
        };
        if request.frame.body.is_empty() {
            return Err(self.illegal().into());
        }
        run.batch
            .push_to(
                self.store.config(),
                target.topic.queue_type(),
                std::slice::from_ref(&message),
            )
            .map_err(|error| SendError::from_append(&error, self.store.config()))?;
        let stored = std::iter::once(run.properties.as_slice());
        self.push_filter_bits(request.config, &target.topic, stored, &mut run.batch);
        run.sends.push(Send {
            to: request.to,
            queue_id: target.queue_id,
            told_queue_id: target.told_queue_id,
            unique_key,
            tags_code: Some(judged.tags.map_or(0, tags_code)),
            wait_store_ok: judged.waits_for_store(),
            batch: false,
            is_inner_batch: false,
            is_send_back: false,
            batch_ids: 0..0,
            light: Vec::new(),
            outcome: Outcome::Encoded,
            topic: target.topic,
        });
        Ok(())
    }

    fn encode_batch(
        &self,
        request: &Request<'_>,
        header: &SendMessage<'_>,
        run: &mut SendRun,
    ) -> Result<(), SendError> {
        let target = self.target(request, header)?;
        check::check_batch(&target.topic)?;
        let flags = self.message_flags(header, &target.topic)?;
        let text = header.properties.as_deref().unwrap_or_default().as_bytes();
        if request.frame.body.len() > self.store.config().body_bytes_max {
            return Err(self.illegal().into());
        }
        let judged = Judged::of(text);
        if target.topic.batch_queues && judged.unique_key.is_some() {
            return self.encode_inner_batch(request, header, target, flags, run);
        }
        let mut messages = Vec::new();
        for part in batch::iter(&request.frame.body) {
            let part = part.map_err(MessageError::Batch)?;
            messages.push(NewMessage {
                topic: target.topic.name(),
                queue_id: target.queue_id,
                flag: part.flag,
                sys_flag: flags,
                born_ms: header.born_timestamp,
                born_host: request.peer.remote(),
                store_host: request.config.store_host,
                reconsume_times: header.reconsume_times.unwrap_or(0),
                prepared_transaction_offset: 0,
                // As Java since 5.0: only their own, none of the batch's (seen in 5.5.0).
                properties: part.properties,
                body: part.body,
            });
        }
        if messages.is_empty() {
            return Err(self.illegal().into());
        }
        run.batch
            .push_to(self.store.config(), target.topic.queue_type(), &messages)
            .map_err(|error| SendError::from_append(&error, self.store.config()))?;
        let stored = messages.iter().map(|message| message.properties);
        self.push_filter_bits(request.config, &target.topic, stored, &mut run.batch);
        let unique_key = judged.unique_key.map_or(0..0, |key| run.push_key(key));
        run.sends.push(Send {
            to: request.to,
            queue_id: target.queue_id,
            told_queue_id: target.told_queue_id,
            unique_key,
            tags_code: None,
            wait_store_ok: judged.waits_for_store(),
            batch: true,
            is_inner_batch: false,
            is_send_back: false,
            batch_ids: 0..0,
            light: Vec::new(),
            outcome: Outcome::Encoded,
            topic: target.topic,
        });
        Ok(())
    }

    /// A batch with a key of its own for a topic of the type `BatchCQ`: one record, which the consumer
    /// takes apart.
    fn encode_inner_batch(
        &self,
        request: &Request<'_>,
        header: &SendMessage<'_>,
        target: check::Target,
        flags: i32,
        run: &mut SendRun,
    ) -> Result<(), SendError> {
        let text = header.properties.as_deref().unwrap_or_default().as_bytes();
        let judged = Judged::of(text);
        let unique_key = judged.unique_key.map_or(0..0, |key| run.push_key(key));
        let mut parts = batch::iter(&request.frame.body);
        let number = parts.try_fold(0_i64, |number, part| part.map(|_| number + 1));
        let number = number.map_err(MessageError::Batch)?;
        run.properties.clear();
        properties::append_without(&mut run.properties, text, &[property::INNER_NUM]);
        properties::set(
            &mut run.properties,
            property::CLUSTER,
            &request.config.broker_cluster_name,
        );
        properties::set(
            &mut run.properties,
            property::MSG_REGION,
            &request.config.region_id,
        );
        let trace_on = if request.config.trace_on {
            "true"
        } else {
            "false"
        };
        properties::set(&mut run.properties, property::TRACE_SWITCH, trace_on);
        properties::append(
            &mut run.properties,
            property::INNER_NUM,
            &number.to_string(),
        );
        let message = NewMessage {
            topic: target.topic.name(),
            queue_id: target.queue_id,
            flag: header.flag,
            sys_flag: flags | sys_flag::INNER_BATCH | sys_flag::NEED_UNWRAP,
            born_ms: header.born_timestamp,
            born_host: request.peer.remote(),
            store_host: request.config.store_host,
            reconsume_times: header.reconsume_times.unwrap_or(0),
            prepared_transaction_offset: 0,
            properties: &run.properties,
            body: &request.frame.body,
        };
        run.batch
            .push_to(
                self.store.config(),
                target.topic.queue_type(),
                std::slice::from_ref(&message),
            )
            .map_err(|error| SendError::from_append(&error, self.store.config()))?;
        run.sends.push(Send {
            to: request.to,
            queue_id: target.queue_id,
            told_queue_id: target.told_queue_id,
            unique_key,
            // What an entry of its queue says.
            tags_code: Some(judged.tags.map_or(0, tags_code)),
            wait_store_ok: judged.waits_for_store(),
            batch: true,
            is_inner_batch: true,
            is_send_back: false,
            batch_ids: 0..0,
            light: Vec::new(),
            outcome: Outcome::Encoded,
            topic: target.topic,
        });
        Ok(())
    }

    /// The flag to store. Half messages are made from a property; the bits alone would store a
    /// record that no consumer ever sees, so they are refused.
    fn message_flags(&self, header: &SendMessage<'_>, topic: &Topic) -> Result<i32, MessageError> {
        let bits = sys_flag::TRANSACTION | sys_flag::INNER_BATCH | sys_flag::NEED_UNWRAP;
        if header.sys_flag & bits != 0 {
            return Err(self.illegal());
        }
        let multi_tags = topic.config.topic_filter_type == TopicFilterType::MultiTag;
        Ok(header.sys_flag | if multi_tags { sys_flag::MULTI_TAGS } else { 0 })
    }

    fn illegal(&self) -> MessageError {
        MessageError::Illegal {
            body_bytes_max: self.store.config().body_bytes_max,
        }
    }
}

/// The properties as sent, without those that only brokers may set, and with the broker's own.
fn stored_properties(
    stored: &mut Vec<u8>,
    config: &BrokerConfig,
    sent: &[u8],
    made_key: Option<&str>,
    dead: bool,
) {
    const REPLACED: [&str; 4] = [
        property::POP_CK,
        property::MSG_REGION,
        property::TRACE_SWITCH,
        property::CLUSTER,
    ];
    properties::append_without(stored, sent, &REPLACED);
    if let Some(key) = made_key {
        properties::append(stored, property::UNIQ_KEY, key);
    }
    if dead {
        properties::set(stored, property::DELAY_TIME_LEVEL, "-1");
    }
    properties::append(stored, property::MSG_REGION, &config.region_id);
    let trace_on = if config.trace_on { "true" } else { "false" };
    properties::append(stored, property::TRACE_SWITCH, trace_on);
    properties::append(stored, property::CLUSTER, &config.broker_cluster_name);
}
