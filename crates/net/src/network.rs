//! What all sockets of a process share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use ferrocket_protocol::peer::ConnectionId;

use crate::limits::Limits;
use crate::metrics::Metrics;

/// Bounds, counters and connection numbers; one for a process.
#[derive(Debug, Default)]
pub struct Network {
    limits: Limits,
    metrics: Metrics,
    next_connection: AtomicU64,
    half_received_bytes: AtomicUsize,
}

impl Network {
    #[must_use]
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            ..Self::default()
        })
    }

    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Bytes of unfinished frames held now.
    #[must_use]
    pub fn half_received_bytes(&self) -> usize {
        self.half_received_bytes.load(Relaxed)
    }

    pub(crate) fn next_connection(&self) -> ConnectionId {
        ConnectionId(self.next_connection.fetch_add(1, Relaxed) + 1)
    }
}

/// A connection's share of the bytes of unfinished frames; given back when dropped.
#[derive(Debug)]
pub(crate) struct HalfReceived {
    network: Arc<Network>,
    bytes: usize,
}

impl HalfReceived {
    pub(crate) fn new(network: Arc<Network>) -> Self {
        Self { network, bytes: 0 }
    }

    /// Sets the share; false when all shares together are then beyond the bound.
    pub(crate) fn set(&mut self, bytes: usize) -> bool {
        let total = &self.network.half_received_bytes;
        let before = std::mem::replace(&mut self.bytes, bytes);
        if bytes > before {
            let grown = bytes - before;
            total.fetch_add(grown, Relaxed) + grown <= self.network.limits.half_received_bytes_max
        } else {
            if bytes < before {
                total.fetch_sub(before - bytes, Relaxed);
            }
            true
        }
    }
}

impl Drop for HalfReceived {
    fn drop(&mut self) {
        self.set(0);
    }
}

/// Counts a connection as open for as long as it lives.
#[derive(Debug)]
pub(crate) struct OpenConnection {
    network: Arc<Network>,
}

impl OpenConnection {
    /// Nothing when there are too many already.
    pub(crate) fn enter(network: &Arc<Network>) -> Option<Self> {
        let before = network.metrics.connections.fetch_add(1, Relaxed);
        let open = Self {
            network: Arc::clone(network),
        };
        let fits = usize::try_from(before).is_ok_and(|n| n < network.limits.connections_max);
        fits.then_some(open)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.network.metrics.connections.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_unfinished_frames_are_given_back() {
        let limits = Limits {
            half_received_bytes_max: 100,
            ..Limits::default()
        };
        let network = Network::new(limits);
        let mut a = HalfReceived::new(Arc::clone(&network));
        let mut b = HalfReceived::new(Arc::clone(&network));
        assert!(a.set(60));
        assert!(b.set(40));
        assert!(!b.set(41));
        drop(b);
        assert_eq!(network.half_received_bytes(), 60);
        assert!(a.set(100));
        drop(a);
        assert_eq!(network.half_received_bytes(), 0);
    }

    #[test]
    fn a_connection_beyond_the_bound_is_not_counted_on() {
        let network = Network::new(Limits {
            connections_max: 1,
            ..Limits::default()
        });
        let first = OpenConnection::enter(&network);
        assert!(first.is_some());
        assert!(OpenConnection::enter(&network).is_none());
        drop(first);
        assert!(OpenConnection::enter(&network).is_some());
    }
}
