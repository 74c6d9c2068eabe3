//! Sending.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ferrocket_protocol::bodies::MessageQueue;
use ferrocket_protocol::codes::{request, response};
use ferrocket_protocol::frame::Frame;
use ferrocket_protocol::headers::{RegionAndTrace, SendMessageResponse, SendMessageV2};
use ferrocket_protocol::message::batch::{self, BatchMessage};
use ferrocket_protocol::message::compression::{Compression, ZLIB_LEVEL_DEFAULT};
use tokio::time::Instant;

use crate::client::{Client, now_ms};
use crate::error::Error;
use crate::message::{Message, validate_group};
use crate::route::TopicRoute;
use crate::routes::DEFAULT_TOPIC;

/// `MixAll#DEFAULT_TRACE_REGION_ID`: the region of brokers that name none.
const DEFAULT_REGION: &str = "DefaultRegion";

/// How a producer sends. Defaults are those of `DefaultMQProducer`.
#[derive(Debug, Clone)]
pub struct ProducerSettings {
    /// The time for one call, over all its attempts (`sendMsgTimeout`).
    pub send_timeout: Duration,
    /// Attempts after the first (`retryTimesWhenSendFailed`), each on another broker if possible.
    pub retries: usize,
    /// Answers that are worth another attempt (`retryResponseCodes`).
    pub retry_codes: Vec<i32>,
    /// Try again when a message was taken but not stored as safely as wanted
    /// (`retryAnotherBrokerWhenNotStoreOK`); it is then stored twice.
    pub retry_not_stored: bool,
    /// Bodies of at least so many bytes are compressed with zlib (`compressMsgBodyOverHowmuch`).
    pub compress_over_bytes: usize,
    /// `maxMessageSize`, of the body before compression.
    pub body_bytes_max: usize,
    /// Queues of a topic that the first send creates (`defaultTopicQueueNums`).
    pub default_topic_queues: i32,
}

impl Default for ProducerSettings {
    fn default() -> Self {
        Self {
            send_timeout: Duration::from_secs(3),
            retries: 2,
            retry_codes: vec![
                response::TOPIC_NOT_EXIST,
                response::SERVICE_NOT_AVAILABLE,
                response::SYSTEM_ERROR,
                response::SYSTEM_BUSY,
                response::NO_PERMISSION,
                response::NO_BUYER_ID,
                response::NOT_IN_CURRENT_UNIT,
                response::GO_AWAY,
            ],
            retry_not_stored: false,
            compress_over_bytes: 4096,
            body_bytes_max: 4 * 1024 * 1024,
            default_topic_queues: 4,
        }
    }
}

/// How safely a message was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendStatus {
    Ok,
    /// Stored, but not on disk in time.
    FlushDiskTimeout,
    /// Stored, but not on a slave in time.
    FlushSlaveTimeout,
    /// Stored, but there is no slave.
    SlaveNotAvailable,
}

impl SendStatus {
    fn of(code: i32) -> Option<Self> {
        match code {
            response::SUCCESS => Some(Self::Ok),
            response::FLUSH_DISK_TIMEOUT => Some(Self::FlushDiskTimeout),
            response::FLUSH_SLAVE_TIMEOUT => Some(Self::FlushSlaveTimeout),
            response::SLAVE_NOT_AVAILABLE => Some(Self::SlaveNotAvailable),
            _ => None,
        }
    }
}

impl fmt::Display for SendStatus {
    /// Java's names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "SEND_OK",
            Self::FlushDiskTimeout => "FLUSH_DISK_TIMEOUT",
            Self::FlushSlaveTimeout => "FLUSH_SLAVE_TIMEOUT",
            Self::SlaveNotAvailable => "SLAVE_NOT_AVAILABLE",
        })
    }
}

/// What a broker said of a stored message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendReceipt {
    pub status: SendStatus,
    /// The unique key that this client gave; those of a batch are joined by commas.
    pub message_id: String,
    /// Where it is stored; those of a batch are joined by commas.
    pub offset_message_id: String,
    pub queue: MessageQueue,
    /// Of the first message of a batch.
    pub queue_offset: i64,
    pub transaction_id: Option<String>,
    pub region: String,
}

/// Sends messages; a cheap handle. Dropping the last one takes the group off the heartbeats.
#[derive(Debug, Clone)]
pub struct Producer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    group: String,
    settings: ProducerSettings,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.client.remove_producer(&self.group);
    }
}

/// A message or a batch, ready for any queue.
struct Prepared<'a> {
    topic: &'a str,
    code: i32,
    flag: i32,
    sys_flag: i32,
    properties: String,
    body: Bytes,
    message_id: String,
    is_batch: bool,
}

