//! Reading queues at offsets of one's own choice.

use std::borrow::Cow;
use std::time::Duration;

use ferrocket_protocol::bodies::{EXPRESSION_TYPE_TAG, MessageQueue};
use ferrocket_protocol::codes::{request, response};
use ferrocket_protocol::frame::Frame;
use ferrocket_protocol::headers::{
    BoundaryType, GetMaxOffset, GetMaxOffsetResponse, GetMinOffset, GetMinOffsetResponse,
    PullMessage, PullMessageResponse, QueryConsumerOffset, QueryConsumerOffsetResponse,
    SearchOffset, SearchOffsetResponse, UpdateConsumerOffset,
};
use ferrocket_protocol::message::compression::BODY_BYTES_MAX_DEFAULT;
use ferrocket_protocol::message::view::{self, View};
use ferrocket_protocol::message::{StoredMessage, record};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::Client;
use crate::error::Error;
use crate::message::validate_group;

/// How much longer than the broker holds a pull its answer is waited for.
const PULL_GRACE: Duration = Duration::from_secs(15);
/// `PullSysFlag`.
const FLAG_SUSPEND: i32 = 2;
const FLAG_SUBSCRIPTION: i32 = 4;
/// Where a record has its queue offset, behind size, magic, CRC, queue id and flag.
const QUEUE_OFFSET_AT: usize = 20;

/// What to read.
#[derive(Debug, Clone)]
pub struct PullRequest<'a> {
    pub queue: &'a MessageQueue,
    pub offset: i64,
    /// Tags joined by `||`, or `*`.
    pub expression: &'a str,
    /// Messages of one answer; brokers give 32 at most by default.
    pub messages_max: i32,
    /// How long the broker may hold the request until a message comes; zero: not at all.
    pub suspend: Duration,
    /// The broker to ask, as the last answer suggested; 0 is the master.
    pub broker_id: i64,
}

impl<'a> PullRequest<'a> {
    /// All messages from `offset` on, held for 15 s as Java's push consumer does.
    #[must_use]
    pub fn new(queue: &'a MessageQueue, offset: i64) -> Self {
        Self {
            queue,
            offset,
            expression: "*",
            messages_max: 32,
            suspend: Duration::from_secs(15),
            broker_id: 0,
        }
    }
}

/// What came of a pull.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullStatus {
    Found,
    /// The end of the queue.
    NoNewMessage,
    /// Messages were there, none matched: go on at the next offset at once.
    NoMatchedMessage,
    /// The offset is outside the queue: go on at the next offset that the answer names.
    OffsetIllegal,
}

/// An answer to a pull.
#[derive(Debug, Clone)]
pub struct Pulled {
    pub status: PullStatus,
    /// Where to go on.
    pub next_offset: i64,
    pub min_offset: i64,
    pub max_offset: i64,
    /// The broker to ask next.
    pub broker_id: i64,
    /// Filtered by tag exactly; brokers filter by the tag's hash alone. A message that cannot be
    /// read is left out and logged.
    pub messages: Vec<StoredMessage>,
}

/// Reads queues for a group without joining it.
#[derive(Debug, Clone)]
pub struct PullConsumer {
    client: Client,
    group: String,
}

impl PullConsumer {
    pub(crate) fn new(client: Client, group: &str) -> Result<Self, Error> {
        validate_group(group)?;
        Ok(Self {
            client,
            group: group.to_owned(),
        })
    }

    /// The queues that give messages of a topic.
    ///
    /// # Errors
    /// When no name server answers or the topic has no route.
    pub async fn queues(&self, topic: &str) -> Result<Vec<MessageQueue>, Error> {
        Ok(self
            .client
            .shared
            .routes
            .route(topic)
            .await?
            .read_queues
            .clone())
    }

    /// Reads messages.
    ///
    /// # Errors
    /// When the broker cannot be reached or refuses.
    pub async fn pull(&self, pull: &PullRequest<'_>) -> Result<Pulled, Error> {
        let queue = pull.queue;
        let address = self.reader(queue, pull.broker_id).await?;
        let suspend = if pull.suspend.is_zero() {
            0
        } else {
            FLAG_SUSPEND
        };
        let header = PullMessage {
            consumer_group: Cow::Borrowed(&self.group),
            topic: Cow::Borrowed(&queue.topic),
            queue_id: queue.queue_id,
            queue_offset: pull.offset,
            max_msg_nums: pull.messages_max,
            sys_flag: FLAG_SUBSCRIPTION | suspend,
            suspend_timeout_millis: i64::try_from(pull.suspend.as_millis()).unwrap_or(i64::MAX),
            subscription: Some(Cow::Borrowed(pull.expression)),
            expression_type: Some(Cow::Borrowed(EXPRESSION_TYPE_TAG)),
            ..PullMessage::default()
        };
        let limit = pull.suspend + PULL_GRACE;
        let code = request::PULL_MESSAGE;
        let outbound = &self.client.shared.outbound;
        let answer = outbound
            .call(&address, code, Some(&header), &[], limit)
            .await?;
        pulled(&address, &answer, pull)
    }

