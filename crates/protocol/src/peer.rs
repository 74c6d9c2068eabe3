//! The other end of a connection, as the cores see it.
//!
//! Cores own no sockets. They are told of a peer when it connects, keep the handle for replies that
//! come later (long polling, synchronous flush) and for requests of their own (consumer-changed
//! notifications), and drop it when it is gone. `ferrocket-net` and the simulator implement this.

use std::fmt::Debug;
use std::net::SocketAddr;

use crate::outbox::Outbox;

/// A connection's number, never used twice within one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// The other end of a connection.
pub trait Peer: Debug + Send + Sync {
    fn id(&self) -> ConnectionId;

    /// The address of the TCP peer: it becomes the born host of stored messages.
    fn remote(&self) -> SocketAddr;

    /// The address on our side of the connection.
    fn local(&self) -> SocketAddr;

    /// Queues frames for writing, behind those queued before. Never blocks. When the peer reads too
    /// slowly for the connection's bound the connection is closed instead. Does nothing once closed.
    fn send(&self, frames: Outbox);

    /// Closes the connection after what is queued has been written.
    fn close(&self);

    fn is_open(&self) -> bool;
}
