//! Whether a pull may be served (`PullMessageProcessor#processRequest`), in Java's order.

use std::sync::Arc;

use ferrocket_protocol::bodies::{ConsumeType, MessageModel};
use ferrocket_protocol::codes;
use ferrocket_protocol::headers::PullMessage;
use ferrocket_store::QueueOffset;

use super::error::{BusyError, PullError, SubscriptionError};
use super::filter::PullFilter;
use super::{Pull, SUSPEND_MAX_MS};
use crate::Broker;
use crate::clients::subscription::{Subscription, is_sql_type};
use crate::config::BrokerRole;
use crate::groups::{Group, is_system_group};
use crate::offsets::Progress;
use crate::request::Request;
use crate::topics::{Topic, names};

/// `PullSysFlag`: commit an offset in the same request.
pub(super) const FLAG_COMMIT_OFFSET: i32 = 0x1;
/// `PullSysFlag`: the answer may wait for messages.
const FLAG_SUSPEND: i32 = 0x2;
/// `PullSysFlag`: the subscription is in this request.
const FLAG_SUBSCRIPTION: i32 = 0x4;
/// `PullSysFlag`: a class of the consumer filters.
const FLAG_CLASS_FILTER: i32 = 0x8;

impl Broker {
    /// Everything that a pull needs to be served, or why it is not.
    pub(super) fn check_pull(
        &self,
        request: &Request<'_>,
        header: &PullMessage<'_>,
    ) -> Result<Pull, PullError> {
        let config = request.config;
        if config.broker_role == BrokerRole::Slave && !config.slave_read_enable {
            return Err(BusyError::Slave.into());
        }
        let broker_ip = || config.broker_ip1.clone();
        if !config.readable() {
            return Err(PullError::BrokerNotReadable {
                broker_ip: broker_ip(),
            });
        }
        if request.frame.code == codes::request::LITE_PULL_MESSAGE
            && !config.lite_pull_message_enable
        {
            return Err(PullError::LiteForbidden {
                broker_ip: broker_ip(),
            });
        }
        let Some(group) = self
            .groups
            .find(config, &header.consumer_group, request.now_ms)
        else {
            return Err(PullError::GroupMissing {
                group: header.consumer_group.to_string(),
            });
        };
        if !group.config.consume_enable {
            return Err(PullError::GroupDisabled {
                group: group.name.to_string(),
            });
        }
        let Some(topic) = self.topics.get(&header.topic) else {
            return Err(PullError::TopicMissing {
                topic: header.topic.to_string(),
            });
        };
        if !topic.readable() {
            return Err(PullError::TopicNotReadable {
                topic: topic.name().to_string(),
            });
        }
        if !(0..topic.config.read_queue_nums).contains(&header.queue_id) {
            return Err(PullError::Queue {
                queue_id: header.queue_id,
                topic: topic.name().to_string(),
                queues: topic.config.read_queue_nums,
                consumer: request.peer.remote(),
            });
        }
        let (subscription, filter) = self.pulled_subscription(request, header)?;
        let suspend_ms = if header.sys_flag & FLAG_SUSPEND == 0 {
            None
        } else if config.long_polling_enable {
            Some(header.suspend_timeout_millis.clamp(0, SUSPEND_MAX_MS))
        } else {
            Some(config.short_polling_time_ms)
        };
        // A reader gets no more than this however much it asks for; asking for more only made the
        // store look through more messages that a filter does not want, in one go.
        let store = self.store.config();
        let messages_max = store
            .transfer_messages_in_memory_max
            .max(store.transfer_messages_on_disk_max);
        Ok(Pull {
            peer: Arc::clone(request.peer),
            to: request.to,
            progress: self.pulled_progress(header, &group, &topic),
            topic,
            group,
            subscription,
            filter,
            queue_id: header.queue_id,
            offset: QueueOffset(header.queue_offset),
            messages_max: u32::try_from(header.max_msg_nums)
                .unwrap_or(0)
                .min(messages_max),
            suspend_ms,
            slot: None,
        })
    }

    /// What the group did with the topic. Of light queues and light groups, whose names anybody may
    /// make up, only a commit leaves something behind.
    fn pulled_progress(
        &self,
        header: &PullMessage<'_>,
        group: &Group,
        topic: &Topic,
    ) -> Arc<Progress> {
        let (group, topic) = (&*group.name, &**topic.name());
        let light_topic = self.topics.is_light(topic);
        if !light_topic && !self.groups.is_light(group) {
            return self.offsets.progress(group, topic);
        }
        let commits = header.sys_flag & FLAG_COMMIT_OFFSET != 0
            && (!light_topic || self.has_light_queue(topic, header.queue_id))
            && self.has_room_for_light(group);
        if commits {
            return self.offsets.progress(group, topic);
        }
        self.offsets.present(group, topic).unwrap_or_default()
    }

