//! Whatever is in the log after a start is found by its keys, and nothing else is.

use crate::support::*;
use ferrocket_protocol::message::view;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{NoSignals, Store, StoreConfig};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const KEYS: usize = 7;

fn config() -> StoreConfig {
    StoreConfig {
        queue_flush_thorough_interval_ms: 15_000,
        index_slots: 5,
        index_entries: 20,
        ..small_config()
    }
}

/// Sends messages with one of a few keys and a key of their own until the disk refuses.
fn work(store: &Store, first: usize, count: usize, flush_every: usize) -> usize {
    work_at(store, first, count, flush_every, 1000)
}

/// The same with messages that are stored so far apart.
fn work_at(store: &Store, first: usize, count: usize, flush_every: usize, apart_ms: i64) -> usize {
    for number in first..first + count {
        let text = format!("KEYS\x01k{} own{number}\x02", number % KEYS);
        let now_ms = NOW_MS + number as i64 * 1000;
        let store_ms = NOW_MS + number as i64 * apart_ms;
        if send_with(store, store_ms, "T", &text).is_err()
            || (number % flush_every == 0 && store.flush_queues(now_ms).is_err())
        {
            return number;
        }
    }
    first + count
}

/// Where the messages of the queue are and which keys they have, by reading them. A power loss may
/// tear the properties of a record that was not durable: no CRC covers them, in Java neither.
fn log_of(store: &Store) -> Vec<(i64, String)> {
    let mut log = Vec::new();
    let mut offset = 0;
    while offset < store.max_offset("T", 0).0 {
        let answer = read(store, "T", 0, offset);
        assert!(answer.next_offset.0 > offset);
        offset = answer.next_offset.0;
        for records in &answer.records {
            log.extend(view::records(records).map(|record| {
                let record = record.unwrap();
                let keys = record.property("KEYS").unwrap_or_default();
                (record.physical_offset, keys.to_owned())
            }));
        }
    }
    log
}

/// Compares the answers of the index with the log; where the queue ends.
fn check(store: &Store, context: &str) -> usize {
    build_index(store);
    let log = log_of(store);
    let mut by_key: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for (at, keys) in &log {
        for key in keys.split(' ').filter(|key| !key.is_empty()) {
            by_key.entry(key).or_default().push(*at);
        }
    }
    for (key, all) in &by_key {
        let newest = &all[all.len().saturating_sub(64)..];
        assert_eq!(find(store, "T", key), newest, "{context}: {key}");
    }
    let end = store.max_offset("T", 0).0;
    assert_eq!(find(store, "T", &format!("own{end}")), [0; 0]);
    end as usize
}

/// Whether the power lasted until the index had caught up.
fn has_built_its_index(store: &Store) -> bool {
    while !store.index_progress().complete {
        if store.build_index(1).is_err() {
            return false;
        }
    }
    true
}

fn start(disk: &MemDisk, config: &StoreConfig) -> Option<Store> {
    let disk = Arc::new(disk.clone());
    Store::open(disk, config.clone(), Arc::new(NoSignals), NOW_MS).ok()
}

#[test]
fn a_kill() {
    for flush_every in [1, 7, 1000] {
        let disk = MemDisk::new();
        let mut sent = 0;
        for life in 0..5 {
            let store = open(&disk, &config());
            let context = format!("life {life}, flushed every {flush_every}");
            assert_eq!(check(&store, &context), sent, "{context}");
            for number in 0..sent {
                assert_eq!(
                    find(&store, "T", &format!("own{number}")).len(),
                    1,
                    "{context}"
                );
            }
            sent = work(&store, sent, 40, flush_every);
        }
    }
}

/// Three lives: each ends by a power loss after `halt` operations.
fn three_lives(halt: u64, seed: u64) -> usize {
    let mut disk = MemDisk::new();
    for life in 0..3_u64 {
        disk.halt_after(halt + life * 13);
        if let Some(store) = start(&disk, &config()).filter(has_built_its_index) {
            let sent = check(&store, &format!("halt {halt} seed {seed} life {life}"));
            work(&store, sent, 60, 5);
        }
        disk = disk.power_loss(seed + life);
    }
    let store = start(&disk, &config()).expect("the last start has power");
    let last = check(&store, &format!("halt {halt} seed {seed} at last"));
    work(&store, last, 10, 3);
    check(&store, "and after it");
    store.close(NOW_MS + 1_000_000).unwrap();
    drop(store);
    check(&start(&disk, &config()).unwrap(), "and closed")
}

