//! A start does not wait for the index: messages are taken and found by key at once, older ones when
//! the index has caught up, and no key is in it twice.

use crate::support::*;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{Store, StoreConfig};
use std::path::Path;

const OLD: i64 = 200;

fn config() -> StoreConfig {
    StoreConfig {
        segment_bytes: 1 << 20,
        index_slots: 50,
        index_entries: 101,
        ..small_config()
    }
}

fn key_text(number: i64) -> String {
    format!("KEYS\x01a{number} b{number} c{number}\x02")
}

fn send_numbered(store: &Store, number: i64) {
    send_with(store, NOW_MS + number, "T", &key_text(number)).unwrap();
}

/// A store that was killed, and whose index is gone.
fn without_index() -> MemDisk {
    let disk = MemDisk::new();
    let store = open(&disk, &config());
    for number in 0..OLD {
        send_numbered(&store, number);
        // Some have no keys.
        send(&store, "T", 0, b"plain").unwrap();
    }
    store.flush_queues(NOW_MS).unwrap();
    drop(store);
    for (path, _) in files(&disk) {
        disk.remove_file(&path).unwrap();
    }
    disk
}

/// The index files with the number of their entries.
fn files(disk: &MemDisk) -> Vec<(std::path::PathBuf, i64)> {
    let directory = Path::new("/store/index");
    let entries = disk.list(directory).unwrap().into_iter();
    entries
        .map(|entry| {
            let path = directory.join(entry.name);
            let content = disk.read(&path).unwrap();
            let next = i32::from_be_bytes(content[36..40].try_into().unwrap());
            (path, i64::from(next - 1))
        })
        .collect()
}

fn is_found(store: &Store, number: i64) -> bool {
    let found = find(store, "T", &format!("b{number}")).len();
    assert!(found < 2, "{number} was found {found} times");
    found == 1
}

fn check_all(store: &Store, disk: &MemDisk, count: i64) {
    for number in 0..count {
        assert!(is_found(store, number), "{number} of {count}");
    }
    store.flush_queues(NOW_MS + 1_000_000).unwrap();
    // Properties of the plain messages have one key, their tags.
    let entries: i64 = files(disk).iter().map(|(_, entries)| entries).sum();
    assert_eq!(entries, count * 3 + OLD);
}

#[test]
fn new_messages_at_once_and_old_ones_in_their_turn() {
    let disk = without_index();
    let store = open(&disk, &config());
    let mut sent = OLD;
    let mut behind = u64::MAX;
    while !store.index_progress().complete {
        send_numbered(&store, sent);
        assert!(is_found(&store, sent), "{sent}");
        sent += 1;
        store.flush_queues(NOW_MS).unwrap();
        let progress = store.build_index(1000).unwrap();
        // The sends go on, so it comes nearer by less than it reads.
        assert!(
            progress.complete || progress.behind_bytes <= behind,
            "{progress:?}"
        );
        behind = progress.behind_bytes;
    }
    assert!(sent > OLD + 5, "{sent}");
    check_all(&store, &disk, sent);
}

#[test]
fn a_stop_a_kill_or_a_power_loss_on_the_way_goes_on_from_there() {
    for end in 0..3 {
        for seed in 0..20 {
            let mut disk = without_index();
            let store = open(&disk, &config());
            for step in 0..seed {
                send_numbered(&store, OLD + step as i64);
                store.build_index(2000).unwrap();
            }
            match end {
                0 => store.close(NOW_MS + 500).unwrap(),
                1 => store.flush_queues(NOW_MS + 500_000).unwrap(),
                _ => {
                    store.flush_queues(NOW_MS + 500_000).unwrap();
                    disk = disk.power_loss(seed);
                }
            }
            drop(store);
            let store = open(&disk, &config());
            build_index(&store);
            check_all(&store, &disk, OLD + seed as i64);
        }
    }
}

#[test]
fn a_stop_before_anything_was_mended_leaves_nothing_unmended() {
    let disk = MemDisk::new();
    let store = open(&disk, &config());
    for number in 0..OLD {
        send_numbered(&store, number);
        send(&store, "T", 0, b"plain").unwrap();
        store.flush_queues(NOW_MS).unwrap();
    }
    // The log is durable, the index is not.
    store.flush(NOW_MS).unwrap();
    drop(store);
    for seed in 0..20 {
        let disk = disk.power_loss(seed);
        let store = open(&disk, &config());
        store.close(NOW_MS).unwrap();
        drop(store);
        let store = open(&disk, &config());
        assert!(store.recovery_report().clean);
        build_index(&store);
        check_all(&store, &disk, OLD);
    }
}

