//! How far groups are in time and over all their topics, what they subscribed to, and single entries
//! of queues.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferrocket_protocol::bodies::{
    ConsumeQueueData, ConsumeStats, ConsumeStatsList, GroupForbidden,
    QueryConsumeQueueResponseBody, QueryConsumeTimeSpanBody, QuerySubscriptionResponseBody,
    QueueTimeSpan,
};
use ferrocket_protocol::codes::response;
use ferrocket_protocol::frame::NoHeader;
use ferrocket_protocol::headers::{
    GetConsumeStatsInBroker, QueryConsumeQueue, QueryConsumeTimeSpan, QuerySubscriptionByConsumer,
    UpdateGroupForbidden,
};
use ferrocket_protocol::{bodies, outbox::Outbox};
use ferrocket_store::{QueueOffset, ReadError, ReadRequest};

use super::{reply_body, reply_read_error, reply_saved};
use crate::Broker;
use crate::clients::subscription::Subscription;
use crate::request::Request;
use crate::topics::Topic;

/// Entries of a queue in one answer; whoever wants more asks again.
const ENTRIES_MAX: i32 = 1_000;

impl Broker {
    /// GET_BROKER_CONSUME_STATS: every group with every topic that it consumed.
    pub(crate) fn all_consume_stats(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<GetConsumeStatsInBroker>(out) else {
            return;
        };
        match self.stats_of_groups(request, header.is_order) {
            Ok(body) => reply_body(request, &body, out),
            Err(error) => reply_read_error(request, &error, out),
        }
    }

    fn stats_of_groups(
        &self,
        request: &Request<'_>,
        only_ordered: bool,
    ) -> Result<ConsumeStatsList, ReadError> {
        let mut list = ConsumeStatsList {
            broker_addr: Some(request.config.broker_addr()),
            ..ConsumeStatsList::default()
        };
        for group in self.groups.all() {
            let mut of_group = Vec::new();
            for name in self.subscribed_topics(&group.name) {
                let Some(topic) = self.topics.get(&name) else {
                    continue;
                };
                if only_ordered && !topic.config.order {
                    continue;
                }
                let mut stats = ConsumeStats::default();
                let queues = topic.config.write_queue_nums;
                self.add_consume_stats(request, &group.name, &topic, queues, &mut stats)?;
                for offsets in stats.offset_table.values() {
                    list.total_diff += offsets.broker_offset - offsets.consumer_offset;
                    list.total_inflight_diff += offsets.pull_offset - offsets.consumer_offset;
                }
                of_group.push(stats);
            }
            list.consume_stats_list
                .push(BTreeMap::from([(group.name.to_string(), of_group)]));
        }
        Ok(list)
    }

    /// Topics that the group consumed, without those that its clients online do not subscribe to.
    fn subscribed_topics(&self, group: &str) -> Vec<String> {
        let mut topics = self.offsets.topics_of(group);
        if let Some(consumers) = self.clients.consumers.get(group) {
            let declared = consumers.declared();
            if !declared.subscriptions.is_empty() {
                topics.retain(|topic| declared.subscriptions.contains_key(topic.as_str()));
            }
        }
        topics
    }

    /// QUERY_CONSUME_TIME_SPAN.
    pub(crate) fn consume_time_span(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<QueryConsumeTimeSpan>(out) else {
            return;
        };
        let Some(topic) = self.topics.get(&header.topic) else {
            let remark = format!("topic[{}] not exist", header.topic);
            out.reply_error(request.to, response::TOPIC_NOT_EXIST, &remark);
            return;
        };
        let spans: Result<Vec<_>, ReadError> = (0..topic.config.write_queue_nums)
            .map(|queue_id| self.time_span(request, &topic, &header.group, queue_id))
            .collect();
        match spans {
            Ok(consume_time_span_set) => reply_body(
                request,
                &QueryConsumeTimeSpanBody {
                    consume_time_span_set,
                },
                out,
            ),
            Err(error) => reply_read_error(request, &error, out),
        }
    }

    fn time_span(
        &self,
        request: &Request<'_>,
        topic: &Topic,
        group: &str,
        queue_id: i32,
    ) -> Result<QueueTimeSpan, ReadError> {
        let name = topic.name();
        let time_at = |offset: i64| -> Result<i64, ReadError> {
            Ok(self
                .store
                .store_ms_at(name, queue_id, QueueOffset(offset))?
                .unwrap_or(-1))
        };
        let max = self.store.max_offset(name, queue_id).0;
        let min_time_stamp = self.store.earliest_store_ms(name, queue_id)?.unwrap_or(-1);
        let committed = self
            .offsets
            .present(group, name)
            .and_then(|progress| progress.committed(queue_id))
            .map_or(-1, |offset| offset.0);
        let consume_time_stamp = if committed > 0 {
            time_at(committed - 1)?
        } else {
            min_time_stamp
        };
        // Of a group that committed nothing, everything waits; of an empty queue, nothing.
        let next = committed.max(self.store.min_offset(name, queue_id).0);
        let delay_time = if next < max {
            request.now_ms - time_at(next)?
        } else {
            0
        };
        Ok(QueueTimeSpan {
            consume_time_stamp,
            delay_time,
            max_time_stamp: time_at(max - 1)?,
            message_queue: self.queue_of(request, topic, queue_id),
            min_time_stamp,
            ..QueueTimeSpan::default()
        })
    }

