//! Queues of topics with `queue.type=BatchCQ`: random histories of messages and inner batches, reads,
//! kills, power losses and lost files, against lists of records.

use std::path::Path;

use ferrocket_protocol::message::{View, sys_flag, view};
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{
    AppendError, Appended, Boundary, NewMessage, OpenError, QueueOffset, QueueType, ReadRequest,
    ReadStatus, Store, StoreConfig,
};
use proptest::prelude::*;

use crate::support::*;

/// Files of ten entries.
fn config() -> StoreConfig {
    StoreConfig {
        batch_queue_file_bytes: 460,
        batch_topics: ["B".to_owned()].into(),
        ..small_config()
    }
}

fn send_batch(
    store: &Store,
    queue_id: i32,
    messages: u8,
    body: &[u8],
) -> Result<Appended, AppendError> {
    let text = format!("TAGS\x01a\x02INNER_NUM\x01{messages}\x02");
    let batch = NewMessage {
        sys_flag: sys_flag::INNER_BATCH | sys_flag::NEED_UNWRAP,
        properties: text.as_bytes(),
        ..message("B", queue_id, body)
    };
    send_to(store, QueueType::Batch, &batch)
}

fn send_one(store: &Store, queue_id: i32, body: &[u8]) -> Appended {
    send_to(store, QueueType::Batch, &message("B", queue_id, body)).unwrap()
}

#[test]
fn with_java_s_properties_and_entries() {
    let disk = MemDisk::new();
    let store = open(&disk, &config());
    send_one(&store, 0, b"one");
    let stored = send_batch(&store, 0, 3, b"three").unwrap();
    assert_eq!((stored.queue_offset.0, stored.messages), (1, 3));
    send_one(&store, 0, b"last");
    assert_eq!(store.max_offset("B", 0).0, 5);
    for offset in 1..4 {
        let answer = read(&store, "B", 0, offset);
        assert_eq!((answer.next_offset.0, answer.messages), (5, 4));
        assert_eq!(messages(&answer)[0], (1, b"three".to_vec()));
    }
    let record = store.record_at(stored.physical_offset).unwrap().unwrap();
    let record = View::parse(&record).unwrap();
    let text = String::from_utf8(record.properties.to_vec()).unwrap();
    assert!(
        text.ends_with("INNER_BASE\x010000000000000000001\x02"),
        "{text:?}"
    );
    store.flush_queues(NOW_MS).unwrap();
    let file = "/store/batchconsumequeue/B/0/00000000000000000000";
    let file = disk.read(Path::new(file)).unwrap();
    assert_eq!(file.len(), 460);
    assert_eq!(file[46..54], stored.physical_offset.0.to_be_bytes());
    assert_eq!(file[74..84], [0, 0, 0, 0, 0, 0, 0, 1, 0, 3]);
    assert!(!disk.exists(Path::new("/store/consumequeue/B")));
}

#[test]
fn with_the_base_before_the_seal() {
    let config = StoreConfig {
        append_property_crc: true,
        ..config()
    };
    let store = open(&MemDisk::new(), &config);
    send_batch(&store, 0, 9, b"nine").unwrap();
    let stored = send_batch(&store, 0, 2, b"two").unwrap();
    let record = store.record_at(stored.physical_offset).unwrap().unwrap();
    let record = View::parse(&record).unwrap();
    assert_eq!(record.property_crc(), view::PropertyCrc::Matches);
    let text = String::from_utf8(record.properties.to_vec()).unwrap();
    assert!(
        text.contains("INNER_BASE\x010000000000000000009\x02__CRC32#"),
        "{text:?}"
    );
}

#[test]
fn and_refused_where_they_cannot_be() {
    let store = open(&MemDisk::new(), &config());
    let batch = NewMessage {
        sys_flag: sys_flag::INNER_BATCH,
        properties: b"INNER_NUM\x012\x02",
        ..message("T", 0, b"x")
    };
    let refused = Err(AppendError::MessageIllegal);
    assert_eq!(send_to(&store, QueueType::Simple, &batch), refused);
    for number in ["", "0", "-1", "32768", "x"] {
        let text = format!("INNER_NUM\x01{number}\x02");
        let batch = NewMessage {
            properties: text.as_bytes(),
            ..batch
        };
        assert_eq!(
            send_to(&store, QueueType::Batch, &batch),
            refused,
            "{number}"
        );
    }
    assert_eq!(store.max_offset("T", 0).0, 0);
}

