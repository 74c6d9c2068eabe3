//! Frames for several connections, collected under locks or in loops and sent afterwards, one write
//! for each connection.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::{ConnectionId, Peer};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Outboxes {
    outboxes: BTreeMap<ConnectionId, (Arc<dyn Peer>, Outbox)>,
}

impl Outboxes {
    /// Where frames for a connection go; they keep their order.
    pub(crate) fn of(&mut self, peer: &Arc<dyn Peer>) -> &mut Outbox {
        let entry = self.outboxes.entry(peer.id());
        &mut entry.or_insert_with(|| (Arc::clone(peer), Outbox::new())).1
    }

    /// Puts frames behind those that are there for a connection.
    pub(crate) fn add(&mut self, peer: Arc<dyn Peer>, mut frames: Outbox) {
        match self.outboxes.entry(peer.id()) {
            Entry::Vacant(entry) => {
                entry.insert((peer, frames));
            }
            Entry::Occupied(entry) => entry.into_mut().1.append(&mut frames),
        }
    }

    /// Hands everything to the connections.
    pub(crate) fn send(self) {
        for (peer, outbox) in self.outboxes.into_values() {
            if !outbox.is_empty() {
                peer.send(outbox);
            }
        }
    }
}
