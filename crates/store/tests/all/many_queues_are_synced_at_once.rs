//! More queue files than it pays to sync one by one become durable with their file system, and a
//! failure of that sync poisons like any other.

use crate::support::*;
use ferrocket_store::Store;
use ferrocket_store::disk::mem::{MemDisk, Operation};

const QUEUES: i32 = 300;
/// The interval after which queues are synced.
const LATER_MS: i64 = NOW_MS + 60_000;

fn fill(store: &Store) {
    for queue_id in 0..QUEUES {
        send(store, "T", queue_id, b"one").unwrap();
    }
}

#[test]
fn and_survive_a_power_loss() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    fill(&store);
    let before = disk.operations();
    store.flush_queues(LATER_MS).unwrap();
    let files_and_directories = u64::from(QUEUES.unsigned_abs()) * 3;
    assert!(disk.operations() - before < files_and_directories + 100);
    drop(store);
    for seed in 0..5 {
        let store = open(&disk.power_loss(seed), &small_config());
        assert!(store.recovery_report().records_scanned < 100);
        for queue_id in 0..QUEUES {
            assert_eq!(read_all(&store, "T", queue_id).len(), 1);
        }
    }
}

#[test]
fn and_a_failed_sync_of_them_poisons() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    fill(&store);
    disk.fail_next(Operation::Sync, "consumequeue");
    assert!(store.flush_queues(LATER_MS).is_err());
    assert!(
        store
            .poison()
            .is_some_and(|cause| cause.contains("syncing the consume queues"))
    );
    assert!(send(&store, "T", 0, b"refused").is_err());
    drop(store);
    let store = open(&disk.power_loss(1), &small_config());
    assert!(store.max_offset("T", 0).0 <= 1);
}
