//! A full disk is not a broken one: messages are refused with cause and numbers, everything that was
//! taken stays readable, and messages are taken again by themselves when there is room.

use std::io;

use crate::support::*;
use ferrocket_store::disk::mem::{Fault, MemDisk, Operation};
use ferrocket_store::{
    AppendBatch, AppendError, FlushError, RetentionConfig, Shortage, Store, StoreConfig,
};

const BLOCK_BYTES: u64 = 4096;

/// Segments of several blocks; no limit but the end of the disk.
fn config() -> StoreConfig {
    StoreConfig {
        segment_bytes: 16 * BLOCK_BYTES,
        retention: RetentionConfig {
            reserved_bytes: 0,
            warning_percent: 90,
            ..RetentionConfig::default()
        },
        ..small_config()
    }
}

/// Leaves so many free blocks on the disk.
fn leave_blocks(disk: &MemDisk, blocks: u64) {
    disk.set_capacity(Some(disk.used_bytes() + blocks * BLOCK_BYTES));
}

fn give_room(disk: &MemDisk) {
    disk.set_capacity(Some(1 << 30));
}

fn refusal(result: Result<ferrocket_store::Appended, AppendError>) -> String {
    let Err(AppendError::DiskFull(text)) = result else {
        unreachable!("{result:?}")
    };
    text
}

fn short_of(store: &Store) -> Vec<Shortage> {
    store.shortages().collect()
}

/// Bodies in a queue, in order.
fn bodies(store: &Store) -> Vec<Vec<u8>> {
    let all = read_all(store, "T", 0);
    let (offsets, bodies): (Vec<i64>, Vec<Vec<u8>>) = all.into_iter().unzip();
    assert_eq!(offsets, (0..offsets.len() as i64).collect::<Vec<_>>());
    bodies
}

#[test]
fn that_the_log_does_not_fit_on() {
    let disk = MemDisk::new();
    let store = open(&disk, &config());
    send(&store, "T", 0, b"one").unwrap();
    leave_blocks(&disk, 1);
    // The second block of three fits, the others do not.
    let text = refusal(send(&store, "T", 0, &[7; 3 * 4096]));
    assert!(text.contains("writing the commit log failed: "), "{text}");
    assert!(text.contains("% used, "), "{text}");
    assert!(text.contains("fileReservedTime"), "{text}");
    assert!(text.contains("/store/commitlog"), "{text}");
    assert_eq!(store.poison(), None);
    assert!(short_of(&store).contains(&Shortage::Log));
    refusal(send(&store, "T", 0, b"two"));
    assert_eq!(store.refused().disk_full, 2);
    assert_eq!(store.shortages_begun(Shortage::Log), 1);
    assert_eq!(bodies(&store), [b"one".to_vec()]);

    store.watch_space();
    refusal(send(&store, "T", 0, b"two"));
    give_room(&disk);
    store.watch_space();
    assert_eq!(short_of(&store), []);
    assert_eq!(send(&store, "T", 0, b"three").unwrap().queue_offset.0, 1);
    store.flush(NOW_MS).unwrap();
    drop(store);
    for disk in [disk.clone(), disk.power_loss(3)] {
        let store = open(&disk, &config());
        assert_eq!(bodies(&store), [b"one".to_vec(), b"three".to_vec()]);
        assert_eq!(store.recovery_report().cut, None);
    }
}

/// A record that fitted is not there when the write that it was part of was refused, also not
/// behind a shorter one that takes its place later.
#[test]
fn and_revives_nothing_of_what_it_refused() {
    let disk = MemDisk::new();
    let store = open(&disk, &config());
    send(&store, "T", 0, b"one").unwrap();
    leave_blocks(&disk, 1);
    let mut batch = ferrocket_store::AppendBatch::new();
    for body in [&[1; 100][..], &[2; 100], &[3; 8000]] {
        let message = message("T", 0, body);
        batch.push(store.config(), &message).unwrap();
    }
    store.append(NOW_MS, &mut batch);
    assert!(batch.results().iter().all(Result::is_err));
    drop(store);
    let store = open(&disk, &config());
    assert_eq!(bodies(&store), [b"one".to_vec()]);
    give_room(&disk);
    store.watch_space();
    send(&store, "T", 0, &[4; 100]).unwrap();
    drop(store);
    let store = open(&disk, &config());
    assert_eq!(bodies(&store), [b"one".to_vec(), vec![4; 100]]);
    assert_eq!(store.recovery_report().cut, None);
}

/// Nor when it could not be wiped at once, and the store is closed before anything takes its place.
#[test]
fn also_when_it_is_stopped_cleanly() {
    for wiped_at_once in [true, false] {
        let disk = MemDisk::new();
        let store = open(&disk, &config());
        send(&store, "T", 0, b"one").unwrap();
        let mut batch = AppendBatch::new();
        for body in [&[1; 100][..], &[2; 100], &[3; 100]] {
            batch.push(store.config(), &message("T", 0, body)).unwrap();
        }
        disk.inject(Fault {
            kind: Some(io::ErrorKind::StorageFull),
            done_of_16: 15,
            ..Fault::once(Operation::Write, "commitlog")
        });
        if !wiped_at_once {
            disk.fail_next_with(Operation::Write, "commitlog", io::ErrorKind::StorageFull);
        }
        store.append(NOW_MS, &mut batch);
        assert!(batch.results().iter().all(Result::is_err));
        disk.heal();
        store.close(NOW_MS).unwrap();
        drop(store);
        for disk in (0..20)
            .map(|seed| disk.power_loss(seed))
            .chain([disk.kill()])
        {
            let store = open(&disk, &config());
            assert!(store.recovery_report().clean);
            assert_eq!(bodies(&store), [b"one".to_vec()]);
        }
    }
}

