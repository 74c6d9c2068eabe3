//! Every frame that official clients and servers were recorded with decodes to what the recorder
//! saw, and encodes again: a binary header to the same bytes, a JSON header to the same members.

use crate::recorded::{self, Recorded};
use bytes::BytesMut;
use ferrocket_protocol::frame::{self, Encoding, Frame};
use serde_json::{Map, Value};

fn decoded(recorded: &Recorded) -> Frame {
    let mut bytes = BytesMut::from(&recorded.bytes[..]);
    assert_eq!(frame::missing(&bytes), Ok(0), "{}", recorded.name);
    let frame = frame::decode(&mut bytes);
    assert!(bytes.is_empty(), "{}", recorded.name);
    match frame {
        Ok(Some(frame)) => frame,
        other => panic!("{}: {other:?}", recorded.name),
    }
}

/// Java decodes the codes of the pop family truncated.
fn truncated(frame: &Frame) -> i64 {
    match frame.encoding {
        Encoding::Binary => i64::from(i16::from_be_bytes([
            (frame.code >> 8 & 0xFF) as u8,
            (frame.code & 0xFF) as u8,
        ])),
        Encoding::Json => i64::from(frame.code),
    }
}

/// A text member that is not empty.
fn text<'v>(header: &'v Value, name: &str) -> Option<&'v str> {
    header[name].as_str().filter(|text| !text.is_empty())
}

fn number(header: &Value, name: &str) -> i64 {
    header[name]
        .as_i64()
        .unwrap_or_else(|| panic!("{name} of {header}"))
}

#[test]
fn fields_are_those_recorded() {
    for recorded in recorded::frames() {
        let (name, header) = (&recorded.name, &recorded.header);
        let frame = decoded(&recorded);
        assert_eq!(frame.encoding, recorded.encoding, "{name}");
        assert_eq!(truncated(&frame), number(header, "code"), "{name}");
        assert_eq!(
            i64::from(frame.version),
            number(header, "version"),
            "{name}"
        );
        assert_eq!(i64::from(frame.opaque), number(header, "opaque"), "{name}");
        assert_eq!(i64::from(frame.flag), number(header, "flag"), "{name}");
        assert_eq!(
            frame.language.map(|it| it.name()),
            header["language"].as_str(),
            "{name}"
        );
        assert_eq!(frame.remark.as_deref(), text(header, "remark"), "{name}");
        assert_eq!(frame.is_response(), !recorded.is_request, "{name}");
        assert_eq!(frame.body.len(), recorded.body_bytes, "{name}");
        if frame.encoding == Encoding::Json {
            assert_eq!(frame.has_ext(), header["extFields"].is_object(), "{name}");
        }
        let nothing = Map::new();
        let expected = header["extFields"].as_object().unwrap_or(&nothing);
        // An empty value means none in the binary encoding.
        let some = |text: &Value| {
            let text = text.as_str().unwrap().to_owned();
            Some(text).filter(|text| frame.encoding == Encoding::Json || !text.is_empty())
        };
        let mut fields = 0;
        for (field, value) in frame.ext() {
            assert_eq!(
                value.map(Into::into),
                some(&expected[&*field]),
                "{name} {field}"
            );
            fields += 1;
        }
        assert!(fields >= expected.len(), "{name}");
        for (field, value) in expected {
            let found = frame.ext_field(field).map(Into::into);
            assert_eq!(found, some(value), "{name} {field}");
        }
    }
}

#[test]
fn binary_frames_encode_to_the_same_bytes() {
    let mut checked = 0;
    for recorded in recorded::frames() {
        let frame = decoded(&recorded);
        // Codes above 32,767 were written truncated; we write such a frame in JSON.
        if frame.encoding == Encoding::Binary && i16::try_from(frame.code).is_ok() {
            let mut again = BytesMut::new();
            frame.encode(&mut again).unwrap();
            assert_eq!(again, recorded.bytes[..], "{}", recorded.name);
            checked += 1;
        }
    }
    assert!(checked > 800, "only {checked} frames");
}

#[test]
fn json_frames_encode_to_the_same_members() {
    let mut checked = 0;
    for recorded in recorded::frames() {
        let frame = decoded(&recorded);
        if frame.encoding != Encoding::Json {
            continue;
        }
        let mut again = BytesMut::new();
        frame.encode(&mut again).unwrap();
        let header_bytes = again.len() - 8 - frame.body.len();
        assert_eq!(again[8 + header_bytes..], frame.body, "{}", recorded.name);
        let mut header: Value = serde_json::from_slice(&again[8..8 + header_bytes]).unwrap();
        let mut expected = recorded.header.clone();
        for members in [&mut header, &mut expected] {
            let members = members.as_object_mut().unwrap();
            // Go leaves it out, and its empty remark means none.
            members.remove("serializeTypeCurrentRPC");
            members.retain(|name, value| name != "remark" || value != "");
        }
        assert_eq!(header, expected, "{}", recorded.name);
        checked += 1;
    }
    assert!(checked > 1500, "only {checked} frames");
}
