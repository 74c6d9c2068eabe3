//! A message that lists light queues (`INNER_MULTI_DISPATCH`) is in each of them, at the offsets that
//! its stored properties name, after a stop, a kill and a power loss too.

use crate::support::*;
use ferrocket_protocol::message::{View, properties, property};
use ferrocket_store::disk::mem::{MemDisk, Operation};
use ferrocket_store::{AppendBatch, AppendError, NewMessage, Store, StoreConfig};

fn config() -> StoreConfig {
    StoreConfig {
        enable_lmq: true,
        enable_multi_dispatch: true,
        ..small_config()
    }
}

fn listing(names: &str) -> String {
    format!(
        "{}\x01{names}\x02WAIT\x01true\x02",
        property::INNER_MULTI_DISPATCH
    )
}

fn send_listing(store: &Store, names: &str) -> Result<i64, AppendError> {
    let sent = send_with(store, NOW_MS, "T", &listing(names))?;
    Ok(sent.physical_offset.0)
}

/// Physical offset of every message of a light queue.
fn content(store: &Store, queue: &str) -> Vec<i64> {
    let mut found = Vec::new();
    let mut offset = store.min_offset(queue, 0).0;
    while offset < store.max_offset(queue, 0).0 {
        let answer = read(store, queue, 0, offset);
        for records in &answer.records {
            let records = ferrocket_protocol::message::view::records(records);
            found.extend(records.map(|record| record.unwrap().physical_offset));
        }
        offset = answer.next_offset.0;
    }
    found
}

fn offsets_of(store: &Store, physical_offset: i64) -> Vec<i64> {
    let at = ferrocket_store::PhysicalOffset(physical_offset);
    let record = store.record_at(at).unwrap().unwrap();
    let record = View::parse(&record).unwrap();
    let numbers = properties::find(record.properties, property::INNER_MULTI_QUEUE_OFFSET);
    let numbers = numbers.unwrap().split(',');
    assert_eq!(properties::find(record.properties, "WAIT"), Some("true"));
    numbers.map(|number| number.parse().unwrap()).collect()
}

#[test]
fn at_the_offsets_that_the_record_names() {
    for append_property_crc in [false, true] {
        let disk = MemDisk::new();
        let config = StoreConfig {
            append_property_crc,
            ..config()
        };
        let store = open(&disk, &config);
        let both = send_listing(&store, "%LMQ%a,%LMQ%b").unwrap();
        let one = send_listing(&store, "%LMQ%b").unwrap();
        let none = send(&store, "T", 0, b"plain").unwrap().physical_offset.0;
        let swapped = send_listing(&store, "%LMQ%b,%LMQ%a").unwrap();
        assert_eq!(content(&store, "%LMQ%a"), [both, swapped]);
        assert_eq!(content(&store, "%LMQ%b"), [both, one, swapped]);
        assert_eq!(content(&store, "T"), [both, one, none, swapped]);
        assert_eq!(offsets_of(&store, both), [0, 0]);
        assert_eq!(offsets_of(&store, one), [1]);
        assert_eq!(offsets_of(&store, swapped), [2, 1]);
        store.close(NOW_MS).unwrap();

        let store = open(&disk, &config);
        assert!(store.recovery_report().cut.is_none());
        assert_eq!(content(&store, "%LMQ%b"), [both, one, swapped]);
        let next = send_listing(&store, "%LMQ%a").unwrap();
        assert_eq!(offsets_of(&store, next), [2]);
    }
}

#[test]
fn their_names_and_next_offsets_are_told_for_those_who_wait() {
    let store = open(&MemDisk::new(), &config());
    let mut batch = AppendBatch::new();
    let text = listing("%LMQ%a,%LMQ%b");
    let with = NewMessage {
        properties: text.as_bytes(),
        ..message("T", 0, b"x")
    };
    batch.push(store.config(), &message("T", 0, b"y")).unwrap();
    batch.push(store.config(), &with).unwrap();
    batch.push_group(store.config(), &[with, with]).unwrap();
    store.append(NOW_MS, &mut batch);
    let told = |index| -> Vec<_> {
        let arrivals = batch.light_arrivals(index);
        arrivals
            .map(|(name, next)| (name.to_owned(), next.0))
            .collect()
    };
    assert_eq!(told(0), []);
    assert_eq!(
        told(1),
        [("%LMQ%a".to_owned(), 1), ("%LMQ%b".to_owned(), 1)]
    );
    assert_eq!(told(2).last().unwrap(), &("%LMQ%b".to_owned(), 3));
}

