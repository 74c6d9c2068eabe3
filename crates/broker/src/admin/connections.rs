//! Who is connected.

use std::collections::BTreeMap;

use ferrocket_protocol::bodies::{
    Connection, ConsumerConnection, ProducerConnection, ProducerInfo, ProducerTableInfo,
};
use ferrocket_protocol::codes::response;
use ferrocket_protocol::headers::{GetConsumerConnectionList, GetProducerConnectionList};
use ferrocket_protocol::outbox::Outbox;

use super::reply_body;
use crate::Broker;
use crate::clients::ClientInfo;
use crate::request::Request;

impl Broker {
    /// GET_CONSUMER_CONNECTION_LIST.
    pub(crate) fn consumer_connections(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<GetConsumerConnectionList>(out) else {
            return;
        };
        let group = &header.consumer_group;
        let Some(consumers) = self.clients.consumers.get(group) else {
            let remark = format!("the consumer group[{group}] not online");
            out.reply_error(request.to, response::CONSUMER_NOT_ONLINE, &remark);
            return;
        };
        let declared = consumers.declared();
        let subscription_table: BTreeMap<_, _> = declared
            .subscriptions
            .iter()
            .map(|(topic, subscription)| (topic.to_string(), subscription.data.clone()))
            .collect();
        let body = ConsumerConnection {
            connection_set: consumers.clients().iter().map(connection).collect(),
            consume_from_where: declared.consume_from_where,
            consume_type: declared.consume_type,
            message_model: declared.message_model,
            queue_locks: self.locks.held(group, request.now_ms),
            subscription_table,
            conflict: consumers.conflict().map(|conflict| conflict.to_string()),
        };
        reply_body(request, &body, out);
    }

    /// GET_PRODUCER_CONNECTION_LIST.
    pub(crate) fn producer_connections(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<GetProducerConnectionList>(out) else {
            return;
        };
        let group = &header.producer_group;
        let Some(clients) = self.clients.producers.clients(group) else {
            let remark = format!("the producer group[{group}] not exist");
            out.reply_error(request.to, response::SYSTEM_ERROR, &remark);
            return;
        };
        let connection_set = clients.iter().map(connection).collect();
        reply_body(request, &ProducerConnection { connection_set }, out);
    }

    /// GET_ALL_PRODUCER_INFO.
    pub(crate) fn all_producers(&self, request: &Request<'_>, out: &mut Outbox) {
        let data = self
            .clients
            .producers
            .all()
            .into_iter()
            .map(|(group, clients)| (group, clients.iter().map(producer).collect()))
            .collect();
        reply_body(request, &ProducerTableInfo { data }, out);
    }
}

fn connection(client: &ClientInfo) -> Connection {
    Connection {
        client_addr: client.peer.remote().to_string(),
        client_id: client.client_id.to_string(),
        language: client.language.unwrap_or_default(),
        version: client.version,
    }
}

fn producer(client: &ClientInfo) -> ProducerInfo {
    ProducerInfo {
        client_id: client.client_id.to_string(),
        language: client.language.unwrap_or_default(),
        last_update_timestamp: client.heard_ms,
        remote_ip: format!("/{}", client.peer.remote()),
        version: client.version,
    }
}