/// More keys come than may wait: the oldest of them are read from the log again.
#[test]
fn more_messages_than_may_wait() {
    let disk = MemDisk::new();
    let big = StoreConfig {
        segment_bytes: 1 << 30,
        index_slots: 1000,
        index_entries: 2_000_000,
        ..small_config()
    };
    let store = open(&disk, &big);
    for number in 0..100 {
        send_numbered(&store, number);
    }
    drop(store);
    let store = open(&disk, &big);
    let many = "k ".repeat(15_000);
    for number in 100..120 {
        let text = format!("KEYS\x01b{number} {many}\x02");
        send_with(&store, NOW_MS, "T", &text).unwrap();
    }
    let held = |number| find(&store, "T", &format!("b{number}")).len();
    assert_eq!((held(119), held(100)), (1, 0));
    store.flush_queues(NOW_MS).unwrap();
    build_index(&store);
    store.flush_queues(NOW_MS).unwrap();
    for number in 0..120 {
        assert_eq!(held(number), 1, "{number}");
    }
    let entries: i64 = files(&disk).iter().map(|(_, entries)| entries).sum();
    assert_eq!(entries, 100 * 3 + 20 * 15_001);
}

/// Java's index after it lost its files and went on: there is a hole before the files that are there.
#[test]
fn holes_are_filled_by_files_between_the_others() {
    let disk = without_index();
    let store = open(&disk, &config());
    build_index(&store);
    store.close(NOW_MS).unwrap();
    drop(store);
    let all = files(&disk);
    assert_eq!(all.len(), 8);
    for gone in [&all[..2], &all[3..4], &all[2..6], &all[7..], &all[..]] {
        for (path, _) in gone {
            disk.remove_file(path).unwrap();
        }
        let store = open(&disk, &config());
        let missing = (0..OLD).filter(|number| !is_found(&store, *number)).count();
        // A short tail is read by the start itself.
        assert!(
            missing > 5 || gone.len() == 1 || gone.len() == 8,
            "{missing}"
        );
        build_index(&store);
        check_all(&store, &disk, OLD);
        // Their order by name is that of the log, as Java needs it.
        let begins = files(&disk).into_iter().map(|(path, _)| {
            let content = disk.read(&path).unwrap();
            i64::from_be_bytes(content[16..24].try_into().unwrap())
        });
        assert!(begins.is_sorted());
        store.close(NOW_MS).unwrap();
    }
}

#[test]
fn what_the_log_lost_is_left_out() {
    let disk = without_index();
    let path = Path::new("/store/commitlog/00000000000000000000");
    let mut log = disk.read(path).unwrap();
    // The record before is whole and says so; this one is noise.
    log[1000..1100].fill(0x5A);
    disk.write(path, &log).unwrap();
    let store = open(&disk, &config());
    build_index(&store);
    let readable = store.appended().0;
    for number in 0..OLD {
        for at in find(&store, "T", &format!("b{number}")) {
            assert!(at < readable);
        }
    }
}

#[test]
fn files_whose_messages_are_gone_are_deleted_but_never_the_last() {
    let config = StoreConfig {
        segment_bytes: 4096,
        ..config()
    };
    let disk = MemDisk::new();
    let store = open(&disk, &config);
    for number in 0..OLD {
        send_numbered(&store, number);
    }
    store.flush_queues(NOW_MS).unwrap();
    assert_eq!(store.delete_expired_index().unwrap(), 0);
    store.close(NOW_MS).unwrap();
    drop(store);
    let segments = disk.list(Path::new("/store/commitlog")).unwrap();
    let before = files(&disk).len();
    for segment in &segments[..segments.len() - 1] {
        let path = Path::new("/store/commitlog").join(&segment.name);
        disk.remove_file(&path).unwrap();
    }
    let store = open(&disk, &config);
    build_index(&store);
    let deleted = store.delete_expired_index().unwrap();
    assert!(deleted > 0, "{before} files");
    assert_eq!(files(&disk).len(), before - deleted);
    assert!(!files(&disk).is_empty());
    assert!(is_found(&store, OLD - 1));
    assert!(!is_found(&store, 0));
}
