//! Consuming as a member of a group: queues are shared out among the members, Java and Go clients
//! included.
//!
//! What it guarantees: a message is given to the [`Listener`] at least once before the group's
//! offset moves past it, and messages of one queue are given in order, one batch at a time. The
//! share is that of Java's default strategy (`AllocateMessageQueueAveragely`), so members of both
//! kinds fit together. Offsets are committed every five seconds, when a queue is given up, and at
//! [`PushConsumer::shutdown`]; what was handled after the last commit is given again after a crash.
//! A message that cannot be read is logged and skipped.
//!
//! What it does not do yet: a batch that the listener wants again ([`Outcome::Retry`]) is given
//! again by this process, after a pause, and holds up its queue until then. It is not sent back to
//! the broker, so delays do not grow, and after sixteen attempts it does not go to the dead-letter
//! queue. Messages that others sent back (`%RETRY%` of the group) are consumed. Broadcasting and
//! ordered consumption with broker locks are absent.

mod allocate;
mod group;
mod offsets;
mod queue;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ferrocket_protocol::bodies::{
    ConsumeFromWhere, ConsumeType, ConsumerData, EXPRESSION_TYPE_TAG, MessageModel, MessageQueue,
    SubscriptionData,
};
use ferrocket_protocol::message::{StoredMessage, java_hash};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use self::group::{CommitLane, Group};
use crate::client::{Client, now_ms};
use crate::error::Error;
use crate::message::{validate_group, validate_topic};

/// What becomes of the messages that a listener was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// They are done with.
    Ack,
    /// Give them again later.
    Retry,
}

/// Gets the messages.
pub trait Listener: Send + Sync + 'static {
    /// Handles messages of one queue. Called at the same time for several queues. A panic counts
    /// as [`Outcome::Retry`].
    fn consume(&self, messages: &[StoredMessage]) -> impl Future<Output = Outcome> + Send;
}

/// Where a group begins on a queue that it never read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartFrom {
    /// With what is sent from now on.
    Latest,
    /// With the oldest message that is left.
    Earliest,
    /// With the first message stored at or after this time, in milliseconds since 1970.
    Timestamp(i64),
}

/// How a consumer joins its group. All members must agree on the subscriptions.
#[derive(Debug, Clone)]
pub struct PushSettings {
    pub group: String,
    /// Topic to tag expression: tags joined by `||`, or `*`.
    pub subscriptions: BTreeMap<String, String>,
    pub start_from: StartFrom,
    /// Messages asked for at once (`pullBatchSize`).
    pub pull_messages_max: i32,
    /// Messages given to the listener at once (`consumeMessageBatchMaxSize`).
    pub batch_messages_max: usize,
    /// The pause before a batch is given again, and before a failed pull is repeated.
    pub retry_pause: Duration,
    /// `persistConsumerOffsetInterval`.
    pub commit_interval: Duration,
}

impl PushSettings {
    /// A member of `group` that subscribes to nothing yet.
    pub fn new(group: impl Into<String>) -> Self {
        Self {
            group: group.into(),
            subscriptions: BTreeMap::new(),
            start_from: StartFrom::Latest,
            pull_messages_max: 32,
            batch_messages_max: 1,
            retry_pause: Duration::from_secs(1),
            commit_interval: Duration::from_secs(5),
        }
    }

    /// Adds a subscription.
    #[must_use]
    pub fn subscribe(mut self, topic: impl Into<String>, expression: impl Into<String>) -> Self {
        self.subscriptions.insert(topic.into(), expression.into());
        self
    }

    fn validate(&self) -> Result<(), Error> {
        validate_group(&self.group)?;
        if self.subscriptions.is_empty() {
            return Err(Error::invalid(
                "subscriptions",
                "subscribe to at least one topic",
            ));
        }
        self.subscriptions
            .keys()
            .try_for_each(|topic| validate_topic(topic))
    }

    /// What brokers are told in heartbeats.
    fn consumer_data(&self) -> ConsumerData {
        let from = match self.start_from {
            StartFrom::Latest => ConsumeFromWhere::ConsumeFromLastOffset,
            StartFrom::Earliest => ConsumeFromWhere::ConsumeFromFirstOffset,
            StartFrom::Timestamp(_) => ConsumeFromWhere::ConsumeFromTimestamp,
        };
        let subscriptions = self.subscriptions.iter();
        ConsumerData {
            consume_from_where: Some(from),
            consume_type: Some(ConsumeType::ConsumePassively),
            group_name: self.group.clone(),
            message_model: Some(MessageModel::Clustering),
            subscription_data_set: subscriptions.map(|(t, e)| subscription(t, e)).collect(),
            unit_mode: false,
        }
    }
}

