//! A machine without a free file handle makes the store close some of its own; when that does not
//! help, queue entries wait in memory and the store goes on.

use crate::support::*;
use ferrocket_store::FlushError;
use ferrocket_store::disk::mem::{MemDisk, Operation};

#[test]
fn because_other_handles_are_closed_first() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    send(&store, "T", 0, b"one").unwrap();
    disk.fail_next(Operation::Open, "consumequeue");
    store.flush_queues(NOW_MS).unwrap();
    assert_eq!(read_all(&store, "T", 0).len(), 1);
}

#[test]
fn because_entries_wait_in_memory() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    for queue in 0..5 {
        send(&store, "T", queue, b"one").unwrap();
    }
    for _ in 0..2 {
        disk.fail_next(Operation::Open, "consumequeue");
    }
    let refused = store.flush_queues(NOW_MS).unwrap_err();
    assert!(matches!(refused, FlushError::NoHandle(_)), "{refused}");
    assert_eq!(store.poison(), None);
    assert_eq!(send(&store, "T", 0, b"two").unwrap().queue_offset.0, 1);
    assert_eq!(read_all(&store, "T", 0).len(), 2);

    store.flush_queues(NOW_MS).unwrap();
    store.close(NOW_MS).unwrap();
    drop(store);
    let store = open(&disk.power_loss(7), &small_config());
    assert!(store.recovery_report().clean);
    assert_eq!(read_all(&store, "T", 0).len(), 2);
    assert_eq!(read_all(&store, "T", 4).len(), 1);
}
