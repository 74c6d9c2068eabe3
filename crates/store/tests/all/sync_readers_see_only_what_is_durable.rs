//! In SYNC_FLUSH a message is invisible until it is durable, by any way of asking.

use crate::support::*;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{QueueOffset, ReadStatus};

#[test]
fn by_reads_bounds_and_lookups() {
    let disk = MemDisk::new();
    let store = open(&disk, &sync_config());
    let first = send(&store, "T", 0, b"one").unwrap();
    assert_eq!(store.max_offset("T", 0), QueueOffset(0));
    assert_eq!(read(&store, "T", 0, 0).status, ReadStatus::NoMessageInQueue);
    assert_eq!(store.record_at(first.physical_offset).unwrap(), None);
    assert_eq!(store.earliest_log_store_ms().unwrap(), None);

    store.flush(NOW_MS).unwrap();
    assert!(store.durable() >= first.end);
    let second = send(&store, "T", 0, b"two").unwrap();
    assert_eq!(messages(&read(&store, "T", 0, 0)), [(0, b"one".to_vec())]);
    assert_eq!(
        read(&store, "T", 0, 1).status,
        ReadStatus::OffsetOverflowOne
    );
    assert!(store.record_at(first.physical_offset).unwrap().is_some());
    assert_eq!(store.record_at(second.physical_offset).unwrap(), None);

    // Writing behind must not make it visible either.
    store.flush_queues(NOW_MS + 1000).unwrap();
    assert_eq!(store.max_offset("T", 0), QueueOffset(1));
    store.flush(NOW_MS).unwrap();
    assert_eq!(store.max_offset("T", 0), QueueOffset(2));
}

#[test]
fn async_readers_see_it_at_once() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    send(&store, "T", 0, b"one").unwrap();
    assert_eq!(store.durable().0, 0);
    assert_eq!(messages(&read(&store, "T", 0, 0)), [(0, b"one".to_vec())]);
}

#[test]
fn async_flush_is_due_by_amount_and_age() {
    let disk = MemDisk::new();
    let store = open(
        &disk,
        &ferrocket_store::StoreConfig {
            segment_bytes: 1 << 20,
            ..small_config()
        },
    );
    assert!(!store.flush_due(NOW_MS + 60_000));
    send(&store, "T", 0, b"one").unwrap();
    assert!(!store.flush_due(NOW_MS + 9_999));
    assert!(store.flush_due(NOW_MS + 10_000));
    send(&store, "T", 0, &[0; 16384]).unwrap();
    assert!(!store.flush_due(NOW_MS + 499));
    assert!(store.flush_due(NOW_MS + 500));
    store.flush(NOW_MS + 500).unwrap();
    assert!(!store.flush_due(NOW_MS + 100_000));
}

#[test]
fn after_a_kill_what_was_not_durable_is_made_so_before_it_is_read() {
    let disk = MemDisk::new();
    let store = open(&disk, &sync_config());
    send(&store, "T", 0, b"flushed").unwrap();
    store.flush(NOW_MS).unwrap();
    send(&store, "T", 0, b"in the page cache").unwrap();
    drop(store);
    let store = open(&disk, &sync_config());
    assert_eq!(store.max_offset("T", 0), QueueOffset(2));
    assert_eq!(store.durable(), store.appended());
    // Whoever read it now finds it again after a power loss, whatever else arrived.
    for seed in 0..20 {
        let disk = disk.power_loss(seed);
        let all = read_all(&open(&disk, &sync_config()), "T", 0);
        assert_eq!(all.len(), 2, "seed {seed}");
    }
}
