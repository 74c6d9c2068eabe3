//! A place in the log that holds no record does not end it while records follow: it is saved,
//! reported and filled, the messages behind it stay, and no offset is given out twice.

use crate::support::*;
use ferrocket_protocol::message::{View, sys_flag, view::ViewError};
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::{Fault, MemDisk, Operation};
use ferrocket_store::{Damage, NewMessage, PhysicalOffset, QueueType, Repair, Store, StoreConfig};
use std::path::{Path, PathBuf};

fn segment(base: i64) -> PathBuf {
    Path::new("/store/commitlog").join(format!("{base:020}"))
}

/// A killed store with these many messages in queue 0 of T, each of 200 bytes or so; where they are.
fn killed(disk: &MemDisk, messages: u32) -> Vec<(i64, i64)> {
    let store = open(disk, &small_config());
    let sent = (0..messages).map(|number| {
        let body = [&number.to_be_bytes()[..], &[b'.'; 100]].concat();
        let sent = send(&store, "T", 0, &body).unwrap();
        (sent.physical_offset.0, sent.end.0)
    });
    sent.collect()
}

fn overwrite(disk: &MemDisk, at: i64, bytes: &[u8]) {
    let base = at - at % 4096;
    let file = disk.open(&segment(base)).unwrap();
    file.write_all_at(bytes, (at - base) as u64).unwrap();
}

fn bytes_at(disk: &MemDisk, from: i64, to: i64) -> Vec<u8> {
    let base = from - from % 4096;
    disk.read(&segment(base)).unwrap()[(from - base) as usize..(to - base) as usize].to_vec()
}

/// Numbers of the messages in the queue, by their offsets.
fn numbers(store: &Store) -> Vec<(i64, u32)> {
    let number = |body: &[u8]| u32::from_be_bytes(*body.first_chunk().unwrap());
    let all = read_all(store, "T", 0);
    all.iter()
        .map(|(offset, body)| (*offset, number(body)))
        .collect()
}

fn all_but(lost: &[u32], messages: u32) -> Vec<(i64, u32)> {
    let kept = (0..messages).filter(|number| !lost.contains(number));
    kept.map(|number| (i64::from(number), number)).collect()
}

/// Walks over the whole log as every broker does, and fails where one would end it.
fn walk(disk: &MemDisk, end: i64) {
    let mut at = 0;
    while at < end {
        let base = at - at % 4096;
        match View::parse(&bytes_at(disk, at, base + 4096)) {
            Ok(record) => {
                assert_eq!(record.physical_offset, at);
                assert!(record.body_crc_matches());
                at += record.bytes().len() as i64;
            }
            Err(ViewError::Blank { bytes }) => {
                assert_eq!(i64::from(bytes), base + 4096 - at);
                at = base + 4096;
            }
            Err(error) => return assert_eq!(error.to_string(), "", "at {at}"),
        }
    }
    assert_eq!(at, end);
}

/// Opens, finds one damage and all messages but some, goes on, and finds the same once more.
fn check(disk: &MemDisk, lost: &[u32], messages: u32) -> Damage {
    let store = open(disk, &small_config());
    assert_eq!(store.recovery_report().cut, None);
    let damages = store.recovery_report().damages.clone();
    assert_eq!(damages.len(), 1, "{damages:?}");
    assert_eq!(numbers(&store), all_but(lost, messages));
    let next = send(&store, "T", 0, &messages.to_be_bytes()).unwrap();
    assert_eq!(next.queue_offset.0, i64::from(messages));
    walk(disk, next.end.0);
    drop(store);
    let store = open(disk, &small_config());
    assert_eq!(store.recovery_report().damages, []);
    assert_eq!(numbers(&store), all_but(lost, messages + 1));
    damages[0].clone()
}

