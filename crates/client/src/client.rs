//! The owner of connections, routes and background work.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use ferrocket_net::{Limits, Network, NoRequests, Outbound, OutboundSettings, Service};
use ferrocket_protocol::bodies::{self, ConsumerData, HeartbeatData, ProducerData};
use ferrocket_protocol::codes::{request, response};
use ferrocket_protocol::frame::{Frame, NoHeader};
use ferrocket_protocol::headers::{NotifyConsumerIdsChanged, UnregisterClient};
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::{ConnectionId, Peer};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::admin::Admin;
use crate::config::ClientConfig;
use crate::error::Error;
use crate::producer::{Producer, ProducerSettings};
use crate::pull::PullConsumer;
use crate::push::{Listener, PushConsumer, PushSettings};
use crate::routes::RouteCache;
use crate::unique_id::UniqueIds;

/// Numbers the clients of this process.
static CLIENTS: AtomicU64 = AtomicU64::new(0);

/// A connection to a RocketMQ cluster; a cheap handle, clones share everything.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Arc<ClientConfig>,
    pub(crate) client_id: String,
    pub(crate) outbound: Outbound,
    pub(crate) routes: RouteCache,
    pub(crate) ids: UniqueIds,
    members: Arc<Members>,
    closed: AtomicBool,
    tasks: Mutex<JoinSet<()>>,
}

/// The groups of this client: what heartbeats tell brokers, and whom notifications wake.
#[derive(Debug, Default)]
struct Members {
    producers: Mutex<BTreeMap<String, usize>>,
    consumers: Mutex<BTreeMap<String, Member>>,
}

#[derive(Debug)]
struct Member {
    data: ConsumerData,
    rebalance: Arc<Notify>,
}

impl Client {
    /// Starts the background work; connects to nobody yet. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When no name server is given.
    pub fn start(config: ClientConfig) -> Result<Self, Error> {
        let number = CLIENTS.fetch_add(1, Ordering::Relaxed);
        let config = Arc::new(config);
        let members = Arc::new(Members::default());
        let settings = OutboundSettings {
            encoding: config.encoding,
            lanes: config.lanes,
            ..OutboundSettings::default()
        };
        let network = Network::new(Limits::default());
        let requests = Arc::new(ServerRequests {
            members: Arc::clone(&members),
        });
        let outbound = Outbound::with_handler(&network, settings, requests);
        let start = usize::try_from(now_ms()).unwrap_or_default() + std::process::id() as usize;
        let routes = RouteCache::new(outbound.clone(), Arc::clone(&config), start)?;
        let shared = Arc::new(Shared {
            client_id: config.client_id(number),
            ids: UniqueIds::new(config.client_ip, i32::try_from(number).unwrap_or_default()),
            config,
            outbound,
            routes,
            members,
            closed: AtomicBool::new(false),
            tasks: Mutex::default(),
        });
        let client = Self { shared };
        client.spawn(client.clone().keep_routes_fresh());
        client.spawn(client.clone().keep_heart_beating());
        Ok(client)
    }