    /// The offset at which the group goes on, if it has one.
    ///
    /// # Errors
    /// When the broker cannot be reached or refuses.
    pub async fn committed(&self, queue: &MessageQueue) -> Result<Option<i64>, Error> {
        let header = QueryConsumerOffset {
            consumer_group: Cow::Borrowed(&self.group),
            topic: Cow::Borrowed(&queue.topic),
            queue_id: queue.queue_id,
            set_zero_if_not_found: None,
        };
        let answer = self
            .ask::<_, QueryConsumerOffsetResponse>(queue, request::QUERY_CONSUMER_OFFSET, &header)
            .await;
        match answer {
            Ok(answer) => Ok(Some(answer.offset)),
            Err(Error::Refused {
                code: response::QUERY_NOT_FOUND,
                ..
            }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Remembers at the broker where the group goes on, and waits until it is taken.
    ///
    /// # Errors
    /// When the broker cannot be reached or refuses.
    pub async fn commit(&self, queue: &MessageQueue, offset: i64) -> Result<(), Error> {
        let address = self.reader(queue, 0).await?;
        let header = self.commit_header(queue, offset);
        let limit = self.client.shared.config.request_timeout;
        let code = request::UPDATE_CONSUMER_OFFSET;
        self.client
            .call(&address, code, Some(&header), &[], limit)
            .await?;
        Ok(())
    }

    /// The offset that the next message of the queue will get.
    ///
    /// # Errors
    /// When the broker cannot be reached or refuses.
    pub async fn max_offset(&self, queue: &MessageQueue) -> Result<i64, Error> {
        let header = GetMaxOffset {
            topic: queue.topic.clone(),
            queue_id: queue.queue_id,
            ..GetMaxOffset::default()
        };
        let code = request::GET_MAX_OFFSET;
        Ok(self
            .ask::<_, GetMaxOffsetResponse>(queue, code, &header)
            .await?
            .offset)
    }

    /// The offset of the oldest message that is left.
    ///
    /// # Errors
    /// When the broker cannot be reached or refuses.
    pub async fn min_offset(&self, queue: &MessageQueue) -> Result<i64, Error> {
        let header = GetMinOffset {
            topic: queue.topic.clone(),
            queue_id: queue.queue_id,
        };
        let code = request::GET_MIN_OFFSET;
        Ok(self
            .ask::<_, GetMinOffsetResponse>(queue, code, &header)
            .await?
            .offset)
    }

    /// The offset of the first message stored at or after a time.
    ///
    /// # Errors
    /// When the broker cannot be reached or refuses.
    pub async fn offset_at(&self, queue: &MessageQueue, time_ms: i64) -> Result<i64, Error> {
        let header = SearchOffset {
            topic: queue.topic.clone(),
            queue_id: queue.queue_id,
            timestamp: time_ms,
            boundary_type: Some(BoundaryType::Lower),
            ..SearchOffset::default()
        };
        let code = request::SEARCH_OFFSET_BY_TIMESTAMP;
        Ok(self
            .ask::<_, SearchOffsetResponse>(queue, code, &header)
            .await?
            .offset)
    }

    fn commit_header<'a>(
        &'a self,
        queue: &'a MessageQueue,
        offset: i64,
    ) -> UpdateConsumerOffset<'a> {
        UpdateConsumerOffset {
            consumer_group: Cow::Borrowed(&self.group),
            topic: Cow::Borrowed(&queue.topic),
            queue_id: queue.queue_id,
            commit_offset: offset,
        }
    }

    async fn reader(&self, queue: &MessageQueue, broker_id: i64) -> Result<String, Error> {
        let routes = &self.client.shared.routes;
        routes
            .reader(&queue.topic, &queue.broker_name, broker_id)
            .await
    }

    async fn ask<H: Serialize, A: DeserializeOwned>(
        &self,
        queue: &MessageQueue,
        code: i32,
        header: &H,
    ) -> Result<A, Error> {
        let address = self.reader(queue, 0).await?;
        let limit = self.client.shared.config.request_timeout;
        let answer = self
            .client
            .call(&address, code, Some(header), &[], limit)
            .await?;
        answer
            .header()
            .map_err(|source| Error::Header { address, source })
    }
}

fn pulled(address: &str, answer: &Frame, pull: &PullRequest<'_>) -> Result<Pulled, Error> {
    let status = match answer.code {
        response::SUCCESS => PullStatus::Found,
        response::PULL_NOT_FOUND => PullStatus::NoNewMessage,
        response::PULL_RETRY_IMMEDIATELY => PullStatus::NoMatchedMessage,
        response::PULL_OFFSET_MOVED => PullStatus::OffsetIllegal,
        code => {
            let remark = answer.remark.as_deref().unwrap_or_default().to_owned();
            return Err(Error::Refused {
                address: address.to_owned(),
                code,
                remark,
            });
        }
    };
    let header: PullMessageResponse = answer.header().map_err(|source| Error::Header {
        address: address.to_owned(),
        source,
    })?;
    let decoded = match status {
        PullStatus::Found => messages(pull, &answer.body),
        _ => messages(pull, &[]),
    };
    Ok(Pulled {
        status,
        next_offset: decoded.resume.unwrap_or(header.next_begin_offset),
        min_offset: header.min_offset,
        max_offset: header.max_offset,
        broker_id: header.suggest_which_broker_id,
        messages: decoded.messages,
    })
}

/// What an answer's body holds.
#[derive(Debug, PartialEq, Eq)]
struct Decoded {
    messages: Vec<StoredMessage>,
    /// Where to go on instead of behind the answer: it could not be read to its end.
    resume: Option<i64>,
}

/// What can be read is given; a message that cannot be read is logged and skipped, alone: it must
/// not stop its queue.
fn messages(pull: &PullRequest<'_>, body: &[u8]) -> Decoded {
    let mut messages = Vec::new();
    let mut next = pull.offset;
    let mut rest = body;
    while !rest.is_empty() {
        let record = View::parse(rest);
        let offset = record.as_ref().map_or_else(
            |_| offset_of(rest).unwrap_or(next),
            |record| record.queue_offset,
        );
        let length = match &record {
            Ok(record) => Some(record.bytes().len()),
            Err(_) => skippable(rest),
        };
        match record
            .map_err(|error| error.to_string())
            .and_then(|record| parts(&record))
        {
            Ok(parts) => messages.extend(
                parts
                    .into_iter()
                    .filter(|m| matches(pull.expression, m.tags())),
            ),
            Err(reason) => tracing::error!(
                topic = pull.queue.topic,
                broker = pull.queue.broker_name,
                queue_id = pull.queue.queue_id,
                queue_offset = offset,
                reason,
                "a message cannot be read, it is skipped"
            ),
        }
        let Some(length) = length else {
            // What follows is asked for again: where it begins cannot be told.
            let resume = Some(next.max(pull.offset.saturating_add(1)));
            return Decoded { messages, resume };
        };
        next = next.max(offset.saturating_add(1));
        rest = rest.get(length..).unwrap_or_default();
    }
    Decoded {
        messages,
        resume: None,
    }
}

fn parts(record: &View<'_>) -> Result<Vec<StoredMessage>, String> {
    let message = StoredMessage::from_view(record, BODY_BYTES_MAX_DEFAULT)
        .map_err(|error| error.to_string())?;
    message
        .unwrap_inner_batch()
        .map_err(|error| error.to_string())
}

/// The length of a record that cannot be read, if another one or the end follows.
fn skippable(bytes: &[u8]) -> Option<usize> {
    let (total, _) = view::head(bytes).ok()?;
    let total = usize::try_from(total).ok()?;
    let plausible = total >= record::RECORD_BYTES_MIN && total <= bytes.len();
    plausible.then_some(total)
}

/// The queue offset of a record that cannot be read.
fn offset_of(bytes: &[u8]) -> Option<i64> {
    let (offset, _) = bytes.get(QUEUE_OFFSET_AT..)?.split_first_chunk::<8>()?;
    Some(i64::from_be_bytes(*offset))
}

/// Whether a tag expression lets a message through; messages without a tag match only `*`.
fn matches(expression: &str, tags: Option<&str>) -> bool {
    let expression = expression.trim();
    expression.is_empty()
        || expression == "*"
        || tags.is_some_and(|tags| expression.split("||").any(|tag| tag.trim() == tags))
}

#[cfg(test)]
#[path = "pull_tests.rs"]
mod tests;
