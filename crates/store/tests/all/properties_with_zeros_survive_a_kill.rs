//! A client may send properties that look like sectors that never reached the disk. What was stored is
//! there after a kill, and what really lacks a sector is not.

use std::path::Path;

use crate::support::*;
use ferrocket_protocol::message::View;
use ferrocket_protocol::message::record::{self, Holes, Limits};
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{NewMessage, QueueType};

fn properties(zeros: usize) -> Vec<u8> {
    [b"ID\x01".to_vec(), vec![0; zeros], b"\x02".to_vec()].concat()
}

/// Those of every message of the queue.
fn all_properties(disk: &MemDisk) -> Vec<Vec<u8>> {
    let store = open(disk, &sync_config());
    let mut all = Vec::new();
    for offset in 0..store.max_offset("T", 0).0 {
        let record = read(&store, "T", 0, offset).records[0].clone();
        all.push(View::parse(&record).unwrap().properties.to_vec());
    }
    all
}

#[test]
fn whatever_sectors_they_fill() {
    let sent: Vec<_> = [1, 511, 1024, 1100, 2000].map(properties).into();
    for before in [0, 1, 100, 300] {
        let disk = MemDisk::new();
        let store = open(&disk, &sync_config());
        send(&store, "Other", 0, &vec![1; before]).unwrap();
        for properties in &sent {
            let message = NewMessage {
                properties,
                ..message("T", 0, b"body")
            };
            send_to(&store, QueueType::Simple, &message).unwrap();
        }
        store.flush(NOW_MS).unwrap();
        drop(store);
        for disk in [disk.kill(), disk.power_loss(1)] {
            let found = all_properties(&disk);
            assert_eq!(found.len(), sent.len());
            for (found, sent) in found.iter().zip(&sent) {
                assert_eq!(found[..sent.len()], sent[..]);
            }
        }
    }
}

#[test]
fn and_as_long_as_they_may_be() {
    let config = ferrocket_store::StoreConfig {
        segment_bytes: 1 << 20,
        ..sync_config()
    };
    let disk = MemDisk::new();
    let store = open(&disk, &config);
    let lengths = 32_740..=32_767;
    for length in lengths.clone() {
        let properties = properties(length - 4);
        let message = NewMessage {
            properties: &properties,
            ..message("T", 0, b"body")
        };
        send_to(&store, QueueType::Simple, &message).unwrap();
    }
    store.flush(NOW_MS).unwrap();
    drop(store);
    let store = open(&disk, &config);
    assert_eq!(store.recovery_report().damages, []);
    assert_eq!(read_all(&store, "T", 0).len(), lengths.count());
}

/// The CRC of a record is asked for later: what was stored without one may end as it likes.
#[test]
fn also_when_records_get_a_crc_from_now_on() {
    let disk = MemDisk::new();
    let store = open(&disk, &sync_config());
    let end = send(&store, "Other", 0, b"other").unwrap().end;
    drop(store);
    put_record_with(&disk, end.0, b"ID\x01a\0");
    disk.write(Path::new("/store/checkpoint"), &[0; 4096])
        .unwrap();
    let config = ferrocket_store::StoreConfig {
        append_property_crc: true,
        ..sync_config()
    };
    let store = open(&disk, &config);
    assert_eq!(read_all(&store, "T", 0).len(), 1);
}

#[test]
fn but_not_what_is_torn_in_a_store_that_was_just_made() {
    let disk = MemDisk::new();
    let store = open(&disk, &sync_config());
    let end = send(&store, "Other", 0, b"other").unwrap().end;
    drop(store);
    put_record(&disk, end.0);
    assert_eq!(all_properties(&disk).len(), 0);
}

/// A record as a broker stores it that adds no CRC.
fn put_record(disk: &MemDisk, at: i64) {
    put_record_with(disk, at, &properties(1100));
}

fn put_record_with(disk: &MemDisk, at: i64, properties: &[u8]) {
    let message = NewMessage {
        properties,
        ..message("T", 0, b"body")
    };
    let mut encoded = Vec::new();
    record::encode(&mut encoded, &message, Limits::default()).unwrap();
    record::fill_holes(
        &mut encoded,
        Holes {
            queue_offset: 0,
            physical_offset: at,
            store_ms: NOW_MS,
        },
    );
    let segment = disk.open(Path::new("/store/commitlog/00000000000000000000"));
    let segment = segment.unwrap();
    segment.write_all_at(&encoded, at as u64).unwrap();
}

#[test]
fn but_only_what_another_broker_wrote_may_have_them_without_a_crc() {
    for is_ours in [true, false] {
        let disk = MemDisk::new();
        let store = open(&disk, &sync_config());
        let end = send(&store, "Other", 0, b"other").unwrap().end;
        store.flush_queues(NOW_MS + 100_000).unwrap();
        drop(store);
        put_record(&disk, end.0);
        if !is_ours {
            disk.write(Path::new("/store/checkpoint"), &[0; 4096])
                .unwrap();
        }
        let found = all_properties(&disk);
        assert_eq!(found.len(), usize::from(!is_ours));
        // Nor is it cut later, when the checkpoint is ours.
        assert_eq!(all_properties(&disk), found);
    }
}
