//! The name server: routes, registrations and KV config, as a synchronous state machine.

mod config;
mod surroundings;

use std::sync::Arc;

use ferrocket_protocol::frame::Frame;
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::{ConnectionId, Peer};

pub use config::NamesrvConfig;
pub use surroundings::{ConfigurationRefused, Surroundings};

/// The name server. One value serves all connections; methods take `&self` and may be called from
/// many threads at once.
#[derive(Debug)]
pub struct NameServer {
    _surroundings: Arc<dyn Surroundings>,
}

impl NameServer {
    /// `kv_json` is the content of the KV file, `None` when there is none.
    pub fn new(
        _config: NamesrvConfig,
        _kv_json: Option<Vec<u8>>,
        surroundings: Arc<dyn Surroundings>,
        _now_ms: i64,
    ) -> Self {
        Self {
            _surroundings: surroundings,
        }
    }
    pub fn connected(&self, _now_ms: i64, _peer: &Arc<dyn Peer>) {}
    /// Executes requests in their order. Answers go to `out`; requests to other brokers (905) go out over
    /// their own peers.
    pub fn frames(
        &self,
        _now_ms: i64,
        _peer: &Arc<dyn Peer>,
        frames: &mut Vec<Frame>,
        _out: &mut Outbox,
    ) {
        frames.clear();
    }
    pub fn disconnected(&self, _now_ms: i64, _id: ConnectionId) {}
    /// Removes brokers whose registration expired. Call it about once a second; it looks at
    /// `scan_not_active_broker_interval` itself.
    pub fn tick(&self, _now_ms: i64) {}
}
