//! Requests of clients about themselves: heartbeat, leaving, who else is there.

use std::sync::Arc;

use ferrocket_filter::Expression;
use ferrocket_protocol::bodies::{
    self, CheckClientRequestBody, ConsumeType, ConsumerData, GetConsumerListByGroupResponseBody,
    HeartbeatData, MessageModel, TopicConfig,
};
use ferrocket_protocol::codes::response;
use ferrocket_protocol::frame::NoHeader;
use ferrocket_protocol::headers::{GetConsumerListByGroup, HeartbeatResponse, UnregisterClient};
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::ConnectionId;

use super::ClientInfo;
use super::consumers::{ConsumerGroup, Registration, Removal};
use super::subscription::{is_sql_type, is_tag_type};
use crate::config::{BrokerConfig, PERM_READ, PERM_WRITE};
use crate::groups::Group;
use crate::request::Request;
use crate::topics::{SYS_FLAG_UNIT_SUB, names};
use crate::{Broker, RegistrationChange};

impl Broker {
    /// HEART_BEAT (`ClientManageProcessor#heartBeat`, `#heartBeatV2`).
    pub(crate) fn heartbeat(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(data) = request.body::<HeartbeatData>(out) else {
            return;
        };
        let client = ClientInfo {
            peer: Arc::clone(request.peer),
            client_id: data.client_id.as_str().into(),
            language: request.frame.language,
            version: request.frame.version,
            heard_ms: request.now_ms,
        };
        let second_version = data.heartbeat_fingerprint != 0;
        let mut refused = None;
        let mut subscription_changed = !second_version;
        for consumer in &data.consumer_data_set {
            if request.config.reject_pull_consumer_enable
                && consumer.consume_type == Some(ConsumeType::ConsumeActively)
            {
                continue;
            }
            let Some(group) =
                self.groups
                    .find(request.config, &consumer.group_name, request.now_ms)
            else {
                continue;
            };
            let changed = self
                .clients
                .fingerprint_changed(&group.name, data.heartbeat_fingerprint);
            subscription_changed |= second_version && changed;
            let with_subscriptions = !(second_version && data.without_sub);
            let refusal =
                self.register_consumer(request, &client, &group, consumer, with_subscriptions);
            refused = refused.or(refusal);
        }
        for producer in &data.producer_data_set {
            if self
                .clients
                .join_producers(client.peer.id(), &producer.group_name)
            {
                self.clients
                    .producers
                    .register(&producer.group_name, &client);
            }
        }
        if let Some(remark) = refused {
            out.reply_error(request.to, response::SYSTEM_ERROR, &remark);
            return;
        }
        let header = HeartbeatResponse {
            supports_v2: true,
            subscription_changed,
        };
        out.reply(request.to, response::SUCCESS, None, Some(&header), &[]);
    }

    /// Answers why the client may not be in the group, if it may not.
    fn register_consumer(
        &self,
        request: &Request<'_>,
        client: &ClientInfo,
        group: &Group,
        data: &ConsumerData,
        with_subscriptions: bool,
    ) -> Option<String> {
        if !self.clients.join_consumers(client.peer.id(), &group.name) {
            tracing::warn!(group = %group.name, client = %client.client_id, "one connection speaks for too many groups");
            return None;
        }
        self.make_retry_topic(request.now_ms, group, data);
        let refuse = request.config.reject_conflicting_subscriptions;
        let consumers = &self.clients.consumers;
        match consumers.register(client, data, with_subscriptions, refuse)? {
            Registration::Registered { group: of, changed } => {
                if with_subscriptions {
                    let wanted = &data.subscription_data_set;
                    self.filters
                        .register(&self.store, &group.name, wanted, request.now_ms);
                }
                if changed {
                    self.consumers_changed(request.config, group, &of);
                }
                None
            }
            Registration::Refused(conflict) => {
                tracing::warn!(group = %group.name, client = %client.client_id, %conflict, "a client is refused that wants other things than its group");
                Some(format!(
                    "the clients of group[{}] must subscribe alike (rejectConflictingSubscriptions=true): {conflict}",
                    group.name
                ))
            }
        }
    }

    /// A group's messages to be tried again need a topic that its consumers subscribe to at once.
    fn make_retry_topic(&self, now_ms: i64, group: &Group, data: &ConsumerData) {
        let order = data
            .subscription_data_set
            .iter()
            .filter_map(|subscription| self.topics.get(&subscription.topic))
            .any(|topic| topic.config.order);
        let topic_name = format!("{}{}", names::RETRY_PREFIX, group.name);
        let (_, changed) = self.topics.for_group(
            TopicConfig {
                topic_name: topic_name.clone(),
                read_queue_nums: group.config.retry_queue_nums,
                write_queue_nums: group.config.retry_queue_nums,
                perm: PERM_READ | PERM_WRITE,
                order,
                topic_sys_flag: if data.unit_mode { SYS_FLAG_UNIT_SUB } else { 0 },
                ..TopicConfig::default()
            },
            now_ms,
        );
        if changed {
            self.surroundings
                .registration_changed(RegistrationChange::Topics(vec![topic_name]));
        }
    }

