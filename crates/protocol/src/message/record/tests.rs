use proptest::prelude::*;

use super::*;
use crate::message::View;
use crate::message::view::{PropertyCrc, Version, ViewError};

fn example<'a>() -> NewMessage<'a> {
    NewMessage {
        topic: "T",
        queue_id: 1,
        flag: 0,
        sys_flag: 0,
        born_ms: 1_700_000_000_000,
        born_host: "127.0.0.1:50000".parse().unwrap(),
        store_host: "192.168.0.1:10911".parse().unwrap(),
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        properties: b"TAGS\x01a\x02",
        body: b"hi",
    }
}

const EXAMPLE_HOLES: Holes = Holes {
    queue_offset: 0,
    physical_offset: 0,
    store_ms: 1_700_000_000_123,
};

fn encoded(message: &NewMessage<'_>, limits: Limits) -> Vec<u8> {
    let mut record = Vec::new();
    let meta = encode(&mut record, message, limits).unwrap();
    assert_eq!(meta.bytes, record.len());
    fill_holes(&mut record, EXAMPLE_HOLES);
    record
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

const EXAMPLE_TAIL: &str = "58932aac 00000001 00000000 0000000000000000 0000000000000000 00000000
    0000018bcfe56800 7f000001 0000c350 0000018bcfe5687b c0a80001 00002a9f 00000000
    0000000000000000 00000002 6869";

#[test]
fn version_1_is_written_as_in_the_worked_example() {
    let record = encoded(&example(), Limits::default());
    let expected = format!("00000065 daa320a7 {EXAMPLE_TAIL} 01 54 0007 54414753 01 61 02");
    assert_eq!(record, hex(&expected));
}

#[test]
fn version_2_is_written_for_long_topics() {
    let topic = "T".repeat(130);
    let record = encoded(
        &NewMessage {
            topic: &topic,
            ..example()
        },
        Limits::default(),
    );
    let expected = [
        hex(&format!("000000e7 daa320ab {EXAMPLE_TAIL} 0082")),
        topic.clone().into_bytes(),
        hex("0007 54414753 01 61 02"),
    ]
    .concat();
    assert_eq!(record, expected);
    let view = View::parse(&record).unwrap();
    assert_eq!((view.version, view.topic), (Version::V2, topic.as_str()));
    let topic = "T".repeat(127);
    let record = encoded(
        &NewMessage {
            topic: &topic,
            ..example()
        },
        Limits::default(),
    );
    assert_eq!(View::parse(&record).unwrap().version, Version::V1);
}

#[test]
fn the_crc_property_is_written_as_in_the_worked_example() {
    let limits = Limits {
        append_property_crc: true,
        ..Limits::default()
    };
    let mut record = encoded(&example(), limits);
    assert_eq!(
        View::parse(&record).unwrap().property_crc(),
        PropertyCrc::Absent
    );
    seal_property_crc(&mut record);
    let expected = format!(
        "00000079 daa320a7 {EXAMPLE_TAIL} 01 54 001b 54414753 01 61 02
         5f5f435243333223 01 38353539353830373530 02"
    );
    assert_eq!(record, hex(&expected));
    assert_eq!(
        View::parse(&record).unwrap().property_crc(),
        PropertyCrc::Matches
    );
    record[20] ^= 1;
    assert_eq!(
        View::parse(&record).unwrap().property_crc(),
        PropertyCrc::Differs
    );
}

#[test]
fn a_sent_crc_property_is_replaced_and_an_open_pair_ended() {
    let limits = Limits {
        append_property_crc: true,
        ..Limits::default()
    };
    let message = NewMessage {
        properties: b"__CRC32#\x010000000000\x02TAGS\x01a",
        ..example()
    };
    let mut record = encoded(&message, limits);
    seal_property_crc(&mut record);
    let view = View::parse(&record).unwrap();
    assert!(view.properties.starts_with(b"TAGS\x01a\x02__CRC32#\x01"));
    assert_eq!(view.properties.len(), 7 + PROPERTY_CRC_BYTES);
    assert_eq!(view.property_crc(), PropertyCrc::Matches);
}

#[test]
fn a_blank_record_is_its_length_and_magic() {
    let mut blank = Vec::new();
    encode_blank(&mut blank, 200);
    assert_eq!(blank, hex("000000c8 cbd43194"));
    assert_eq!(View::parse(&blank), Err(ViewError::Blank { bytes: 200 }));
}

#[test]
fn limits_are_answered_and_leave_the_buffer_alone() {
    let mut out = Vec::new();
    let limits = Limits {
        body_bytes_max: 1000,
        append_property_crc: false,
    };
    let body = vec![0; 1001];
    let message = NewMessage {
        body: &body,
        ..example()
    };
    let refused = encode(&mut out, &message, limits);
    assert_eq!(
        refused,
        Err(RecordError::BodyTooLong {
            bytes: 1001,
            bytes_max: 1000
        })
    );
    let long = "T".repeat(256);
    let message = NewMessage {
        topic: &long,
        ..example()
    };
    assert_eq!(
        encode(&mut out, &message, limits),
        Err(RecordError::TopicTooLong { bytes: 256 })
    );
    let properties = vec![b'a'; 32768];
    let message = NewMessage {
        properties: &properties,
        ..example()
    };
    let refused = encode(&mut out, &message, limits);
    assert_eq!(
        refused,
        Err(RecordError::PropertiesTooLong { bytes: 32768 })
    );
    let crc = Limits {
        append_property_crc: true,
        ..limits
    };
    let message = NewMessage {
        properties: &properties[..32760],
        ..example()
    };
    let refused = encode(&mut out, &message, crc);
    assert_eq!(
        refused,
        Err(RecordError::PropertiesTooLong { bytes: 32781 })
    );
    assert!(out.is_empty());
    assert!(encode(&mut out, &message, limits).is_ok());
}

#[test]
fn address_bits_follow_the_addresses() {
    let message = NewMessage {
        sys_flag: 0x8 | sys_flag::BORN_HOST_V6,
        born_host: "[::ffff:127.0.0.1]:1".parse().unwrap(),
        store_host: "[2001:db8::1]:10911".parse().unwrap(),
        ..example()
    };
    let mut record = Vec::new();
    let meta = encode(&mut record, &message, Limits::default()).unwrap();
    fill_holes(
        &mut record,
        Holes {
            queue_offset: 7,
            physical_offset: 8,
            store_ms: 9,
        },
    );
    let view = View::parse(&record).unwrap();
    assert_eq!(view.sys_flag, 0x8 | sys_flag::STORE_HOST_V6);
    assert_eq!(view.born_host, "127.0.0.1:1".parse().unwrap());
    assert_eq!(view.store_host, message.store_host);
    assert_eq!(
        (view.queue_offset, view.physical_offset, view.store_ms),
        (7, 8, 9)
    );
    assert_eq!((meta.store_timestamp_at, meta.store_host_at), (56, 64));
}

proptest! {
    #[test]
    fn messages_survive(
        topic in "[a-zA-Z%_]{0,255}",
        body: Vec<u8>,
        properties: Vec<u8>,
        numbers: (i32, i32, i32, i64, i32, i64),
        born_host: std::net::SocketAddr,
        store_host: std::net::SocketAddr,
        holes: (i64, i64, i64),
    ) {
        let plain = |host: SocketAddr| SocketAddr::new(host.ip().to_canonical(), host.port());
        let message = NewMessage {
            topic: &topic,
            queue_id: numbers.0,
            flag: numbers.1,
            sys_flag: numbers.2,
            born_ms: numbers.3,
            reconsume_times: numbers.4,
            prepared_transaction_offset: numbers.5,
            born_host: plain(born_host),
            store_host: plain(store_host),
            properties: &properties,
            body: &body,
        };
        let mut record = Vec::new();
        let meta = encode(&mut record, &message, Limits::default()).unwrap();
        prop_assert_eq!(encoded_bytes(&message, Limits::default()), Ok(record.len()));
        let holes = Holes { queue_offset: holes.0, physical_offset: holes.1, store_ms: holes.2 };
        fill_holes(&mut record, holes);
        let view = View::parse(&record).unwrap();
        prop_assert_eq!(view.bytes().len(), meta.bytes);
        prop_assert!(view.body_crc_matches());
        prop_assert_eq!(view.store_ms, holes.store_ms);
        prop_assert_eq!(view.physical_offset, holes.physical_offset);
        prop_assert_eq!(view.queue_offset, holes.queue_offset);
        let mut again = Vec::new();
        encode(&mut again, &view.to_new_message(), Limits::default()).unwrap();
        fill_holes(&mut again, holes);
        prop_assert_eq!(again, record);
    }
}
