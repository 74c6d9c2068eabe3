//! Whether a message may go where it wants (`AbstractSendMessageProcessor#msgCheck`), and where a
//! retried one really goes (`#handleRetryAndDLQ`). All lookups are in snapshots and allocate
//! nothing, unless a topic or a group has to be made.

use std::sync::Arc;

use ferrocket_protocol::headers::SendMessage;
use ferrocket_protocol::message::{properties, property};
use ferrocket_protocol::version;

use super::error::{MessageError, SendError, TargetError};
use crate::delay;
use crate::request::Request;
use crate::topics::{Topic, TopicKind, Wanted, names};
use crate::{Broker, RegistrationChange};

/// Java limits the topic of a batch to this (`Byte.MAX_VALUE`).
const BATCH_TOPIC_CHARS_MAX: usize = 127;

/// The properties that a send is judged by, found in one pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judged<'a> {
    pub(super) unique_key: Option<&'a str>,
    pub(super) tags: Option<&'a str>,
    keys: Option<&'a str>,
    /// `MessageConst.PROPERTY_WAIT_STORE_MSG_OK`.
    wait: Option<&'a str>,
    delay_level: Option<&'a str>,
    prepared: Option<&'a str>,
    /// A timed message whose time has come.
    out_ms: Option<&'a str>,
    deliver_ms: Option<&'a str>,
    delay_sec: Option<&'a str>,
    delay_ms: Option<&'a str>,
    inner_num: Option<&'a str>,
}

impl<'a> Judged<'a> {
    pub(super) fn of(text: &'a [u8]) -> Self {
        let [
            unique_key,
            tags,
            keys,
            wait,
            delay_level,
            prepared,
            out_ms,
            deliver_ms,
            delay_sec,
            delay_ms,
            inner_num,
        ] = properties::find_all(
            text,
            [
                property::UNIQ_KEY,
                property::TAGS,
                property::KEYS,
                property::WAIT_STORE_MSG_OK,
                property::DELAY_TIME_LEVEL,
                property::TRANSACTION_PREPARED,
                property::TIMER_OUT_MS,
                property::TIMER_DELIVER_MS,
                property::TIMER_DELAY_SEC,
                property::TIMER_DELAY_MS,
                property::INNER_NUM,
            ],
        );
        Self {
            unique_key,
            tags,
            keys,
            wait,
            delay_level,
            prepared,
            out_ms,
            deliver_ms,
            delay_sec,
            delay_ms,
            inner_num,
        }
    }

    /// Whether the answer waits for the disk; absent is yes.
    pub(super) fn waits_for_store(&self) -> bool {
        self.wait
            .is_none_or(|wait| wait.eq_ignore_ascii_case("true"))
    }

    /// The first property that asks for a later delivery.
    fn delay(&self) -> Option<&'static str> {
        let wishes = [
            (self.deliver_ms, property::TIMER_DELIVER_MS),
            (self.delay_sec, property::TIMER_DELAY_SEC),
            (self.delay_ms, property::TIMER_DELAY_MS),
        ];
        let wish = wishes.iter().find(|(value, _)| value.is_some());
        wish.map(|(_, name)| *name)
    }
}

/// Where a message goes.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) topic: Arc<Topic>,
    pub(super) queue_id: i32,
    /// The queue that the producer is told: its own, also when the message goes elsewhere.
    pub(super) told_queue_id: i32,
    /// The message is given up on: it goes to the dead-letter topic.
    pub(super) dead: bool,
}

impl Broker {
    /// The topic and queue of a send, the topic made when it may be.
    pub(super) fn target(
        &self,
        request: &Request<'_>,
        header: &SendMessage<'_>,
    ) -> Result<Target, SendError> {
        let until_ms = request.config.start_accept_send_request_time_stamp_ms;
        if request.now_ms < until_ms {
            return Err(TargetError::TooEarly { until_ms }.into());
        }
        let topic = self.sendable_topic(request, header)?;
        let config = &topic.config;
        let queues = config.write_queue_nums.max(config.read_queue_nums);
        if header.queue_id >= queues {
            return Err(TargetError::Queue {
                queue_id: header.queue_id,
                topic: topic.describe(),
                producer: request.peer.remote(),
            }
            .into());
        }
        let queue_id = if header.queue_id < 0 {
            self.chance.below(config.write_queue_nums)
        } else {
            header.queue_id
        };
        if topic.kind == TopicKind::Retry && header.batch != Some(true) {
            return self.retry_target(request, header, topic, queue_id);
        }
        Ok(Target {
            topic,
            queue_id,
            told_queue_id: queue_id,
            dead: false,
        })
    }

