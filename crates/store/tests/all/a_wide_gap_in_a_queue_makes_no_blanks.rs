//! A damaged queue offset far beyond the end of its queue costs no disk and no memory: the queue
//! goes on there, and what was before stays readable.

use crate::support::*;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use std::path::Path;

/// Where the queue offset is in a record.
const QUEUE_OFFSET_AT: u64 = 20;

/// Two messages, the second of which says afterwards that it has this queue offset.
fn damaged(queue_offset: i64) -> MemDisk {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    send(&store, "T", 0, b"one").unwrap();
    let second = send(&store, "T", 0, b"two").unwrap().physical_offset.0;
    drop(store);
    let log = Path::new("/store/commitlog/00000000000000000000");
    let at = second.unsigned_abs() + QUEUE_OFFSET_AT;
    let log = disk.open(log).unwrap();
    log.write_all_at(&queue_offset.to_be_bytes(), at).unwrap();
    disk
}

#[test]
fn and_the_queue_goes_on_behind_it() {
    const FAR: i64 = 3 << 20;
    let disk = damaged(FAR);
    for _ in 0..2 {
        let store = open(&disk, &small_config());
        let files = disk.list(Path::new("/store/consumequeue/T/0")).unwrap();
        assert_eq!(files.len(), 2);
        assert_eq!(messages(&read(&store, "T", 0, 0)), [(0, b"one".to_vec())]);
        assert_eq!(
            messages(&read(&store, "T", 0, FAR)),
            [(FAR, b"two".to_vec())]
        );
        assert_eq!(store.max_offset("T", 0).0, FAR + 1);
        store.flush_queues(NOW_MS + 60_000).unwrap();
    }
}

#[test]
fn and_an_impossible_offset_is_passed_over() {
    for impossible in [i64::MAX, i64::MAX / 16, -1, i64::MIN] {
        let store = open(&damaged(impossible), &small_config());
        assert_eq!(read_all(&store, "T", 0), [(0, b"one".to_vec())]);
    }
}
