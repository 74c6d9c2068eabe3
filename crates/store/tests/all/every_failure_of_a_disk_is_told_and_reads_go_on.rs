//! A disk that fails is not trusted again, whichever file it fails at; a read that fails is told to
//! who reads, and to nobody else.

use std::io;

use crate::support::*;
use ferrocket_store::disk::mem::{MemDisk, Operation};
use ferrocket_store::{AppendError, FlushError, ReadRequest, Store};

const MINUTE_MS: i64 = 60_000;

fn store_with_one(disk: &MemDisk) -> Store {
    let store = open(disk, &sync_config());
    send(&store, "T", 0, b"one").unwrap();
    store.flush(NOW_MS).unwrap();
    store
}

/// Where a failure strikes, and what notices it.
fn poisoned_by(operation: Operation, part: &str, kind: io::ErrorKind) -> Option<String> {
    let disk = MemDisk::new();
    let store = store_with_one(&disk);
    send_with(&store, NOW_MS, "T", "KEYS\u{1}k\u{2}").unwrap();
    disk.fail_next_with(operation, part, kind);
    // The thorough turn writes and syncs log, queues, index and checkpoint.
    let outcome = store.flush_queues(NOW_MS + MINUTE_MS);
    let cause = store.poison()?;
    assert!(matches!(outcome, Err(FlushError::Poisoned(told)) if told == cause));
    let refused = send(&store, "T", 0, b"two");
    assert_eq!(refused, Err(AppendError::NotWritable(cause.clone())));
    assert!(store.flush(NOW_MS).is_err() && store.flush_queues(NOW_MS).is_err());
    assert_eq!(messages(&read(&store, "T", 0, 0))[0], (0, b"one".to_vec()));
    Some(cause)
}

#[test]
fn at_any_file_that_is_written_or_synced() {
    for (operation, part, doing) in [
        (Operation::Sync, "commitlog", "syncing the commit log"),
        (
            Operation::Write,
            "consumequeue",
            "writing the consume queues",
        ),
        (
            Operation::Sync,
            "consumequeue",
            "syncing the consume queues",
        ),
        (Operation::Write, "index", "writing the index"),
        (Operation::Sync, "index", "syncing the index"),
        (Operation::Write, "checkpoint", "writing the checkpoint"),
        (Operation::Sync, "checkpoint", "syncing the checkpoint"),
    ] {
        let cause = poisoned_by(operation, part, io::ErrorKind::Other);
        let cause = cause.unwrap_or_else(|| unreachable!("{operation:?} of {part} went unnoticed"));
        assert!(cause.contains(doing), "{operation:?} of {part}: {cause}");
        assert!(cause.contains("check the disk and restart"), "{cause}");
    }
}

#[test]
fn and_a_sync_that_reports_a_full_disk_is_a_failure_of_the_disk() {
    for part in ["commitlog", "consumequeue", "index", "checkpoint"] {
        let full = io::ErrorKind::StorageFull;
        assert!(poisoned_by(Operation::Sync, part, full).is_some(), "{part}");
    }
    for part in ["consumequeue", "index", "checkpoint"] {
        let full = io::ErrorKind::StorageFull;
        assert_eq!(poisoned_by(Operation::Write, part, full), None, "{part}");
    }
}

#[test]
fn but_a_failed_read_concerns_its_reader_alone() {
    let disk = MemDisk::new();
    let store = store_with_one(&disk);
    let request = ReadRequest {
        topic: "T",
        queue_id: 0,
        offset: ferrocket_store::QueueOffset(0),
        messages_max: 32,
        bytes_max: 1 << 20,
        hot_only: false,
    };
    disk.fail_next(Operation::Read, "commitlog");
    let refused = store.read(&request, &mut |_| true);
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(store.poison(), None);
    assert_eq!(messages(&read(&store, "T", 0, 0)), [(0, b"one".to_vec())]);
    send(&store, "T", 0, b"two").unwrap();
    store.flush(NOW_MS).unwrap();
    assert_eq!(read_all(&store, "T", 0).len(), 2);
}

#[test]
fn a_record_that_cannot_be_read_far_before_the_end_keeps_no_store_closed() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    send(&store, "Old", 0, &[1; 100]).unwrap();
    for _ in 0..100 {
        send(&store, "T", 0, &[1; 100]).unwrap();
    }
    store.close(NOW_MS).unwrap();
    drop(store);
    disk.fail_next(Operation::Read, "commitlog/00000000000000000000");
    let store = open(&disk, &small_config());
    assert_eq!(store.max_offset("Old", 0).0, 1);
    assert_eq!(read_all(&store, "T", 0).len(), 100);
}
