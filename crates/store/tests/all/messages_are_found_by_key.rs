//! A message is found by its unique key, each word of `KEYS` and its tags, from the moment at which
//! it is appended; and nothing else is.

use crate::support::*;
use ferrocket_store::disk::mem::{MemDisk, Operation};
use ferrocket_store::{AppendBatch, NewMessage, StoreConfig};

#[test]
fn at_once_and_after_its_keys_are_written() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    send_with(&store, NOW_MS, "T", "KEYS\x01other\x02").unwrap();
    let text = "TAGS\x01red\x02KEYS\x01k1 k2\x02UNIQ_KEY\x01U1\x02";
    let at = send_with(&store, NOW_MS, "T", text)
        .unwrap()
        .physical_offset
        .0;
    for round in 0..3 {
        for key in ["U1", "k1", "k2", "T#red"] {
            assert_eq!(find(&store, "T", key), [at], "{key} in round {round}");
        }
        for (topic, key) in [
            ("T", "k3"),
            ("T", "red"),
            ("T", "k1 k2"),
            ("S", "k1"),
            ("T", ""),
        ] {
            assert_eq!(find(&store, topic, key), [0; 0], "{topic} {key}");
        }
        store.flush_queues(NOW_MS + round * 100_000).unwrap();
    }
    store.close(NOW_MS).unwrap();
    drop(store);
    let store = open(&disk, &small_config());
    assert!(store.recovery_report().clean);
    assert_eq!(find(&store, "T", "k2"), [at]);
}

#[test]
fn newest_first_over_many_files_but_in_the_order_of_the_log() {
    let store = open(&MemDisk::new(), &small_config());
    let mut sent = Vec::new();
    for number in 0..200 {
        let text = format!("KEYS\x01shared single{number}\x02");
        let appended = send_with(&store, NOW_MS, "T", &text).unwrap();
        sent.push(appended.physical_offset.0);
        if number % 30 == 0 {
            store.flush_queues(NOW_MS).unwrap();
        }
    }
    assert_eq!(find(&store, "T", "shared"), sent[200 - 64..]);
    let three = store.query("T", "shared", 3, 0, i64::MAX).unwrap();
    assert_eq!(three.records.len(), 3);
    assert_eq!(three.index_last_physical, sent[199]);
    assert_eq!(three.index_last_update_ms, NOW_MS);
    for (number, at) in sent.iter().enumerate() {
        assert_eq!(find(&store, "T", &format!("single{number}")), [*at]);
    }
    let none = store.query("T", "shared", 0, 0, i64::MAX).unwrap();
    assert_eq!((none.records.len(), none.index_last_physical), (0, 0));
}

#[test]
fn not_by_a_key_that_only_has_the_same_hash() {
    let store = open(&MemDisk::new(), &small_config());
    let first = send_with(&store, NOW_MS, "T", "KEYS\x01AaAa\x02").unwrap();
    let second = send_with(&store, NOW_MS, "T", "KEYS\x01BBBB\x02").unwrap();
    for _ in 0..2 {
        assert_eq!(find(&store, "T", "AaAa"), [first.physical_offset.0]);
        assert_eq!(find(&store, "T", "BBBB"), [second.physical_offset.0]);
        assert_eq!(find(&store, "T", "AaBB"), [0; 0]);
        store.flush_queues(NOW_MS).unwrap();
    }
}

#[test]
fn within_the_times_that_are_asked_for() {
    let store = open(&MemDisk::new(), &small_config());
    let mut sent = Vec::new();
    for number in 0..100 {
        let appended = send_with(&store, NOW_MS + number * 300, "T", "KEYS\x01k\x02").unwrap();
        sent.push(appended.physical_offset.0);
    }
    for _ in 0..2 {
        let within = |from: i64, to: i64| {
            find_within(&store, "T", "k", NOW_MS + from * 300, NOW_MS + to * 300)
        };
        assert_eq!(within(10, 12), sent[10..=12]);
        assert_eq!(within(50, 50), sent[50..=50]);
        assert_eq!(within(98, 1000), sent[98..]);
        assert_eq!(within(-1000, 1), sent[..=1]);
        assert_eq!(within(100, 200), [0; 0]);
        assert_eq!(within(20, 10), [0; 0]);
        assert_eq!(
            find_within(&store, "T", "k", i64::MIN, i64::MAX),
            sent[100 - 64..]
        );
        store.flush_queues(NOW_MS).unwrap();
    }
}