    /// The id under which brokers list this client.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.shared.client_id
    }

    /// A producer with Java's settings.
    ///
    /// # Errors
    /// When the group's name is not valid.
    pub fn producer(&self, group: &str) -> Result<Producer, Error> {
        Producer::new(self.clone(), group, ProducerSettings::default())
    }

    /// A producer with settings of yours.
    ///
    /// # Errors
    /// When the group's name is not valid.
    pub fn producer_with(
        &self,
        group: &str,
        settings: ProducerSettings,
    ) -> Result<Producer, Error> {
        Producer::new(self.clone(), group, settings)
    }

    /// A consumer that reads queues at offsets of its own choice.
    ///
    /// # Errors
    /// When the group's name is not valid.
    pub fn pull_consumer(&self, group: &str) -> Result<PullConsumer, Error> {
        PullConsumer::new(self.clone(), group)
    }

    /// Joins a consumer group; messages go to `listener`.
    ///
    /// # Errors
    /// When settings are not valid or no broker of the topics can be reached.
    pub async fn push_consumer<L: Listener>(
        &self,
        settings: PushSettings,
        listener: L,
    ) -> Result<PushConsumer, Error> {
        PushConsumer::start(self.clone(), settings, listener).await
    }

    /// Topics, routes and clusters.
    #[must_use]
    pub fn admin(&self) -> Admin {
        Admin::new(self.clone())
    }

    /// Takes leave of all brokers and closes all connections. Shut consumers down before: their
    /// last offsets are committed then.
    pub async fn close(&self, deadline: Duration) {
        if self.shared.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let producers: Vec<_> = self
            .shared
            .members
            .producers
            .lock()
            .keys()
            .cloned()
            .collect();
        let leave = async {
            for group in producers {
                self.unregister(Some(group), None).await;
            }
        };
        if timeout(deadline, leave).await.is_err() {
            tracing::debug!("not all brokers were told that this client closes");
        }
        let mut tasks = std::mem::take(&mut *self.shared.tasks.lock());
        tasks.shutdown().await;
        self.shared.outbound.stop(deadline).await;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }

    /// Runs background work that ends with the client.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.shared.tasks.lock().spawn(work);
    }

    /// A request that must succeed.
    pub(crate) async fn call<H: Serialize>(
        &self,
        address: &str,
        code: i32,
        header: Option<&H>,
        body: &[Bytes],
        limit: Duration,
    ) -> Result<Frame, Error> {
        if self.is_closed() {
            return Err(Error::Closed);
        }
        let answer = self
            .shared
            .outbound
            .call(address, code, header, body, limit)
            .await?;
        succeeded(address, answer)
    }

    pub(crate) fn add_producer(&self, group: &str) {
        *self
            .shared
            .members
            .producers
            .lock()
            .entry(group.to_owned())
            .or_default() += 1;
    }

    pub(crate) fn remove_producer(&self, group: &str) {
        let mut producers = self.shared.members.producers.lock();
        if let Some(count) = producers.get_mut(group) {
            *count -= 1;
            if *count == 0 {
                producers.remove(group);
            }
        }
    }

    /// False when this client has a consumer of the group already.
    pub(crate) fn add_consumer(&self, data: ConsumerData, rebalance: Arc<Notify>) -> bool {
        let mut consumers = self.shared.members.consumers.lock();
        if consumers.contains_key(&data.group_name) {
            return false;
        }
        consumers.insert(data.group_name.clone(), Member { data, rebalance });
        true
    }

    /// Tells brokers that the consumer of a group leaves.
    pub(crate) async fn unregister_consumer(&self, group: &str) {
        if self.forget_consumer(group) {
            self.unregister(None, Some(group.to_owned())).await;
        }
    }

    /// As [`Client::unregister_consumer`], without waiting, if it has not been done.
    pub(crate) fn remove_consumer(&self, group: &str) {
        let known = self.forget_consumer(group);
        // Without a runtime there is nobody to tell brokers; they miss the heartbeats.
        if known && !self.is_closed() && tokio::runtime::Handle::try_current().is_ok() {
            let (client, group) = (self.clone(), group.to_owned());
            self.spawn(async move { client.unregister(None, Some(group)).await });
        }
    }

    /// Heartbeats do not name the group's consumer any more; false when they did not before.
    fn forget_consumer(&self, group: &str) -> bool {
        self.shared.members.consumers.lock().remove(group).is_some()
    }

    /// Tells all known brokers who we are; true when at least one took it.
    pub(crate) async fn beat(&self) -> bool {
        let data = self.shared.heartbeat();
        if data.producer_data_set.is_empty() && data.consumer_data_set.is_empty() {
            return false;
        }
        let masters_only = data.consumer_data_set.is_empty();
        let body = Bytes::from(bodies::print(&data));
        let mut beats = JoinSet::new();
        for address in self.shared.routes.brokers(masters_only) {
            let (client, body) = (self.clone(), body.clone());
            beats.spawn(async move {
                let limit = client.shared.config.request_timeout;
                let code = request::HEART_BEAT;
                let beat = client
                    .call::<NoHeader>(&address, code, None, &[body], limit)
                    .await;
                if let Err(error) = &beat {
                    tracing::debug!(%error, address, "heartbeat failed");
                }
                beat.is_ok()
            });
        }
        let mut taken = false;
        while let Some(beat) = beats.join_next().await {
            taken |= beat.unwrap_or(false);
        }
        taken
    }

    async fn unregister(&self, producer_group: Option<String>, consumer_group: Option<String>) {
        let client_id = self.shared.client_id.clone();
        let header = UnregisterClient {
            client_id,
            producer_group,
            consumer_group,
        };
        for address in self.shared.routes.brokers(false) {
            let limit = self.shared.config.request_timeout;
            let call = self.shared.outbound.call(
                &address,
                request::UNREGISTER_CLIENT,
                Some(&header),
                &[],
                limit,
            );
            if let Err(error) = call.await {
                tracing::debug!(%error, address, "broker not told that the client leaves");
            }
        }
    }

    async fn keep_routes_fresh(self) {
        loop {
            tokio::time::sleep(self.shared.config.route_refresh).await;
            self.shared.routes.refresh_all().await;
        }
    }

    async fn keep_heart_beating(self) {
        loop {
            tokio::time::sleep(self.shared.config.heartbeat).await;
            self.beat().await;
        }
    }
}

