use std::net::SocketAddr;

use ferrocket_protocol::message::{NewMessage, sys_flag};

use super::*;

#[test]
fn tags_are_compared_exactly() {
    assert!(matches("*", None));
    assert!(matches("", Some("A")));
    assert!(matches("A || B", Some("B")));
    assert!(!matches("A || B", Some("AB")));
    assert!(!matches("A", None));
}

fn stored(offset: i64, sys_flag: i32) -> Vec<u8> {
    let host = SocketAddr::from(([127, 0, 0, 1], 1));
    let message = NewMessage {
        topic: "T",
        queue_id: 0,
        flag: 0,
        sys_flag,
        born_ms: 0,
        born_host: host,
        store_host: host,
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        properties: b"",
        body: b"not compressed",
    };
    let mut bytes = Vec::new();
    record::encode(&mut bytes, &message, record::Limits::default()).unwrap();
    let holes = record::Holes {
        queue_offset: offset,
        physical_offset: 0,
        store_ms: 1,
    };
    record::fill_holes(&mut bytes, holes);
    bytes
}

/// Offsets of what is given, and where to go on, of an answer to a pull from offset 5.
fn read(records: &[Vec<u8>]) -> (Vec<i64>, Option<i64>) {
    let queue = MessageQueue {
        topic: "T".to_owned(),
        broker_name: "b".to_owned(),
        queue_id: 0,
    };
    let decoded = messages(&PullRequest::new(&queue, 5), &records.concat());
    let offsets = decoded.messages.iter().map(|m| m.queue_offset).collect();
    (offsets, decoded.resume)
}

#[test]
fn a_body_that_cannot_be_decompressed_is_skipped_alone() {
    let broken = stored(6, sys_flag::COMPRESSED);
    assert_eq!(
        read(&[stored(5, 0), broken, stored(7, 0)]),
        (vec![5, 7], None)
    );
}

#[test]
fn a_record_of_unknown_shape_is_skipped_by_its_length() {
    let mut broken = stored(6, 0);
    broken[4..8].copy_from_slice(&[1, 2, 3, 4]);
    assert_eq!(offset_of(&broken), Some(6));
    assert_eq!(
        read(&[stored(5, 0), broken, stored(7, 0)]),
        (vec![5, 7], None)
    );
}

#[test]
fn behind_a_record_without_a_usable_length_the_queue_is_read_again() {
    let mut broken = stored(6, 0);
    broken[0..4].copy_from_slice(&i32::MAX.to_be_bytes());
    let answer = [stored(5, 0), broken.clone(), stored(7, 0)];
    assert_eq!(read(&answer), (vec![5], Some(6)));
    broken[20..28].copy_from_slice(&5_i64.to_be_bytes());
    assert_eq!(
        read(&[broken]),
        (vec![], Some(6)),
        "but never from the same offset"
    );
}
