use std::ops::Range;

use ferrocket_store::disk::mem::{Fault, MemDisk, Operation};
use ferrocket_store::{FlushMode, QueueOffset, ReadRequest, Store, StoreConfig};

use crate::support::*;

const QUEUES: i32 = 8;
const MESSAGES: i64 = 100;

fn body(queue_id: i32, offset: i64) -> Vec<u8> {
    format!("{queue_id}/{offset}/{}", "x".repeat(100)).into_bytes()
}

/// A store with messages of all queues in turn, over several pieces of the log.
fn filled(disk: &MemDisk) -> Store {
    let store = open(disk, &config());
    fill(&store, 0..MESSAGES);
    store
}

fn config() -> StoreConfig {
    StoreConfig {
        segment_bytes: 1 << 20,
        queue_file_bytes: 4000,
        ..small_config()
    }
}

fn fill(store: &Store, offsets: Range<i64>) {
    for offset in offsets {
        for queue_id in 0..QUEUES {
            send(store, "T", queue_id, &body(queue_id, offset)).unwrap();
        }
    }
}

fn expect_whole(store: &Store, end: i64) {
    for queue_id in 0..QUEUES {
        let expected: Vec<_> = (0..end).map(|at| (at, body(queue_id, at))).collect();
        assert_eq!(read_all(store, "T", queue_id), expected);
    }
}

fn fail_reads_of_the_log(disk: &MemDisk) {
    disk.inject(Fault {
        lasts: true,
        ..Fault::once(Operation::Read, "commitlog")
    });
}

#[test]
fn by_one_read_for_the_consumers_of_all_of_them() {
    let disk = MemDisk::new();
    let store = filled(&disk);
    assert_eq!(messages(&read(&store, "T", 0, 0)).len(), 32);
    fail_reads_of_the_log(&disk);
    for queue_id in 1..QUEUES {
        let found = messages(&read(&store, "T", queue_id, 0));
        let expected: Vec<_> = (0..32).map(|at| (at, body(queue_id, at))).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn for_a_second_at_least_however_often_queues_are_written() {
    let disk = MemDisk::new();
    let store = filled(&disk);
    read(&store, "T", 0, 0);
    for _ in 0..5 {
        store.flush_queues(NOW_MS + 1999).unwrap();
    }
    fail_reads_of_the_log(&disk);
    assert_eq!(messages(&read(&store, "T", 1, 0)).len(), 32);
}

#[test]
fn as_long_as_somebody_reads_there() {
    let disk = MemDisk::new();
    let store = filled(&disk);
    read(&store, "T", 0, 0);
    store.flush_queues(NOW_MS + 1000).unwrap();
    store.flush_queues(NOW_MS + 2000).unwrap();
    fail_reads_of_the_log(&disk);
    let request = ReadRequest {
        topic: "T",
        queue_id: 1,
        offset: QueueOffset(0),
        messages_max: 32,
        bytes_max: 1 << 20,
        hot_only: false,
    };
    store.read(&request, &mut |_| true).unwrap_err();
}

#[test]
fn and_everything_in_them_comes_back() {
    let disk = MemDisk::new();
    expect_whole(&filled(&disk), MESSAGES);
}

#[test]
fn and_what_a_piece_holds_beyond_the_durable_is_seen_when_it_is_durable() {
    let disk = MemDisk::new();
    let config = StoreConfig {
        flush_mode: FlushMode::Sync,
        ..config()
    };
    let store = open(&disk, &config);
    fill(&store, 0..MESSAGES / 2);
    store.flush(NOW_MS).unwrap();
    fill(&store, MESSAGES / 2..MESSAGES);
    expect_whole(&store, MESSAGES / 2);
    store.flush(NOW_MS).unwrap();
    expect_whole(&store, MESSAGES);
}