#[test]
fn a_body_that_does_not_match_its_crc() {
    let disk = MemDisk::new();
    let sent = killed(&disk, 10);
    overwrite(&disk, sent[4].0 + 100, b"x");
    let before = bytes_at(&disk, sent[4].0, sent[4].1);
    let damage = check(&disk, &[4], 10);
    let (from, to) = (PhysicalOffset(sent[4].0), PhysicalOffset(sent[4].1));
    assert_eq!((damage.from, damage.to), (from, to));
    assert!(damage.reason.contains("CRC"), "{}", damage.reason);
    let message = damage.message.unwrap();
    assert_eq!((message.topic.as_str(), message.queue_offset.0), ("T", 4));
    assert_eq!(damage.repair, Repair::Filled);
    assert_eq!(disk.read(&damage.saved.unwrap()).unwrap(), before);
}

/// What the record says of its length ends where the next one does.
#[test]
fn a_total_that_takes_the_next_record_in() {
    let disk = MemDisk::new();
    let sent = killed(&disk, 10);
    let both = i32::try_from(sent[5].1 - sent[4].0).unwrap();
    overwrite(&disk, sent[4].0, &both.to_be_bytes());
    check(&disk, &[4], 10);
}

/// Nothing good is left to scan; store times ascend nevertheless, when the clock was set back.
#[test]
fn the_only_record_behind_the_checkpoint() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    send(&store, "T", 0, b"good").unwrap();
    let last = send(&store, "T", 0, &[b'.'; 100]).unwrap();
    store.close(NOW_MS).unwrap();
    drop(store);
    overwrite(&disk, last.physical_offset.0 + 100, b"x");
    let store = open(&disk, &small_config());
    assert_eq!(store.recovery_report().damages.len(), 1);
    let next = send_at(&store, NOW_MS - 10_000, "T", 0, b"next").unwrap();
    assert_eq!(next.store_ms, NOW_MS);
    drop(store);
    // What fills the damaged place now has no time of its own.
    overwrite(&disk, next.physical_offset.0 + 95, b"x");
    let store = open(&disk, &small_config());
    let next = send_at(&store, NOW_MS - 10_000, "T", 0, b"next").unwrap();
    assert_eq!(next.store_ms, NOW_MS);
}

#[test]
fn zeros() {
    let disk = MemDisk::new();
    let sent = killed(&disk, 10);
    overwrite(&disk, sent[6].0, &vec![0; (sent[7].1 - sent[6].0) as usize]);
    let damage = check(&disk, &[6, 7], 10);
    assert_eq!((damage.from.0, damage.to.0), (sent[6].0, sent[7].1));
    assert_eq!(damage.saved, None);
}

#[test]
fn noise_over_the_heads_of_several_records() {
    let disk = MemDisk::new();
    let sent = killed(&disk, 10);
    let noise: Vec<u8> = (0..250).map(|number| number as u8 ^ 0x5A).collect();
    overwrite(&disk, sent[2].0, &noise);
    check(&disk, &[2, 3], 10);
}

#[test]
fn a_whole_segment_in_the_middle() {
    let disk = MemDisk::new();
    let sent = killed(&disk, 60);
    overwrite(&disk, 4096, &[0; 4096]);
    let lost: Vec<u32> = (0..60)
        .filter(|number| sent[*number as usize].0 / 4096 == 1)
        .collect();
    assert!(lost.len() > 10);
    let damage = check(&disk, &lost, 60);
    assert_eq!((damage.from.0, damage.to.0), (4096, 8192));
}

#[test]
fn the_end_of_a_segment_and_the_start_of_the_next() {
    let disk = MemDisk::new();
    let sent = killed(&disk, 60);
    overwrite(&disk, 4000, &[0x5A; 96]);
    overwrite(&disk, 4096, &[0x5A; 10]);
    let hit = |(from, to): (i64, i64)| to > 4000 && from <= 4096;
    let lost: Vec<u32> = (0..60)
        .filter(|number| hit(sent[*number as usize]))
        .collect();
    check(&disk, &lost, 60);
}

