//! Offsets by store time, with both boundaries, and the store times themselves.

use crate::support::*;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{Boundary, QueueOffset, Store};

fn by_time(store: &Store, time_ms: i64) -> (i64, i64) {
    let lower = store
        .offset_by_time("T", 0, time_ms, Boundary::Lower)
        .unwrap();
    let upper = store
        .offset_by_time("T", 0, time_ms, Boundary::Upper)
        .unwrap();
    (lower.0, upper.0)
}

#[test]
fn with_lower_and_upper_boundary() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    assert_eq!(by_time(&store, 5), (0, 0));
    assert_eq!(store.earliest_store_ms("T", 0).unwrap(), None);
    assert_eq!(store.earliest_log_store_ms().unwrap(), None);
    for time_ms in [1000, 2000, 2000, 2000, 4000, 4000] {
        send_at(&store, time_ms, "T", 0, b"x").unwrap();
    }
    assert_eq!(by_time(&store, 3000), (4, 3));
    assert_eq!(by_time(&store, 2000), (1, 3));
    assert_eq!(by_time(&store, 500), (0, 0));
    assert_eq!(by_time(&store, 1000), (0, 0));
    assert_eq!(by_time(&store, 4000), (4, 5));
    assert_eq!(by_time(&store, 9000), (6, 5));
    assert_eq!(store.earliest_store_ms("T", 0).unwrap(), Some(1000));
    assert_eq!(store.earliest_log_store_ms().unwrap(), Some(1000));
    assert_eq!(
        store.store_ms_at("T", 0, QueueOffset(4)).unwrap(),
        Some(4000)
    );
    assert_eq!(store.store_ms_at("T", 0, QueueOffset(6)).unwrap(), None);
}

#[test]
fn store_times_never_go_back() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    assert_eq!(send_at(&store, 5000, "T", 0, b"x").unwrap().store_ms, 5000);
    assert_eq!(send_at(&store, 3000, "T", 0, b"x").unwrap().store_ms, 5000);
    drop(store);
    let store = open(&disk, &small_config());
    assert_eq!(send_at(&store, 4000, "T", 0, b"x").unwrap().store_ms, 5000);
}

#[test]
fn a_record_is_found_by_its_physical_offset_alone() {
    use ferrocket_protocol::message::View;
    use ferrocket_store::PhysicalOffset;
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    send(&store, "T", 0, b"one").unwrap();
    let second = send(&store, "T", 3, b"two").unwrap();
    let record = store.record_at(second.physical_offset).unwrap().unwrap();
    let view = View::parse(&record).unwrap();
    assert_eq!(
        (view.topic, view.queue_id, view.body),
        ("T", 3, &b"two"[..])
    );
    for nowhere in [1, second.physical_offset.0 + 1, second.end.0, 1 << 40, -5] {
        assert_eq!(
            store.record_at(PhysicalOffset(nowhere)).unwrap(),
            None,
            "{nowhere}"
        );
    }
}