    fn sendable_topic(
        &self,
        request: &Request<'_>,
        header: &SendMessage<'_>,
    ) -> Result<Arc<Topic>, TargetError> {
        let name = header.topic.as_ref();
        let present = self.topics.get(name);
        // Other topics than ordered ones are stopped by clients, who see the masked permission in
        // the route.
        if !request.config.writable() && present.as_ref().is_some_and(|topic| topic.config.order) {
            let broker_ip = request.config.broker_ip1.clone();
            return Err(TargetError::BrokerNotWritable { broker_ip });
        }
        if present.as_ref().is_none_or(|topic| topic.name_invalid) {
            names::validate_topic(name)?;
        }
        if present.as_ref().map_or_else(
            || names::is_forbidden_to_send(name),
            |topic| topic.send_forbidden,
        ) {
            return Err(TargetError::TopicForbidden {
                topic: name.to_owned(),
            });
        }
        if let Some(topic) = present {
            return Ok(topic);
        }
        let wanted = Wanted {
            topic: name,
            template: &header.default_topic,
            queues: header.default_topic_queue_nums,
            unit_mode: header.unit_mode.unwrap_or(false),
        };
        match self
            .topics
            .for_send(request.config, &wanted, request.now_ms)
        {
            Some((topic, made)) => {
                if made {
                    let change = RegistrationChange::Topics(vec![name.to_owned()]);
                    self.surroundings.registration_changed(change);
                }
                Ok(topic)
            }
            None => Err(TargetError::TopicMissing {
                topic: name.to_owned(),
            }),
        }
    }

    /// A message that a consumer sends back by itself: to its retry topic, or to the dead-letter
    /// topic when it was tried often enough or its group consumes in order.
    fn retry_target(
        &self,
        request: &Request<'_>,
        header: &SendMessage<'_>,
        topic: Arc<Topic>,
        queue_id: i32,
    ) -> Result<Target, SendError> {
        let after_prefix = topic
            .name()
            .strip_prefix(names::RETRY_PREFIX)
            .unwrap_or_default();
        // Topics of the second version of pop retries are `%RETRY%group+topic`.
        let name = after_prefix.split('+').next().unwrap_or_default();
        let Some(group) = self.groups.find(request.config, name, request.now_ms) else {
            return Err(TargetError::GroupMissing {
                group: name.to_owned(),
            }
            .into());
        };
        let mut times_max = group.config.retry_max_times;
        if request.frame.version >= version::V3_4_9
            && let Some(client_max) = header.max_reconsume_times
        {
            times_max = client_max;
        }
        let in_order = self.locks.any_held(name, request.now_ms);
        if !in_order && header.reconsume_times.unwrap_or(0) <= times_max {
            return Ok(Target {
                topic,
                queue_id,
                told_queue_id: queue_id,
                dead: false,
            });
        }
        Ok(Target {
            topic: self.dead_letter_topic(request.now_ms, name),
            queue_id: 0,
            told_queue_id: queue_id,
            dead: true,
        })
    }
}

/// The delay level that a single message asks for, unless it asks for what this broker does not do.
pub(super) fn check_wishes(
    request: &Request<'_>,
    header: &SendMessage<'_>,
    target: &Target,
    judged: &Judged<'_>,
    body_bytes_max: usize,
) -> Result<Option<i32>, MessageError> {
    // Only a record with the bit for it may say that it holds many messages (`innerBatchChecker`).
    if target.topic.batch_queues && judged.inner_num.is_some() {
        return Err(MessageError::Illegal { body_bytes_max });
    }
    if target.topic.compacted && judged.keys.is_none() {
        return Err(MessageError::KeyMissing);
    }
    let delay_level = judged
        .delay_level
        .and_then(delay::level)
        .filter(|_| !target.dead);
    let retried = header.reconsume_times.unwrap_or(0) > 0 && delay_level.is_some();
    let prepared = judged
        .prepared
        .is_some_and(|prepared| prepared.eq_ignore_ascii_case("true"));
    if prepared && !retried {
        let broker_ip = request.config.broker_ip1.clone();
        return Err(MessageError::Transaction { broker_ip });
    }
    if delay_level.is_none()
        && judged.out_ms.is_none()
        && let Some(property) = judged.delay()
    {
        return Err(MessageError::Delayed {
            topic: target.topic.name().to_string(),
            property,
        });
    }
    Ok(delay_level)
}

/// What a batch may not be.
pub(super) fn check_batch(topic: &Topic) -> Result<(), MessageError> {
    if topic.name().len() > BATCH_TOPIC_CHARS_MAX {
        return Err(MessageError::BatchTopicTooLong {
            length: topic.name().len(),
        });
    }
    if topic.kind == TopicKind::Retry {
        return Err(MessageError::BatchToRetry {
            topic: topic.name().to_string(),
        });
    }
    Ok(())
}
