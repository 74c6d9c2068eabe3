//! Sockets: listeners, connections, back-pressure and the outbound client. What a request means is
//! nobody's business here.
//!
//! A [`Network`] holds what all sockets of a process share: bounds, counters, connection numbers.
//! A [`Listener`] accepts connections for a [`Service`]; an [`Outbound`] opens them on demand and
//! pairs answers with requests. Both run the same connection task ([`Connection`] is its handle),
//! so that bounds and closing rules are the same in both directions.
//!
//! TLS is not spoken: a TLS client is closed with a log line that says so.

mod address;
mod closing;
mod connection;
pub mod limits;
mod link;
mod listener;
mod metrics;
mod network;
mod outbound;
mod preamble;
pub mod service;
mod session;

pub use address::AddressError;
pub use closing::CloseReason;
pub use connection::Connection;
pub use limits::Limits;
pub use listener::{BindError, Listener, Serving};
pub use metrics::{Metrics, MetricsSnapshot};
pub use network::Network;
pub use outbound::{CallError, Outbound, OutboundSettings};
pub use service::{NoRequests, Service};