/// `FilterAPI#buildSubscriptionData`.
fn subscription(topic: &str, expression: &str) -> SubscriptionData {
    let expression = expression.trim();
    let all = expression.is_empty() || expression == "*";
    let tags = expression
        .split("||")
        .map(str::trim)
        .filter(|tag| !tag.is_empty() && !all);
    let tags: Vec<String> = tags.map(str::to_owned).collect();
    SubscriptionData {
        code_set: tags.iter().map(|tag| java_hash(tag)).collect(),
        expression_type: EXPRESSION_TYPE_TAG.to_owned(),
        sub_string: if all {
            "*".to_owned()
        } else {
            expression.to_owned()
        },
        sub_version: now_ms(),
        tags_set: tags,
        topic: topic.to_owned(),
        ..SubscriptionData::default()
    }
}

/// A running member of a consumer group. End it with [`PushConsumer::shutdown`]: one that is dropped
/// leaves the group too, after the batch that its listener has, but without committing, so that
/// messages handled since the last commit are given again.
#[derive(Debug)]
pub struct PushConsumer {
    client: Client,
    group_name: String,
    group: Arc<dyn Running>,
    commits: Arc<CommitLane>,
    /// Sharing out and committing; aborted when dropped.
    tasks: JoinSet<()>,
    /// Brokers are being told, or have been: the group may have another consumer of this client.
    left: bool,
}

/// A group without its listener's type.
trait Running: std::fmt::Debug + Send + Sync {
    fn assigned(&self) -> Vec<MessageQueue>;
    fn stop(&self) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>>;
    fn abandon(&self);
}

impl<L: Listener> Running for Group<L> {
    fn assigned(&self) -> Vec<MessageQueue> {
        self.held()
    }

    fn stop(&self) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.give_up_all())
    }

    fn abandon(&self) {
        self.abandon_all();
    }
}

impl PushConsumer {
    pub(crate) async fn start<L: Listener>(
        client: Client,
        mut settings: PushSettings,
        listener: L,
    ) -> Result<Self, Error> {
        settings.validate()?;
        let retry_topic = format!("%RETRY%{}", settings.group);
        settings.subscriptions.insert(retry_topic, "*".to_owned());
        for topic in settings.subscriptions.keys() {
            match client.shared.routes.route(topic).await {
                // It may be created later.
                Ok(_) | Err(Error::NoRoute { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let wake = Arc::new(Notify::new());
        let group_name = settings.group.clone();
        let data = settings.consumer_data();
        let group = Arc::new(Group::new(
            client.clone(),
            settings,
            listener,
            Arc::clone(&wake),
        )?);
        if !client.add_consumer(data, wake) {
            let reason = format!("this client has a consumer of {group_name} already");
            return Err(Error::invalid("group", reason));
        }
        let mut consumer = Self {
            client,
            group_name,
            group: Arc::clone(&group) as _,
            commits: Arc::clone(&group.commits),
            tasks: JoinSet::new(),
            left: false,
        };
        consumer.client.beat().await;
        consumer.tasks.spawn(Arc::clone(&group).keep_balanced());
        consumer.tasks.spawn(group.keep_committing());
        Ok(consumer)
    }

    /// The queues that this member reads now.
    #[must_use]
    pub fn assigned(&self) -> Vec<MessageQueue> {
        self.group.assigned()
    }

    /// Takes no more messages, waits until the listener has handled those it has, commits the
    /// offsets, and leaves the group. After `deadline` it leaves without waiting; what was not
    /// committed is then given again to another member.
    pub async fn shutdown(mut self, deadline: Duration) {
        let group = Arc::clone(&self.group);
        let leave = async {
            // The commit on its way arrives first: the last ones must not be overtaken.
            let turn = self.commits.lock().await;
            self.tasks.abort_all();
            drop(turn);
            while self.tasks.join_next().await.is_some() {}
            group.stop().await;
        };
        if tokio::time::timeout(deadline, leave).await.is_err() {
            tracing::warn!(
                group = self.group_name,
                "the listener did not finish in time"
            );
        }
        self.left = true;
        self.client.unregister_consumer(&self.group_name).await;
    }
}

impl Drop for PushConsumer {
    fn drop(&mut self) {
        self.tasks.abort_all();
        self.group.abandon();
        if !self.left {
            self.client.remove_consumer(&self.group_name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscriptions_carry_tags_and_their_hashes() {
        let data = subscription("T", " TagA || TagB ");
        assert_eq!(data.sub_string, "TagA || TagB");
        assert_eq!(data.tags_set, ["TagA", "TagB"]);
        assert_eq!(data.code_set, [2_598_919, 2_598_920]);
        let all = subscription("T", "");
        assert_eq!(all.sub_string, "*");
        assert!(all.tags_set.is_empty() && all.code_set.is_empty());
    }

    #[test]
    fn a_consumer_without_topic_is_refused() {
        let error = PushSettings::new("g").validate().unwrap_err();
        assert!(error.to_string().contains("at least one topic"), "{error}");
    }
}
