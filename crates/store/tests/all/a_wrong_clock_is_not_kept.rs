//! A clock that was far ahead for a while, or a damaged store time, decides neither when messages are
//! stored from then on nor what recovery believes.

use std::path::Path;
use std::sync::Arc;

use crate::support::*;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{NoSignals, Store};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Messages stored at these times, the last but one of which is then damaged.
fn with_a_hole_behind(times: &[i64], flushed: bool) -> MemDisk {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    let mut starts = Vec::new();
    for now_ms in times {
        let sent = send_at(&store, *now_ms, "T", 0, &[7; 100]).unwrap();
        starts.push(sent.physical_offset.0);
    }
    if flushed {
        store.flush_queues(NOW_MS + 10 * DAY_MS).unwrap();
    }
    drop(store);
    let hole = starts[starts.len() - 2];
    let log = Path::new("/store/commitlog/00000000000000000000");
    let file = disk.open(log).unwrap();
    file.write_all_at(&[0x5A; 60], hole as u64).unwrap();
    disk
}

#[test]
fn when_messages_are_stored() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    let stored = |store: &Store, now_ms| send_at(store, now_ms, "T", 0, b"x").unwrap().store_ms;
    assert_eq!(stored(&store, NOW_MS + HOUR_MS / 2), NOW_MS + HOUR_MS / 2);
    assert_eq!(stored(&store, NOW_MS), NOW_MS + HOUR_MS / 2);
    assert_eq!(stored(&store, NOW_MS + 9 * DAY_MS), NOW_MS + 9 * DAY_MS);
    assert_eq!(stored(&store, NOW_MS), NOW_MS);
    assert_eq!(stored(&store, NOW_MS + 9 * DAY_MS), NOW_MS + 9 * DAY_MS);
    store.close(NOW_MS).unwrap();
    drop(store);
    let store = open(&disk, &small_config());
    assert_eq!(stored(&store, NOW_MS + 1), NOW_MS + 1);
    assert_eq!(store.max_offset("T", 0).0, 6);
}

#[test]
fn behind_damage_that_follows_such_a_time() {
    let times = [
        NOW_MS,
        NOW_MS + 1,
        NOW_MS + 9 * DAY_MS,
        NOW_MS + 2,
        NOW_MS + 3,
    ];
    let disk = with_a_hole_behind(&times, false);
    let store = open(&disk, &small_config());
    assert_eq!(store.recovery_report().damages.len(), 1);
    assert_eq!(read_all(&store, "T", 0).len(), 4);
}

#[test]
fn nor_where_the_log_was_durable_when_the_clock_has_come_there_meanwhile() {
    let times = [
        NOW_MS,
        NOW_MS + 1,
        NOW_MS + 3 * DAY_MS,
        NOW_MS + 2,
        NOW_MS + 3,
    ];
    let disk = with_a_hole_behind(&times, true);
    let store = Store::open(
        Arc::new(disk),
        small_config(),
        Arc::new(NoSignals),
        NOW_MS + 10 * DAY_MS,
    )
    .unwrap();
    assert_eq!(store.recovery_report().damages.len(), 1);
    assert_eq!(read_all(&store, "T", 0).len(), 4);
}
