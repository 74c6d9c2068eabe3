use proptest::prelude::*;

use super::*;
use crate::message::NewMessage;
use crate::message::record::{Holes, Limits, encode, fill_holes};

fn record() -> Vec<u8> {
    let message = NewMessage {
        topic: "TopicTest",
        queue_id: 3,
        flag: 4,
        sys_flag: 0,
        born_ms: 5,
        born_host: "127.0.0.1:6".parse().unwrap(),
        store_host: "127.0.0.1:7".parse().unwrap(),
        reconsume_times: 8,
        prepared_transaction_offset: 9,
        properties: b"TAGS\x01TagA\x02",
        body: b"hello",
    };
    let mut record = Vec::new();
    encode(&mut record, &message, Limits::default()).unwrap();
    fill_holes(
        &mut record,
        Holes {
            queue_offset: 1,
            physical_offset: 2,
            store_ms: 3,
        },
    );
    record
}

#[test]
fn all_fields_are_read() {
    let record = record();
    let view = View::parse(&record).unwrap();
    assert_eq!(view.body_crc, 907_060_870);
    assert_eq!((view.queue_id, view.flag, view.born_ms), (3, 4, 5));
    assert_eq!(
        (view.reconsume_times, view.prepared_transaction_offset),
        (8, 9)
    );
    assert_eq!((view.body, view.topic), (&b"hello"[..], "TopicTest"));
    assert_eq!(view.tags_code(), 2_598_919);
}

#[test]
fn every_cut_is_incomplete() {
    let record = record();
    for cut in 0..record.len() {
        let error = View::parse(&record[..cut]).unwrap_err();
        assert!(
            matches!(error, ViewError::Incomplete { .. }),
            "cut at {cut}: {error}"
        );
    }
}

#[test]
fn malformed_parts_are_named() {
    let broken = |at: usize, bytes: &[u8]| {
        let mut record = record();
        record[at..at + bytes.len()].copy_from_slice(bytes);
        View::parse(&record).unwrap_err()
    };
    assert_eq!(broken(4, &[0; 4]), ViewError::Magic { found: 0 });
    assert_eq!(broken(0, &[0; 4]), ViewError::TotalSize { declared: 0 });
    assert_eq!(broken(0, &[0xff; 4]), ViewError::TotalSize { declared: -1 });
    let error = broken(84, &[0xff; 4]);
    assert_eq!(
        error,
        ViewError::PartLength {
            part: "body",
            declared: -1
        }
    );
    let error = broken(93, &[0x80]);
    assert_eq!(
        error,
        ViewError::PartLength {
            part: "topic",
            declared: -128
        }
    );
    let error = broken(103, &[0xff, 0xff]);
    assert_eq!(
        error,
        ViewError::PartLength {
            part: "properties",
            declared: -1
        }
    );
    let error = broken(103, &[0, 1]);
    assert!(matches!(error, ViewError::SizeMismatch { .. }));
    assert_eq!(broken(94, &[0xff]), ViewError::Topic);
}

#[test]
fn a_changed_body_is_noticed() {
    let mut record = record();
    record[88] ^= 1;
    assert!(!View::parse(&record).unwrap().body_crc_matches());
}

#[test]
fn records_follow_each_other_and_end_at_the_first_error() {
    let mut body = [record(), record()].concat();
    assert_eq!(records(&body).filter(Result::is_ok).count(), 2);
    body.extend([0; 9]);
    let all: Vec<_> = records(&body).collect();
    assert_eq!(all.len(), 3);
    assert!(all[2].is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_read(bytes: Vec<u8>) {
        let _ = View::parse(&bytes);
        prop_assert!(records(&bytes).count() <= bytes.len());
    }

    #[test]
    fn damaged_records_are_read(at in 0usize..110, value: u8) {
        let mut record = record();
        let length = record.len();
        record[at % length] = value;
        if let Ok(view) = View::parse(&record) {
            let _ = (view.body_crc_matches(), view.property_crc(), view.tags_code());
        }
    }
}
