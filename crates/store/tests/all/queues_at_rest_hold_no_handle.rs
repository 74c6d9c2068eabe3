//! However many queues a store has, opening it leaves no file of them open; reads open what they need,
//! and no more than some hundreds at a time stay open.

use std::path::Path;

use crate::support::*;
use ferrocket_store::disk::mem::MemDisk;

const QUEUES: i32 = 600;
const HANDLES_MAX: usize = 256;

fn handles(disk: &MemDisk) -> usize {
    disk.handles_below(Path::new("/store/consumequeue"))
}

/// Long queues with many files, and short ones.
fn filled() -> MemDisk {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    for number in 0..50_u8 {
        send(&store, "Long", 0, &[number]).unwrap();
    }
    for queue_id in 0..QUEUES {
        send(&store, "Short", queue_id, b"one").unwrap();
    }
    store.flush_queues(NOW_MS).unwrap();
    assert!((1..=HANDLES_MAX).contains(&handles(&disk)));
    store.close(NOW_MS).unwrap();
    disk.kill()
}

fn no_handle_until_a_read(disk: &MemDisk) {
    let store = open(disk, &small_config());
    assert_eq!(handles(disk), 0);
    store.flush_queues(NOW_MS).unwrap();
    store.flush(NOW_MS).unwrap();
    let at_rest = handles(disk);
    assert!(at_rest <= HANDLES_MAX);
    assert_eq!(read_all(&store, "Long", 0).len(), 50);
    assert!(handles(disk) > 0);
    for queue_id in 0..QUEUES {
        assert_eq!(read_all(&store, "Short", queue_id).len(), 1);
    }
    assert!(
        (1..=HANDLES_MAX).contains(&handles(disk)),
        "{}",
        handles(disk)
    );
}

#[test]
fn after_a_clean_stop() {
    no_handle_until_a_read(&filled());
}

#[test]
fn after_a_kill() {
    let disk = filled();
    let store = open(&disk, &small_config());
    for queue_id in 0..QUEUES / 2 {
        send(&store, "Killed", queue_id, b"one").unwrap();
    }
    store.flush_queues(NOW_MS).unwrap();
    no_handle_until_a_read(&disk.kill());
}
