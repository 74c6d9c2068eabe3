//! Offsets: what groups committed, and where queues begin and end.

use ferrocket_protocol::codes::response;
use ferrocket_protocol::frame::NoHeader;
use ferrocket_protocol::headers::{
    BoundaryType, GetEarliestMsgStoretime, GetEarliestMsgStoretimeResponse, GetMaxOffset,
    GetMaxOffsetResponse, GetMinOffset, GetMinOffsetResponse, QueryConsumerOffset,
    QueryConsumerOffsetResponse, SearchOffset, SearchOffsetResponse, UpdateConsumerOffset,
};
use ferrocket_protocol::outbox::Outbox;
use ferrocket_store::{Boundary, QueueOffset};

use super::{reply_body, reply_header, reply_read_error};
use crate::Broker;
use crate::groups::GROUPS_MAX;
use crate::request::Request;
use crate::topics::Topic;

impl Broker {
    /// UPDATE_CONSUMER_OFFSET: stored as it comes, for queues that there are. Groups are not made
    /// here.
    pub(crate) fn update_consumer_offset(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<UpdateConsumerOffset<'_>>(out) else {
            return;
        };
        let (group, topic) = (header.consumer_group.as_ref(), header.topic.as_ref());
        if !self.groups.contains(group) {
            let remark = format!("Group {group} not exist!");
            out.reply_error(request.to, response::SUBSCRIPTION_GROUP_NOT_EXIST, &remark);
            return;
        }
        let Some(settings) = self.topics.get(topic) else {
            let remark = format!("Topic {topic} not exist!");
            out.reply_error(request.to, response::TOPIC_NOT_EXIST, &remark);
            return;
        };
        // Java's header would have no value where ours reads 0.
        for (field, name) in [("queueId", "QueueId"), ("commitOffset", "Offset")] {
            if request
                .frame
                .ext_field(field)
                .is_none_or(|text| text.is_empty())
            {
                let remark = format!("{name} is null, topic is {topic}");
                out.reply_error(request.to, response::INVALID_PARAMETER, &remark);
                return;
            }
        }
        if !self.has_queue(&settings, header.queue_id) || !self.has_room_for_light(group) {
            self.refuse_commit(request, &header, out);
            return;
        }
        let progress = self.offsets.progress(group, topic);
        if progress.pending_reset(header.queue_id).is_some() {
            // What the consumer did before it heard of the reset must not undo it.
            let remark = Some("Offset has been previously reset");
            out.reply::<NoHeader>(request.to, response::SUCCESS, remark, None, &[]);
            return;
        }
        let step = request.config.consumer_offset_update_version_step;
        let offset = QueueOffset(header.commit_offset);
        let queue_id = header.queue_id;
        let committed = self
            .offsets
            .commit(&progress, queue_id, offset, step, request.now_ms);
        if let Some(before) = committed.went_back_from {
            log_step_back(request, (group, topic, queue_id), before, offset);
        }
        out.reply_ok(request.to);
    }

    /// Whether a topic has a queue by its settings, or had one of which messages are left. Light
    /// queues have no settings, and whoever asks may make up names of them.
    pub(crate) fn has_queue(&self, topic: &Topic, queue_id: i32) -> bool {
        if self.topics.is_light(topic.name()) {
            return self.has_light_queue(topic.name(), queue_id);
        }
        let queues = topic
            .config
            .read_queue_nums
            .max(topic.config.write_queue_nums);
        (0..queues).contains(&queue_id) || self.store.max_offset(topic.name(), queue_id).0 > 0
    }

    /// Whether any message ever was in a light queue.
    pub(crate) fn has_light_queue(&self, topic: &str, queue_id: i32) -> bool {
        queue_id == 0 && self.store.max_offset(topic, queue_id).0 > 0
    }

    /// Whether a light group, which nobody made, may have offsets: no more such than groups.
    pub(crate) fn has_room_for_light(&self, group: &str) -> bool {
        !self.groups.is_light(group)
            || self.offsets.knows(group)
            || self.offsets.group_count() < GROUPS_MAX
    }

    /// Java stores an offset for any number; here that would be memory for whoever asks. The first
    /// refusal is logged, because clients commit one-way and never see the answer.
    fn refuse_commit(
        &self,
        request: &Request<'_>,
        header: &UpdateConsumerOffset<'_>,
        out: &mut Outbox,
    ) {
        let (topic, queue_id) = (header.topic.as_ref(), header.queue_id);
        if self.metrics.commits_refused.total() == 0 {
            tracing::warn!(
                topic,
                queue_id,
                group = header.consumer_group.as_ref(),
                remote = %request.peer.remote(),
                "an offset of a queue that the topic does not have is refused; further ones are only counted"
            );
        }
        self.metrics.commits_refused.add(1);
        let remark =
            format!("queueId[{queue_id}] is illegal, the topic[{topic}] has no such queue");
        out.reply_error(request.to, response::INVALID_PARAMETER, &remark);
    }

    /// QUERY_CONSUMER_OFFSET: what is committed, or where a group that committed nothing begins.
    pub(crate) fn query_consumer_offset(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<QueryConsumerOffset<'_>>(out) else {
            return;
        };
        let (group, topic) = (header.consumer_group.as_ref(), header.topic.as_ref());
        let committed = self
            .offsets
            .present(group, topic)
            .and_then(|progress| {
                let pending = progress.pending_reset(header.queue_id);
                pending.or_else(|| progress.committed(header.queue_id))
            })
            .filter(|offset| offset.0 >= 0);
        let offset = match committed {
            Some(offset) => offset,
            None if header.set_zero_if_not_found == Some(false) => {
                let remark = "Not found, do not set to zero, maybe this group boot first";
                out.reply_error(request.to, response::QUERY_NOT_FOUND, remark);
                return;
            }
            None if self.begins_at_zero(&header) => QueueOffset(0),
            None => {
                let remark = "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first";
                out.reply_error(request.to, response::QUERY_NOT_FOUND, remark);
                return;
            }
        };
        reply_header(
            request,
            &QueryConsumerOffsetResponse { offset: offset.0 },
            out,
        );
    }

    /// Whether a queue still has its first message, and that one in memory: a group that is new to
    /// so young a queue begins at its beginning, whatever its `consumeFromWhere`, unless it has the
    /// attribute `startFrom=strict-last`.
    fn begins_at_zero(&self, header: &QueryConsumerOffset<'_>) -> bool {
        let (group, topic, queue_id) = (
            header.consumer_group.as_ref(),
            header.topic.as_ref(),
            header.queue_id,
        );
        let young = self.store.min_offset(topic, queue_id).0 <= 0
            && self.store.is_in_memory(topic, queue_id, QueueOffset(0));
        let strict = self
            .groups
            .get(group)
            .is_some_and(|group| group.starts_strictly());
        match (young, strict) {
            (true, false) => tracing::info!(
                group,
                topic,
                queue_id,
                "a new group begins at offset 0: the first message is still in memory (CONSUME_FROM_LAST_OFFSET has no effect then; the group's attribute startFrom=strict-last changes that)"
            ),
            (true, true) => tracing::info!(
                group,
                topic,
                queue_id,
                "a new group begins where its consumers say: it has the attribute startFrom=strict-last"
            ),
            (false, _) => tracing::info!(
                group,
                topic,
                queue_id,
                "a new group begins where its consumers say: the first message is no longer in memory"
            ),
        }
        young && !strict
    }

    /// GET_MAX_OFFSET: the same whether committed offsets are asked for or not, because consumers
    /// are never shown more.
    pub(crate) fn max_offset(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<GetMaxOffset>(out) else {
            return;
        };
        let offset = self.store.max_offset(&header.topic, header.queue_id).0;
        reply_header(request, &GetMaxOffsetResponse { offset }, out);
    }

    /// GET_MIN_OFFSET.
    pub(crate) fn min_offset(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<GetMinOffset>(out) else {
            return;
        };
        let offset = self.store.min_offset(&header.topic, header.queue_id).0;
        reply_header(request, &GetMinOffsetResponse { offset }, out);
    }

    /// SEARCH_OFFSET_BY_TIMESTAMP.
    pub(crate) fn search_offset(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<SearchOffset>(out) else {
            return;
        };
        let boundary = match header.boundary_type {
            Some(BoundaryType::Upper) => Boundary::Upper,
            Some(BoundaryType::Lower) | None => Boundary::Lower,
        };
        match self
            .store
            .offset_by_time(&header.topic, header.queue_id, header.timestamp, boundary)
        {
            Ok(offset) => reply_header(request, &SearchOffsetResponse { offset: offset.0 }, out),
            Err(error) => reply_read_error(request, &error, out),
        }
    }

    /// GET_EARLIEST_MSG_STORETIME: -1 when the queue is empty.
    pub(crate) fn earliest_store_time(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<GetEarliestMsgStoretime>(out) else {
            return;
        };
        match self.store.earliest_store_ms(&header.topic, header.queue_id) {
            Ok(store_ms) => {
                let timestamp = store_ms.unwrap_or(-1);
                reply_header(request, &GetEarliestMsgStoretimeResponse { timestamp }, out);
            }
            Err(error) => reply_read_error(request, &error, out),
        }
    }

    /// GET_ALL_CONSUMER_OFFSET.
    pub(crate) fn all_offsets(&self, request: &Request<'_>, out: &mut Outbox) {
        reply_body(request, &self.offsets.wrapper(), out);
    }
}

/// An offset that goes back makes messages come again: whoever wonders why finds the reason here.
pub(crate) fn log_step_back(
    request: &Request<'_>,
    (group, topic, queue_id): (&str, &str, i32),
    before: i64,
    offset: QueueOffset,
) {
    tracing::warn!(
        group,
        topic,
        queue_id,
        before,
        after = offset.0,
        remote = %request.peer.remote(),
        "a client takes a committed offset back"
    );
}
