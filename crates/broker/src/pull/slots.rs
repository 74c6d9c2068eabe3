//! How many pulls of one connection wait at a time, so that one client cannot take the place of all
//! others. A pull that waits holds a [`Slot`], and whoever answers or drops it gives the slot back.

use std::sync::Arc;

use ferrocket_protocol::peer::ConnectionId;
use parking_lot::Mutex;

use crate::read_mostly::FixedMap;

/// Pulls of one connection that may wait at a time.
pub(super) const OF_CONNECTION_MAX: usize = 20_000;
const SHARDS: usize = 16;

/// Counts by connection; connections without waiting pulls take no memory. Sharded, because every
/// consumer that has caught up comes by.
#[derive(Debug, Default)]
pub(super) struct Slots {
    shards: [Mutex<FixedMap<ConnectionId, usize>>; SHARDS],
}

/// One waiting pull's part of its connection's share.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    connection: ConnectionId,
}

impl Slots {
    /// `None` when the connection has no share left.
    pub(super) fn take(self: &Arc<Self>, connection: ConnectionId) -> Option<Slot> {
        let mut shard = self.shard(connection)?.lock();
        let taken = shard.entry(connection).or_default();
        if *taken >= OF_CONNECTION_MAX {
            return None;
        }
        *taken += 1;
        Some(Slot {
            slots: Arc::clone(self),
            connection,
        })
    }

    fn shard(&self, connection: ConnectionId) -> Option<&Mutex<FixedMap<ConnectionId, usize>>> {
        self.shards.get(connection.0 as usize % SHARDS)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let Some(shard) = self.slots.shard(self.connection) else {
            return;
        };
        let mut shard = shard.lock();
        if let Some(taken) = shard.get_mut(&self.connection) {
            *taken -= 1;
            if *taken == 0 {
                shard.remove(&self.connection);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_given_back_can_be_taken_again_and_idle_connections_are_forgotten() {
        let slots = Arc::new(Slots::default());
        let id = ConnectionId(7);
        let mut taken: Vec<_> = (0..OF_CONNECTION_MAX)
            .map(|_| slots.take(id).unwrap())
            .collect();
        assert!(slots.take(id).is_none());
        assert!(slots.take(ConnectionId(7 + SHARDS as u64)).is_some());
        taken.pop();
        assert!(slots.take(id).is_some());
        drop(taken);
        assert!(slots.shards.iter().all(|shard| shard.lock().is_empty()));
    }
}
