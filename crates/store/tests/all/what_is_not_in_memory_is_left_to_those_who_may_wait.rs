//! A reader who does not wait for the disk is told that bytes are cold, and tries them again a second
//! later. One who may wait gets them.

use std::path::{Path, PathBuf};

use crate::support::*;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{QueueOffset, ReadAnswer, ReadRequest, ReadStatus, Store, StoreConfig};

const QUEUES: i32 = 8;
const SEGMENT_BYTES: u64 = 1 << 20;
/// Of the log, read at once for several queues.
const PIECE_BYTES: u64 = 64 * 1024;

fn first_segment() -> PathBuf {
    PathBuf::from("/store/commitlog/00000000000000000000")
}

/// A store with messages of all queues in turn, over several pieces of the log.
fn filled(disk: &MemDisk) -> Store {
    let config = StoreConfig {
        segment_bytes: SEGMENT_BYTES,
        queue_file_bytes: 4000,
        ..small_config()
    };
    let store = open(disk, &config);
    for _ in 0..100 {
        for queue_id in 0..QUEUES {
            send(&store, "T", queue_id, &[b'x'; 100]).unwrap();
        }
    }
    store
}

fn read_hot(store: &Store) -> ReadAnswer {
    let request = ReadRequest {
        topic: "T",
        queue_id: 0,
        offset: QueueOffset(0),
        messages_max: 32,
        bytes_max: 1 << 20,
        hot_only: true,
    };
    store.read(&request, &mut |_| true).unwrap()
}

#[test]
fn for_a_second() {
    let disk = MemDisk::new();
    let store = filled(&disk);
    disk.set_cold(Some((&first_segment(), 0..SEGMENT_BYTES)));
    assert_eq!(read_hot(&store).status, ReadStatus::Cold);
    let tried = disk.cold_reads();
    assert!(tried > 0);
    assert_eq!(read_hot(&store).status, ReadStatus::Cold);
    assert_eq!(disk.cold_reads(), tried, "one reader has met it");
    assert_eq!(messages(&read(&store, "T", 0, 0)).len(), 32);
    disk.set_cold(None);
    store.flush_queues(NOW_MS + 999).unwrap();
    assert_eq!(read_hot(&store).status, ReadStatus::Cold);
    store.flush_queues(NOW_MS + 1000).unwrap();
    assert_eq!(messages(&read_hot(&store)).len(), 32);
}

#[test]
fn and_a_piece_that_is_cold_in_part_is_tried_once() {
    let disk = MemDisk::new();
    let store = filled(&disk);
    let end = PIECE_BYTES - 4096..PIECE_BYTES;
    disk.set_cold(Some((&first_segment(), end)));
    assert_eq!(messages(&read_hot(&store)).len(), 32);
    assert_eq!(disk.cold_reads(), 1);
}

#[test]
fn and_so_is_a_file_that_nobody_has_opened() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    for _ in 0..20 {
        send(&store, "T", 0, &[1; 1100]).unwrap();
    }
    store.close(NOW_MS).unwrap();
    drop(store);
    let store = open(&disk, &small_config());
    let log = Path::new("/store/commitlog");
    let handles = disk.handles_below(log);
    assert_eq!(read_hot(&store).status, ReadStatus::Cold);
    assert_eq!(disk.handles_below(log), handles);
    assert_eq!(messages(&read(&store, "T", 0, 0)).len(), 20);
    store.flush_queues(NOW_MS + 1000).unwrap();
    assert_eq!(messages(&read_hot(&store)).len(), 20);
}
