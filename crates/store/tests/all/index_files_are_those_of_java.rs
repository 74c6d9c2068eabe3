//! The files below `index/` have the bytes and names that an Apache broker writes.

use crate::support::*;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::disk::os::OsDisk;
use ferrocket_store::{Store, StoreConfig};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn files(disk: &MemDisk) -> Vec<PathBuf> {
    let directory = Path::new("/store/index");
    let entries = disk.list(directory).unwrap();
    entries
        .iter()
        .map(|entry| directory.join(&entry.name))
        .collect()
}

/// A store of which a second has passed for each of some messages, and its index files.
fn written(config: &StoreConfig, sends: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    let disk = MemDisk::new();
    let store: Store = open(&disk, config);
    for (seconds, (topic, properties)) in (0_i64..).zip(sends) {
        send_with(&store, NOW_MS + seconds * 1000, topic, properties).unwrap();
    }
    store.close(NOW_MS).unwrap();
    files(&disk)
        .into_iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, disk.read(&path).unwrap())
        })
        .collect()
}

fn ints(bytes: &[u8]) -> Vec<i32> {
    let words = bytes.as_chunks::<4>().0;
    words.iter().map(|word| i32::from_be_bytes(*word)).collect()
}

#[test]
fn the_worked_example() {
    let config = StoreConfig {
        index_slots: 5_000_000,
        index_entries: 20_000_000,
        ..small_config()
    };
    let disk = MemDisk::new();
    let store = open(&disk, &config);
    send_with(&store, NOW_MS, "T", "KEYS\x01k1\x02").unwrap();
    store.flush_queues(NOW_MS).unwrap();
    let path = &files(&disk)[0];
    assert_eq!(path, Path::new("/store/index/20231114221320123"));
    let file = disk.open(path).unwrap();
    assert_eq!(file.bytes().unwrap(), 420_000_040);
    let bytes = |at: u64, count: usize| {
        let mut bytes = vec![0; count];
        file.read_exact_at(&mut bytes, at).unwrap();
        ints(&bytes)
    };
    let begin = [0x018b, 0xcfe5_687b_u32 as i32];
    let header = [begin, begin, [0, 0], [0, 0], [1, 2]].concat();
    assert_eq!(bytes(0, 40), header);
    assert_eq!(bytes(10_157_820, 4), [1]);
    assert_eq!(bytes(20_000_060, 20), [0x0026_bfb5, 0, 0, 0, 0]);
    assert_eq!(bytes(20_000_080, 20), [0; 5]);
}

#[test]
fn a_file_takes_only_the_blocks_that_are_written() {
    let directory = tempfile::tempdir().unwrap();
    let config = StoreConfig {
        root: directory.path().to_owned(),
        index_slots: 5_000_000,
        index_entries: 20_000_000,
        ..small_config()
    };
    for life in 0..2 {
        let store = open_on(Arc::new(OsDisk), &config);
        assert_eq!(find(&store, "T", "k1").len(), life);
        send_with(&store, NOW_MS, "T", "KEYS\x01k1 k2\x02").unwrap();
        store.flush_queues(NOW_MS).unwrap();
        assert_eq!(find(&store, "T", "k1").len(), life + 1);
    }
    let path = directory.path().join("index/20231114221320123");
    let metadata = std::fs::metadata(path).unwrap();
    assert_eq!(metadata.len(), 420_000_040);
    assert!(metadata.blocks() * 512 < 1 << 20, "{}", metadata.blocks());
}

#[test]
fn entries_of_one_slot_are_chained_over_batches() {
    let config = StoreConfig {
        index_slots: 1,
        index_entries: 5,
        ..small_config()
    };
    let sends = [
        ("T", "KEYS\x01a b\x02"),
        ("T", ""),
        ("T", "KEYS\x01c\x02TAGS\x01t\x02"),
    ];
    let files = written(&config, &sends);
    assert_eq!(files.len(), 1);
    let words = ints(&files[0].1);
    // Used slots, the next entry, the slot.
    assert_eq!(words[8..11], [1, 5, 4]);
    let entries: Vec<_> = words[16..]
        .chunks(5)
        .map(|entry| (entry[3], entry[4]))
        .collect();
    assert_eq!(entries, [(0, 0), (0, 1), (2, 2), (2, 3)]);
}

#[test]
fn a_full_file_is_followed_by_one_that_begins_where_it_ended() {
    let config = StoreConfig {
        index_slots: 3,
        index_entries: 3,
        utc_offset_ms: 8 * 3_600_000,
        ..small_config()
    };
    let files = written(
        &config,
        &[("T", "KEYS\x01a b\x02"), ("T", "KEYS\x01c d e\x02")],
    );
    let names: Vec<_> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "20231115061320123",
            "20231115061321123",
            "20231115061321124"
        ]
    );
    for (_, bytes) in &files {
        assert_eq!(bytes.len(), 40 + 3 * 4 + 3 * 20);
    }
    let next: Vec<_> = files.iter().map(|(_, bytes)| ints(bytes)[9]).collect();
    assert_eq!(next, [3, 3, 2]);
}

#[test]
fn nothing_is_written_without_keys_or_when_switched_off() {
    assert_eq!(written(&small_config(), &[("T", "A\x01b\x02")]), []);
    let off = StoreConfig {
        message_index_enable: false,
        ..small_config()
    };
    assert_eq!(written(&off, &[("T", "KEYS\x01a\x02")]), []);
}