#[test]
fn that_queues_do_not_fit_on() {
    let disk = MemDisk::new();
    let store = open(&disk, &config());
    for _ in 0..30 {
        send(&store, "T", 0, b"body").unwrap();
    }
    leave_blocks(&disk, 0);
    let refused = store.flush_queues(NOW_MS).unwrap_err();
    assert!(matches!(refused, FlushError::NoSpace(_)), "{refused}");
    assert!(short_of(&store).contains(&Shortage::Queues));
    let text = refusal(send(&store, "T", 0, b"more"));
    assert!(text.contains("consume queues failed"), "{text}");
    assert_eq!(bodies(&store).len(), 30);
    assert!(store.flush_queues(NOW_MS).is_err());

    give_room(&disk);
    store.flush_queues(NOW_MS).unwrap();
    store.watch_space();
    assert_eq!(short_of(&store), []);
    send(&store, "T", 0, b"more").unwrap();
    store.close(NOW_MS).unwrap();
    drop(store);
    let store = open(&disk.power_loss(1), &config());
    assert!(store.recovery_report().clean);
    assert_eq!(bodies(&store).len(), 31);
}

#[test]
fn that_the_next_segment_does_not_fit_on() {
    let disk = MemDisk::new();
    let store = open(&disk, &config());
    for _ in 0..15 {
        send(&store, "T", 0, &[1; 4000]).unwrap();
    }
    disk.fail_next_with(Operation::Create, "commitlog", io::ErrorKind::StorageFull);
    let text = refusal(send(&store, "T", 0, &[2; 4000]));
    assert!(text.contains("next commit log segment failed"), "{text}");
    store.watch_space();
    assert_eq!(short_of(&store), []);
    send(&store, "T", 0, &[3; 4000]).unwrap();
    assert_eq!(bodies(&store).len(), 16);
}

#[test]
fn when_it_starts_on_one() {
    for clean in [false, true] {
        let disk = MemDisk::new();
        let store = open(&disk, &config());
        for _ in 0..20 {
            send(&store, "T", 0, b"body").unwrap();
        }
        if clean {
            store.close(NOW_MS).unwrap();
        }
        drop(store);
        leave_blocks(&disk, 0);
        let store = open(&disk, &config());
        assert_eq!(store.recovery_report().clean, clean);
        assert_eq!(bodies(&store).len(), 20);
        refusal(send(&store, "T", 0, b"more"));
        assert_eq!(bodies(&store).len(), 20);

        give_room(&disk);
        store.flush_queues(NOW_MS).unwrap();
        store.watch_space();
        assert_eq!(short_of(&store), []);
        send(&store, "T", 0, b"more").unwrap();
        assert_eq!(bodies(&store).len(), 21);
    }
}

#[test]
fn but_not_when_a_sync_says_that_it_is_full() {
    let disk = MemDisk::new();
    let store = open(&disk, &sync_config());
    send(&store, "T", 0, b"one").unwrap();
    disk.fail_next_with(Operation::Sync, "commitlog", io::ErrorKind::StorageFull);
    let refused = store.flush(NOW_MS).unwrap_err();
    assert!(matches!(refused, FlushError::Poisoned(_)), "{refused}");
    store.watch_space();
    assert!(store.poison().is_some());
    assert!(matches!(
        send(&store, "T", 0, b"two"),
        Err(AppendError::NotWritable(_))
    ));
    assert_eq!(store.refused().not_writable, 1);
}

#[test]
fn before_it_is_full_by_the_reserve() {
    let disk = MemDisk::new();
    let mut config = config();
    config.retention.reserved_bytes = 10 * BLOCK_BYTES as i64;
    let store = open(&disk, &config);
    send(&store, "T", 0, b"one").unwrap();
    disk.set_capacity(Some(disk.used_bytes() + 10 * BLOCK_BYTES));
    store.watch_space();
    let only_ratio = |found: &[Shortage]| found.iter().all(|what| *what == Shortage::Ratio);
    assert!(only_ratio(&short_of(&store)));
    leave_blocks(&disk, 9);
    store.watch_space();
    assert!(short_of(&store).contains(&Shortage::Reserve));
    refusal(send(&store, "T", 0, b"two"));
    // A quarter more than the reserve ends it.
    leave_blocks(&disk, 12);
    store.watch_space();
    assert!(short_of(&store).contains(&Shortage::Reserve));
    leave_blocks(&disk, 13);
    store.watch_space();
    assert!(only_ratio(&short_of(&store)));
    store.set_retention(RetentionConfig {
        reserved_bytes: 1 << 20,
        ..config.retention
    });
    store.watch_space();
    assert!(short_of(&store).contains(&Shortage::Reserve));
    give_room(&disk);
    store.watch_space();
    assert_eq!(short_of(&store), []);
    send(&store, "T", 0, b"two").unwrap();
}

#[test]
fn in_the_middle_of_a_batch_that_goes_on_in_the_next_segment() {
    let disk = MemDisk::new();
    let store = open(&disk, &config());
    send(&store, "T", 0, b"one").unwrap();
    send(&store, "T", 0, b"two").unwrap();
    leave_blocks(&disk, 1);
    // The second message never gets as far as to a queue offset.
    let mut batch = AppendBatch::new();
    let body = [7; 10 * 4096];
    for _ in 0..2 {
        batch.push(store.config(), &message("T", 0, &body)).unwrap();
    }
    store.append(NOW_MS, &mut batch);
    assert!(batch.results().iter().all(Result::is_err));

    give_room(&disk);
    store.watch_space();
    let sent = send(&store, "T", 0, b"three").unwrap();
    assert_eq!(sent.queue_offset.0, 2);
    assert_eq!(
        bodies(&store),
        [b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]
    );
}
