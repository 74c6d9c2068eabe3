//! What brokers ask: 103, 104, 322, 904.

use bytes::Bytes;
use ferrocket_protocol::bodies::{self, DataVersion, KVTable};
use ferrocket_protocol::frame::Frame;
use ferrocket_protocol::headers::{
    BrokerHeartbeat, QueryDataVersion, QueryDataVersionResponse, RegisterBroker, UnRegisterBroker,
    Zone,
};
use ferrocket_protocol::outbox::Outbox;

use crate::fingerprint::fingerprint;
use crate::kv::ORDER_TOPIC_CONFIG;
use crate::refusal::{Refusal, RegistrationRefused};
use crate::registration_body;
use crate::server::{NameServer, Request};
use crate::tables::{BrokerAddress, Leaving, Registered, Registration};

/// `UtilAll#crc32` drops the top bit.
const CRC_MASK: u32 = 0x7FFF_FFFF;

impl NameServer {
    /// 103.
    pub(crate) fn register_broker(
        &self,
        request: &Request<'_>,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        let (header, zone): (RegisterBroker, Zone) = request.frame.header()?;
        let body = &request.frame.body;
        check_crc(header.body_crc32, body)?;
        check_complete(request.frame)?;
        let config = self.config();
        let delete_absent_topics = config.delete_topic_with_broker_registration;
        let registration = Registration {
            header: &header,
            peer: request.peer,
            now_ms: request.now_ms,
            fingerprint: (!delete_absent_topics)
                .then(|| fingerprint(&header, zone.name.as_deref(), body)),
            zone: zone.name,
            delete_absent_topics,
        };
        let registered = self.registered(request, &registration)?;
        let orders = config.return_order_topic_config_to_broker;
        let orders = orders
            .then(|| self.kv.namespace(ORDER_TOPIC_CONFIG))
            .flatten();
        let body = orders.map(|table| Bytes::from(bodies::print(&KVTable { table })));
        let reply = registered.reply;
        out.reply(
            request.frame.reply_to(),
            0,
            None,
            Some(&reply),
            body.as_slice(),
        );
        self.notify(registered.notice.as_slice());
        Ok(())
    }

    fn registered(
        &self,
        request: &Request<'_>,
        registration: &Registration<'_>,
    ) -> Result<Registered, RegistrationRefused> {
        if let Some(renewed) = self.tables.renew(registration) {
            self.work.registrations_renewed.add_one();
            return Ok(renewed);
        }
        self.work.registrations_decoded.add_one();
        let body = registration_body::read(&request.frame.body, request.frame.version)?;
        let topics = body.topics.len();
        let registered = self.tables.register(registration, body);
        let registered = registered.ok_or(RegistrationRefused::NotFull)?;
        let header = registration.header;
        tracing::debug!(
            broker = header.broker_name,
            id = header.broker_id,
            addr = header.broker_addr,
            topics,
            "registered"
        );
        Ok(registered)
    }

    /// 104. Java queues it; here it is done when it is answered.
    pub(crate) fn unregister_broker(
        &self,
        request: &Request<'_>,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        let header: UnRegisterBroker = request.frame.header()?;
        tracing::info!(
            broker = header.broker_name,
            addr = header.broker_addr,
            "unregistered"
        );
        let leaving = Leaving {
            address: BrokerAddress {
                cluster: header.cluster_name,
                addr: header.broker_addr,
            },
            name: header.broker_name,
            id: header.broker_id,
        };
        let notices = self.tables.unregister(&[leaving]);
        out.reply_ok(request.frame.reply_to());
        self.notify(&notices);
        Ok(())
    }

    /// 904.
    pub(crate) fn broker_heartbeat(
        &self,
        request: &Request<'_>,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        let header: BrokerHeartbeat = request.frame.header()?;
        let address = BrokerAddress {
            cluster: header.cluster_name,
            addr: header.broker_addr,
        };
        self.tables.heartbeat(&address, request.now_ms);
        out.reply_ok(request.frame.reply_to());
        Ok(())
    }

    /// 322.
    pub(crate) fn query_data_version(
        &self,
        request: &Request<'_>,
        out: &mut Outbox,
    ) -> Result<(), Refusal> {
        let header: QueryDataVersion = request.frame.header()?;
        let asked: Option<DataVersion> = match &*request.frame.body {
            [] => None,
            body => Some(bodies::read(body).map_err(RegistrationRefused::DataVersion)?),
        };
        let address = BrokerAddress {
            cluster: header.cluster_name,
            addr: header.broker_addr,
        };
        let known = self.tables.data_version(&address, request.now_ms);
        let header = QueryDataVersionResponse {
            changed: known.is_none() || known != asked,
        };
        let body = known.map(|known| Bytes::from(bodies::print(&known)));
        out.reply(
            request.frame.reply_to(),
            0,
            None,
            Some(&header),
            body.as_slice(),
        );
        Ok(())
    }
}

fn check_crc(expected: Option<i32>, body: &[u8]) -> Result<(), RegistrationRefused> {
    let Some(expected) = expected.filter(|crc| *crc != 0) else {
        return Ok(());
    };
    let actual = crc32fast::hash(body) & CRC_MASK;
    if u32::try_from(expected) == Ok(actual) {
        Ok(())
    } else {
        Err(RegistrationRefused::Corrupt)
    }
}

/// A broker without id would pass for a master.
fn check_complete(frame: &Frame) -> Result<(), RegistrationRefused> {
    for field in ["brokerName", "brokerAddr", "clusterName", "brokerId"] {
        if frame.ext_field(field).is_none_or(|value| value.is_empty()) {
            return Err(RegistrationRefused::Incomplete(field));
        }
    }
    Ok(())
}
