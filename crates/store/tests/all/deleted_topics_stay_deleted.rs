//! The records of a deleted topic stay in the log. Queues that are made again from it do not bring the
//! topic back, whenever the process or the machine dies.

use crate::support::*;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use std::path::Path;
use std::sync::Arc;

#[test]
fn after_a_kill_right_behind_the_deletion() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    for _ in 0..20 {
        send(&store, "Gone", 0, b"old").unwrap();
        send(&store, "Kept", 0, b"kept").unwrap();
    }
    store.delete_topic("Gone").unwrap();
    drop(store);
    let store = open(&disk, &small_config());
    assert_eq!(store.max_offset("Gone", 0).0, 0);
    assert_eq!(read_all(&store, "Kept", 0).len(), 20);
    assert_eq!(send(&store, "Gone", 0, b"new").unwrap().queue_offset.0, 0);
    drop(store);
    // All queues are made again from the whole log.
    for topic in ["Gone", "Kept"] {
        let name = format!("/store/consumequeue/{topic}/0/{:020}", 0);
        // What is not written behind yet is not there.
        let _ = disk.remove_file(Path::new(&name));
    }
    let store = open(&disk, &small_config());
    assert_eq!(read_all(&store, "Gone", 0), [(0, b"new".to_vec())]);
    assert_eq!(read_all(&store, "Kept", 0).len(), 20);
}

#[test]
fn after_a_power_loss_at_any_operation_of_the_deletion() {
    for halt in 0..12 {
        let disk = MemDisk::new();
        let store = open(&disk, &sync_config());
        for _ in 0..5 {
            send(&store, "Gone", 0, b"old").unwrap();
            send(&store, "Kept", 0, b"kept").unwrap();
        }
        store.flush_queues(NOW_MS + 100_000).unwrap();
        disk.halt_after(halt);
        let deleted = store.delete_topic("Gone").is_ok();
        drop(store);
        let disk = disk.power_loss(halt);
        let config = sync_config();
        let signals = Arc::new(ferrocket_store::NoSignals);
        let store = ferrocket_store::Store::open(Arc::new(disk), config, signals, NOW_MS).unwrap();
        let found = read_all(&store, "Gone", 0).len();
        assert!(found == 0 || (found == 5 && !deleted), "{halt}: {found}");
        assert_eq!(read_all(&store, "Kept", 0).len(), 5);
    }
}

#[test]
fn and_what_comes_after_a_power_loss_that_cut_the_log_stays() {
    // Nothing but what was flushed arrives.
    for seed in 0..40 {
        let disk = MemDisk::new();
        let store = open(&disk, &small_config());
        send(&store, "T", 0, b"old").unwrap();
        store.flush_queues(NOW_MS + 100_000).unwrap();
        for _ in 0..10 {
            send(&store, "T", 0, &[b'.'; 300]).unwrap();
        }
        store.delete_topic("T").unwrap();
        drop(store);
        let disk = disk.power_loss(seed);
        let store = open(&disk, &small_config());
        let new = send(&store, "T", 0, b"new").unwrap();
        let before = read_all(&store, "T", 0);
        store.flush_queues(NOW_MS + 200_000).unwrap();
        drop(store);
        for _ in 0..2 {
            let store = open(&disk, &small_config());
            assert_eq!(read_all(&store, "T", 0), before, "seed {seed}: {new:?}");
            store.close(NOW_MS).unwrap();
        }
    }
}
