//! Moving groups to other offsets: resets in both styles, copies, corrections.

use std::collections::BTreeMap;

use bytes::Bytes;
use ferrocket_protocol::Language;
use ferrocket_protocol::bodies::{
    self, MessageQueue, MessageQueueForC, QueryCorrectionOffsetBody, ResetOffsetBody,
    ResetOffsetBodyForC,
};
use ferrocket_protocol::codes::{request, response};
use ferrocket_protocol::frame::Encoding;
use ferrocket_protocol::headers::{CloneGroupOffset, QueryCorrectionOffset, ResetOffset};
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::version;
use ferrocket_store::{Boundary, QueueOffset, ReadError};

use super::calls::too_old;
use super::{reply_body, reply_read_error, reply_saved};
use crate::Broker;
use crate::config::BrokerRole;
use crate::request::Request;
use crate::topics::Topic;

/// Why a reset is refused.
#[derive(Debug, thiserror::Error)]
enum ResetError {
    #[error("Can not reset offset in slave broker")]
    Slave,
    #[error("Topic {0} does not exist")]
    TopicMissing(String),
    #[error("Group {0} does not exist")]
    GroupMissing(String),
    #[error("Target offset {offset} not in consume queue range [{min}-{max}]")]
    Range { offset: i64, min: i64, max: i64 },
    #[error("queueId[{queue_id}] is illegal, the topic[{topic}] has no such queue")]
    Queue { queue_id: i32, topic: String },
    #[error("[reset-offset] reset offset failed, no topic in this broker. topic={0}")]
    NoTopicHere(String),
    #[error("THe consumer group <{0}> not exist")]
    NothingCommitted(String),
    #[error(
        "Consumer not online, so can not reset offset, Group: {group} Topic: {topic} Timestamp: {timestamp}"
    )]
    Offline {
        group: String,
        topic: String,
        timestamp: i64,
    },
    #[error("{0}")]
    OldClient(String),
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl ResetError {
    fn code(&self) -> i32 {
        match self {
            Self::TopicMissing(_) => response::TOPIC_NOT_EXIST,
            Self::GroupMissing(_) => response::SUBSCRIPTION_GROUP_NOT_EXIST,
            Self::Queue { .. } => response::INVALID_PARAMETER,
            Self::Offline { .. } => response::CONSUMER_NOT_ONLINE,
            Self::Slave
            | Self::Range { .. }
            | Self::NoTopicHere(_)
            | Self::NothingCommitted(_)
            | Self::OldClient(_)
            | Self::Read(_) => response::SYSTEM_ERROR,
        }
    }
}

impl Broker {
    /// INVOKE_BROKER_TO_RESET_OFFSET. With `useServerSideResetOffset` the broker sets the offsets,
    /// whether a consumer is online or not; without it, it tells the consumers to.
    pub(crate) fn reset_offsets(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<ResetOffset>(out) else {
            return;
        };
        let here = request.config.use_server_side_reset_offset;
        let done = if here {
            self.reset_here(request, &header)
        } else {
            self.reset_at_clients(request, &header)
        };
        match done {
            Ok(offset_table) => {
                // A reset that a kill undoes would be found out by messages that come again.
                if here && let Err(error) = self.offsets.save() {
                    reply_saved(request, Err(error), out);
                    return;
                }
                reply_body(request, &ResetOffsetBody { offset_table }, out);
            }
            Err(ResetError::Read(error)) => reply_read_error(request, &error, out),
            Err(error) => out.reply_error(request.to, error.code(), &error.to_string()),
        }
    }

