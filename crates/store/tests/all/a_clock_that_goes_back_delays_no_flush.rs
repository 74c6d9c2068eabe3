//! After the clock was set back what waits is flushed at once, and then by the new time.

use crate::support::*;
use ferrocket_store::disk::mem::{MemDisk, Operation};

const HOUR_MS: i64 = 3_600_000;

#[test]
fn of_the_log() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    send(&store, "T", 0, b"one").unwrap();
    assert!(!store.flush_due(NOW_MS));
    assert!(store.flush_due(NOW_MS - HOUR_MS));
    store.flush(NOW_MS - HOUR_MS).unwrap();
    send(&store, "T", 0, b"two").unwrap();
    assert!(!store.flush_due(NOW_MS - HOUR_MS + 1));
    assert!(store.flush_due(NOW_MS - HOUR_MS + 10_000));
}

#[test]
fn of_the_queues() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    send(&store, "T", 0, b"one").unwrap();
    store.flush_queues(NOW_MS - HOUR_MS).unwrap();
    send(&store, "T", 0, b"two").unwrap();
    // Not due again so soon, so nothing meets this failure.
    disk.fail_next(Operation::Sync, "consumequeue");
    store.flush_queues(NOW_MS - HOUR_MS + 1).unwrap();
    // Due a minute later by the new time.
    assert!(store.flush_queues(NOW_MS - HOUR_MS + 60_001).is_err());
}
