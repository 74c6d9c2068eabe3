//! `enableConsumeQueueExt`: entries with the address of a unit in the place of their tags show the
//! tags, whatever happened to the store; a unit that is lost makes them unknown.

use std::path::Path;

use ferrocket_protocol::message::tags_code;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{NewMessage, QueueOffset, ReadRequest, Store, StoreConfig};
use proptest::prelude::*;

use crate::support::*;

const FILE: &str = "/store/consumequeue_ext/T/0/00000000000000000000";

/// Files of three units of 20 bytes.
fn config(enable: bool) -> StoreConfig {
    StoreConfig {
        queue_ext_enable: enable,
        queue_ext_file_bytes: 72,
        ..small_config()
    }
}

fn send_tagged(store: &Store, topic: &str, tags: &str, more: &str) {
    let text = format!("TAGS\x01{tags}\x02{more}");
    let message = NewMessage {
        properties: text.as_bytes(),
        ..message(topic, 0, b"body")
    };
    send_to(store, ferrocket_store::QueueType::Simple, &message).unwrap();
}

/// Tags of all entries of the queue, and how many have a unit.
fn tags(store: &Store, topic: &str) -> (Vec<Option<i64>>, usize) {
    let (mut found, mut units) = (Vec::new(), 0);
    let mut offset = store.min_offset(topic, 0).0;
    while offset < store.max_offset(topic, 0).0 {
        let request = ReadRequest {
            topic,
            queue_id: 0,
            offset: QueueOffset(offset),
            messages_max: 32,
            bytes_max: 1 << 20,
            hot_only: false,
        };
        let answer = store.read(&request, &mut |entry| {
            found.push(entry.tags_code);
            units += usize::from(entry.extension.is_some_and(|unit| unit.store_ms == NOW_MS));
            false
        });
        offset = answer.unwrap().next_offset.0;
    }
    (found, units)
}

