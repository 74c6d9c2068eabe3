//! Whatever happened to the files of a queue while nobody looked: after a clean stop too, what the log
//! has is served from its place in the queue, and the next message gets the next offset.

use crate::support::*;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{QueueType, StoreConfig};
use std::path::{Path, PathBuf};

const ENTRY_BYTES: usize = 20;
/// Entries of a file of the small configuration.
const FILE_ENTRIES: usize = 20;

type Damage<'a> = dyn Fn(&mut Vec<u8>) + 'a;

/// Three queues with 45 messages each, stopped cleanly.
fn stopped() -> MemDisk {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    for number in 0..45_u8 {
        for queue_id in 0..3 {
            send(&store, "T", queue_id, &[number; 50]).unwrap();
        }
    }
    store.close(NOW_MS).unwrap();
    disk
}

fn file(queue_id: i32, index: usize) -> PathBuf {
    let base = index * FILE_ENTRIES * ENTRY_BYTES;
    Path::new("/store/consumequeue/T").join(format!("{queue_id}/{base:020}"))
}

fn change(disk: &MemDisk, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut content = disk.read(path).unwrap();
    change(&mut content);
    disk.write(path, &content).unwrap();
}

/// All three queues are whole, go on, and are whole after a clean stop and a kill.
fn check(disk: &MemDisk) {
    let wanted = |count: u8| {
        (0..count)
            .map(|n| (i64::from(n), vec![n; 50]))
            .collect::<Vec<_>>()
    };
    for round in 0..3 {
        let store = open(disk, &small_config());
        assert_eq!(store.recovery_report().cut, None);
        for queue_id in 0..3 {
            assert_eq!(store.min_offset("T", queue_id).0, 0);
            assert_eq!(
                read_all(&store, "T", queue_id),
                wanted(45 + round),
                "queue {queue_id}"
            );
            let sent = send(&store, "T", queue_id, &[45 + round; 50]).unwrap();
            assert_eq!(sent.queue_offset.0, i64::from(45 + round));
        }
        if round == 0 {
            store.close(NOW_MS).unwrap();
        }
    }
}

#[test]
fn whatever_was_cut_off() {
    for (index, kept) in [
        (2, 0),
        (2, 7),
        (2, 20),
        (2, 33),
        (2, 100),
        (1, 0),
        (1, 399),
        (0, 27),
    ] {
        let disk = stopped();
        change(&disk, &file(1, index), |content| content.truncate(kept));
        check(&disk);
    }
}

#[test]
fn half_an_entry_and_ends_of_files_that_were_zeroed() {
    let places = [(2, 88..100), (1, 380..400), (1, 0..400), (2, 92..100)];
    for (index, zeroed) in places {
        let disk = stopped();
        change(&disk, &file(1, index), |content| content[zeroed].fill(0));
        check(&disk);
    }
}

#[test]
fn the_beginning_of_the_only_file_was_zeroed() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    for number in 0..10_u8 {
        send(&store, "T", 0, &[number; 50]).unwrap();
    }
    send(&store, "Last", 0, b"whose queue lacks nothing").unwrap();
    store.close(NOW_MS).unwrap();
    drop(store);
    for begun in [20, 27, 180] {
        for is_clean in [true, false] {
            let disk = disk.kill();
            if !is_clean {
                disk.write(Path::new("/store/abort"), b"1").unwrap();
            }
            change(&disk, &file(0, 0), |content| content[..begun].fill(0));
            let store = open(&disk, &small_config());
            assert_eq!(read_all(&store, "T", 0).len(), 10, "{begun} {is_clean}");
        }
    }
}

#[test]
fn entries_that_point_elsewhere() {
    // At the record of another queue, of another offset, beyond the log, at nothing.
    let other = stopped();
    let other_queue = other.read(&file(2, 2)).unwrap();
    let damages: [&Damage<'_>; 5] = [
        &|content| content[..100].copy_from_slice(&other_queue[..100]),
        &|content| content.copy_within(60..80, 80),
        &|content| content[80..88].copy_from_slice(&i64::MAX.to_be_bytes()),
        &|content| content[84..88].copy_from_slice(&[0, 0, 0, 1]),
        &|content| content[88..92].copy_from_slice(&[0, 0, 0, 9]),
    ];
    for damage in damages {
        let disk = stopped();
        change(&disk, &file(1, 2), damage);
        check(&disk);
    }
}

