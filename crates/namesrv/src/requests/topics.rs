//! Single topics and write permissions: 205, 216, 217, 327.

use ferrocket_protocol::bodies::{self, TopicRouteData};
use ferrocket_protocol::headers::{
    AddWritePermOfBroker, AddWritePermOfBrokerResponse, DeleteTopicFromNamesrv, RegisterTopic,
    WipeWritePermOfBroker, WipeWritePermOfBrokerResponse,
};
use ferrocket_protocol::outbox::Outbox;

use crate::refusal::{Refusal, RegistrationRefused};
use crate::server::{NameServer, Request};

impl NameServer {
    /// 205.
    pub(crate) fn wipe_write_perm(
        &self,
        request: &Request<'_>,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        let header: WipeWritePermOfBroker = request.frame.header()?;
        let wipe_topic_count = self.tables.wipe_write_perm(&header.broker_name);
        tracing::info!(
            broker = header.broker_name,
            topics = wipe_topic_count,
            "write wiped"
        );
        let header = WipeWritePermOfBrokerResponse { wipe_topic_count };
        out.reply(request.frame.reply_to(), 0, None, Some(&header), &[]);
        Ok(())
    }

    /// 327.
    pub(crate) fn add_write_perm(
        &self,
        request: &Request<'_>,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        let header: AddWritePermOfBroker = request.frame.header()?;
        let add_topic_count = self.tables.add_write_perm(&header.broker_name);
        tracing::info!(
            broker = header.broker_name,
            topics = add_topic_count,
            "write allowed"
        );
        let header = AddWritePermOfBrokerResponse { add_topic_count };
        out.reply(request.frame.reply_to(), 0, None, Some(&header), &[]);
        Ok(())
    }

    /// 216.
    pub(crate) fn delete_topic(
        &self,
        request: &Request<'_>,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        let header: DeleteTopicFromNamesrv = request.frame.header()?;
        let cluster = header.cluster_name.filter(|cluster| !cluster.is_empty());
        self.tables.delete_topic(&header.topic, cluster.as_deref());
        out.reply_ok(request.frame.reply_to());
        Ok(())
    }

    /// 217.
    pub(crate) fn register_topic(
        &self,
        request: &Request<'_>,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        let header: RegisterTopic = request.frame.header()?;
        if !request.frame.body.is_empty() {
            let route: TopicRouteData =
                bodies::read(&request.frame.body).map_err(RegistrationRefused::Topic)?;
            self.tables
                .register_topic(&header.topic, &route.queue_datas);
        }
        out.reply_ok(request.frame.reply_to());
        Ok(())
    }
}
