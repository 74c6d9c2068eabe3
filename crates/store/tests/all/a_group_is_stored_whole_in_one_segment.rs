//! The messages of a client batch are stored together: consecutive offsets, one segment, or nothing.

use crate::support::*;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{AppendBatch, AppendError};

#[test]
fn with_consecutive_offsets_and_one_result() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    send(&store, "T", 0, &[1; 3000]).unwrap();
    let bodies: Vec<Vec<u8>> = (0..5).map(|number| vec![number; 200]).collect();
    let group: Vec<_> = bodies.iter().map(|body| message("T", 0, body)).collect();
    let mut batch = AppendBatch::new();
    assert_eq!(batch.push_group(store.config(), &group).unwrap(), 0);
    assert_eq!(
        batch
            .push(store.config(), &message("T", 0, b"after"))
            .unwrap(),
        1
    );
    store.append(NOW_MS, &mut batch);
    let first = batch.results()[0].clone().unwrap();
    assert_eq!((first.queue_offset.0, first.messages), (1, 5));
    assert_eq!(
        first.physical_offset.0, 4096,
        "the group does not fit behind the first message"
    );
    let starts: Vec<i64> = batch.physical_offsets(0).map(|offset| offset.0).collect();
    let record = starts[1] - starts[0];
    assert_eq!(
        starts,
        (0..5)
            .map(|index| 4096 + index * record)
            .collect::<Vec<_>>()
    );
    assert_eq!(batch.results()[1].clone().unwrap().queue_offset.0, 6);
    assert_eq!(read_all(&store, "T", 0).len(), 7);
}

#[test]
fn or_not_at_all() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    let body = vec![1; 1000];
    let group: Vec<_> = (0..5).map(|_| message("T", 0, &body)).collect();
    let mut batch = AppendBatch::new();
    batch
        .push(store.config(), &message("T", 0, b"before"))
        .unwrap();
    assert_eq!(
        batch.push_group(store.config(), &group),
        Err(AppendError::MessageIllegal)
    );
    assert_eq!(
        batch.push_group(store.config(), &[]),
        Err(AppendError::MessageIllegal)
    );
    let bad = [message("T", 0, b"good"), message("no/topic", 0, b"bad")];
    assert_eq!(
        batch.push_group(store.config(), &bad),
        Err(AppendError::MessageIllegal)
    );
    assert_eq!(batch.len(), 1);
    store.append(NOW_MS, &mut batch);
    assert_eq!(batch.results().len(), 1);
    assert_eq!(read_all(&store, "T", 0), [(0, b"before".to_vec())]);
    batch.clear();
    assert!(batch.is_empty() && batch.bytes() == 0);
}
