//! What the listeners hand frames to: the cores, with the time.

use std::sync::Arc;

use ferrocket_broker::{Broker, Port};
use ferrocket_namesrv::NameServer;
use ferrocket_net::Service;
use ferrocket_protocol::frame::Frame;
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::{ConnectionId, Peer};

use crate::clock::now_ms;
use crate::roles::registration::Changes;

/// A port of the broker.
pub(crate) struct BrokerPort {
    pub(crate) broker: Arc<Broker>,
    pub(crate) port: Port,
    pub(crate) changes: Arc<Changes>,
}

impl Service for BrokerPort {
    fn connected(&self, peer: &Arc<dyn Peer>) {
        self.broker.connected(now_ms(), peer);
    }

    fn frames(&self, peer: &Arc<dyn Peer>, frames: &mut Vec<Frame>, out: &mut Outbox) {
        self.changes.telling(peer, out, |out| {
            self.broker.frames(now_ms(), self.port, peer, frames, out);
        });
    }

    fn disconnected(&self, id: ConnectionId) {
        self.broker.disconnected(now_ms(), id);
    }
}

/// The port of the name server.
pub(crate) struct NamesrvPort(pub(crate) Arc<NameServer>);

impl Service for NamesrvPort {
    fn connected(&self, peer: &Arc<dyn Peer>) {
        self.0.connected(now_ms(), peer);
    }

    fn frames(&self, peer: &Arc<dyn Peer>, frames: &mut Vec<Frame>, out: &mut Outbox) {
        self.0.frames(now_ms(), peer, frames, out);
    }

    fn disconnected(&self, id: ConnectionId) {
        self.0.disconnected(now_ms(), id);
    }
}
