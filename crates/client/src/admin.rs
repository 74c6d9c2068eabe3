//! Topics, routes and clusters.

use std::collections::BTreeSet;

use ferrocket_protocol::bodies::{
    ClusterInfo, PERM_READ, PERM_WRITE, TopicList, TopicRouteData, TopicStatsTable,
};
use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::NoHeader;
use ferrocket_protocol::headers::{
    CreateTopic, DeleteTopic, DeleteTopicFromNamesrv, GetTopicStatsInfo,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::{Client, body, succeeded};
use crate::error::Error;
use crate::message::validate_topic;
use crate::routes::DEFAULT_TOPIC;

/// A topic to be created or changed.
#[derive(Debug, Clone)]
pub struct NewTopic {
    pub name: String,
    pub read_queues: i32,
    pub write_queues: i32,
    /// 2 write, 4 read, 6 both.
    pub perm: i32,
    pub order: bool,
}

impl NewTopic {
    /// A topic with eight queues that can be read and written, as `mqadmin updateTopic` makes.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            read_queues: 8,
            write_queues: 8,
            perm: PERM_READ | PERM_WRITE,
            order: false,
        }
    }
}

/// Administration; a cheap handle.
#[derive(Debug, Clone)]
pub struct Admin {
    client: Client,
}

impl Admin {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Clusters, their brokers and addresses.
    ///
    /// # Errors
    /// When no name server answers.
    pub async fn cluster_info(&self) -> Result<ClusterInfo, Error> {
        self.ask_name_server::<NoHeader, _>(request::GET_BROKER_CLUSTER_INFO, None)
            .await
    }

    /// All topics that name servers know.
    ///
    /// # Errors
    /// When no name server answers.
    pub async fn topics(&self) -> Result<Vec<String>, Error> {
        let code = request::GET_ALL_TOPIC_LIST_FROM_NAMESERVER;
        let list: TopicList = self.ask_name_server::<NoHeader, _>(code, None).await?;
        Ok(list.topic_list)
    }

    /// The route of a topic as the name servers tell it now.
    ///
    /// # Errors
    /// [`Error::NoRoute`] when there is none.
    pub async fn topic_route(&self, topic: &str) -> Result<TopicRouteData, Error> {
        Ok(self.client.shared.routes.refresh(topic).await?.data.clone())
    }

    /// The ends of all queues of a topic, over all brokers.
    ///
    /// # Errors
    /// When the topic has no route or one of its brokers does not answer.
    pub async fn topic_stats(&self, topic: &str) -> Result<TopicStatsTable, Error> {
        let route = self.client.shared.routes.refresh(topic).await?;
        let mut all = TopicStatsTable::default();
        for broker_name in route.brokers.keys() {
            let Some(address) = route.reader(broker_name, 0) else {
                continue;
            };
            let header = GetTopicStatsInfo {
                topic: topic.to_owned(),
            };
            let code = request::GET_TOPIC_STATS_INFO;
            let limit = self.client.shared.config.request_timeout;
            let answer = self
                .client
                .call(address, code, Some(&header), &[], limit)
                .await?;
            let stats: TopicStatsTable = body(address, &answer)?;
            all.offset_table.extend(stats.offset_table);
            all.topic_put_tps += stats.topic_put_tps;
        }
        Ok(all)
    }

    /// Creates or changes a topic on one broker.
    ///
    /// # Errors
    /// When the broker does not answer or refuses.
    pub async fn create_topic_on(&self, address: &str, topic: &NewTopic) -> Result<(), Error> {
        validate_topic(&topic.name)?;
        let header = CreateTopic {
            topic: topic.name.clone(),
            default_topic: DEFAULT_TOPIC.to_owned(),
            read_queue_nums: topic.read_queues,
            write_queue_nums: topic.write_queues,
            perm: topic.perm,
            topic_filter_type: "SINGLE_TAG".to_owned(),
            topic_sys_flag: Some(0),
            order: topic.order,
            attributes: None,
            force: None,
        };
        let limit = self.client.shared.config.request_timeout;
        let code = request::UPDATE_AND_CREATE_TOPIC;
        self.client
            .call(address, code, Some(&header), &[], limit)
            .await?;
        Ok(())
    }

    /// Creates or changes a topic on every master of a cluster; gives their addresses.
    ///
    /// # Errors
    /// When the cluster is unknown or one of its masters does not answer.
    pub async fn create_topic(
        &self,
        cluster: &str,
        topic: &NewTopic,
    ) -> Result<Vec<String>, Error> {
        let masters = self.masters(cluster).await?;
        for address in &masters {
            self.create_topic_on(address, topic).await?;
        }
        Ok(masters)
    }

    /// Deletes a topic on every broker of a cluster, then at every name server.
    ///
    /// # Errors
    /// When the cluster is unknown or one of the servers does not answer.
    pub async fn delete_topic(&self, cluster: &str, topic: &str) -> Result<(), Error> {
        let limit = self.client.shared.config.request_timeout;
        for address in self.masters(cluster).await? {
            let header = DeleteTopic {
                topic: topic.to_owned(),
            };
            let code = request::DELETE_TOPIC_IN_BROKER;
            self.client
                .call(&address, code, Some(&header), &[], limit)
                .await?;
        }
        for address in self.client.shared.routes.name_servers() {
            let header = DeleteTopicFromNamesrv {
                topic: topic.to_owned(),
                cluster_name: Some(cluster.to_owned()),
            };
            let code = request::DELETE_TOPIC_IN_NAMESRV;
            self.client
                .call(address, code, Some(&header), &[], limit)
                .await?;
        }
        Ok(())
    }

    /// The masters of a cluster.
    ///
    /// # Errors
    /// When no name server answers or the cluster is unknown.
    pub async fn masters(&self, cluster: &str) -> Result<Vec<String>, Error> {
        let info = self.cluster_info().await?;
        let unknown = || {
            let known: Vec<_> = info.cluster_addr_table.keys().cloned().collect();
            Error::invalid(
                "cluster",
                format!("{cluster} is unknown, there are {known:?}"),
            )
        };
        let names = info.cluster_addr_table.get(cluster).ok_or_else(unknown)?;
        let brokers = names
            .iter()
            .filter_map(|name| info.broker_addr_table.get(name));
        let masters: BTreeSet<_> = brokers
            .filter_map(|broker| broker.broker_addrs.get(&0).cloned())
            .collect();
        Ok(masters.into_iter().collect())
    }

    async fn ask_name_server<H: Serialize, A: DeserializeOwned>(
        &self,
        code: i32,
        header: Option<&H>,
    ) -> Result<A, Error> {
        let (address, answer) = self.client.shared.routes.ask(code, header).await?;
        let answer = succeeded(&address, answer)?;
        body(&address, &answer)
    }
}
