//! CONSUMER_SEND_MSG_BACK (`AbstractSendMessageProcessor#consumerSendMsgBack`): a consumer could not
//! handle a message and wants it again later, or given up on.
//!
//! The message is stored anew, for the retry topic behind a delay or for the dead-letter topic, in the
//! same run as the sends around it. The answer says no more than whether it is stored; with SYNC_FLUSH
//! it waits for the disk, unlike Java's, because the consumer commits its offset on the strength of it.

use std::sync::Arc;

use ferrocket_protocol::bodies::TopicConfig;
use ferrocket_protocol::headers::ConsumerSendMsgBack;
use ferrocket_protocol::message::ids::OffsetMessageId;
use ferrocket_protocol::message::{NewMessage, View, properties, property, sys_flag, tags_code};
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::version;
use ferrocket_store::PhysicalOffset;

use super::error::{BusyError, SendError, TargetError};
use super::{Outcome, Send, SendRun};
use crate::config::{BrokerRole, PERM_READ, PERM_WRITE};
use crate::groups::Group;
use crate::request::Request;
use crate::topics::{SYS_FLAG_UNIT_SUB, Topic, names};
use crate::{Broker, RegistrationChange};

/// Delay levels before this one are too short for a first retry.
const LEVEL_BEFORE_FIRST_RETRY: i32 = 3;

/// What becomes of a message that was sent back.
#[derive(Debug)]
struct Fate {
    topic: Arc<Topic>,
    queue_id: i32,
    delay_level: i32,
}

impl Broker {
    /// Checks and encodes one message that comes back; a refusal is answered at once.
    pub(crate) fn add_send_back(&self, request: &Request<'_>, run: &mut SendRun, out: &mut Outbox) {
        match self.try_send_back(request, run) {
            Ok(true) => {}
            Ok(false) => out.reply_ok(request.to),
            Err(error) => {
                self.stats.put_failed.add(1);
                out.reply_error(request.to, error.code(), &error.to_string());
            }
        }
    }

    /// Answers whether the message is in the run; a group without retry queues drops it.
    fn try_send_back(&self, request: &Request<'_>, run: &mut SendRun) -> Result<bool, SendError> {
        if request.config.broker_role == BrokerRole::Slave {
            return Err(BusyError::Slave.into());
        }
        let header: ConsumerSendMsgBack = request.frame.header()?;
        let Some(group) = self
            .groups
            .find(request.config, &header.group, request.now_ms)
        else {
            return Err(TargetError::GroupMissing {
                group: header.group,
            }
            .into());
        };
        if !request.config.writable() {
            let broker_ip = request.config.broker_ip1.clone();
            return Err(TargetError::BrokerNotWritable { broker_ip }.into());
        }
        if group.config.retry_queue_nums <= 0 {
            return Ok(false);
        }
        self.check_flush_backlog(run)?;
        let retry_topic = self.retry_topic(request.now_ms, &group, header.unit_mode);
        if retry_topic.config.perm & PERM_WRITE == 0 {
            return Err(TargetError::TopicNotWritable {
                topic: retry_topic.name().to_string(),
            }
            .into());
        }
        let record = self
            .store
            .record_at(PhysicalOffset(header.offset))
            .map_err(|error| BusyError::Unknown(error.to_string()))?;
        let view = record.as_deref().map(View::parse);
        let Some(Ok(view)) = view else {
            let cause = format!("look message by offset failed, {}", header.offset);
            return Err(BusyError::Unknown(cause).into());
        };
        if view.sys_flag & sys_flag::INNER_BATCH != 0 {
            // The consumer sends the message that it cannot handle, without the rest of the batch.
            return Err(self.illegal().into());
        }
        let fate = self.fate(request, &header, &group, retry_topic, view.reconsume_times);
        self.encode_send_back(request, &view, fate, run)?;
        Ok(true)
    }

    /// Whether the message is tried again, and when.
    fn fate(
        &self,
        request: &Request<'_>,
        header: &ConsumerSendMsgBack,
        group: &Group,
        retry_topic: Arc<Topic>,
        tried: i32,
    ) -> Fate {
        let mut times_max = group.config.retry_max_times;
        if request.frame.version >= version::V3_4_9
            && let Some(client_max) = header.max_reconsume_times
        {
            times_max = client_max;
        }
        if tried >= times_max || header.delay_level < 0 {
            return Fate {
                topic: self.dead_letter_topic(request.now_ms, &group.name),
                queue_id: 0,
                delay_level: 0,
            };
        }
        let delay_level = if header.delay_level > 0 {
            header.delay_level
        } else {
            LEVEL_BEFORE_FIRST_RETRY + tried
        };
        // A topic that was made for fewer queues is read in those alone.
        let queues = group
            .config
            .retry_queue_nums
            .min(retry_topic.config.read_queue_nums)
            .max(1);
        Fate {
            topic: retry_topic,
            queue_id: self.chance.below(queues),
            delay_level,
        }
    }

