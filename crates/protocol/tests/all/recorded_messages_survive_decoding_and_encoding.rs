//! Every message that official clients and brokers stored is read to the fields that were recorded
//! and written again to the same bytes.

use ferrocket_protocol::message::record::{self, Holes, Limits};
use ferrocket_protocol::message::view::Version;
use ferrocket_protocol::message::{StoredMessage, View, properties};
use serde_json::Value;

use crate::recorded::{from_base64, from_hex};
use crate::support;

fn recordings() -> Vec<(String, Value, Vec<u8>)> {
    support::names("messages")
        .into_iter()
        .map(|name| {
            let text = support::bytes(&format!("messages/{name}"));
            let recording: Value = serde_json::from_slice(&text).unwrap();
            let hex = recording["hex"].as_str().unwrap();
            let bytes = from_hex(hex);
            (name, recording, bytes)
        })
        .collect()
}

#[test]
fn every_field_is_read() {
    let recordings = recordings();
    assert!(recordings.len() >= 80, "{} recordings", recordings.len());
    for (name, recording, bytes) in &recordings {
        let view = View::parse(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let stored = &recording["stored"];
        let number = |field: &str| stored[field].as_i64().unwrap();
        let text = |field: &str| stored[field].as_str().unwrap();
        assert_eq!(view.bytes().len() as i64, number("totalSize"), "{name}");
        let magic = match view.version {
            Version::V1 => record::MAGIC_V1,
            Version::V2 => record::MAGIC_V2,
        };
        assert_eq!(format!("{magic:08X}"), text("magic"), "{name}");
        assert_eq!(i64::from(view.body_crc), number("bodyCRC"), "{name}");
        assert_eq!(i64::from(view.queue_id), number("queueId"), "{name}");
        assert_eq!(i64::from(view.flag), number("flag"), "{name}");
        assert_eq!(view.queue_offset, number("queueOffset"), "{name}");
        assert_eq!(view.physical_offset, number("physicalOffset"), "{name}");
        assert_eq!(i64::from(view.sys_flag), number("sysFlag"), "{name}");
        assert_eq!(view.born_ms, number("bornTimestamp"), "{name}");
        assert_eq!(
            view.born_host.ip(),
            text("bornHost").parse::<std::net::IpAddr>().unwrap()
        );
        assert_eq!(
            i64::from(view.born_host.port()),
            number("bornPort"),
            "{name}"
        );
        assert_eq!(view.store_ms, number("storeTimestamp"), "{name}");
        assert_eq!(
            view.store_host.ip(),
            text("storeHost").parse::<std::net::IpAddr>().unwrap()
        );
        assert_eq!(
            i64::from(view.store_host.port()),
            number("storePort"),
            "{name}"
        );
        assert_eq!(
            i64::from(view.reconsume_times),
            number("reconsumeTimes"),
            "{name}"
        );
        let prepared = number("preparedTransactionOffset");
        assert_eq!(view.prepared_transaction_offset, prepared, "{name}");
        assert_eq!(view.topic, text("topic"), "{name}");
        assert_eq!(view.properties, text("propertiesText").as_bytes(), "{name}");
        assert_eq!(view.body, from_base64(text("bodyBase64")), "{name}");
        assert!(view.body_crc_matches(), "{name}");
    }
}

#[test]
fn the_same_bytes_are_written() {
    for (name, _, bytes) in recordings() {
        let view = View::parse(&bytes).unwrap();
        let mut again = Vec::new();
        record::encode(&mut again, &view.to_new_message(), Limits::default()).unwrap();
        record::fill_holes(
            &mut again,
            Holes {
                queue_offset: view.queue_offset,
                physical_offset: view.physical_offset,
                store_ms: view.store_ms,
            },
        );
        assert!(again == bytes, "{name}");
    }
}

#[test]
fn clients_see_what_the_official_client_saw() {
    for (name, recording, bytes) in recordings() {
        let view = View::parse(&bytes).unwrap();
        let message = StoredMessage::from_view(&view, 1 << 22).unwrap();
        let official = &recording["decoded_by_official_client"];
        assert_eq!(
            message.message_id(),
            official["msgId"].as_str().unwrap(),
            "{name}"
        );
        let body = from_base64(official["decodedBodyBase64"].as_str().unwrap());
        assert!(message.body == body, "{name}");
        assert_eq!(
            i64::from(message.sys_flag),
            official["sysFlag"].as_i64().unwrap(),
            "{name}"
        );
        assert_eq!(
            message.store_bytes as i64,
            official["storeSize"].as_i64().unwrap()
        );
        let expected = official["properties"].as_object().unwrap();
        for (key, value) in expected {
            assert_eq!(message.property(key), value.as_str(), "{name}: {key}");
        }
        let found = properties::iter(&message.properties)
            .filter(|(key, _)| !expected.contains_key(*key))
            .count();
        assert_eq!(found, 0, "{name}");
    }
}

#[test]
fn an_inner_batch_is_given_one_by_one() {
    let (_, _, bytes) = recordings()
        .into_iter()
        .find(|(name, ..)| name.contains("innerbatch"))
        .unwrap();
    let message = StoredMessage::from_view(&View::parse(&bytes).unwrap(), 1 << 22).unwrap();
    let offset = message.queue_offset;
    let parts = message.unwrap_inner_batch().unwrap();
    let bodies: Vec<_> = parts.iter().map(|part| part.body.as_slice()).collect();
    assert_eq!(bodies, [b"inner-1", b"inner-2"]);
    assert_eq!(
        (parts[0].queue_offset, parts[1].queue_offset),
        (offset, offset + 1)
    );
    assert_eq!(parts[1].keys(), Some("i2"));
    assert_eq!(parts[1].tags(), Some("TagB"));
}