#[test]
fn a_half_message_is_and_one_that_takes_it_back_is_not() {
    let store = open(&MemDisk::new(), &small_config());
    let mut batch = AppendBatch::new();
    for sys_flag in [0x4, 0xC, 0x8] {
        let message = NewMessage {
            sys_flag,
            properties: b"KEYS\x01k\x02",
            ..message("T", 0, b"half")
        };
        batch.push(store.config(), &message).unwrap();
    }
    store.append(NOW_MS, &mut batch);
    let at: Vec<i64> = (0..3)
        .flat_map(|index| batch.physical_offsets(index))
        .map(|offset| offset.0)
        .collect();
    assert_eq!(find(&store, "T", "k"), [at[0], at[2]]);
}

#[test]
fn not_before_it_is_durable_when_that_is_promised() {
    let store = open(&MemDisk::new(), &sync_config());
    send_with(&store, NOW_MS, "T", "KEYS\x01k\x02").unwrap();
    assert_eq!(find(&store, "T", "k"), [0; 0]);
    store.flush(NOW_MS).unwrap();
    assert_eq!(find(&store, "T", "k"), [0]);
}

#[test]
fn a_batch_that_keeps_only_some_of_its_messages_keeps_their_keys() {
    let store = open(&MemDisk::new(), &small_config());
    let mut batch = AppendBatch::new();
    let keyed = |properties: &'static str, queue_id| NewMessage {
        properties: properties.as_bytes(),
        ..message("T", queue_id, b"x")
    };
    batch
        .push(store.config(), &keyed("KEYS\x01a b\x02", 0))
        .unwrap();
    let group = [keyed("KEYS\x01lost\x02", 0), keyed("KEYS\x01lost\x02", -1)];
    assert!(batch.push_group(store.config(), &group).is_err());
    batch
        .push(store.config(), &keyed("KEYS\x01c\x02", 0))
        .unwrap();
    store.append(NOW_MS, &mut batch);
    let second = batch.results()[1].clone().unwrap().physical_offset.0;
    assert_eq!(find(&store, "T", "b"), [0]);
    assert_eq!(find(&store, "T", "c"), [second]);
    assert_eq!(find(&store, "T", "lost"), [0; 0]);
    batch.clear();
    batch
        .push(store.config(), &keyed("KEYS\x01d\x02", 0))
        .unwrap();
    store.append(NOW_MS, &mut batch);
    assert_eq!(find(&store, "T", "a"), [0]);
    assert_eq!(find(&store, "T", "d").len(), 1);
}

#[test]
fn however_many_keys_wait_when_nobody_flushes() {
    let config = StoreConfig {
        segment_bytes: 1 << 30,
        index_slots: 1000,
        index_entries: 1_000_000,
        ..small_config()
    };
    let disk = MemDisk::new();
    let store = open(&disk, &config);
    let many = "k ".repeat(15_000);
    let text = format!("KEYS\x01{many}\x02");
    for _ in 0..30 {
        send_with(&store, NOW_MS, "T", &text).unwrap();
    }
    send_with(&store, NOW_MS, "T", "KEYS\x01last\x02").unwrap();
    assert_eq!(find(&store, "T", "last").len(), 1);
    use ferrocket_store::disk::Disk;
    let files = disk.list(std::path::Path::new("/store/index")).unwrap();
    assert_eq!(files.len(), 1, "the appends wrote some themselves");
}

#[test]
fn a_file_that_cannot_be_written_poisons_the_store() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    send_with(&store, NOW_MS, "T", "KEYS\x01k\x02").unwrap();
    disk.fail_next(Operation::Write, "index");
    assert!(store.flush_queues(NOW_MS).is_err());
    assert!(store.poison().unwrap().contains("writing the index failed"));
    assert_eq!(find(&store, "T", "k"), [0]);
}