#[test]
fn by_their_own_times() {
    let store = open(&MemDisk::new(), &config());
    for (number, bytes) in [(2, 10), (1, 20), (4, 30)] {
        let mut batch = ferrocket_store::AppendBatch::new();
        let text = format!("INNER_NUM\x01{number}\x02");
        let body = vec![1; bytes];
        let message = NewMessage {
            sys_flag: sys_flag::INNER_BATCH,
            properties: text.as_bytes(),
            ..message("B", 0, &body)
        };
        let message = std::slice::from_ref(&message);
        batch
            .push_to(store.config(), QueueType::Batch, message)
            .unwrap();
        store.append(NOW_MS + bytes as i64, &mut batch);
    }
    let at = |time_ms, boundary| {
        let found = store.offset_by_time("B", 0, NOW_MS + time_ms, boundary);
        found.unwrap().0
    };
    let lower: Vec<i64> = [0, 10, 11, 20, 30, 31]
        .map(|ms| at(ms, Boundary::Lower))
        .to_vec();
    assert_eq!(lower, [0, 0, 2, 2, 3, 7]);
    let upper: Vec<i64> = [0, 10, 11, 20, 30, 31]
        .map(|ms| at(ms, Boundary::Upper))
        .to_vec();
    assert_eq!(upper, [0, 0, 0, 2, 3, 3]);
    assert_eq!(store.earliest_store_ms("B", 0).unwrap(), Some(NOW_MS + 10));
    assert_eq!(
        store.store_ms_at("B", 0, QueueOffset(5)).unwrap(),
        Some(NOW_MS + 30)
    );
    assert_eq!(store.store_ms_at("B", 0, QueueOffset(7)).unwrap(), None);
}

#[test]
fn no_more_of_them_than_asked_for_but_the_first_one_whole() {
    let store = open(&MemDisk::new(), &config());
    for number in [3, 5, 2] {
        send_batch(&store, 0, number, b"x").unwrap();
    }
    let read = |offset, messages_max| {
        let request = ReadRequest {
            topic: "B",
            queue_id: 0,
            offset: QueueOffset(offset),
            messages_max,
            bytes_max: 1 << 20,
            hot_only: true,
        };
        let answer = store.read(&request, &mut |_| true).unwrap();
        (answer.status, answer.next_offset.0, answer.messages)
    };
    assert_eq!(read(0, 2), (ReadStatus::Found, 3, 3));
    assert_eq!(read(2, 8), (ReadStatus::Found, 8, 8));
    assert_eq!(read(2, 10), (ReadStatus::Found, 10, 10));
    assert_eq!(read(4, 1), (ReadStatus::Found, 8, 5));
    assert_eq!(read(10, 1), (ReadStatus::OffsetOverflowOne, 10, 0));
    assert_eq!(read(11, 1), (ReadStatus::OffsetOverflowBadly, 10, 0));
}

#[test]
fn after_their_files_are_lost_in_the_middle() {
    let disk = MemDisk::new();
    let store = open(&disk, &config());
    for number in 0..45 {
        send_batch(&store, 0, 1 + number % 4, &[number]).unwrap();
    }
    let all = read_all(&store, "B", 0);
    store.close(NOW_MS).unwrap();
    drop(store);
    let file = "/store/batchconsumequeue/B/0/00000000000000000920";
    disk.remove_file(Path::new(file)).unwrap();
    let store = open(&disk, &config());
    assert_eq!(read_all(&store, "B", 0), all);
}

#[test]
fn also_when_nobody_says_any_more_that_they_are_batches() {
    let disk = MemDisk::new();
    let store = open(&disk, &config());
    for _ in 0..3 {
        send_batch(&store, 0, 5, b"five").unwrap();
    }
    store.close(NOW_MS).unwrap();
    drop(store);
    let forgetful = StoreConfig {
        batch_topics: [].into(),
        ..config()
    };
    for round in 0..4 {
        let store = open(&disk, &forgetful);
        let sent = send(&store, "B", 0, b"one").unwrap();
        assert_eq!(sent.queue_offset.0, 15 + 2 * round);
        let sent = send(&store, "B", 0, b"one").unwrap();
        assert_eq!(sent.queue_offset.0, 16 + 2 * round);
        let all = read_all(&store, "B", 0).len() as i64;
        assert_eq!(all, 3 + 2 * (round + 1));
        // Every other time it is killed.
        if round % 2 == 0 {
            store.close(NOW_MS).unwrap();
        }
    }
    let store = open(&disk, &config());
    assert_eq!(read_all(&store, "B", 0).len(), 11);
    assert_eq!(store.max_offset("B", 0).0, 23);
}

#[test]
fn from_a_directory_of_the_other_type_never() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    send(&store, "B", 0, b"plain").unwrap();
    store.close(NOW_MS).unwrap();
    drop(store);
    let signals = std::sync::Arc::new(ferrocket_store::NoSignals);
    let error = Store::open(std::sync::Arc::new(disk), config(), signals, NOW_MS).unwrap_err();
    assert!(matches!(error, OpenError::QueueType { .. }), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("The queue type of topic: B should be BatchCQ, but is SimpleCQ"));
}