    fn pulled_subscription(
        &self,
        request: &Request<'_>,
        header: &PullMessage<'_>,
    ) -> Result<(Arc<Subscription>, PullFilter), SubscriptionError> {
        let expression_type = header.expression_type.as_deref().unwrap_or_default();
        let (subscription, filter) = if header.sys_flag & FLAG_SUBSCRIPTION == 0 {
            let subscription = self.registered_subscription(header)?;
            let filter = self.registered_filter(header, &subscription)?;
            (subscription, filter)
        } else {
            let subscription = self.clients.compensation.subscription(
                &header.consumer_group,
                &header.topic,
                header.subscription.as_deref().unwrap_or_default(),
                expression_type,
                header.sub_version,
                request.now_ms,
            );
            (subscription, PullFilter::Tags)
        };
        if header.sys_flag & FLAG_CLASS_FILTER != 0 || subscription.data.class_filter_mode {
            return Err(SubscriptionError::ClassFilter);
        }
        let expression_type = &subscription.data.expression_type;
        let is_sql = request.config.enable_property_filter && is_sql_type(expression_type);
        if !subscription.is_tag() && !is_sql {
            let expression_type = expression_type.clone();
            return Err(SubscriptionError::Filter { expression_type });
        }
        let of_retries = request.config.filter_support_retry
            && header.topic.strip_prefix(names::RETRY_PREFIX) == Some(&*header.consumer_group);
        let filter = match subscription.expression() {
            _ if of_retries => PullFilter::OfRetries,
            None => filter,
            Some(Ok(expression)) => PullFilter::Sent(Arc::clone(expression)),
            Some(Err(error)) => {
                let cause = error.to_string();
                return Err(SubscriptionError::Expression { cause });
            }
        };
        if request.config.reject_pull_consumer_enable {
            self.check_pull_consumer(request, header)?;
        }
        Ok((subscription, filter))
    }

    /// The filter of the group's heartbeats.
    fn registered_filter(
        &self,
        header: &PullMessage<'_>,
        subscription: &Subscription,
    ) -> Result<PullFilter, SubscriptionError> {
        if subscription.is_tag() || subscription.data.class_filter_mode {
            return Ok(PullFilter::Tags);
        }
        let filter = self.filters.get(&header.topic, &header.consumer_group);
        let filter = filter.ok_or(SubscriptionError::NoFilter)?;
        if filter.version() < header.sub_version {
            return Err(SubscriptionError::FilterNotLatest);
        }
        Ok(PullFilter::Registered(filter))
    }

    /// The subscription of the group's heartbeats.
    fn registered_subscription(
        &self,
        header: &PullMessage<'_>,
    ) -> Result<Arc<Subscription>, SubscriptionError> {
        let group = header.consumer_group.as_ref();
        let Some(consumers) = self.clients.consumers.get(group) else {
            return Err(SubscriptionError::GroupOffline);
        };
        let broadcasting = consumers.message_model() == Some(MessageModel::Broadcasting);
        if broadcasting
            && self
                .groups
                .get(group)
                .is_some_and(|group| !group.config.consume_broadcast_enable)
        {
            return Err(SubscriptionError::Broadcasting {
                group: group.to_owned(),
            });
        }
        if self.groups.is_forbidden_to_read(group, &header.topic) {
            return Err(SubscriptionError::Forbidden {
                group: group.to_owned(),
                topic: header.topic.to_string(),
            });
        }
        let Some(subscription) = consumers.subscription(&header.topic) else {
            return Err(SubscriptionError::Missing);
        };
        if subscription.data.sub_version < header.sub_version {
            return Err(SubscriptionError::NotLatest);
        }
        Ok(subscription)
    }

    /// With `rejectPullConsumerEnable`, only push consumers that are online may pull.
    fn check_pull_consumer(
        &self,
        request: &Request<'_>,
        header: &PullMessage<'_>,
    ) -> Result<(), SubscriptionError> {
        let accepted = is_system_group(&header.consumer_group)
            || self
                .clients
                .consumers
                .get(&header.consumer_group)
                .is_some_and(|consumers| {
                    consumers.declared().consume_type != Some(ConsumeType::ConsumeActively)
                        && consumers.has_connection(request.peer.id())
                });
        if accepted {
            Ok(())
        } else {
            Err(SubscriptionError::PullRejected)
        }
    }
}
