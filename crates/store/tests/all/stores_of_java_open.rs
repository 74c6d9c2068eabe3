//! Directories written by an Apache broker, one stopped and one killed, show what Apache itself sees
//! in them: bounds, entries, reads and offsets by time of every queue, and messages by key.

use crate::support::*;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{
    Boundary, QueueOffset, ReadAnswer, ReadRequest, ReadStatus, Store, StoreConfig,
};
use serde::Deserialize;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    min_phy: i64,
    max_phy: i64,
    queues: Vec<Queue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Queue {
    topic: String,
    queue_id: i32,
    min: i64,
    max: i64,
    earliest_time: i64,
    reads: Vec<(i64, String, i64, u32)>,
    by_time: Vec<(i64, String, i64)>,
    entries: Vec<(i64, i64, i32, i64)>,
}

fn golden(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/store")).join(name)
}

fn config() -> StoreConfig {
    let mut config = StoreConfig {
        segment_bytes: 16384,
        queue_file_bytes: 600,
        index_slots: 100,
        index_entries: 400,
        ..StoreConfig::new("/store")
    };
    config.delay_levels_ms[1] = 1000;
    config.delay_levels_ms[2] = 1000;
    config
}

/// Copies a directory into memory, so that opening it changes nothing.
fn copy(from: &Path, disk: &MemDisk, to: &Path) {
    disk.create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), disk, &target);
        } else {
            disk.write(&target, &std::fs::read(entry.path()).unwrap())
                .unwrap();
        }
    }
}

fn check(name: &str) {
    let disk = MemDisk::new();
    copy(&golden(name).join("store"), &disk, Path::new("/store"));
    let manifest = std::fs::read(golden(name).join("apache.json")).unwrap();
    let manifest: Manifest = serde_json::from_slice(&manifest).unwrap();
    let store = open(&disk, &config());
    assert_eq!(store.recovery_report().cut, None);
    assert_eq!(store.min_physical_offset().0, manifest.min_phy);
    assert_eq!(store.appended().0, manifest.max_phy);
    for queue in &manifest.queues {
        check_queue(&store, queue);
    }
    check_keys(&store, name);
    let queue = &manifest.queues[0];
    let next = send(&store, &queue.topic, queue.queue_id, b"ours").unwrap();
    assert_eq!(
        (next.queue_offset.0, next.physical_offset.0),
        (queue.max, manifest.max_phy)
    );
    // The files of Java are gone on with.
    send_with(&store, NOW_MS * 2, "PlainTopic", "KEYS\x01k0\x02").unwrap();
    store.close(NOW_MS).unwrap();
    drop(store);
    let store = open(&disk, &config());
    assert_eq!(
        find_within(&store, "PlainTopic", "k0", NOW_MS * 2, i64::MAX).len(),
        1
    );
    check_keys_of(&store, name, |(topic, key)| {
        (topic, key) != ("PlainTopic", "k0")
    });
}

fn check_keys(store: &Store, name: &str) {
    check_keys_of(store, name, |_| true);
}

fn check_keys_of(store: &Store, name: &str, which: impl Fn((&str, &str)) -> bool) {
    let keys = std::fs::read(golden(name).join("keys.json")).unwrap();
    let keys: Vec<(String, String, Vec<i64>)> = serde_json::from_slice(&keys).unwrap();
    assert!(keys.len() > 380);
    for (topic, key, offsets) in &keys {
        if which((topic, key)) {
            assert_eq!(&find(store, topic, key), offsets, "{name}: {topic} {key}");
        }
    }
}

fn check_queue(store: &Store, queue: &Queue) {
    let name = format!("{} {}", queue.topic, queue.queue_id);
    let (topic, id) = (queue.topic.as_str(), queue.queue_id);
    assert_eq!(store.min_offset(topic, id).0, queue.min, "{name}");
    assert_eq!(store.max_offset(topic, id).0, queue.max, "{name}");
    assert_eq!(
        store.earliest_store_ms(topic, id).unwrap(),
        Some(queue.earliest_time),
        "{name}"
    );
    assert_eq!(entries(store, queue), queue.entries, "{name}");
    assert_eq!(
        read_all(store, topic, id).len() as i64,
        queue.max - queue.min,
        "{name}"
    );
    for (offset, status, next, messages) in &queue.reads {
        let answer = read_two(store, queue, *offset);
        let found = (
            java_name(answer.status),
            answer.next_offset.0,
            answer.messages,
        );
        assert_eq!(
            found,
            (status.clone(), *next, *messages),
            "{name} from {offset}"
        );
    }
    for (time_ms, boundary, offset) in &queue.by_time {
        let side = if boundary == "LOWER" {
            Boundary::Lower
        } else {
            Boundary::Upper
        };
        let found = store.offset_by_time(topic, id, *time_ms, side).unwrap();
        assert_eq!(found.0, *offset, "{name} at {time_ms} {boundary}");
    }
}

fn entries(store: &Store, queue: &Queue) -> Vec<(i64, i64, i32, i64)> {
    let mut found = Vec::new();
    let mut offset = queue.min;
    while offset < queue.max {
        let request = request(queue, offset, 32);
        let answer = store
            .read(&request, &mut |entry| {
                found.push((
                    entry.queue_offset.0,
                    entry.physical_offset.0,
                    entry.bytes,
                    entry.tags_code,
                ));
                false
            })
            .unwrap();
        offset = answer.next_offset.0;
    }
    found
}

fn read_two(store: &Store, queue: &Queue, offset: i64) -> ReadAnswer {
    store
        .read(&request(queue, offset, 2), &mut |_| true)
        .unwrap()
}

fn request(queue: &Queue, offset: i64, messages_max: u32) -> ReadRequest<'_> {
    ReadRequest {
        topic: &queue.topic,
        queue_id: queue.queue_id,
        offset: QueueOffset(offset),
        messages_max,
        bytes_max: 1 << 20,
        hot_only: false,
    }
}

fn java_name(status: ReadStatus) -> String {
    let mut name = String::new();
    for letter in format!("{status:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[test]
fn after_a_clean_stop() {
    check("small-clean");
}

#[test]
fn after_a_kill() {
    check("small-killed");
}