#[derive(Debug, Clone)]
enum Step {
    One { queue: u8, bytes: u16 },
    Batch { queue: u8, messages: u8, bytes: u16 },
    Read { queue: u8, from: u8 },
    Flush,
    FlushQueues { later_ms: u16 },
    Kill,
    Restart,
    PowerLoss { seed: u64 },
    LoseQueues,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..2_u8, 0..900_u16).prop_map(|(queue, bytes)| Step::One { queue, bytes }),
        6 => (0..2_u8, 1..40_u8, 0..900_u16)
            .prop_map(|(queue, messages, bytes)| Step::Batch { queue, messages, bytes }),
        3 => (0..2_u8, any::<u8>()).prop_map(|(queue, from)| Step::Read { queue, from }),
        2 => Just(Step::Flush),
        2 => (0..u16::MAX).prop_map(|later_ms| Step::FlushQueues { later_ms }),
        1 => Just(Step::Kill),
        1 => Just(Step::Restart),
        1 => any::<u64>().prop_map(|seed| Step::PowerLoss { seed }),
        1 => Just(Step::LoseQueues),
    ]
}

#[derive(Default, Clone)]
struct Model {
    /// First offset, messages and body of each record.
    queues: [Vec<(i64, i64, Vec<u8>)>; 2],
}

impl Model {
    fn end(&self, queue: usize) -> i64 {
        self.queues[queue]
            .last()
            .map_or(0, |(base, messages, _)| base + messages)
    }

    fn add(&mut self, queue: usize, messages: i64, body: Vec<u8>, at: &Appended) {
        assert_eq!(
            (at.queue_offset.0, i64::from(at.messages)),
            (self.end(queue), messages)
        );
        self.queues[queue].push((self.end(queue), messages, body));
    }

    fn check(&self, store: &Store, queue: usize, from: i64) {
        let end = self.end(queue);
        assert_eq!(store.max_offset("B", queue as i32).0, end);
        if end == 0 {
            return;
        }
        let from = from % end;
        let answer = read(store, "B", queue as i32, from);
        let found = messages(&answer);
        let first =
            self.queues[queue].partition_point(|(base, messages, _)| base + messages <= from);
        let wanted: Vec<(i64, Vec<u8>)> = self.queues[queue][first..]
            .iter()
            .take(found.len().max(1))
            .map(|(base, _, body)| (*base, body.clone()))
            .collect();
        assert_eq!(found, wanted);
        let (base, number, _) = self.queues[queue][first + found.len() - 1];
        assert_eq!(answer.next_offset.0, base + number);
    }

    fn check_all(&self, store: &Store) {
        for queue in 0..2 {
            let mut from = 0;
            while from < self.end(queue) {
                self.check(store, queue, from);
                from = read(store, "B", queue as i32, from).next_offset.0;
            }
            assert_eq!(store.max_offset("B", queue as i32).0, self.end(queue));
        }
    }
}

fn run(steps: &[Step]) {
    let config = config();
    let mut disk = MemDisk::new();
    let mut now_ms = NOW_MS;
    let mut model = Model::default();
    let mut store = open(&disk, &config);
    for step in steps {
        match step {
            Step::One { queue, bytes } => {
                let body = vec![model.queues[0].len() as u8; usize::from(*bytes)];
                let at = send_one(&store, i32::from(*queue), &body);
                model.add(usize::from(*queue), 1, body, &at);
            }
            Step::Batch {
                queue,
                messages,
                bytes,
            } => {
                let body = vec![model.queues[1].len() as u8; usize::from(*bytes)];
                let at = send_batch(&store, i32::from(*queue), *messages, &body).unwrap();
                model.add(usize::from(*queue), i64::from(*messages), body, &at);
            }
            Step::Read { queue, from } => {
                model.check(&store, usize::from(*queue), i64::from(*from));
            }
            Step::Flush => {
                store.flush(now_ms).unwrap();
            }
            Step::FlushQueues { later_ms } => {
                now_ms += i64::from(*later_ms);
                store.flush_queues(now_ms).unwrap();
            }
            Step::Kill | Step::Restart | Step::PowerLoss { .. } | Step::LoseQueues => {
                if matches!(step, Step::Restart) {
                    store.close(now_ms).unwrap();
                }
                // Of the log all is durable, of the queues what happens to be.
                store.flush(now_ms).unwrap();
                drop(store);
                if let Step::PowerLoss { seed } = step {
                    disk = disk.power_loss(*seed);
                }
                if matches!(step, Step::LoseQueues) {
                    lose_queues(&disk);
                }
                store = open(&disk, &config);
                assert_eq!(store.recovery_report().damages, []);
                model.check_all(&store);
            }
        }
    }
    model.check_all(&store);
}

/// With the check point, so that all of the log is gone through.
fn lose_queues(disk: &MemDisk) {
    let root = Path::new("/store/batchconsumequeue/B");
    for queue in disk.list(root).unwrap() {
        let directory = root.join(queue.name);
        for file in disk.list(&directory).unwrap() {
            disk.remove_file(&directory.join(file.name)).unwrap();
        }
    }
    disk.remove_file(Path::new("/store/checkpoint")).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn in_any_history(steps in prop::collection::vec(step(), 1..60)) {
        run(&steps);
    }
}
