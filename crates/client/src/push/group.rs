//! Sharing out queues among the members of a group, and committing offsets.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ferrocket_protocol::bodies::{GetConsumerListByGroupResponseBody, MessageQueue};
use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::GetConsumerListByGroup;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::allocate::averagely;
use super::offsets::Offsets;
use super::queue::Reading;
use super::{Listener, PushSettings};
use crate::client::{Client, body};
use crate::error::Error;
use crate::pull::PullConsumer;
use crate::route::TopicRoute;

/// `rocketmq.client.rebalance.waitInterval`.
const REBALANCE_INTERVAL: Duration = Duration::from_secs(20);
/// After a round that could not be finished (`rocketmq.client.rebalance.minInterval`), and while a
/// topic does not exist yet: Java looks for its route every 30 s only.
const REBALANCE_AGAIN: Duration = Duration::from_secs(1);
/// The retry topic appears only when something was sent back.
pub(super) const RETRY_PREFIX: &str = "%RETRY%";

pub(super) struct Group<L> {
    pub(super) client: Client,
    pub(super) pull: PullConsumer,
    pub(super) settings: PushSettings,
    pub(super) listener: L,
    pub(super) offsets: Offsets,
    /// Woken when a broker says that members came or went.
    wake: Arc<Notify>,
    held: Mutex<HashMap<MessageQueue, Held>>,
}

/// A queue that this member reads.
#[derive(Debug)]
struct Held {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl<L> fmt::Debug for Group<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl<L: Listener> Group<L> {
    pub(super) fn new(
        client: Client,
        settings: PushSettings,
        listener: L,
        wake: Arc<Notify>,
    ) -> Result<Self, Error> {
        let pull = PullConsumer::new(client.clone(), &settings.group)?;
        Ok(Self {
            client,
            pull,
            settings,
            listener,
            offsets: Offsets::default(),
            wake,
            held: Mutex::default(),
        })
    }

    pub(super) fn held(&self) -> Vec<MessageQueue> {
        let mut queues: Vec<_> = self.held.lock().keys().cloned().collect();
        queues.sort();
        queues
    }

    pub(super) async fn keep_balanced(self: Arc<Self>) {
        loop {
            let finished = self.rebalance().await;
            let pause = if finished {
                REBALANCE_INTERVAL
            } else {
                REBALANCE_AGAIN
            };
            // A wake-up ends the wait early; a time-out is the ordinary case.
            let _ = timeout(pause, self.wake.notified()).await;
        }
    }

    pub(super) async fn keep_committing(self: Arc<Self>) {
        loop {
            sleep(self.settings.commit_interval).await;
            for (queue, offset) in self.offsets.all() {
                if let Err(error) = self.pull.commit_oneway(&queue, offset).await {
                    tracing::debug!(%error, ?queue, offset, "offset not committed");
                }
            }
        }
    }

    /// Gives up all queues: waits for the listener, commits.
    pub(super) async fn give_up_all(&self) {
        let held: Vec<_> = self.held.lock().drain().collect();
        self.give_up(held).await;
    }

    /// One round over all topics; false when one of them has to be looked at again soon.
    async fn rebalance(self: &Arc<Self>) -> bool {
        let mut finished = true;
        for (topic, expression) in &self.settings.subscriptions {
            match self.share(topic).await {
                Ok(queues) => self.apply(topic, expression, queues).await,
                Err(Error::NoRoute { .. }) => finished &= topic.starts_with(RETRY_PREFIX),
                Err(error) => {
                    tracing::warn!(%error, topic, "queues not shared out, keeping the old share");
                    finished = false;
                }
            }
        }
        finished
    }

    /// The queues of a topic that this member should read.
    async fn share(&self, topic: &str) -> Result<Vec<MessageQueue>, Error> {
        let route = self.client.shared.routes.route(topic).await?;
        let members = self.members(&route).await?;
        Ok(averagely(
            self.client.id(),
            route.read_queues.clone(),
            members,
        ))
    }

    /// Asks the topic's brokers for the group's members until one answers: each knows all.
    async fn members(&self, route: &TopicRoute) -> Result<Vec<String>, Error> {
        let group = &self.settings.group;
        let mut last = Error::NoBroker {
            broker: String::from("of the topic"),
        };
        for broker_name in route.brokers.keys() {
            let Some(address) = route.reader(broker_name, 0) else {
                continue;
            };
            let header = GetConsumerListByGroup {
                consumer_group: group.clone(),
            };
            let code = request::GET_CONSUMER_LIST_BY_GROUP;
            let limit = self.client.shared.config.request_timeout;
            match self
                .client
                .call(address, code, Some(&header), &[], limit)
                .await
            {
                Ok(answer) => {
                    let list: GetConsumerListByGroupResponseBody = body(address, &answer)?;
                    return Ok(list.consumer_id_list);
                }
                Err(error) => last = error,
            }
        }
        // A broker refuses while it does not know the group: it has not had our heartbeat.
        self.client.beat().await;
        Err(last)
    }

    async fn apply(self: &Arc<Self>, topic: &str, expression: &str, queues: Vec<MessageQueue>) {
        let lost: Vec<_> = {
            let mut held = self.held.lock();
            let gone = |queue: &MessageQueue, held: &mut Held| {
                // A task that ended by itself is started again below.
                queue.topic == topic && (held.task.is_finished() || !queues.contains(queue))
            };
            held.extract_if(gone).collect()
        };
        self.give_up(lost).await;
        let mut held = self.held.lock();
        for queue in queues {
            held.entry(queue).or_insert_with_key(|queue| {
                tracing::info!(group = self.settings.group, ?queue, "queue taken over");
                let (stop, stopped) = watch::channel(false);
                let reading = Reading {
                    group: Arc::clone(self),
                    queue: queue.clone(),
                    expression: expression.to_owned(),
                    stop: stopped,
                };
                Held {
                    stop,
                    task: tokio::spawn(reading.run()),
                }
            });
        }
    }

    async fn give_up(&self, queues: Vec<(MessageQueue, Held)>) {
        for (_, held) in &queues {
            held.stop.send_replace(true);
        }
        for (queue, held) in queues {
            // A task that panicked has nothing left to wait for.
            let _ = held.task.await;
            let Some(offset) = self.offsets.forget(&queue) else {
                continue;
            };
            match self.pull.commit(&queue, offset).await {
                Ok(()) => tracing::info!(
                    group = self.settings.group,
                    ?queue,
                    offset,
                    "queue given up"
                ),
                Err(error) => tracing::warn!(%error, ?queue, offset, "offset not committed"),
            }
        }
    }
}
