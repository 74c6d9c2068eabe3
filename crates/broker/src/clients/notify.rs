//! Telling the consumers of a group that there are more or fewer of them
//! (`DefaultConsumerIdsChangeListener`): one-way NOTIFY_CONSUMER_IDS_CHANGED.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::Encoding;
use ferrocket_protocol::headers::NotifyConsumerIdsChanged;
use ferrocket_protocol::outbox::Outbox;
use parking_lot::Mutex;

use super::consumers::ConsumerGroup;

/// How often collected notifications leave when `realTimeNotifyConsumerChange` is off.
const COLLECT_INTERVAL_MS: i64 = 15_000;

/// Sends notifications, at once or collected.
#[derive(Debug, Default)]
pub(super) struct Notifier {
    opaque: AtomicI32,
    collected: Mutex<Collected>,
}

#[derive(Debug, Default)]
struct Collected {
    groups: BTreeSet<Arc<str>>,
    sent_ms: i64,
}

impl Notifier {
    /// Tells every client of the group now.
    pub(super) fn notify(&self, group: &ConsumerGroup) {
        let header = NotifyConsumerIdsChanged {
            consumer_group: group.name.to_string(),
        };
        for client in group.clients() {
            let mut frames = Outbox::new();
            let opaque = self.opaque.fetch_add(1, Ordering::Relaxed);
            // Every client reads JSON, whatever it writes itself.
            let made = frames.request(
                Encoding::Json,
                request::NOTIFY_CONSUMER_IDS_CHANGED,
                opaque,
                true,
                Some(&header),
                &[],
            );
            match made {
                Ok(()) => client.peer.send(frames),
                Err(error) => tracing::warn!(group = %group.name, %error, "clients are not told"),
            }
        }
    }

    /// Remembers the group for the next round.
    pub(super) fn collect(&self, group: &Arc<str>) {
        self.collected.lock().groups.insert(Arc::clone(group));
    }

    /// The groups of the round, when one is due.
    pub(super) fn due(&self, now_ms: i64) -> BTreeSet<Arc<str>> {
        let mut collected = self.collected.lock();
        if collected.groups.is_empty() || now_ms - collected.sent_ms < COLLECT_INTERVAL_MS {
            return BTreeSet::new();
        }
        collected.sent_ms = now_ms;
        std::mem::take(&mut collected.groups)
    }
}