    fn reset_here(
        &self,
        request: &Request<'_>,
        header: &ResetOffset,
    ) -> Result<BTreeMap<MessageQueue, i64>, ResetError> {
        if request.config.broker_role == BrokerRole::Slave {
            return Err(ResetError::Slave);
        }
        let Some(topic) = self.topics.get(&header.topic) else {
            return Err(ResetError::TopicMissing(header.topic.clone()));
        };
        if !self.groups.contains(&header.group) {
            return Err(ResetError::GroupMissing(header.group.clone()));
        }
        let mut offsets = BTreeMap::new();
        if header.queue_id >= 0 {
            let queue_id = header.queue_id;
            if !self.has_queue(&topic, queue_id) {
                return Err(ResetError::Queue {
                    queue_id,
                    topic: header.topic.clone(),
                });
            }
            offsets.insert(queue_id, self.reset_target(&topic, header)?);
        } else {
            for queue_id in 0..topic.config.read_queue_nums {
                let offset = self.offset_at(&topic, queue_id, header.timestamp)?;
                offsets.insert(queue_id, offset);
            }
        }
        for (queue_id, offset) in &offsets {
            tracing::info!(
                group = %header.group,
                topic = %header.topic,
                queue_id,
                offset,
                remote = %request.peer.remote(),
                "an administrator moves a group"
            );
            let offset = QueueOffset(*offset);
            self.offsets.reset(
                &header.group,
                &header.topic,
                *queue_id,
                offset,
                request.now_ms,
            );
        }
        self.wake_group(request.now_ms, &topic, &header.group);
        Ok(offsets
            .into_iter()
            .map(|(queue_id, offset)| (self.queue_of(request, &topic, queue_id), offset))
            .collect())
    }

    /// The offset that is asked for of one queue.
    fn reset_target(&self, topic: &Topic, header: &ResetOffset) -> Result<i64, ResetError> {
        let queue_id = header.queue_id;
        let Some(offset) = header.offset.filter(|offset| *offset != -1) else {
            return Ok(self.offset_at(topic, queue_id, header.timestamp)?);
        };
        let min = self.store.min_offset(topic.name(), queue_id).0;
        let max = self.store.max_offset(topic.name(), queue_id).0;
        // Java lets one behind the end pass, which a pull would be sent back from.
        if (min >= 0 && offset < min) || offset > max + 1 {
            return Err(ResetError::Range { offset, min, max });
        }
        Ok(offset)
    }

    /// The offset of a time; of no time (-1), the end.
    fn offset_at(&self, topic: &Topic, queue_id: i32, timestamp: i64) -> Result<i64, ReadError> {
        if timestamp < 0 {
            return Ok(self.store.max_offset(topic.name(), queue_id).0);
        }
        let offset =
            self.store
                .offset_by_time(topic.name(), queue_id, timestamp, Boundary::Lower)?;
        Ok(offset.0)
    }

    /// The style of 4.x (`Broker2Client#resetOffset`): the consumers that are online move.
    fn reset_at_clients(
        &self,
        request: &Request<'_>,
        header: &ResetOffset,
    ) -> Result<BTreeMap<MessageQueue, i64>, ResetError> {
        let (group, timestamp) = (&header.group, header.timestamp);
        let Some(topic) = self.topics.get(&header.topic) else {
            return Err(ResetError::NoTopicHere(header.topic.clone()));
        };
        let progress = self.offsets.present(group, topic.name());
        let mut offsets = BTreeMap::new();
        for queue_id in 0..topic.config.write_queue_nums {
            let committed = progress
                .as_ref()
                .and_then(|progress| progress.committed(queue_id));
            let Some(committed) = committed else {
                return Err(ResetError::NothingCommitted(group.clone()));
            };
            let target = self.offset_at(&topic, queue_id, timestamp)?.max(0);
            let moved = header.is_force || target < committed.0;
            let offset = if moved { target } else { committed.0 };
            offsets.insert(self.queue_of(request, &topic, queue_id), offset);
        }
        let consumers = self.clients.consumers.get(group);
        let clients = consumers
            .map(|consumers| consumers.clients())
            .unwrap_or_default();
        if clients.is_empty() {
            return Err(ResetError::Offline {
                group: group.clone(),
                topic: header.topic.clone(),
                timestamp,
            });
        }
        if let Some(old) = clients
            .iter()
            .find(|client| client.version < version::V3_0_7_SNAPSHOT)
        {
            return Err(ResetError::OldClient(too_old(old)));
        }
        let told = ResetOffset {
            group: group.clone(),
            topic: header.topic.clone(),
            timestamp,
            ..ResetOffset::default()
        };
        let body = reset_body(request.frame.language == Some(Language::Cpp), &offsets);
        for client in &clients {
            let mut frames = Outbox::new();
            let code = request::RESET_CONSUMER_CLIENT_OFFSET;
            let body = std::slice::from_ref(&body);
            if frames
                .request(Encoding::Json, code, 0, true, Some(&told), body)
                .is_ok()
            {
                client.peer.send(frames);
            }
        }
        Ok(offsets)
    }