    /// QUERY_SUBSCRIPTION_BY_CONSUMER.
    pub(crate) fn subscription_of_group(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<QuerySubscriptionByConsumer>(out) else {
            return;
        };
        let topic = header.topic.unwrap_or_default();
        let subscription = self.subscription(&header.group, &topic);
        let body = QuerySubscriptionResponseBody {
            group: header.group,
            subscription_data: subscription.map(|subscription| subscription.data.clone()),
            topic,
        };
        reply_body(request, &body, out);
    }

    /// What a group wants of a topic, by its heartbeats or by its last pull
    /// (`ConsumerManager#findSubscriptionData`).
    fn subscription(&self, group: &str, topic: &str) -> Option<Arc<Subscription>> {
        self.clients
            .consumers
            .get(group)
            .and_then(|consumers| consumers.subscription(topic))
            .or_else(|| self.clients.compensation.last(group, topic))
    }

    /// QUERY_CONSUME_QUEUE: entries as they are, and whether a group's filter by tags lets them pass.
    pub(crate) fn consume_queue(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<QueryConsumeQueue>(out) else {
            return;
        };
        let (topic, queue_id) = (header.topic.unwrap_or_default(), header.queue_id);
        let max = self.store.max_offset(&topic, queue_id).0;
        if max == 0 {
            let remark = format!("{queue_id}@{topic} is not exist!");
            out.reply_error(request.to, response::SYSTEM_ERROR, &remark);
            return;
        }
        let min = self.store.min_offset(&topic, queue_id).0;
        if !(min..max).contains(&header.index) {
            let remark = format!("Index {} of {queue_id}@{topic} is not exist!", header.index);
            out.reply::<NoHeader>(request.to, response::SUCCESS, Some(&remark), None, &[]);
            return;
        }
        let subscription = header
            .consumer_group
            .as_deref()
            .and_then(|group| self.subscription(group, &topic));
        let filter_data = header.consumer_group.map(|group| {
            if subscription.is_some() {
                "null".to_owned()
            } else {
                format!("{group}@{topic} is not online!")
            }
        });
        let range = header.index..max.min(header.index + i64::from(header.count.min(ENTRIES_MAX)));
        match self.entries(&topic, queue_id, range, subscription.as_deref()) {
            Ok(queue_data) => {
                let body = QueryConsumeQueueResponseBody {
                    filter_data,
                    max_queue_index: max,
                    min_queue_index: min,
                    queue_data,
                    subscription_data: subscription.map(|it| it.data.clone()),
                };
                reply_body(request, &body, out);
            }
            Err(error) => reply_read_error(request, &error, out),
        }
    }

    fn entries(
        &self,
        topic: &str,
        queue_id: i32,
        range: std::ops::Range<i64>,
        subscription: Option<&Subscription>,
    ) -> Result<Vec<ConsumeQueueData>, ReadError> {
        let mut entries = Vec::new();
        let mut next = range.start;
        while next < range.end {
            let wanted = ReadRequest {
                topic,
                queue_id,
                offset: QueueOffset(next),
                messages_max: u32::try_from(range.end - next).unwrap_or(u32::MAX),
                bytes_max: usize::MAX,
                hot_only: false,
            };
            // Nothing is taken: the records themselves are not read.
            let answer = self.store.read(&wanted, &mut |entry| {
                if entry.queue_offset.0 < range.end {
                    entries.push(ConsumeQueueData {
                        physic_offset: entry.physical_offset.0,
                        physic_size: entry.bytes,
                        tags_code: entry.tags_code.unwrap_or(0),
                        eval: subscription.is_none_or(|it| it.accepts(entry.tags_code)),
                        ..ConsumeQueueData::default()
                    });
                }
                false
            })?;
            if answer.next_offset.0 <= next {
                break;
            }
            next = answer.next_offset.0;
        }
        Ok(entries)
    }

    /// UPDATE_AND_GET_GROUP_FORBIDDEN: whether a group may read a topic, changed first if that is
    /// asked for.
    pub(crate) fn group_forbidden(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<UpdateGroupForbidden>(out) else {
            return;
        };
        let (group, topic) = (header.group, header.topic);
        if self
            .groups
            .find(request.config, &group, request.now_ms)
            .is_none()
        {
            let remark = format!("Group {group} does not exist");
            out.reply_error(request.to, response::SUBSCRIPTION_GROUP_NOT_EXIST, &remark);
            return;
        }
        if let Some(readable) = header.readable
            && let Err(error) = self
                .groups
                .forbid(&group, &topic, !readable, request.now_ms)
        {
            reply_saved(request, Err(error), out);
            return;
        }
        let body = bodies::print(&GroupForbidden {
            readable: Some(!self.groups.is_forbidden_to_read(&group, &topic)),
            group,
            topic,
        });
        out.reply::<NoHeader>(request.to, response::SUCCESS, None, None, &[body.into()]);
    }
}
