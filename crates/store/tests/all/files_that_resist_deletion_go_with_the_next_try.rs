//! A topic whose files the disk did not let go is deleted all the same; they go with the next try,
//! and before the topic is used again.

use crate::support::*;
use ferrocket_store::Store;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::{MemDisk, Operation};
use std::path::Path;

const TOPIC: &str = "/store/consumequeue/T";

fn half_deleted(disk: &MemDisk) -> Store {
    let store = open(disk, &small_config());
    for number in 0..90_u8 {
        send(&store, "T", i32::from(number % 3), &[number]).unwrap();
    }
    // So that the next start does not make the queues again from the beginning of the log.
    send(&store, "Other", 0, b"last").unwrap();
    store.flush_queues(NOW_MS).unwrap();
    disk.fail_next(Operation::Create, "consumequeue/T/1");
    store.delete_topic("T").unwrap_err();
    store
}

#[test]
fn of_the_same_process() {
    let disk = MemDisk::new();
    let store = half_deleted(&disk);
    for queue in 0..3 {
        assert_eq!(store.max_offset("T", queue).0, 0);
    }
    store.flush_queues(NOW_MS + 60_000).unwrap();
    store.delete_topic("T").unwrap();
    assert!(!disk.exists(Path::new(TOPIC)));
    store.close(NOW_MS).unwrap();
    drop(store);
    let store = open(&disk.power_loss(3), &small_config());
    assert_eq!(store.max_offset("T", 2).0, 0);
}

#[test]
fn of_a_store_that_does_not_know_the_topic() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    disk.create_dir_all(Path::new(TOPIC)).unwrap();
    disk.write(&Path::new(TOPIC).join("stray"), b"").unwrap();
    store.delete_topic("T").unwrap();
    assert!(!disk.exists(Path::new(TOPIC)));
    // Names that lead elsewhere name no topic.
    for name in ["..", ".", "", "T/../.."] {
        store.delete_topic(name).unwrap();
    }
    assert!(disk.exists(Path::new("/store/consumequeue")));
}

#[test]
fn or_when_the_topic_is_used_again() {
    let disk = MemDisk::new();
    let store = half_deleted(&disk);
    for queue in 0..3 {
        send(&store, "T", queue, b"new").unwrap();
    }
    send(&store, "Other", 0, b"last").unwrap();
    store.close(NOW_MS).unwrap();
    drop(store);
    let store = open(&disk, &small_config());
    for queue in 0..3 {
        assert_eq!(read_all(&store, "T", queue), [(0, b"new".to_vec())]);
    }
}
