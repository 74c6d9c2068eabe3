//! Sharing out queues among the members of a group, and committing offsets.

use std::collections::{BTreeSet, HashMap};
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
    held: Mutex<Queues>,
    /// Whoever commits has this until the answer is there: an offset that was read before another
    /// one must not arrive after it.
    pub(super) commits: Arc<CommitLane>,
}

/// See [`Group::commits`].
pub(super) type CommitLane = tokio::sync::Mutex<()>;

/// The queues that this member reads.
#[derive(Debug, Default)]
struct Queues {
    held: HashMap<MessageQueue, Held>,
    /// The member leaves: no queue is taken over any more.
    leaving: bool,
}

impl Queues {
    fn leave(&mut self) -> HashMap<MessageQueue, Held> {
        self.leaving = true;
        std::mem::take(&mut self.held)
    }
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
            commits: Arc::default(),
        })
    }

    pub(super) fn held(&self) -> Vec<MessageQueue> {
        let mut queues: Vec<_> = self.held.lock().held.keys().cloned().collect();
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
            self.commit_held().await;
        }
    }

    async fn commit_held(&self) {
        // A broker that does not answer delays the others once, not for each of its queues.
        let mut silent = BTreeSet::new();
        for queue in self.held() {
            if silent.contains(&queue.broker_name) {
                continue;
            }
            let _turn = self.commits.lock().await;
            // Not before: the queue may have been given up, and its last offset committed.
            let Some(offset) = self.offset_if_held(&queue) else {
                continue;
            };
            if let Err(error) = self.pull.commit(&queue, offset).await {
                tracing::debug!(%error, ?queue, offset, "offset not committed");
                silent.insert(queue.broker_name);
            }
        }
    }

    fn offset_if_held(&self, queue: &MessageQueue) -> Option<i64> {
        let queues = self.held.lock();
        if !queues.held.contains_key(queue) {
            return None;
        }
        self.offsets.of(queue)
    }

    /// Gives up all queues without waiting for anything: the listener is not called again, and what
    /// was not committed is given to another member.
    pub(super) fn abandon_all(&self) {
        for held in self.held.lock().leave().into_values() {
            held.stop.send_replace(true);
        }
    }

    /// Gives up all queues: waits for the listener, commits.
    pub(super) async fn give_up_all(&self) {
        let held = self.held.lock().leave();
        self.give_up(held.into_iter().collect()).await;
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
            let mut queues_held = self.held.lock();
            let gone = |queue: &MessageQueue, held: &mut Held| {
                // A task that ended by itself is started again below.
                queue.topic == topic && (held.task.is_finished() || !queues.contains(queue))
            };
            queues_held.held.extract_if(gone).collect()
        };
        self.give_up(lost).await;
        let mut queues_held = self.held.lock();
        if queues_held.leaving {
            return;
        }
        for queue in queues {
            queues_held.held.entry(queue).or_insert_with_key(|queue| {
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
            let _turn = self.commits.lock().await;
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