#[test]
fn a_power_loss_at_any_operation() {
    let halts = (0..60).chain((60..1500).step_by(53));
    let found: usize = halts.map(|halt| three_lives(halt, halt * 7)).sum();
    assert!(found > 3_000, "{found}");
}

/// As when the clock was set back: a checkpoint that is moved while the index catches up cannot tell
/// by time what is durable of it.
#[test]
fn a_power_loss_while_the_index_catches_up_with_what_was_stored_at_one_time() {
    for seed in 0..60 {
        let disk = MemDisk::new();
        let store = open(&disk, &config());
        let sent = work_at(&store, 0, 100, 40, 0);
        drop(store);
        let disk = disk.kill();
        let store = open(&disk, &config());
        for step in 0..seed % 10 {
            store.build_index(1).unwrap();
            if step == seed % 4 {
                store.flush_queues(NOW_MS + 1_000_000).unwrap();
            }
        }
        build_index(&store);
        drop(store);
        let store = open(&disk.power_loss(seed), &config());
        assert_eq!(check(&store, &format!("seed {seed}")), sent);
    }
}

/// What is made again is not durable because the keys that were there before were.
#[test]
fn a_power_loss_while_files_that_are_gone_are_made_again() {
    for seed in 0..40 {
        let disk = MemDisk::new();
        let store = open(&disk, &config());
        let sent = work(&store, 0, 100, 10);
        store.close(NOW_MS + 1_000_000).unwrap();
        drop(store);
        remove_index(&disk);
        disk.sync_dir(Path::new("/store/index")).unwrap();
        let store = open(&disk, &config());
        check(&store, "made again");
        drop(store);
        let store = open(&disk.power_loss(seed), &config());
        assert_eq!(check(&store, &format!("seed {seed}")), sent);
    }
}

/// The keys of one record are split over several files, of which any may go.
#[test]
fn a_file_that_is_gone_with_some_keys_of_a_record() {
    for entries in [2, 3, 4] {
        let config = StoreConfig {
            index_entries: entries,
            ..config()
        };
        let files_of = |disk: &MemDisk| disk.list(Path::new("/store/index")).unwrap();
        let disk = MemDisk::new();
        let store = open(&disk, &config);
        for number in 0..6 {
            let text = format!("KEYS\x01a{number} b{number} c{number} all\x02");
            send_with(&store, NOW_MS, "T", &text).unwrap();
        }
        store.close(NOW_MS).unwrap();
        drop(store);
        for gone in files_of(&disk) {
            let disk = disk.kill();
            let path = Path::new("/store/index").join(&gone.name);
            disk.remove_file(&path).unwrap();
            let store = open(&disk, &config);
            check(&store, &format!("{entries} entries, without {}", gone.name));
            let made = files_of(&disk).len();
            drop(store);
            // What was found to be whole is not made twice.
            check(&open(&disk, &config), "again");
            assert!(files_of(&disk).len() <= made);
        }
    }
}

/// The first start finds no queues and makes everything again; the second finds the queues, and
/// must not believe that all of them and of the index are durable.
#[test]
fn a_power_loss_after_a_start_that_made_more_again_than_the_checkpoint_asked_for() {
    for seed in 0..60 {
        let disk = MemDisk::new();
        let store = open(&disk, &config());
        let sent = work(&store, 0, 100, 10);
        if seed % 2 == 0 {
            store.flush_queues(NOW_MS + 1_000_000).unwrap();
        } else {
            store.close(NOW_MS + 1_000_000).unwrap();
        }
        drop(store);
        let queue = Path::new("/store/consumequeue/T/0");
        for entry in disk.list(queue).unwrap() {
            disk.remove_file(&queue.join(entry.name)).unwrap();
        }
        disk.sync_dir(queue).unwrap();
        drop(open(&disk, &config()));
        let disk = disk.power_loss(seed);
        let store = open(&disk, &config());
        assert_eq!(check(&store, &format!("seed {seed}")), sent);
    }
}

fn remove_index(disk: &MemDisk) {
    let directory = Path::new("/store/index");
    for entry in disk.list(directory).unwrap() {
        disk.remove_file(&directory.join(entry.name)).unwrap();
    }
}

#[test]
fn an_index_that_is_gone() {
    for clean in [true, false] {
        let disk = MemDisk::new();
        let store = open(&disk, &config());
        let sent = work(&store, 0, 100, 10);
        if clean {
            store.close(NOW_MS + 200_000).unwrap();
        }
        drop(store);
        remove_index(&disk);
        let store = open(&disk, &config());
        assert_eq!(check(&store, "gone"), sent);
    }
}