#[test]
fn in_java_s_units_and_files() {
    let disk = MemDisk::new();
    let store = open(&disk, &config(true));
    for tag in ["a", "b", "c", "d"] {
        send_tagged(&store, "T", tag, "");
    }
    assert_eq!(
        tags(&store, "T"),
        (vec![Some(97), Some(98), Some(99), Some(100)], 4)
    );
    store.close(NOW_MS).unwrap();
    let first = disk.read(Path::new(FILE)).unwrap();
    let mut unit = vec![0, 20];
    unit.extend_from_slice(&97_i64.to_be_bytes());
    unit.extend_from_slice(&NOW_MS.to_be_bytes());
    unit.extend_from_slice(&[0, 0]);
    assert_eq!(first[..20], unit);
    assert_eq!(first[60..], [0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let queue = disk
        .read(Path::new("/store/consumequeue/T/0/00000000000000000000"))
        .unwrap();
    assert_eq!(queue[12..20], [0x80, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(queue[72..80], [0x80, 0, 0, 0, 0, 0, 0, 72]);
}

#[test]
fn and_nothing_is_written_without_the_switch() {
    let disk = MemDisk::new();
    let store = open(&disk, &config(false));
    send_tagged(&store, "T", "a", "");
    store.close(NOW_MS).unwrap();
    assert_eq!(tags(&store, "T"), (vec![Some(97)], 0));
    assert!(!disk.exists(Path::new("/store/consumequeue_ext")));
}

/// Sends one message of a topic, and loses its unit.
fn with_a_lost_unit(topic: &str) -> Store {
    let disk = MemDisk::new();
    let store = open(&disk, &config(true));
    send_tagged(&store, topic, "a", "DELAY\x011\x02");
    for number in 0..80 {
        send(&store, "Other", 0, &[number; 500]).unwrap();
    }
    store.close(NOW_MS).unwrap();
    drop(store);
    let file = FILE.replace("/T/", &format!("/{topic}/"));
    disk.remove_file(Path::new(&file)).unwrap();
    open(&disk, &config(true))
}

#[test]
fn until_a_unit_is_lost() {
    let store = with_a_lost_unit("T");
    assert_eq!(tags(&store, "T"), (vec![None], 0));
    send_tagged(&store, "T", "b", "");
    assert_eq!(tags(&store, "T"), (vec![None, Some(98)], 1));
}

/// A power loss may leave a file its name and none of its length.
#[test]
fn until_its_file_lost_its_length() {
    for left in [0, 10] {
        let disk = MemDisk::new();
        let store = open(&disk, &config(true));
        send_tagged(&store, "T", "a", "");
        store.close(NOW_MS).unwrap();
        drop(store);
        let whole = disk.read(Path::new(FILE)).unwrap();
        disk.write(Path::new(FILE), &whole[..left]).unwrap();
        disk.write(Path::new("/store/abort"), b"1").unwrap();
        let store = open(&disk, &config(true));
        assert_eq!(tags(&store, "T").0.len(), 1);
        send_tagged(&store, "T", "b", "");
        assert_eq!(tags(&store, "T").0[1], Some(98));
        store.close(NOW_MS).unwrap();
        assert_eq!(disk.read(Path::new(FILE)).unwrap().len(), whole.len());
    }
}

#[test]
fn or_makes_the_times_of_delayed_messages_again() {
    let store = with_a_lost_unit("SCHEDULE_TOPIC_XXXX");
    let (found, units) = tags(&store, "SCHEDULE_TOPIC_XXXX");
    assert_eq!((found, units), (vec![Some(NOW_MS + 1000)], 0));
}

#[test]
fn and_is_gone_with_its_topic() {
    let disk = MemDisk::new();
    let store = open(&disk, &config(true));
    send_tagged(&store, "T", "a", "");
    store.flush_queues(NOW_MS).unwrap();
    assert!(disk.exists(Path::new(FILE)));
    store.delete_topic("T").unwrap();
    assert!(!disk.exists(Path::new("/store/consumequeue_ext/T")));
    send_tagged(&store, "T", "b", "");
    assert_eq!(tags(&store, "T"), (vec![Some(98)], 1));
}

#[derive(Debug, Clone)]
enum Step {
    Send { tag: u8 },
    Flush,
    FlushQueues { later_ms: u16 },
    Kill { enable: bool },
    Restart { enable: bool },
    PowerLoss { seed: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => any::<u8>().prop_map(|tag| Step::Send { tag }),
        2 => Just(Step::Flush),
        2 => (0..u16::MAX).prop_map(|later_ms| Step::FlushQueues { later_ms }),
        1 => any::<bool>().prop_map(|enable| Step::Kill { enable }),
        1 => any::<bool>().prop_map(|enable| Step::Restart { enable }),
        1 => any::<u64>().prop_map(|seed| Step::PowerLoss { seed }),
    ]
}

fn run(steps: &[Step]) {
    let mut disk = MemDisk::new();
    let mut enable = true;
    let mut now_ms = NOW_MS;
    let mut sent: Vec<Option<i64>> = Vec::new();
    let mut store = open(&disk, &config(enable));
    for step in steps {
        match step {
            Step::Send { tag } => {
                let tag = format!("tag{tag}");
                send_tagged(&store, "T", &tag, "");
                sent.push(Some(tags_code(&tag)));
            }
            Step::Flush => {
                store.flush(now_ms).unwrap();
            }
            Step::FlushQueues { later_ms } => {
                now_ms += i64::from(*later_ms);
                store.flush_queues(now_ms).unwrap();
            }
            Step::Kill { .. } | Step::Restart { .. } | Step::PowerLoss { .. } => {
                match step {
                    Step::Restart { enable: now } => {
                        store.close(now_ms).unwrap();
                        enable = *now;
                    }
                    Step::Kill { enable: now } => enable = *now,
                    Step::PowerLoss { seed } => {
                        // Of the log all is durable, of the queues what happens to be.
                        store.flush(now_ms).unwrap();
                        disk = disk.power_loss(*seed);
                    }
                    _ => {}
                }
                drop(store);
                store = open(&disk, &config(enable));
            }
        }
        assert_eq!(tags(&store, "T").0, sent);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn in_any_history(steps in prop::collection::vec(step(), 1..80)) {
        run(&steps);
    }
}
