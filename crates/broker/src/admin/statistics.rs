//! Offsets and rates of topics and groups, as tools print them.

use std::collections::{BTreeMap, BTreeSet};

use ferrocket_protocol::bodies::{
    ConsumeStats, GroupList, MessageQueue, OffsetWrapper, TopicList, TopicOffset, TopicStatsTable,
};
use ferrocket_protocol::codes::response;
use ferrocket_protocol::headers::{
    GetConsumeStats, GetTopicStatsInfo, QueryTopicConsumeByWho, QueryTopicsByConsumer,
};
use ferrocket_protocol::outbox::Outbox;
use ferrocket_store::{QueueOffset, ReadError};

use super::{reply_body, reply_read_error};
use crate::Broker;
use crate::request::Request;
use crate::topics::Topic;

impl Broker {
    /// GET_TOPIC_STATS_INFO.
    pub(crate) fn topic_stats(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<GetTopicStatsInfo>(out) else {
            return;
        };
        let Some(topic) = self.topics.get(&header.topic) else {
            let remark = format!("topic[{}] not exist", header.topic);
            out.reply_error(request.to, response::TOPIC_NOT_EXIST, &remark);
            return;
        };
        match self.queue_stats(request, &topic) {
            Ok(offset_table) => {
                let topic_put_tps = topic.live.put_messages.per_second();
                reply_body(
                    request,
                    &TopicStatsTable {
                        offset_table,
                        topic_put_tps,
                    },
                    out,
                );
            }
            Err(error) => reply_read_error(request, &error, out),
        }
    }

    fn queue_stats(
        &self,
        request: &Request<'_>,
        topic: &Topic,
    ) -> Result<BTreeMap<MessageQueue, TopicOffset>, ReadError> {
        let queues = topic
            .config
            .read_queue_nums
            .max(topic.config.write_queue_nums);
        let mut table = BTreeMap::new();
        for queue_id in 0..queues {
            let min = self.store.min_offset(topic.name(), queue_id).0.max(0);
            let max = self.store.max_offset(topic.name(), queue_id).0.max(0);
            let last_update_timestamp = if max > 0 {
                self.store_ms(topic.name(), queue_id, max - 1)?
            } else {
                0
            };
            let offsets = TopicOffset {
                last_update_timestamp,
                max_offset: max,
                min_offset: min,
            };
            table.insert(self.queue_of(request, topic, queue_id), offsets);
        }
        Ok(table)
    }

    /// The store time of a message; 0 where there is none.
    pub(super) fn store_ms(
        &self,
        topic: &str,
        queue_id: i32,
        offset: i64,
    ) -> Result<i64, ReadError> {
        let store_ms = self
            .store
            .store_ms_at(topic, queue_id, QueueOffset(offset))?;
        Ok(store_ms.filter(|store_ms| *store_ms > 0).unwrap_or(0))
    }

    pub(super) fn queue_of(
        &self,
        request: &Request<'_>,
        topic: &Topic,
        queue_id: i32,
    ) -> MessageQueue {
        MessageQueue {
            broker_name: request.config.broker_name.clone(),
            queue_id,
            topic: topic.name().to_string(),
        }
    }

    /// GET_CONSUME_STATS.
    pub(crate) fn consume_stats(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<GetConsumeStats>(out) else {
            return;
        };
        let group = &header.consumer_group;
        let mut stats = ConsumeStats::default();
        for name in self.topics_to_report(&header) {
            let Some(topic) = self.topics.get(&name) else {
                continue;
            };
            let queues = topic.config.read_queue_nums;
            if let Err(error) = self.add_consume_stats(request, group, &topic, queues, &mut stats) {
                reply_read_error(request, &error, out);
                return;
            }
        }
        reply_body(request, &stats, out);
    }

    /// The topics that the header names, or all that the group consumed and still subscribes to.
    fn topics_to_report(&self, header: &GetConsumeStats) -> BTreeSet<String> {
        let list = header.topic_list.as_deref().unwrap_or_default();
        if !list.is_empty() {
            return list
                .split(';')
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect();
        }
        let named = header
            .topic
            .as_deref()
            .filter(|topic| !topic.trim().is_empty());
        let mut topics: BTreeSet<String> = match named {
            Some(topic) => BTreeSet::from([topic.to_owned()]),
            None => self
                .offsets
                .topics_of(&header.consumer_group)
                .into_iter()
                .collect(),
        };
        if let Some(consumers) = self.clients.consumers.get(&header.consumer_group) {
            let declared = consumers.declared();
            if !declared.subscriptions.is_empty() {
                topics.retain(|topic| declared.subscriptions.contains_key(topic.as_str()));
            }
        }
        topics
    }

    /// Adds what a group did with the first `queues` queues of a topic.
    pub(super) fn add_consume_stats(
        &self,
        request: &Request<'_>,
        group: &str,
        topic: &Topic,
        queues: i32,
        stats: &mut ConsumeStats,
    ) -> Result<(), ReadError> {
        let progress = self.offsets.present(group, topic.name());
        for queue_id in 0..queues {
            let broker_offset = self.store.max_offset(topic.name(), queue_id).0.max(0);
            let committed = progress
                .as_ref()
                .and_then(|progress| progress.committed(queue_id));
            let consumer_offset = committed.map_or(0, |offset| offset.0.max(0));
            let pulled = progress
                .as_ref()
                .and_then(|progress| progress.pulled(queue_id));
            let last_timestamp = if consumer_offset > 0 {
                self.store_ms(topic.name(), queue_id, consumer_offset - 1)?
            } else {
                0
            };
            let offsets = OffsetWrapper {
                broker_offset,
                consumer_offset,
                last_timestamp,
                pull_offset: pulled.map_or(consumer_offset, |offset| offset.0.max(consumer_offset)),
            };
            stats
                .offset_table
                .insert(self.queue_of(request, topic, queue_id), offsets);
        }
        if let Some(progress) = progress {
            stats.consume_tps += progress.got_messages.per_second();
        }
        Ok(())
    }

    /// QUERY_TOPIC_CONSUME_BY_WHO: groups online with the topic, and groups that consumed it.
    pub(crate) fn consumers_of_topic(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<QueryTopicConsumeByWho>(out) else {
            return;
        };
        let mut groups: BTreeSet<String> =
            self.offsets.groups_of(&header.topic).into_iter().collect();
        for consumers in self.clients.consumers.all() {
            if consumers.subscription(&header.topic).is_some() {
                groups.insert(consumers.name.to_string());
            }
        }
        reply_body(
            request,
            &GroupList {
                group_list: groups.into_iter().collect(),
            },
            out,
        );
    }

    /// QUERY_TOPICS_BY_CONSUMER.
    pub(crate) fn topics_of_consumer(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<QueryTopicsByConsumer>(out) else {
            return;
        };
        let body = TopicList {
            broker_addr: Some(request.config.broker_addr()),
            topic_list: self.offsets.topics_of(&header.group),
        };
        reply_body(request, &body, out);
    }
}