#[test]
fn a_kill_and_a_power_loss_bring_back_what_the_log_has() {
    let disk = MemDisk::new();
    let store = open(&disk, &config());
    let mut a = Vec::new();
    let mut b = Vec::new();
    for index in 0..60 {
        let both = index % 3 == 0;
        let at = send_listing(&store, if both { "%LMQ%a,%LMQ%b" } else { "%LMQ%b" }).unwrap();
        b.push(at);
        a.extend(both.then_some(at));
        if index == 30 {
            store.flush_queues(NOW_MS + 100_000).unwrap();
        }
    }
    store.flush(NOW_MS).unwrap();
    drop(store);
    for seed in 0..20 {
        let store = open(&disk.power_loss(seed), &config());
        assert_eq!(content(&store, "%LMQ%a"), a, "seed {seed}");
        assert_eq!(content(&store, "%LMQ%b"), b, "seed {seed}");
    }
    // Queues that are there are kept up also when the switches are off.
    let store = open(&disk, &small_config());
    assert_eq!(content(&store, "%LMQ%a"), a);
}

#[test]
fn a_name_listed_twice_is_one_and_one_that_no_directory_can_have_is_none() {
    let disk = MemDisk::new();
    let store = open(&disk, &config());
    let at = send_listing(&store, "%LMQ%a,%LMQ%x/y,%LMQ%a").unwrap();
    let next = send_listing(&store, "%LMQ%a").unwrap();
    assert_eq!(offsets_of(&store, at), [0, 0, 0]);
    assert_eq!(content(&store, "%LMQ%a"), [at, next]);
    drop(store);
    let store = open(&disk, &config());
    assert_eq!(content(&store, "%LMQ%a"), [at, next]);
    assert_eq!(store.max_offset("%LMQ%x/y", 0).0, 0);
}

#[test]
fn lists_do_not_count_without_the_switches_or_with_other_queues() {
    let store = open(&MemDisk::new(), &small_config());
    send_listing(&store, "%LMQ%a").unwrap();
    assert_eq!(store.max_offset("%LMQ%a", 0).0, 0);
    let store = open(&MemDisk::new(), &config());
    assert_eq!(
        send_listing(&store, "%LMQ%a,T"),
        Err(AppendError::MessageIllegal)
    );
    assert_eq!(store.max_offset("%LMQ%a", 0).0, 0);
}

#[test]
fn a_record_gets_no_room_beyond_the_body_and_long_lists_are_refused() {
    let config = StoreConfig {
        body_bytes_max: 1000,
        ..config()
    };
    let store = open(&MemDisk::new(), &config);
    let text = listing("%LMQ%a");
    let with = |body| NewMessage {
        properties: text.as_bytes(),
        ..message("T", 0, body)
    };
    let mut batch = AppendBatch::new();
    assert!(batch.push(&config, &with(&[0; 700])).is_ok());
    let refused = batch.push(&config, &with(&[0; 900]));
    assert_eq!(refused, Err(AppendError::MessageIllegal));
    let names = vec!["%LMQ%a"; 2000].join(",");
    assert_eq!(
        send_listing(&store, &names),
        Err(AppendError::MessageIllegal)
    );
    store.append(NOW_MS, &mut batch);
    assert_eq!(store.max_offset("%LMQ%a", 0).0, 1);
}

#[test]
fn a_failed_write_gives_no_offset_away() {
    let disk = MemDisk::new();
    let store = open(&disk, &config());
    send_listing(&store, "%LMQ%a").unwrap();
    disk.fail_next(Operation::Write, "commitlog");
    assert!(send_listing(&store, "%LMQ%a").is_err());
    assert_eq!(store.max_offset("%LMQ%a", 0).0, 1);
    drop(store);
    let store = open(&disk, &config());
    let next = send_listing(&store, "%LMQ%a").unwrap();
    assert_eq!(offsets_of(&store, next), [1]);
}

/// The record gets a CRC of its own in place of the one that the client sent in front.
#[test]
fn also_when_a_client_sends_the_crc_of_another_record() {
    for (append_property_crc, zero) in [(true, ""), (false, "Z\x01\0\x02"), (false, "")] {
        let disk = MemDisk::new();
        let config = StoreConfig {
            append_property_crc,
            ..config()
        };
        let store = open(&disk, &config);
        let sent = format!(
            "__CRC32#\x011234567890\x02{zero}{}",
            listing("%LMQ%a,%LMQ%b")
        );
        for number in 0..2 {
            let at = send_with(&store, NOW_MS, "T", &sent)
                .unwrap()
                .physical_offset;
            assert_eq!(offsets_of(&store, at.0), [number, number]);
        }
        drop(store);
        let store = open(&disk, &config);
        assert_eq!(store.recovery_report().damages, []);
        assert_eq!(content(&store, "%LMQ%b").len(), 2);
    }
}