    /// CLONE_GROUP_OFFSET: one group goes on where another one is. Java copies nothing useful when
    /// no topic is named; here that means all.
    pub(crate) fn clone_offsets(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<CloneGroupOffset>(out) else {
            return;
        };
        let named = header.topic.as_deref().unwrap_or_default().trim();
        let topics = if named.is_empty() {
            self.offsets.topics_of(&header.src_group)
        } else {
            vec![named.to_owned()]
        };
        let declared = self
            .clients
            .consumers
            .get(&header.src_group)
            .map(|consumers| consumers.declared())
            .filter(|declared| !header.offline && !declared.subscriptions.is_empty());
        for topic in topics {
            let unsubscribed = declared
                .as_ref()
                .is_some_and(|declared| !declared.subscriptions.contains_key(topic.as_str()));
            if unsubscribed || !self.topics.contains(&topic) {
                tracing::warn!(topic, group = %header.src_group, "offsets of a topic that is gone or no longer subscribed are not copied");
                continue;
            }
            self.offsets
                .copy(&header.src_group, &header.dest_group, &topic);
        }
        reply_saved(request, self.offsets.save(), out);
    }

    /// QUERY_CORRECTION_OFFSET: the least that any group but the filtered ones consumed of each
    /// queue, or no limit where the compared group is further back.
    pub(crate) fn correction_offsets(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<QueryCorrectionOffset>(out) else {
            return;
        };
        let filtered: Vec<&str> = header
            .filter_groups
            .as_deref()
            .unwrap_or_default()
            .split(',')
            .filter(|group| !group.is_empty())
            .collect();
        let mut least: BTreeMap<i32, i64> = BTreeMap::new();
        for group in self.offsets.groups_of(&header.topic) {
            if filtered.contains(&group.as_str()) {
                continue;
            }
            let Some(progress) = self.offsets.present(&group, &header.topic) else {
                continue;
            };
            for (queue_id, offset) in progress.all_committed() {
                if offset >= self.store.min_offset(&header.topic, queue_id).0 {
                    least
                        .entry(queue_id)
                        .and_modify(|least| *least = offset.min(*least))
                        .or_insert(offset);
                }
            }
        }
        let compared = self.offsets.present(&header.compare_group, &header.topic);
        for (queue_id, offset) in compared.map(|it| it.all_committed()).unwrap_or_default() {
            if least.get(&queue_id).is_none_or(|least| *least > offset) {
                least.insert(queue_id, i64::MAX);
            }
        }
        let body = QueryCorrectionOffsetBody {
            correction_offsets: least,
        };
        reply_body(request, &body, out);
    }
}

/// The body of RESET_CONSUMER_CLIENT_OFFSET: C++ tools ask for a list, which all clients then get.
fn reset_body(as_list: bool, offsets: &BTreeMap<MessageQueue, i64>) -> Bytes {
    if !as_list {
        let offset_table = offsets.clone();
        return bodies::print(&ResetOffsetBody { offset_table }).into();
    }
    let offset_table = offsets
        .iter()
        .map(|(queue, offset)| MessageQueueForC {
            broker_name: queue.broker_name.clone(),
            offset: *offset,
            queue_id: queue.queue_id,
            topic: queue.topic.clone(),
        })
        .collect();
    bodies::print(&ResetOffsetBodyForC { offset_table }).into()
}
