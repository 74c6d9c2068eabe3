//! Lists for administrators: 106, 206, 224, 304, 311, 312, 313, 901.

use std::sync::Arc;

use ferrocket_protocol::bodies::{
    self, BrokerMemberGroup, ClusterInfo, GetBrokerMemberGroupResponseBody, TopicList,
};
use ferrocket_protocol::frame::NoHeader;
use ferrocket_protocol::headers::{GetBrokerMemberGroup, GetTopicsByCluster};
use ferrocket_protocol::outbox::Outbox;

use crate::refusal::{AdminRefused, Refusal};
use crate::server::{NameServer, Request, reply_body};
use crate::tables::{Topic, broker_data};

/// `TopicSysFlag.FLAG_UNIT`.
const FLAG_UNIT: i32 = 1;

/// `TopicSysFlag.FLAG_UNIT_SUB`.
const FLAG_UNIT_SUB: i32 = 2;

/// The remark of an answer whose processor in Java sets code and body but not the remark.
const REMARK_NOT_SET: &str = "not set any response code";

impl NameServer {
    /// 106.
    pub(crate) fn cluster_info(
        &self,
        request: &Request<'_>,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        let info = self.tables.with_brokers(|brokers| ClusterInfo {
            broker_addr_table: brokers
                .by_name
                .iter()
                .map(|(name, broker)| (name.to_string(), broker_data(name, broker)))
                .collect(),
            cluster_addr_table: brokers
                .clusters
                .iter()
                .map(|(cluster, names)| (cluster.clone(), strings(names)))
                .collect(),
        });
        reply_body(request, out, bodies::print(&info).into());
        Ok(())
    }

    /// 901.
    pub(crate) fn broker_member_group(
        &self,
        request: &Request<'_>,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        let header: GetBrokerMemberGroup = request.frame.header()?;
        let broker_addrs = self.tables.with_brokers(|brokers| {
            let broker = brokers.by_name.get(header.broker_name.as_str());
            broker
                .map(|broker| broker.addrs.clone())
                .unwrap_or_default()
        });
        let group = BrokerMemberGroup {
            cluster: header.cluster_name,
            broker_name: header.broker_name,
            broker_addrs,
        };
        let body = GetBrokerMemberGroupResponseBody {
            broker_member_group: Some(group),
        };
        let body = bodies::print(&body).into();
        out.reply::<NoHeader>(
            request.frame.reply_to(),
            0,
            Some(REMARK_NOT_SET),
            None,
            &[body],
        );
        Ok(())
    }

    /// 206.
    pub(crate) fn all_topics(
        &self,
        request: &Request<'_>,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        if !self.config().enable_all_topic_list {
            return Err(AdminRefused::Disabled.into());
        }
        reply_topics(request, out, &self.tables.topic_names(|_| true), None);
        Ok(())
    }

    /// 224.
    pub(crate) fn topics_of_cluster(
        &self,
        request: &Request<'_>,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        self.require_topic_list()?;
        let header: GetTopicsByCluster = request.frame.header()?;
        let names = self
            .tables
            .with_brokers(|brokers| brokers.clusters.get(&header.cluster).cloned());
        let names = names.unwrap_or_default();
        let is_in = |topic: &Topic| {
            topic
                .shares()
                .iter()
                .any(|share| names.contains(&share.broker))
        };
        reply_topics(request, out, &self.tables.topic_names(is_in), None);
        Ok(())
    }

    /// 304: cluster and broker names, which are topics on every broker, and one broker that knows
    /// the others.
    pub(crate) fn system_topics(
        &self,
        request: &Request<'_>,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        let (names, addr) = self.tables.with_brokers(|brokers| {
            let clusters = brokers
                .clusters
                .keys()
                .map(|cluster| Arc::from(cluster.as_str()));
            let members = brokers.clusters.values().flatten().cloned();
            let addr = brokers
                .by_name
                .values()
                .find_map(|broker| broker.addrs.values().next());
            (clusters.chain(members).collect::<Vec<_>>(), addr.cloned())
        });
        reply_topics(request, out, &names, addr);
        Ok(())
    }

    /// 311.
    pub(crate) fn unit_topics(
        &self,
        request: &Request<'_>,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        self.flagged_topics(request, out, |flag| flag & FLAG_UNIT != 0)
    }

    /// 312.
    pub(crate) fn unit_sub_topics(
        &self,
        request: &Request<'_>,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        self.flagged_topics(request, out, |flag| flag & FLAG_UNIT_SUB != 0)
    }

    /// 313.
    pub(crate) fn unit_sub_ununit_topics(
        &self,
        request: &Request<'_>,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        self.flagged_topics(request, out, |flag| {
            flag & (FLAG_UNIT | FLAG_UNIT_SUB) == FLAG_UNIT_SUB
        })
    }

    /// The topics whose first share has a wanted flag.
    fn flagged_topics(
        &self,
        request: &Request<'_>,
        out: &mut Outbox,
        wanted: impl Fn(i32) -> bool,
    ) -> Result<(), Refusal> {
        self.require_topic_list()?;
        let names = self.tables.topic_names(|topic| {
            topic
                .shares()
                .first()
                .is_some_and(|share| wanted(share.queues.topic_sys_flag))
        });
        reply_topics(request, out, &names, None);
        Ok(())
    }

    fn require_topic_list(&self) -> Result<(), AdminRefused> {
        let is_on = self.config().enable_topic_list;
        is_on.then_some(()).ok_or(AdminRefused::Disabled)
    }
}

fn reply_topics(
    request: &Request<'_>,
    out: &mut Outbox,
    names: &[Arc<str>],
    broker_addr: Option<String>,
) {
    let list = TopicList {
        topic_list: strings(names),
        broker_addr,
    };
    reply_body(request, out, bodies::print(&list).into());
}

fn strings<'a>(names: impl IntoIterator<Item = &'a Arc<str>>) -> Vec<String> {
    names.into_iter().map(ToString::to_string).collect()
}
