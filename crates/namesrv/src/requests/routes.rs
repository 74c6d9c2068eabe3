//! Routes, the one request of clients (`ClientRequestProcessor`).

use ferrocket_protocol::headers::{GetRouteInfo, Zone as ZoneHeader};
use ferrocket_protocol::outbox::Outbox;

use crate::kv::ORDER_TOPIC_CONFIG;
use crate::refusal::{Refusal, RouteRefused};
use crate::server::{NameServer, Request, reply_body};
use crate::tables::{RouteRules, Zone};

impl NameServer {
    /// 105.
    pub(crate) fn route(&self, request: &Request<'_>, out: &mut Outbox) -> Result<(), Refusal> {
        if !self.is_ready(request.now_ms) {
            return Err(RouteRefused::NotReady.into());
        }
        let (header, zone): (GetRouteInfo, ZoneHeader) = request.frame.header()?;
        let topic = header.topic.as_str();
        let zone = zone
            .name
            .filter(|name| zone.mode == Some(true) && !name.trim().is_empty());
        let body = match zone {
            None => self.tables.route_body(
                topic,
                || self.route_rules(topic),
                || self.work.routes_encoded.add_one(),
            ),
            Some(zone) => self
                .tables
                .zone_route_body(topic, Zone(&zone), self.route_rules(topic)),
        };
        let body = body.ok_or_else(|| RouteRefused::NoRoute(header.topic.clone()))?;
        reply_body(request, out, body);
        Ok(())
    }

    fn route_rules(&self, topic: &str) -> RouteRules {
        let config = self.config();
        let is_order_told = config.order_message_enable;
        RouteRules {
            support_acting_master: config.support_acting_master,
            order_topic_conf: is_order_told
                .then(|| self.kv.value(ORDER_TOPIC_CONFIG, topic))
                .flatten(),
        }
    }
}
