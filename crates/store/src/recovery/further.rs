//! Making the entries of a record in further queues again.

use std::io;

use ferrocket_protocol::message::View;

use super::Parts;
use super::queues::QUEUE_OFFSET_END;
use crate::disk::unless_full;
use crate::multi_dispatch::{self, Listed};
use crate::queue::Entry;

/// Pushes the entry of a record to the further queues that it has offsets in. Queues that are there
/// are kept up whatever the switches say now; new ones are made only when they say so.
pub(super) fn redispatch(parts: &Parts<'_>, record: &View<'_>, entry: Entry) -> io::Result<()> {
    let Parts { queues, config, .. } = *parts;
    for (listed, offset) in multi_dispatch::entries_of(record.topic, record.properties) {
        let (name, id) = match listed {
            Listed::Light(name) if config.enable_lmq || !config.enable_multi_dispatch => (name, 0),
            // As 4.9 does it, and 5.x without `enableLmq`.
            Listed::Light(name) | Listed::Other(name) => (name, record.queue_id),
            Listed::Unusable => continue,
        };
        if parts.is_forgotten(name, record) {
            continue;
        }
        let queue = match queues.find(name, id) {
            Some(queue) => queue,
            None if config.enable_multi_dispatch => queues.find_or_create(name, id),
            None => continue,
        };
        if (0..QUEUE_OFFSET_END).contains(&offset) {
            unless_full(queues.push(&queue, offset, entry, i64::MAX).map(|_| ()))?;
        } else {
            let at = record.physical_offset;
            tracing::error!(
                at,
                name,
                offset,
                "a record has an impossible offset in a further queue"
            );
        }
    }
    Ok(())
}
