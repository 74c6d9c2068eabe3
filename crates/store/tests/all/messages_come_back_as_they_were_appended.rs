//! What is appended is read, in order, from memory and from the files.

use crate::support::*;
use ferrocket_store::ReadStatus;
use ferrocket_store::disk::mem::MemDisk;

#[test]
fn from_memory_and_from_the_files() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    for number in 0..100 {
        let body = format!("message {number}");
        let appended = send(&store, "T", number % 3, body.as_bytes()).unwrap();
        assert_eq!(appended.queue_offset.0, i64::from(number / 3));
    }
    let in_memory = read_all(&store, "T", 1);
    assert_eq!(in_memory.len(), 33);
    for (index, (offset, body)) in in_memory.iter().enumerate() {
        assert_eq!(*offset, index as i64);
        assert_eq!(*body, format!("message {}", index * 3 + 1).into_bytes());
    }
    for round in 0..4 {
        store.flush_queues(NOW_MS + round * 1000).unwrap();
        assert_eq!(read_all(&store, "T", 1), in_memory);
    }
}

#[test]
fn records_span_several_segments_and_none_is_cut() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    let body = vec![7; 1000];
    for _ in 0..20 {
        let appended = send(&store, "T", 0, &body).unwrap();
        let start = appended.physical_offset.0;
        assert_eq!(
            start / 4096,
            (appended.end.0 - 1) / 4096,
            "a record crosses segments"
        );
    }
    assert!(store.appended().0 > 5 * 4096);
    assert_eq!(read_all(&store, "T", 0).len(), 20);
}

#[test]
fn statuses_are_those_of_java() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    let unknown = read(&store, "T", 0, 5);
    assert_eq!(
        (unknown.status, unknown.next_offset.0),
        (ReadStatus::NoMessageInQueue, 0)
    );
    for _ in 0..3 {
        send(&store, "T", 0, b"x").unwrap();
    }
    let at_end = read(&store, "T", 0, 3);
    assert_eq!(
        (at_end.status, at_end.next_offset.0),
        (ReadStatus::OffsetOverflowOne, 3)
    );
    let beyond = read(&store, "T", 0, 9);
    assert_eq!(
        (beyond.status, beyond.next_offset.0),
        (ReadStatus::OffsetOverflowBadly, 3)
    );
    let below = read(&store, "T", 0, -1);
    assert_eq!(
        (below.status, below.next_offset.0),
        (ReadStatus::OffsetTooSmall, 0)
    );
    let found = read(&store, "T", 0, 1);
    assert_eq!(
        (found.status, found.next_offset.0, found.messages),
        (ReadStatus::Found, 3, 2)
    );
    assert_eq!((found.min_offset.0, found.max_offset.0), (0, 3));
}

#[test]
fn a_filter_consumes_what_it_refuses() {
    use ferrocket_store::{QueueOffset, ReadRequest};
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    for number in 0..10_u8 {
        send(&store, "T", 0, &[number]).unwrap();
    }
    let request = ReadRequest {
        topic: "T",
        queue_id: 0,
        offset: QueueOffset(0),
        messages_max: 3,
        bytes_max: 1 << 20,
        hot_only: false,
    };
    let mut seen = Vec::new();
    let answer = store
        .read(&request, &mut |entry| {
            assert_eq!(entry.tags_code, Some(97));
            seen.push(entry.queue_offset.0);
            entry.queue_offset.0 % 2 == 1
        })
        .unwrap();
    assert_eq!(
        messages(&answer),
        [(1, vec![1]), (3, vec![3]), (5, vec![5])]
    );
    assert_eq!(answer.next_offset.0, 6);
    let none = store.read(&request, &mut |_| false).unwrap();
    assert_eq!(
        (none.status, none.next_offset.0),
        (ReadStatus::NoMatchedMessage, 10)
    );
}