    /// Tells the clients of a group that somebody came or went, where they want to know.
    fn consumers_changed(&self, config: &BrokerConfig, group: &Group, consumers: &ConsumerGroup) {
        if !config.notify_consumer_ids_changed_enable
            || !group.config.notify_consumer_ids_changed_enable
            || consumers.message_model() == Some(MessageModel::Broadcasting)
        {
            return;
        }
        if config.real_time_notify_consumer_change {
            self.clients.notifier.notify(consumers);
        } else {
            self.clients.notifier.collect(&consumers.name);
        }
    }

    fn clients_left(&self, now_ms: i64, removals: &[Removal]) {
        let config = self.config.load();
        for removal in removals {
            for client in &removal.removed {
                tracing::info!(group = %removal.group.name, client = %client.client_id, "consumer left");
            }
            if self.clients.consumers.get(&removal.group.name).is_none() {
                self.filters.unregister(&removal.group.name, now_ms);
            }
            if let Some(group) = self.groups.get(&removal.group.name) {
                self.consumers_changed(&config, &group, &removal.group);
            }
        }
    }

    pub(crate) fn connection_gone(&self, now_ms: i64, id: ConnectionId) {
        self.clients_left(now_ms, &self.clients.forget_connection(id));
        self.end_calls_to(id);
    }

    /// Lets go of clients that have been silent too long, and closes their connections.
    pub(crate) fn expire_clients(&self, now_ms: i64) {
        let config = self.config.load();
        let deadline_ms = now_ms - config.channel_expired_timeout_ms;
        let (removals, producers) = self.clients.expire(now_ms, deadline_ms);
        for client in removals
            .iter()
            .flat_map(|removal| &removal.removed)
            .chain(&producers)
        {
            tracing::warn!(client = %client.client_id, remote = %client.peer.remote(), "closing the connection of a client without heartbeats");
            client.peer.close();
        }
        self.clients_left(now_ms, &removals);
        self.clients
            .compensation
            .expire(now_ms - config.subscription_expired_timeout_ms);
    }

    /// Sends notifications that were collected, when their time has come.
    pub(crate) fn send_collected_notifications(&self, now_ms: i64) {
        for group in self.clients.notifier.due(now_ms) {
            if let Some(consumers) = self.clients.consumers.get(&group) {
                self.clients.notifier.notify(&consumers);
            }
        }
    }

    /// UNREGISTER_CLIENT: always a success.
    pub(crate) fn unregister_client(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<UnregisterClient>(out) else {
            return;
        };
        let id = request.peer.id();
        if let Some(group) = &header.producer_group {
            self.clients.producers.remove(group, id);
        }
        if let Some(group) = &header.consumer_group {
            let removal = self
                .clients
                .consumers
                .remove_if(group, |client| client.peer.id() == id);
            self.clients_left(request.now_ms, removal.as_slice());
        }
        out.reply_ok(request.to);
    }

    /// GET_CONSUMER_LIST_BY_GROUP.
    pub(crate) fn consumer_list(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<GetConsumerListByGroup>(out) else {
            return;
        };
        let group = &header.consumer_group;
        let Some(consumers) = self.clients.consumers.get(group) else {
            let remark = format!("no consumer for this group, {group}");
            out.reply_error(request.to, response::SYSTEM_ERROR, &remark);
            return;
        };
        let mut consumer_id_list: Vec<String> = consumers
            .clients()
            .iter()
            .map(|client| client.client_id.to_string())
            .collect();
        consumer_id_list.dedup();
        let body = bodies::print(&GetConsumerListByGroupResponseBody { consumer_id_list });
        out.reply::<NoHeader>(request.to, response::SUCCESS, None, None, &[body.into()]);
    }

    /// CHECK_CLIENT_CONFIG: whether this broker can filter as a consumer is about to ask.
    pub(crate) fn check_client_config(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(body) = request.body::<CheckClientRequestBody>(out) else {
            return;
        };
        let subscription = body.subscription_data.unwrap_or_default();
        let expression_type = &subscription.expression_type;
        let (code, remark) = if subscription.class_filter_mode {
            (response::SYSTEM_ERROR, CLASS_FILTERS.to_owned())
        } else if is_tag_type(expression_type) {
            out.reply_ok(request.to);
            return;
        } else if !request.config.enable_property_filter || !is_sql_type(expression_type) {
            (response::SYSTEM_ERROR, filter_unsupported(expression_type))
        } else {
            match Expression::compile(&subscription.sub_string) {
                Ok(_) => {
                    out.reply_ok(request.to);
                    return;
                }
                Err(error) => (response::SUBSCRIPTION_PARSE_FAILED, error.to_string()),
            }
        };
        out.reply_error(request.to, code, &remark);
    }
}

/// What a consumer is told that filters by a class of its own.
pub(crate) const CLASS_FILTERS: &str =
    "class filters need filter servers, which RocketMQ has no more; filter by tags or SQL92";

/// What a consumer is told whose filter this broker does not evaluate.
pub(crate) fn filter_unsupported(expression_type: &str) -> String {
    format!("The broker does not support consumer to filter message by {expression_type}")
}