impl Producer {
    pub(crate) fn new(
        client: Client,
        group: &str,
        settings: ProducerSettings,
    ) -> Result<Self, Error> {
        validate_group(group)?;
        client.add_producer(group);
        let shared = Shared {
            client,
            group: group.to_owned(),
            settings,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The producer group.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.shared.group
    }

    /// The queues that take messages of a topic.
    ///
    /// # Errors
    /// When no name server answers or the topic cannot be written.
    pub async fn queues(&self, topic: &str) -> Result<Vec<MessageQueue>, Error> {
        Ok(self.route(topic).await?.write_queues.clone())
    }

    /// Stores a message in a queue whose turn it is; tries other brokers when one fails.
    ///
    /// # Errors
    /// When no attempt succeeded within the timeout. The message may have been stored unless
    /// every attempt was refused.
    pub async fn send(&self, message: &Message) -> Result<SendReceipt, Error> {
        let prepared = self.prepare(message)?;
        self.send_somewhere(&prepared).await
    }

    /// Stores a message in this queue; one attempt.
    ///
    /// # Errors
    /// When the attempt failed.
    pub async fn send_to(
        &self,
        queue: &MessageQueue,
        message: &Message,
    ) -> Result<SendReceipt, Error> {
        let prepared = self.prepare(message)?;
        self.attempt(&prepared, queue, self.shared.settings.send_timeout)
            .await
    }

    /// Queues a message for sending and learns nothing of its fate.
    ///
    /// # Errors
    /// When there is no route or no connection.
    pub async fn send_oneway(&self, message: &Message) -> Result<(), Error> {
        let prepared = self.prepare(message)?;
        let route = self.route(prepared.topic).await?;
        let queue = route.pick(None).ok_or_else(|| no_route(prepared.topic))?;
        let address = self.master(queue).await?;
        let header = self.header(&prepared, queue);
        let (code, body) = (prepared.code, [prepared.body.clone()]);
        let limit = self.shared.settings.send_timeout;
        let outbound = &self.shared.client.shared.outbound;
        Ok(outbound
            .oneway(&address, code, Some(&header), &body, limit)
            .await?)
    }

    /// Stores messages of one topic together, in one queue, in order. Together they must be
    /// smaller than the largest message.
    ///
    /// # Errors
    /// As [`Producer::send`]; also when the messages do not fit together.
    pub async fn send_batch(&self, messages: &[Message]) -> Result<SendReceipt, Error> {
        let prepared = self.prepare_batch(messages)?;
        self.send_somewhere(&prepared).await
    }

    async fn send_somewhere(&self, prepared: &Prepared<'_>) -> Result<SendReceipt, Error> {
        let settings = &self.shared.settings;
        let started = Instant::now();
        let mut tried: Vec<String> = Vec::new();
        let mut degraded = None;
        let mut last = Error::OutOfTime {
            elapsed: Duration::ZERO,
        };
        while tried.len() <= settings.retries {
            let left = settings.send_timeout.saturating_sub(started.elapsed());
            if left.is_zero() {
                break;
            }
            let route = self.route(prepared.topic).await?;
            let avoided = tried.last().map(String::as_str);
            let queue = route
                .pick(avoided)
                .ok_or_else(|| no_route(prepared.topic))?
                .clone();
            tried.push(queue.broker_name.clone());
            let left = settings.send_timeout.saturating_sub(started.elapsed());
            match self.attempt(prepared, &queue, left).await {
                Ok(receipt) if receipt.status == SendStatus::Ok || !settings.retry_not_stored => {
                    return Ok(receipt);
                }
                Ok(receipt) => degraded = Some(receipt),
                Err(error) if self.is_worth_retrying(&error) => last = error,
                Err(error) => return degraded.ok_or(error),
            }
        }
        degraded.ok_or_else(|| Error::SendFailed {
            topic: prepared.topic.to_owned(),
            attempts: tried.len(),
            elapsed: started.elapsed(),
            brokers: tried,
            last: Box::new(last),
        })
    }

    fn is_worth_retrying(&self, error: &Error) -> bool {
        match error {
            Error::Refused { code, .. } => self.shared.settings.retry_codes.contains(code),
            Error::Call(_) | Error::NoBroker { .. } => true,
            _ => false,
        }
    }

    async fn attempt(
        &self,
        prepared: &Prepared<'_>,
        queue: &MessageQueue,
        limit: Duration,
    ) -> Result<SendReceipt, Error> {
        if self.shared.client.is_closed() {
            return Err(Error::Closed);
        }
        let address = self.master(queue).await?;
        let header = self.header(prepared, queue);
        let body = [prepared.body.clone()];
        let outbound = &self.shared.client.shared.outbound;
        let answer = outbound
            .call(&address, prepared.code, Some(&header), &body, limit)
            .await?;
        receipt(&address, &answer, prepared, queue)
    }

    async fn route(&self, topic: &str) -> Result<Arc<TopicRoute>, Error> {
        let queues = self.shared.settings.default_topic_queues;
        self.shared
            .client
            .shared
            .routes
            .route_for_sending(topic, queues)
            .await
    }

    async fn master(&self, queue: &MessageQueue) -> Result<String, Error> {
        self.shared
            .client
            .shared
            .routes
            .master(&queue.topic, &queue.broker_name)
            .await
    }

    fn header<'a>(
        &'a self,
        prepared: &'a Prepared<'_>,
        queue: &'a MessageQueue,
    ) -> SendMessageV2<'a> {
        SendMessageV2 {
            producer_group: Cow::Borrowed(&self.shared.group),
            topic: Cow::Borrowed(prepared.topic),
            default_topic: Cow::Borrowed(DEFAULT_TOPIC),
            default_topic_queue_nums: self.shared.settings.default_topic_queues,
            queue_id: queue.queue_id,
            sys_flag: prepared.sys_flag,
            born_timestamp: now_ms(),
            flag: prepared.flag,
            properties: Some(Cow::Borrowed(&prepared.properties)),
            reconsume_times: Some(0),
            unit_mode: Some(false),
            max_reconsume_times: None,
            batch: Some(prepared.is_batch),
            broker_name: Some(Cow::Borrowed(&queue.broker_name)),
        }
    }

    fn prepare<'a>(&self, message: &'a Message) -> Result<Prepared<'a>, Error> {
        let settings = &self.shared.settings;
        message.validate(settings.body_bytes_max)?;
        let message_id = self.next_id();
        let (body, sys_flag) = compress(&message.body, settings.compress_over_bytes);
        Ok(Prepared {
            topic: &message.topic,
            code: request::SEND_MESSAGE_V2,
            flag: message.flag,
            sys_flag,
            properties: message.property_text(&message_id),
            body,
            message_id,
            is_batch: false,
        })
    }

    fn prepare_batch<'a>(&self, messages: &'a [Message]) -> Result<Prepared<'a>, Error> {
        let body_bytes_max = self.shared.settings.body_bytes_max;
        let invalid = |reason: &str| Error::invalid("batch", reason);
        let first = messages
            .first()
            .ok_or_else(|| invalid("it has no messages"))?;
        let mut body = Vec::new();
        let mut ids = Vec::with_capacity(messages.len());
        for message in messages {
            message.validate(body_bytes_max)?;
            if message.topic != first.topic {
                return Err(invalid("all messages must have the same topic"));
            }
            if message.is_delayed() || message.topic.starts_with("%RETRY%") {
                return Err(invalid(
                    "delayed messages and retry topics cannot be batched",
                ));
            }
            let id = self.next_id();
            let properties = message.property_text(&id);
            let part = BatchMessage {
                flag: message.flag,
                body: &message.body,
                properties: properties.as_bytes(),
            };
            batch::encode(&mut body, &part).map_err(|error| invalid(&error.to_string()))?;
            ids.push(id);
        }
        if body.len() > body_bytes_max {
            return Err(invalid(&format!(
                "{} bytes, the limit is {body_bytes_max}",
                body.len()
            )));
        }
        Ok(Prepared {
            topic: &first.topic,
            code: request::SEND_BATCH_MESSAGE,
            flag: 0,
            sys_flag: 0,
            properties: String::from("WAIT\u{1}true\u{2}"),
            body: body.into(),
            message_id: ids.join(","),
            is_batch: true,
        })
    }

    fn next_id(&self) -> String {
        self.shared.client.shared.ids.next(now_ms())
    }
}