    /// The topic of a group's messages that are tried again, made when it is missing.
    fn retry_topic(&self, now_ms: i64, group: &Group, unit_mode: bool) -> Arc<Topic> {
        let topic_name = format!("{}{}", names::RETRY_PREFIX, group.name);
        if let Some(topic) = self.topics.get(&topic_name) {
            return topic;
        }
        self.group_topic(
            TopicConfig {
                topic_name,
                read_queue_nums: group.config.retry_queue_nums,
                write_queue_nums: group.config.retry_queue_nums,
                perm: PERM_READ | PERM_WRITE,
                topic_sys_flag: if unit_mode { SYS_FLAG_UNIT_SUB } else { 0 },
                ..TopicConfig::default()
            },
            now_ms,
        )
    }

    /// The topic of a group's messages that are given up on, made when it is missing.
    pub(super) fn dead_letter_topic(&self, now_ms: i64, group: &str) -> Arc<Topic> {
        self.metrics.sent_to_dead_letters.add(1);
        self.group_topic(
            TopicConfig {
                topic_name: format!("{}{group}", names::DLQ_PREFIX),
                read_queue_nums: 1,
                write_queue_nums: 1,
                perm: PERM_READ | PERM_WRITE,
                ..TopicConfig::default()
            },
            now_ms,
        )
    }

    fn group_topic(&self, wanted: TopicConfig, now_ms: i64) -> Arc<Topic> {
        let (topic, made) = self.topics.for_group(wanted, now_ms);
        if made {
            let change = RegistrationChange::Topics(vec![topic.name().to_string()]);
            self.surroundings.registration_changed(change);
        }
        topic
    }

    fn encode_send_back(
        &self,
        request: &Request<'_>,
        original: &View<'_>,
        mut fate: Fate,
        run: &mut SendRun,
    ) -> Result<(), SendError> {
        run.properties.clear();
        sent_back_properties(&mut run.properties, original, fate.delay_level);
        if fate.delay_level > 0
            && let Some(place) = self.scheduled(
                fate.delay_level,
                fate.topic.name(),
                fate.queue_id,
                &mut run.properties,
            )
        {
            (fate.topic, fate.queue_id) = place;
        }
        let message = NewMessage {
            topic: fate.topic.name(),
            queue_id: fate.queue_id,
            store_host: request.config.store_host,
            reconsume_times: original.reconsume_times.saturating_add(1),
            prepared_transaction_offset: 0,
            properties: &run.properties,
            ..original.to_new_message()
        };
        run.batch
            .push_to(
                self.store.config(),
                fate.topic.queue_type(),
                std::slice::from_ref(&message),
            )
            .map_err(|error| SendError::from_append(&error, self.store.config()))?;
        let tags = original.property(property::TAGS);
        run.sends.push(Send {
            to: request.to,
            queue_id: fate.queue_id,
            told_queue_id: fate.queue_id,
            unique_key: 0..0,
            tags_code: Some(tags.map_or(0, tags_code)),
            wait_store_ok: true,
            batch: false,
            is_inner_batch: false,
            is_send_back: true,
            batch_ids: 0..0,
            light: Vec::new(),
            outcome: Outcome::Encoded,
            topic: fate.topic,
        });
        Ok(())
    }
}

/// The properties of the original, with where it came from and how long it waits.
fn sent_back_properties(stored: &mut Vec<u8>, original: &View<'_>, delay_level: i32) {
    const REPLACED: [&str; 3] = [
        property::WAIT_STORE_MSG_OK,
        property::DELAY_TIME_LEVEL,
        property::CRC32,
    ];
    properties::append_without(stored, original.properties, &REPLACED);
    if original.property(property::RETRY_TOPIC).is_none() {
        properties::append(stored, property::RETRY_TOPIC, original.topic);
    }
    let known = original.property(property::ORIGIN_MESSAGE_ID);
    if known.is_none_or(str::is_empty) {
        let id = OffsetMessageId {
            store_host: original.store_host,
            physical_offset: original.physical_offset,
        };
        properties::set(stored, property::ORIGIN_MESSAGE_ID, &id.to_string());
    }
    properties::append(stored, property::WAIT_STORE_MSG_OK, "false");
    let level = delay_level.to_string();
    properties::append(stored, property::DELAY_TIME_LEVEL, &level);
}
