//! After the disk failed once nothing is written or synced any more, and everybody is told why.

use crate::support::*;
use ferrocket_store::disk::mem::{MemDisk, Operation};
use ferrocket_store::{AppendBatch, AppendError, FlushError};

#[test]
fn a_failed_sync() {
    let disk = MemDisk::new();
    let store = open(&disk, &sync_config());
    send(&store, "T", 0, b"one").unwrap();
    store.flush(NOW_MS).unwrap();
    send(&store, "T", 0, b"two").unwrap();
    disk.fail_next(Operation::Sync, "commitlog");
    let FlushError::Poisoned(cause) = store.flush(NOW_MS).unwrap_err() else {
        panic!()
    };
    assert!(
        cause.contains("syncing the commit log failed: injected failure"),
        "{cause}"
    );
    // The disk works again, but what it lost then is not known.
    assert!(store.flush(NOW_MS).is_err());
    assert!(store.flush_queues(NOW_MS).is_err());
    assert_eq!(
        send(&store, "T", 0, b"three"),
        Err(AppendError::NotWritable(cause.clone()))
    );
    assert_eq!(store.poison(), Some(cause));
    assert_eq!(messages(&read(&store, "T", 0, 0)), [(0, b"one".to_vec())]);
    assert!(store.close(NOW_MS).is_err());
    drop(store);
    let store = open(&disk, &sync_config());
    assert!(!store.recovery_report().clean);
}

#[test]
fn a_failed_write() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    send(&store, "T", 0, b"one").unwrap();
    disk.fail_next(Operation::Write, "commitlog");
    let mut batch = AppendBatch::new();
    batch
        .push(store.config(), &message("T", 0, b"two"))
        .unwrap();
    batch
        .push(store.config(), &message("T", 1, b"three"))
        .unwrap();
    store.append(NOW_MS, &mut batch);
    assert_eq!(batch.results().len(), 2);
    for result in batch.results() {
        let Err(AppendError::NotWritable(cause)) = result else {
            panic!("{result:?}")
        };
        assert!(cause.contains("writing the commit log failed"), "{cause}");
    }
    assert!(matches!(
        send(&store, "T", 0, b"four"),
        Err(AppendError::NotWritable(_))
    ));
    assert_eq!(read_all(&store, "T", 0).len(), 1);
    assert_eq!(store.max_offset("T", 1).0, 0);
}

#[test]
fn but_a_segment_that_cannot_be_made_does_not() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    for _ in 0..3 {
        send(&store, "T", 0, &[1; 1100]).unwrap();
    }
    disk.fail_next(Operation::Create, "commitlog");
    assert_eq!(
        send(&store, "T", 0, &[2; 1100]),
        Err(AppendError::SegmentNotReady)
    );
    let again = send(&store, "T", 0, &[3; 1100]).unwrap();
    assert_eq!((again.queue_offset.0, again.physical_offset.0), (3, 4096));
    assert_eq!(read_all(&store, "T", 0).len(), 4);
}

#[test]
fn a_closed_store_takes_nothing() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    send(&store, "T", 0, b"one").unwrap();
    store.close(NOW_MS).unwrap();
    assert!(matches!(
        send(&store, "T", 0, b"two"),
        Err(AppendError::NotWritable(_))
    ));
    assert_eq!(read_all(&store, "T", 0).len(), 1);
}
