//! The broker: topics, groups, offsets, send, pull, order locks, admin requests, as a synchronous
//! state machine over the store.
//!
//! All methods take `&self` and the time; any number of connection tasks may call at once. Nothing
//! here blocks beyond a page-cache read or write, spawns, or looks at a clock.

use std::sync::Arc;

use ferrocket_protocol::frame::Frame;
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::{ConnectionId, Peer};

/// What the broker asks of the process around it.
pub trait Surroundings: std::fmt::Debug + Send + Sync {
    /// Run `broker.read_cold(job)` soon on a thread that may wait for a disk. False when the pool's
    /// queue is full: the broker then answers busy.
    fn read_later(&self, job: ColdRead) -> bool;
    /// The broker's registration (topics, address, permission) changed: tell the name servers soon.
    fn registration_changed(&self);
}

/// A pull whose bytes may not be in the page cache.
#[derive(Debug)]
pub struct ColdRead {}

/// Which of the broker's ports a frame came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    Main,
    /// listenPort − 2: everything but pull.
    Vip,
}

#[derive(Debug)]
pub struct Broker {}

impl Broker {
    pub fn connected(&self, _now_ms: i64, _peer: &Arc<dyn Peer>) { unimplemented!() }
    pub fn frames(&self, _now_ms: i64, _port: Port, _peer: &Arc<dyn Peer>, _frames: &mut Vec<Frame>, _out: &mut Outbox) { unimplemented!() }
    pub fn disconnected(&self, _now_ms: i64, _id: ConnectionId) { unimplemented!() }
    pub fn read_cold(&self, _now_ms: i64, _job: ColdRead) { unimplemented!() }
    /// Called by the flusher after each flush: completes synchronous sends, wakes waiting pulls.
    pub fn durable_advanced(&self, _now_ms: i64) { unimplemented!() }
    /// Time-driven work (long-polling timeouts, flush timeouts, client expiry, offset persistence);
    /// the shell calls it at least every 100 ms.
    pub fn tick(&self, _now_ms: i64) { unimplemented!() }
}