#[test]
fn a_clean_stop_after_which_nothing_is_made_again() {
    let disk = MemDisk::new();
    let store = open(&disk, &config());
    work(&store, 0, 50, 10);
    store.close(NOW_MS + 60_000).unwrap();
    drop(store);
    let content = |disk: &MemDisk| -> Vec<Vec<u8>> {
        let directory = Path::new("/store/index");
        let entries = disk.list(directory).unwrap();
        let read = |name: &String| disk.read(&directory.join(name)).unwrap();
        entries.iter().map(|entry| read(&entry.name)).collect()
    };
    let before = content(&disk);
    let store = open(&disk, &config());
    assert!(store.recovery_report().records_scanned <= 1);
    store.close(NOW_MS + 61_000).unwrap();
    assert_eq!(content(&disk), before);
}

#[test]
fn a_log_that_lost_its_end() {
    let disk = MemDisk::new();
    let store = open(&disk, &config());
    work(&store, 0, 60, 10);
    store.close(NOW_MS + 60_000).unwrap();
    drop(store);
    let last = disk.list(Path::new("/store/commitlog")).unwrap();
    let last = Path::new("/store/commitlog").join(&last.last().unwrap().name);
    disk.remove_file(&last).unwrap();
    // The store opens without it only when told to.
    disk.remove_file(Path::new("/store/checkpoint")).unwrap();
    let store = open(&disk, &config());
    let kept = check(&store, "cut");
    assert!((10..60).contains(&kept), "{kept}");
    work(&store, kept, 60, 10);
    check(&store, "gone on");
}

/// Whatever is wrong with whichever file, the others answer at once, and what is lost is made again.
#[test]
fn a_file_that_is_damaged() {
    for damage in 0..5 {
        for which in 0..4 {
            let disk = MemDisk::new();
            let store = open(&disk, &config());
            let sent = work(&store, 0, 50, 10);
            store.close(NOW_MS + 60_000).unwrap();
            drop(store);
            let files = disk.list(Path::new("/store/index")).unwrap();
            assert_eq!(files.len(), 6);
            let file = [0, 1, 3, 5][which];
            let path = Path::new("/store/index").join(&files[file].name);
            let mut content = disk.read(&path).unwrap();
            match damage {
                0 => content[..40].fill(0x5A),
                1 => content.truncate(100),
                2 => content.truncate(17),
                3 => content.fill(0xFF),
                _ => content.extend_from_slice(&[0; 100]),
            }
            disk.remove_file(&path).unwrap();
            disk.write(&path, &content).unwrap();
            let context = format!("damage {damage} of file {file}");
            let store = open(&disk, &config());
            for (number, other) in [(45, 5), (25, 2), (0, 0)] {
                let found = find(&store, "T", &format!("own{number}")).len();
                assert!(found == 1 || file == other, "{context}: own{number}");
            }
            assert_eq!(work(&store, sent, 5, 2), sent + 5);
            let newest = format!("own{}", sent + 4);
            assert_eq!(find(&store, "T", &newest).len(), 1, "{context}");
            check(&store, &context);
            store.close(NOW_MS + 70_000).unwrap();
            drop(store);
            let store = open(&disk, &config());
            assert_eq!(find(&store, "T", &newest).len(), 1, "{context}");
            assert_eq!(check(&store, &context), sent + 5);
        }
    }
}

#[test]
fn a_start_after_a_clean_stop_that_is_killed_itself() {
    let disk = MemDisk::new();
    let store = open(&disk, &config());
    work(&store, 0, 55, 20);
    store.close(NOW_MS).unwrap();
    drop(store);
    let files = disk.list(Path::new("/store/index")).unwrap();
    let last = Path::new("/store/index").join(&files.last().unwrap().name);
    let behind = disk.read(&last).unwrap();
    let store = open(&disk, &config());
    work(&store, 55, 2, 20);
    store.close(NOW_MS).unwrap();
    drop(store);
    disk.write(&last, &behind).unwrap();
    for halt in 0..60 {
        let disk = disk.kill();
        disk.halt_after(halt);
        let opened = Store::open(
            Arc::new(disk.clone()),
            config(),
            Arc::new(NoSignals),
            NOW_MS,
        );
        drop(opened);
        let disk = disk.kill();
        let store = open(&disk, &config());
        build_index(&store);
        work(&store, 57, 20, 100);
        check(&store, &format!("halt {halt}"));
    }
}
