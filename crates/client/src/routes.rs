//! The route cache: asked on first use, refreshed in the background, never emptied.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use ferrocket_net::Outbound;
use ferrocket_protocol::bodies::TopicRouteData;
use ferrocket_protocol::codes::{request, response};
use ferrocket_protocol::frame::Frame;
use ferrocket_protocol::headers::GetRouteInfo;
use parking_lot::Mutex;
use serde::Serialize;

use crate::config::ClientConfig;
use crate::error::Error;
use crate::name_servers::NameServers;
use crate::route::TopicRoute;

/// The topic whose queues a broker copies when it creates a topic on first use
/// (`TopicValidator#AUTO_CREATE_TOPIC_KEY_TOPIC`).
pub(crate) const DEFAULT_TOPIC: &str = "TBW102";

#[derive(Debug)]
pub(crate) struct RouteCache {
    outbound: Outbound,
    config: Arc<ClientConfig>,
    name_servers: NameServers,
    topics: Mutex<HashMap<String, Arc<TopicRoute>>>,
    /// Where the round robin of this client starts.
    start: usize,
}

impl RouteCache {
    pub(crate) fn new(
        outbound: Outbound,
        config: Arc<ClientConfig>,
        start: usize,
    ) -> Result<Self, Error> {
        let name_servers = NameServers::new(config.name_servers.clone(), start)?;
        Ok(Self {
            outbound,
            config,
            name_servers,
            topics: Mutex::default(),
            start,
        })
    }

    pub(crate) fn name_servers(&self) -> &[String] {
        self.name_servers.all()
    }

    /// Asks one name server after the other until one answers, whatever it answers.
    pub(crate) async fn ask<H: Serialize>(
        &self,
        code: i32,
        header: Option<&H>,
    ) -> Result<(String, Frame), Error> {
        let mut last = Error::NoNameServer;
        for address in self.name_servers.in_turn() {
            let limit = self.config.request_timeout;
            match self.outbound.call(address, code, header, &[], limit).await {
                Ok(answer) => return Ok((address.to_owned(), answer)),
                Err(error) => {
                    tracing::debug!(%error, address, "name server does not answer");
                    self.name_servers.failed(address);
                    last = error.into();
                }
            }
        }
        Err(last)
    }

    /// The cached route, if any.
    pub(crate) fn cached(&self, topic: &str) -> Option<Arc<TopicRoute>> {
        self.topics.lock().get(topic).cloned()
    }

    /// The route of an existing topic.
    pub(crate) async fn route(&self, topic: &str) -> Result<Arc<TopicRoute>, Error> {
        match self.cached(topic) {
            Some(route) => Ok(route),
            None => self.refresh(topic).await,
        }
    }

    /// The route for sending; a topic that does not exist yet borrows the default topic's, and
    /// the first send makes a broker create it.
    pub(crate) async fn route_for_sending(
        &self,
        topic: &str,
        default_queues: i32,
    ) -> Result<Arc<TopicRoute>, Error> {
        match self.route(topic).await {
            Err(Error::NoRoute { .. }) => {}
            other => return other,
        }
        let data = match self.ask_route(DEFAULT_TOPIC).await {
            Err(Error::NoRoute { .. }) => {
                return Err(Error::NoRoute {
                    topic: topic.to_owned(),
                });
            }
            other => other?,
        };
        let route = TopicRoute::of_default_topic(topic, data, default_queues, self.start);
        Ok(self.store(topic, route))
    }

    /// Asks the name servers now.
    pub(crate) async fn refresh(&self, topic: &str) -> Result<Arc<TopicRoute>, Error> {
        let data = self.ask_route(topic).await?;
        match self.cached(topic).filter(|route| !route.differs(&data)) {
            Some(unchanged) => Ok(unchanged),
            None => Ok(self.store(topic, TopicRoute::new(topic, data, self.start))),
        }
    }

    /// Asks anew for every topic ever used. Topics that are gone keep their last route, as in Java.
    pub(crate) async fn refresh_all(&self) {
        let topics: Vec<String> = self.topics.lock().keys().cloned().collect();
        for topic in topics {
            if let Err(error) = self.refresh(&topic).await {
                tracing::debug!(%error, topic, "route not refreshed");
            }
        }
    }

    /// The addresses of all brokers in cached routes.
    pub(crate) fn brokers(&self, masters_only: bool) -> BTreeSet<String> {
        let topics = self.topics.lock();
        let brokers = topics.values().flat_map(|route| route.brokers.values());
        let addresses = brokers
            .flatten()
            .filter(|(id, _)| !masters_only || **id == 0);
        addresses.map(|(_, address)| address.clone()).collect()
    }

    /// A broker's master, wherever it appears; asks again for `topic` when it is unknown.
    pub(crate) async fn master(&self, topic: &str, broker_name: &str) -> Result<String, Error> {
        if let Some(address) = self
            .cached(topic)
            .as_ref()
            .and_then(|r| r.master(broker_name))
        {
            return Ok(address.to_owned());
        }
        let route = self.refresh(topic).await?;
        let address = route.master(broker_name).map(str::to_owned);
        address.ok_or_else(|| Error::NoBroker {
            broker: broker_name.to_owned(),
        })
    }

    /// A broker to read from.
    pub(crate) async fn reader(
        &self,
        topic: &str,
        broker_name: &str,
        broker_id: i64,
    ) -> Result<String, Error> {
        if let Some(route) = self.cached(topic)
            && let Some(address) = route.reader(broker_name, broker_id)
        {
            return Ok(address.to_owned());
        }
        let route = self.refresh(topic).await?;
        let address = route.reader(broker_name, broker_id).map(str::to_owned);
        address.ok_or_else(|| Error::NoBroker {
            broker: broker_name.to_owned(),
        })
    }

    async fn ask_route(&self, topic: &str) -> Result<TopicRouteData, Error> {
        let header = GetRouteInfo {
            topic: topic.to_owned(),
            accept_standard_json_only: Some(true),
        };
        let (address, answer) = self
            .ask(request::GET_ROUTEINFO_BY_TOPIC, Some(&header))
            .await?;
        if answer.code == response::TOPIC_NOT_EXIST {
            return Err(Error::NoRoute {
                topic: topic.to_owned(),
            });
        }
        let answer = crate::client::succeeded(&address, answer)?;
        crate::client::body(&address, &answer)
    }

    fn store(&self, topic: &str, route: TopicRoute) -> Arc<TopicRoute> {
        let route = Arc::new(route);
        self.topics
            .lock()
            .insert(topic.to_owned(), Arc::clone(&route));
        route
    }
}
