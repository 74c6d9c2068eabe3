//! A body may hold what looks like the head of a huge record; asked for by its offset it is none. Nor is
//! there memory for what a damaged entry of a queue promises.

use std::path::Path;

use crate::support::*;
use ferrocket_protocol::message::record::MAGIC_V1;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{PhysicalOffset, ReadStatus, StoreConfig};

#[test]
fn beyond_what_a_message_may_have() {
    let config = StoreConfig {
        segment_bytes: 32 << 20,
        ..small_config()
    };
    let store = open(&MemDisk::new(), &config);
    // A first message says where the body of the next one will be.
    let marker = [0xA5; 100];
    let probe = send(&store, "T", 0, &marker).unwrap();
    let record = store.record_at(probe.physical_offset).unwrap().unwrap();
    let body_at = record
        .windows(100)
        .position(|bytes| bytes == marker)
        .unwrap();
    let forged_at = probe.end.0 + body_at as i64;

    let mut forged = [0_u8; 100];
    forged[..4].copy_from_slice(&(5_i32 << 20).to_be_bytes());
    forged[4..8].copy_from_slice(&MAGIC_V1.to_be_bytes());
    forged[28..36].copy_from_slice(&forged_at.to_be_bytes());
    let sent = send(&store, "T", 0, &forged).unwrap();
    for _ in 0..2 {
        send(&store, "T", 0, &vec![1; 3 << 20]).unwrap();
    }
    assert_eq!(store.record_at(PhysicalOffset(forged_at)).unwrap(), None);
    assert!(store.record_at(sent.physical_offset).unwrap().is_some());
}

#[test]
fn nor_does_a_damaged_entry() {
    let config = StoreConfig {
        segment_bytes: 32 << 20,
        ..small_config()
    };
    let disk = MemDisk::new();
    let store = open(&disk, &config);
    for _ in 0..10 {
        send(&store, "T", 0, b"body").unwrap();
    }
    store.close(NOW_MS).unwrap();
    drop(store);
    let queue = Path::new("/store/consumequeue/T/0/00000000000000000000");
    let queue = disk.open(queue).unwrap();
    let size_of_one = 3 * 20 + 8;
    let forged = (16_i32 << 20).to_be_bytes();
    queue.write_all_at(&forged, size_of_one).unwrap();
    let store = open(&disk, &config);
    let before = disk.bytes_read();
    let answer = read(&store, "T", 0, 3);
    assert!(disk.bytes_read() - before < 1 << 20);
    assert_eq!(
        (answer.status, answer.next_offset.0),
        (ReadStatus::MessageWasRemoving, 4)
    );
    assert_eq!(messages(&read(&store, "T", 0, 4)).len(), 6);
}

#[test]
fn but_a_message_of_a_time_when_longer_ones_were_allowed_does() {
    let config = |body_bytes_max| StoreConfig {
        segment_bytes: 32 << 20,
        body_bytes_max,
        ..small_config()
    };
    let disk = MemDisk::new();
    let store = open(&disk, &config(8 << 20));
    let long = vec![1; 6 << 20];
    send(&store, "T", 0, &long).unwrap();
    store.close(NOW_MS).unwrap();
    drop(store);
    let store = open(&disk, &config(1 << 20));
    assert_eq!(messages(&read(&store, "T", 0, 0)), [(0, long)]);
}
