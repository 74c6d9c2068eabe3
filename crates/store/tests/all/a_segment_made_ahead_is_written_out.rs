//! With SYNC_FLUSH the next segment is written out with real zeros before the log goes on into it, and
//! what was appended meanwhile stays. It takes nothing of a disk that is nearly full, and no failure of it
//! is forgotten.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::support::*;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::{Bystander, Fault, MemDisk, Operation};
use ferrocket_store::disk::os::OsDisk;
use ferrocket_store::{FlushError, FlushMode, RetentionConfig, Store, StoreConfig};

#[test]
fn and_records_are_never_overwritten() {
    // Not below the directory for temporary files, which may be in memory.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let config = StoreConfig {
        root: directory.path().to_owned(),
        segment_bytes: 3 << 20,
        queue_file_bytes: 600_000,
        flush_mode: FlushMode::Sync,
        ..small_config()
    };
    let store = open_on(Arc::new(OsDisk), &config);
    std::thread::scope(|scope| {
        let maker = scope.spawn(|| {
            for _ in 0..40 {
                store.prepare_segment().unwrap();
            }
        });
        for number in 0..3000_u32 {
            let body = [&number.to_be_bytes()[..], &[b'.'; 5000]].concat();
            send(&store, "T", 0, &body).unwrap();
        }
        maker.join().unwrap();
    });
    while store.prepare_segment().unwrap() {}
    store.flush(NOW_MS).unwrap();
    let found = read_all(&store, "T", 0);
    assert_eq!(found.len(), 3000);
    for (offset, body) in found {
        assert_eq!(body[..4], (offset as u32).to_be_bytes());
    }
    let next = store.appended().0 / (3 << 20) * (3 << 20) + (3 << 20);
    let path = directory.path().join(format!("commitlog/{next:020}"));
    assert!(path.metadata().unwrap().blocks() * 512 >= 3 << 20);
}

const SEGMENT_BYTES: u64 = 3 << 20;
const RESERVED_BYTES: u64 = 1 << 20;

fn config_with_reserve() -> StoreConfig {
    StoreConfig {
        segment_bytes: SEGMENT_BYTES,
        retention: RetentionConfig {
            reserved_bytes: RESERVED_BYTES as i64,
            warning_percent: 90,
            ..RetentionConfig::default()
        },
        ..sync_config()
    }
}

#[test]
fn unless_that_would_take_the_reserve() {
    let disk = MemDisk::new();
    let store = open(&disk, &config_with_reserve());
    send(&store, "T", 0, b"one").unwrap();
    let used = disk.used_bytes();
    disk.set_capacity(Some(used + SEGMENT_BYTES + RESERVED_BYTES - 4096));
    while store.prepare_segment().unwrap() {}
    assert_eq!(disk.used_bytes(), used);
    send(&store, "T", 0, b"two").unwrap();

    // With a block more it is.
    let disk = MemDisk::new();
    let store = open(&disk, &config_with_reserve());
    send(&store, "T", 0, b"one").unwrap();
    let used = disk.used_bytes();
    disk.set_capacity(Some(used + SEGMENT_BYTES + RESERVED_BYTES));
    while store.prepare_segment().unwrap() {}
    assert_eq!(disk.used_bytes(), used + SEGMENT_BYTES);
}

#[test]
fn and_gives_its_bytes_back_when_the_disk_is_full_all_the_same() {
    let disk = MemDisk::new();
    let store = open(&disk, &config_with_reserve());
    send(&store, "T", 0, b"one").unwrap();
    let used = disk.used_bytes();
    disk.inject(Fault {
        kind: Some(std::io::ErrorKind::StorageFull),
        done_of_16: 8,
        ..Fault::once(Operation::Write, &format!("commitlog/{SEGMENT_BYTES:020}"))
    });
    assert!(!store.prepare_segment().unwrap());
    assert_eq!(disk.faults_struck(), 1);
    assert_eq!(disk.used_bytes(), used);
    assert!(!store.prepare_segment().unwrap());
    assert_eq!(disk.used_bytes(), used);
    while store.appended().0 < 4 << 20 {
        send(&store, "T", 0, &[1; 500_000]).unwrap();
    }
    store.flush(NOW_MS).unwrap();
    drop(store);
    let store = open(&disk.power_loss(1), &config_with_reserve());
    assert_eq!(read_all(&store, "T", 0).len(), 10);
}

/// A store whose second segment is made and not yet written out whole.
fn with_half_a_segment_ahead(disk: &MemDisk) -> Arc<Store> {
    let config = StoreConfig {
        segment_bytes: SEGMENT_BYTES,
        ..sync_config()
    };
    let store = Arc::new(open(disk, &config));
    send(&store, "T", 0, b"one").unwrap();
    store.flush(NOW_MS).unwrap();
    assert!(store.prepare_segment().unwrap());
    store
}

fn second_segment() -> PathBuf {
    PathBuf::from(format!("/store/commitlog/{SEGMENT_BYTES:020}"))
}

fn fail_the_next_sync_of_the_second(disk: &MemDisk) {
    disk.fail_next(Operation::Sync, &second_segment().to_string_lossy());
}

fn append_into_the_second(store: &Store) {
    while store.appended().0 <= SEGMENT_BYTES as i64 {
        send(store, "T", 0, &[1; 500_000]).unwrap();
    }
}

/// Appends when the second segment is synced, until the log went on into it.
#[derive(Debug)]
struct GoesOn(Arc<Store>);

impl Bystander for GoesOn {
    fn between_operations(&self, operation: Operation, path: &Path) {
        if operation == Operation::Sync && path == second_segment() {
            append_into_the_second(&self.0);
        }
    }
}

#[test]
fn and_when_its_sync_fails_no_record_in_it_is_taken_for_durable() {
    let disk = MemDisk::new();
    let store = with_half_a_segment_ahead(&disk);
    disk.set_bystander(Some(Arc::new(GoesOn(Arc::clone(&store)))));
    fail_the_next_sync_of_the_second(&disk);
    assert!(store.prepare_segment().is_err());
    disk.set_bystander(None);
    assert!(store.appended().0 > SEGMENT_BYTES as i64);
    // The system told of the failure once and would say nothing of it now.
    let refused = store.flush(NOW_MS).unwrap_err();
    assert!(matches!(refused, FlushError::Poisoned(_)), "{refused}");
    assert!(store.durable().0 < SEGMENT_BYTES as i64);
    assert_eq!(messages(&read(&store, "T", 0, 0)), [(0, b"one".to_vec())]);
}

#[test]
fn and_when_its_sync_fails_before_there_is_a_record_in_it_another_is_made() {
    let disk = MemDisk::new();
    let store = with_half_a_segment_ahead(&disk);
    fail_the_next_sync_of_the_second(&disk);
    let refused = store.prepare_segment().unwrap_err();
    assert!(matches!(refused, FlushError::Segment(_)), "{refused}");
    assert!(!disk.exists(&second_segment()));
    while store.prepare_segment().unwrap() {}
    append_into_the_second(&store);
    store.flush(NOW_MS).unwrap();
    let count = store.max_offset("T", 0).0 as usize;
    let store = open(&disk.power_loss(1), store.config());
    assert_eq!(read_all(&store, "T", 0).len(), count);
}
