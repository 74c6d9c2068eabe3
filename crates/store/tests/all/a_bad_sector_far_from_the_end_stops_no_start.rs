//! What the disk does not give back is missed by those who ask for it; a start that does not need it
//! goes on, and does not ask.

use std::path::Path;

use crate::support::*;
use ferrocket_store::StoreConfig;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::{Fault, MemDisk, Operation};

const FIRST_SEGMENT: &str = "commitlog/00000000000000000000";

fn unreadable(disk: &MemDisk, path_part: &str) {
    disk.inject(Fault {
        lasts: true,
        ..Fault::once(Operation::Read, path_part)
    });
}

#[test]
fn nor_is_it_looked_at_for_each_queue() {
    let config = StoreConfig {
        segment_bytes: 1 << 20,
        ..small_config()
    };
    let disk = MemDisk::new();
    let store = open(&disk, &config);
    for queue_id in 0..50 {
        for _ in 0..2 {
            send(&store, "Quiet", queue_id, b"once").unwrap();
        }
    }
    while store.appended().0 < 6 << 20 {
        send(&store, "T", 0, &[7; 64 * 1024]).unwrap();
    }
    store.close(NOW_MS).unwrap();
    drop(store);
    unreadable(&disk, FIRST_SEGMENT);
    let store = open(&disk, &config);
    assert_eq!(disk.faults_struck(), 0);
    assert_eq!(store.max_offset("Quiet", 49).0, 2);
}

#[test]
fn nor_does_one_that_is_looked_at() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    send(&store, "Quiet", 0, b"once").unwrap();
    for _ in 0..100 {
        send(&store, "T", 0, &[1; 100]).unwrap();
    }
    store.close(NOW_MS).unwrap();
    drop(store);
    disk.fail_next(Operation::Read, FIRST_SEGMENT);
    let store = open(&disk, &small_config());
    assert_eq!(disk.faults_struck(), 1);
    assert_eq!(read_all(&store, "Quiet", 0), [(0, b"once".to_vec())]);
}

/// A store with a key for each of 100 messages in several segments and index files.
fn with_keys() -> MemDisk {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    for number in 0..100 {
        send_with(&store, NOW_MS, "T", &format!("KEYS\u{1}k{number}\u{2}")).unwrap();
    }
    store.close(NOW_MS).unwrap();
    disk
}

fn found(disk: &MemDisk) -> usize {
    let store = open(disk, &small_config());
    build_index(&store);
    assert_eq!(store.poison(), None);
    let has_key = |number: &i32| find(&store, "T", &format!("k{number}")).len() == 1;
    (0..100).filter(has_key).count()
}

#[test]
fn an_index_file_that_cannot_be_read_is_made_again() {
    for is_clean in [true, false] {
        let disk = with_keys();
        if !is_clean {
            disk.write(Path::new("/store/abort"), b"1").unwrap();
        }
        disk.fail_next(Operation::Read, "/store/index/");
        assert_eq!(found(&disk), 100);
        assert_eq!(disk.faults_struck(), 1);
    }
}

#[test]
fn keys_of_what_cannot_be_read_are_missing_and_no_others() {
    let disk = with_keys();
    for file in disk.list(Path::new("/store/index")).unwrap() {
        let path = Path::new("/store/index").join(file.name);
        disk.remove_file(&path).unwrap();
    }
    unreadable(&disk, "commitlog/00000000000000004096");
    let found = found(&disk);
    assert!((60..90).contains(&found), "{found}");
}