#[test]
fn files_that_are_gone_and_names_that_are_foreign() {
    let disk = stopped();
    for index in 0..3 {
        disk.remove_file(&file(1, index)).unwrap();
    }
    check(&disk);

    let disk = stopped();
    disk.write(Path::new("/store/consumequeue/T/1/readme.txt"), b"x")
        .unwrap();
    disk.write(Path::new("/store/consumequeue/T/notes"), b"x")
        .unwrap();
    disk.create_dir_all(Path::new("/store/consumequeue/T/old"))
        .unwrap();
    disk.create_dir_all(Path::new("/store/consumequeue/T/9"))
        .unwrap();
    check(&disk);
    assert!(!disk.exists(Path::new("/store/consumequeue/T/9")));
    assert!(disk.exists(Path::new("/store/consumequeue/T/old")));
}

#[test]
fn a_queue_that_recovery_empties_keeps_no_file() {
    let disk = stopped();
    let store = open(&disk, &small_config());
    send(&store, "late", 0, b"its record goes").unwrap();
    store.close(NOW_MS).unwrap();
    let segments = disk.list(Path::new("/store/commitlog")).unwrap();
    let last = Path::new("/store/commitlog").join(&segments.last().unwrap().name);
    let end = usize::try_from(store.appended().0 % 4096).unwrap();
    change(&disk, &last, |content| content[end - 50..end].fill(0));
    drop(store);
    let store = open(&disk, &small_config());
    assert_eq!(store.max_offset("late", 0).0, 0);
    let left = disk.list(Path::new("/store/consumequeue/late/0")).unwrap();
    assert_eq!(left, []);
    let sent = send(&store, "late", 0, b"again").unwrap();
    assert_eq!(sent.queue_offset.0, 0);
}

#[test]
fn a_file_that_is_longer_than_the_others() {
    for index in 0..3 {
        for more in [1, 20, 400] {
            let disk = stopped();
            change(&disk, &file(1, index), |content| {
                content.resize(400 + more, 9);
            });
            check(&disk);
        }
    }
}

#[test]
fn files_that_agree_on_another_size_than_the_configured_one() {
    for queue_file_bytes in [200, 800, 6_000_000] {
        let disk = stopped();
        let other = ferrocket_store::StoreConfig {
            queue_file_bytes,
            ..small_config()
        };
        let store = open(&disk, &other);
        assert!(store.recovery_report().records_scanned < 135);
        store.close(NOW_MS).unwrap();
        check(&disk);
    }
}

#[test]
fn any_flipped_bit_in_the_last_entry_of_a_batch_queue() {
    let config = StoreConfig {
        batch_queue_file_bytes: 460,
        batch_topics: ["B".to_owned()].into(),
        ..small_config()
    };
    let disk = MemDisk::new();
    let store = open(&disk, &config);
    for _ in 0..5 {
        send_to(&store, QueueType::Batch, &message("B", 0, &[9; 200])).unwrap();
    }
    for _ in 0..5 {
        send(&store, "T", 0, &[9; 200]).unwrap();
    }
    let (batch, plain) = (read_all(&store, "B", 0), read_all(&store, "T", 0));
    store.flush_queues(NOW_MS + 100_000).unwrap();
    let killed = disk.kill();
    store.close(NOW_MS).unwrap();
    let path = Path::new("/store/batchconsumequeue/B/0/00000000000000000000");
    // Position and length, then store time, offset and number.
    for byte in (0..12).chain(20..38) {
        for bit in 0..8 {
            for (disk, clean) in [(&disk, true), (&killed, false)] {
                if byte < 8 && !clean {
                    // A power loss leaves entries of records that never arrived, which look like this.
                    continue;
                }
                let disk = disk.kill();
                change(&disk, path, |content| content[4 * 46 + byte] ^= 1 << bit);
                let store = open(&disk, &config);
                let case = (byte, bit, store.recovery_report());
                assert_eq!(case.2.damages, [], "{case:?}");
                assert!(read_all(&store, "B", 0) == batch, "{case:?}");
                assert!(read_all(&store, "T", 0) == plain, "{case:?}");
                let next = send_to(&store, QueueType::Batch, &message("B", 0, b"next"));
                assert_eq!(next.unwrap().queue_offset.0, 5, "{case:?}");
            }
        }
    }
}

#[test]
fn what_a_kill_left_behind_zeros_is_erased() {
    let disk = stopped();
    disk.write(Path::new("/store/abort"), b"1").unwrap();
    // Behind the end of a queue that has nothing to be made again, and of the one with the last record.
    for queue_id in [1, 2] {
        change(&disk, &file(queue_id, 2), |content| {
            content[140..160].fill(1);
        });
    }
    let store = open(&disk, &small_config());
    for queue_id in [1, 2] {
        let content = disk.read(&file(queue_id, 2)).unwrap();
        assert!(content[100..].iter().all(|byte| *byte == 0), "{queue_id}");
        assert_eq!(store.max_offset("T", queue_id).0, 45);
    }
}