#[test]
fn the_last_record_when_the_checkpoint_says_that_it_was_durable() {
    let disk = MemDisk::new();
    let sent = killed(&disk, 10);
    let store = open(&disk, &small_config());
    store.close(NOW_MS).unwrap();
    drop(store);
    overwrite(&disk, sent[9].0 + 100, b"x");
    check(&disk, &[9], 10);
}

#[test]
fn a_record_inside_of_the_damaged_one_is_none() {
    let disk = MemDisk::new();
    let sent = killed(&disk, 10);
    // The body of a message holds a record of this very place, and its own CRC is broken.
    let mut forged = bytes_at(&disk, sent[3].0, sent[3].0 + 92);
    let at = sent[4].0 + 89;
    forged[..4].copy_from_slice(&92_i32.to_be_bytes());
    forged[28..36].copy_from_slice(&at.to_be_bytes());
    forged[84..88].copy_from_slice(&0_i32.to_be_bytes());
    forged[88..92].copy_from_slice(&[1, b'T', 0, 0]);
    assert!(View::parse(&forged).is_ok());
    overwrite(&disk, at, &forged);
    check(&disk, &[4], 10);
}

#[test]
fn records_of_an_earlier_life_stay_forgotten() {
    let config = StoreConfig {
        segment_bytes: 8192,
        ..small_config()
    };
    let disk = MemDisk::new();
    let store = open(&disk, &config);
    send_at(&store, NOW_MS, "T", 0, b"kept").unwrap();
    let torn = send_at(&store, NOW_MS, "T", 0, &[b'.'; 2000]).unwrap();
    let stale = send_at(&store, NOW_MS + 1, "T", 0, b"of an earlier life").unwrap();
    let old = bytes_at(&disk, stale.physical_offset.0, stale.end.0);
    drop(store);
    // A Java broker cut the log here and wrote on; what was behind is still there.
    let file = disk.open(&segment(0)).unwrap();
    file.zero(
        torn.physical_offset.0 as u64,
        8000 - torn.physical_offset.0 as u64,
        ferrocket_store::disk::Reserve::Now,
    )
    .unwrap();
    let store = open(&disk, &config);
    send_at(&store, NOW_MS + 10, "T", 0, b"later").unwrap();
    drop(store);
    file.write_all_at(&old, stale.physical_offset.0 as u64)
        .unwrap();
    let store = open(&disk, &config);
    assert_eq!(read_all(&store, "T", 0).len(), 2);
    assert_eq!(store.recovery_report().damages, []);
}

#[test]
fn a_topic_that_never_reached_the_disk() {
    let disk = MemDisk::new();
    let sent = killed(&disk, 10);
    // Topic, properties' length and properties stand at the end of a record.
    overwrite(&disk, sent[5].1 - 10, b"\0");
    let damage = check(&disk, &[5], 10);
    assert!(damage.reason.contains("topic"), "{}", damage.reason);
}

#[test]
fn the_first_record_of_a_queue() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    send(&store, "Before", 0, b"another queue").unwrap();
    let lost = send(&store, "T", 0, &[b'.'; 100]).unwrap();
    send(&store, "T", 0, &1_u32.to_be_bytes()).unwrap();
    store.flush_queues(NOW_MS).unwrap();
    drop(store);
    overwrite(&disk, lost.physical_offset.0, &[0; 120]);
    let store = open(&disk, &small_config());
    assert_eq!(numbers(&store), [(1, 1)]);
    store.close(NOW_MS).unwrap();
    // No entry points at the filler.
    let entries = disk
        .read(Path::new(&format!("/store/consumequeue/T/0/{:020}", 0)))
        .unwrap();
    assert_eq!(
        entries[..12],
        [0, 0, 0, 0, 0, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF]
    );
}

