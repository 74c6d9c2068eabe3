//! The name server: routes, registrations and KV config, as a synchronous state machine.

use std::sync::Arc;

use ferrocket_protocol::frame::Frame;
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::{ConnectionId, Peer};

#[derive(Debug)]
pub struct NameServer {}

impl NameServer {
    pub fn connected(&self, _now_ms: i64, _peer: &Arc<dyn Peer>) { unimplemented!() }
    pub fn frames(&self, _now_ms: i64, _peer: &Arc<dyn Peer>, _frames: &mut Vec<Frame>, _out: &mut Outbox) { unimplemented!() }
    pub fn disconnected(&self, _now_ms: i64, _id: ConnectionId) { unimplemented!() }
    /// The 120 s expiry scan (every 5 s) and unregistration batches.
    pub fn tick(&self, _now_ms: i64) { unimplemented!() }
}