impl Shared {
    fn heartbeat(&self) -> HeartbeatData {
        let producers = self.members.producers.lock();
        let consumers = self.members.consumers.lock();
        HeartbeatData {
            client_id: self.client_id.clone(),
            producer_data_set: producers
                .keys()
                .map(|group| ProducerData {
                    group_name: group.clone(),
                })
                .collect(),
            consumer_data_set: consumers
                .values()
                .map(|member| member.data.clone())
                .collect(),
            ..HeartbeatData::default()
        }
    }
}

/// Requests that brokers send to clients.
struct ServerRequests {
    members: Arc<Members>,
}

impl Service for ServerRequests {
    fn connected(&self, _: &Arc<dyn Peer>) {}

    fn frames(&self, peer: &Arc<dyn Peer>, frames: &mut Vec<Frame>, out: &mut Outbox) {
        for frame in frames.extract_if(.., |f| f.code == request::NOTIFY_CONSUMER_IDS_CHANGED) {
            let group = frame
                .header::<NotifyConsumerIdsChanged>()
                .map(|h| h.consumer_group);
            let consumers = self.members.consumers.lock();
            // A member of another group than named costs one rebalance that changes nothing.
            let named = group.ok().and_then(|group| consumers.get(&group));
            match named {
                Some(member) => member.rebalance.notify_one(),
                None => consumers
                    .values()
                    .for_each(|member| member.rebalance.notify_one()),
            }
        }
        NoRequests.frames(peer, frames, out);
    }

    fn disconnected(&self, _: ConnectionId) {}
}

/// The answer, if its code is success.
pub(crate) fn succeeded(address: &str, answer: Frame) -> Result<Frame, Error> {
    if answer.code == response::SUCCESS {
        return Ok(answer);
    }
    let remark = answer.remark.as_deref().unwrap_or_default().to_owned();
    Err(Error::Refused {
        address: address.to_owned(),
        code: answer.code,
        remark,
    })
}

/// The answer's body as JSON.
pub(crate) fn body<T: DeserializeOwned>(address: &str, answer: &Frame) -> Result<T, Error> {
    bodies::read(&answer.body).map_err(|source| Error::Body {
        address: address.to_owned(),
        source,
    })
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