#[test]
fn a_log_that_ends_with_its_segment_ends_there_at_every_start() {
    let disk = MemDisk::new();
    let sent = killed(&disk, 60);
    let end = sent.last().unwrap().0 / 4096 * 4096;
    // The last segment is gone before a record of it was durable.
    let name = segment(end);
    overwrite(&disk, end, &[0; 4096]);
    let first = open(&disk, &small_config()).appended();
    assert!(!disk.exists(&name));
    let second = open(&disk, &small_config()).appended();
    assert_eq!((first.0, second.0), (end, end));
    let next = send(&open(&disk, &small_config()), "T", 0, b"next").unwrap();
    assert_eq!(next.physical_offset.0, end);
}

#[test]
fn a_segment_that_is_missing_ends_nothing_either() {
    for clean in [true, false] {
        let disk = MemDisk::new();
        let store = open(&disk, &small_config());
        let send_until = |end: i64| {
            while store.appended().0 < end {
                send(&store, "T", 0, &[b'.'; 200]).unwrap();
            }
        };
        let gone = 2 * 4096;
        send_until(gone + 2000);
        // The last record of this queue is in the segment that goes.
        send(&store, "Middle", 0, b"lost").unwrap();
        send_until(gone + 4096 + 2000);
        let messages = read_all(&store, "T", 0).len();
        store.flush_queues(NOW_MS + 100_000).unwrap();
        if clean {
            store.close(NOW_MS).unwrap();
        }
        drop(store);
        disk.remove_file(&segment(gone)).unwrap();
        let store = open(&disk, &small_config());
        assert!(
            store.appended().0 > 4096 * 3,
            "{:?}",
            store.recovery_report()
        );
        assert_eq!(store.recovery_report().gaps, [PhysicalOffset(gone)]);
        assert!(read_all(&store, "T", 0).len() > messages / 2);
    }
}

#[test]
fn the_offsets_of_a_damaged_last_batch_go_to_nobody_else() {
    let config = StoreConfig {
        batch_queue_file_bytes: 460,
        batch_topics: ["B".to_owned()].into(),
        ..small_config()
    };
    let disk = MemDisk::new();
    let store = open(&disk, &config);
    let mut last = 0;
    for _ in 0..3 {
        let batch = NewMessage {
            sys_flag: sys_flag::INNER_BATCH | sys_flag::NEED_UNWRAP,
            properties: b"TAGS\x01a\x02INNER_NUM\x015\x02",
            ..message("B", 0, &[9; 200])
        };
        let sent = send_to(&store, QueueType::Batch, &batch).unwrap();
        last = sent.physical_offset.0.unsigned_abs();
    }
    store.flush_queues(NOW_MS + 100_000).unwrap();
    drop(store);
    let log = disk.open(&segment(0)).unwrap();
    log.write_all_at(b"x", last + 120).unwrap();
    let store = open(&disk, &config);
    assert_eq!(store.recovery_report().damages.len(), 1);
    let next = send_to(&store, QueueType::Batch, &message("B", 0, b"next")).unwrap();
    assert_eq!(next.queue_offset.0, 15);
    drop(store);
    let store = open(&disk, &config);
    assert_eq!(store.max_offset("B", 0).0, 16);
    assert_eq!(read_all(&store, "B", 0).last().unwrap().0, 15);
}

#[test]
fn and_what_cannot_be_saved_leaves_nothing_behind_and_is_served_to_nobody() {
    let disk = MemDisk::new();
    let sent = killed(&disk, 10);
    overwrite(&disk, sent[4].0 + 100, b"x");
    for _ in 0..3 {
        disk.inject(Fault {
            kind: Some(std::io::ErrorKind::StorageFull),
            done_of_16: 8,
            ..Fault::once(Operation::Write, "ferrocket/damaged")
        });
        let store = open(&disk, &small_config());
        let damages = &store.recovery_report().damages;
        assert!(matches!(damages[0].repair, Repair::Left(_)), "{damages:?}");
        assert_eq!(store.record_at(damages[0].from).unwrap(), None);
        assert_eq!(numbers(&store), all_but(&[4], 10));
        let saved = disk.list(Path::new("/store/ferrocket/damaged")).unwrap();
        assert_eq!(saved, []);
    }
    assert!(check(&disk, &[4], 10).saved.is_some());
}