/// Compresses a large body; the result is used even if it is larger, as in Java.
fn compress(body: &Bytes, over_bytes: usize) -> (Bytes, i32) {
    if body.len() >= over_bytes
        && let Ok(compressed) = Compression::Zlib.compress(body, ZLIB_LEVEL_DEFAULT)
    {
        return (compressed.into(), Compression::Zlib.flag());
    }
    (body.clone(), 0)
}

fn no_route(topic: &str) -> Error {
    Error::NoRoute {
        topic: topic.to_owned(),
    }
}

fn receipt(
    address: &str,
    answer: &Frame,
    prepared: &Prepared<'_>,
    queue: &MessageQueue,
) -> Result<SendReceipt, Error> {
    let Some(status) = SendStatus::of(answer.code) else {
        let remark = answer.remark.as_deref().unwrap_or_default().to_owned();
        return Err(Error::Refused {
            address: address.to_owned(),
            code: answer.code,
            remark,
        });
    };
    let unreadable = |source| Error::Header {
        address: address.to_owned(),
        source,
    };
    let header: SendMessageResponse<'_> = answer.header().map_err(unreadable)?;
    let extra: RegionAndTrace<'_> = answer.header().map_err(unreadable)?;
    Ok(SendReceipt {
        status,
        message_id: header
            .batch_uniq_id
            .map_or_else(|| prepared.message_id.clone(), Cow::into_owned),
        offset_message_id: header.msg_id.into_owned(),
        queue: MessageQueue {
            topic: prepared.topic.to_owned(),
            broker_name: queue.broker_name.clone(),
            queue_id: header.queue_id,
        },
        queue_offset: header.queue_offset,
        transaction_id: header.transaction_id.map(Cow::into_owned),
        region: extra
            .region
            .map_or_else(|| DEFAULT_REGION.to_owned(), Cow::into_owned),
    })
}
