use bytes::{BufMut, BytesMut};
use serde::Serialize;

use super::*;
use crate::codes::request;
use crate::headers::{GetRouteInfo, PopMessage, SendMessageV2};

fn bytes(hex: &str) -> BytesMut {
    let digits: Vec<u8> = hex
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .map(|digit| u8::try_from(digit).unwrap())
        .collect();
    digits
        .chunks_exact(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

/// A frame without a body.
fn framed(kind: u8, header: &[u8]) -> BytesMut {
    let header_bytes = u32::try_from(header.len()).unwrap();
    let mut frame = BytesMut::new();
    frame.put_u32(header_bytes + 4);
    frame.put_u32(u32::from(kind) << 24 | header_bytes);
    frame.put_slice(header);
    frame
}

fn json(header: &str) -> Result<Frame, FrameError> {
    decode(&mut framed(0, header.as_bytes())).map(Option::unwrap)
}

fn head(encoding: Encoding, code: i32) -> Head<'static> {
    let sender = Sender {
        language: Some(Language::Java),
        version: 479,
    };
    Head {
        encoding,
        code,
        opaque: 7,
        flag: 0,
        remark: None,
        sender,
    }
}

fn encoded<H: Serialize>(head: &Head<'_>, header: Option<&H>, body: &[u8]) -> BytesMut {
    let mut out = BytesMut::new();
    encode_head(&mut out, head, header, body.len()).unwrap();
    out.put_slice(body);
    out
}

#[test]
fn json_example_of_the_specification() {
    let example = bytes(
        "00 00 00 87 00 00 00 83 7b 22 63 6f 64 65 22 3a 31 30 35 2c 22 65 78 74 46 69 65 6c 64 73 \
         22 3a 7b 22 74 6f 70 69 63 22 3a 22 54 6f 70 69 63 54 65 73 74 22 7d 2c 22 66 6c 61 67 22 \
         3a 30 2c 22 6c 61 6e 67 75 61 67 65 22 3a 22 4a 41 56 41 22 2c 22 6f 70 61 71 75 65 22 3a \
         31 2c 22 73 65 72 69 61 6c 69 7a 65 54 79 70 65 43 75 72 72 65 6e 74 52 50 43 22 3a 22 4a \
         53 4f 4e 22 2c 22 76 65 72 73 69 6f 6e 22 3a 34 37 39 7d",
    );
    let frame = decode(&mut example.clone()).unwrap().unwrap();
    assert_eq!(
        (frame.code, frame.opaque, frame.flag, frame.version),
        (105, 1, 0, 479)
    );
    assert_eq!(frame.language, Some(Language::Java));
    let header: GetRouteInfo = frame.header().unwrap();
    assert_eq!(header.topic, "TopicTest");
    let head = Head {
        opaque: 1,
        ..head(Encoding::Json, request::GET_ROUTEINFO_BY_TOPIC)
    };
    assert_eq!(encoded(&head, Some(&header), b""), example);
}

#[test]
fn binary_example_of_the_specification() {
    let example = bytes(
        "00 00 00 ca 01 00 00 c1 01 36 00 01 df 00 00 00 07 00 00 00 00 00 00 00 00 00 00 00 ac 00 \
         01 61 00 00 00 02 50 47 00 01 62 00 00 00 09 54 6f 70 69 63 54 65 73 74 00 01 63 00 00 00 \
         06 54 42 57 31 30 32 00 01 64 00 00 00 01 34 00 01 65 00 00 00 01 31 00 01 66 00 00 00 01 \
         30 00 01 67 00 00 00 0d 31 37 30 30 30 30 30 30 30 30 30 30 30 00 01 68 00 00 00 01 30 00 \
         01 69 00 00 00 1c 4b 45 59 53 01 6b 31 02 57 41 49 54 01 74 72 75 65 02 54 41 47 53 01 54 \
         61 67 41 02 00 01 6a 00 00 00 01 30 00 01 6b 00 00 00 05 66 61 6c 73 65 00 01 6d 00 00 00 \
         05 66 61 6c 73 65 00 01 6e 00 00 00 08 62 72 6f 6b 65 72 2d 61 68 65 6c 6c 6f",
    );
    let frame = decode(&mut example.clone()).unwrap().unwrap();
    let header: SendMessageV2<'_> = frame.header().unwrap();
    let expected = SendMessageV2 {
        producer_group: "PG".into(),
        topic: "TopicTest".into(),
        default_topic: "TBW102".into(),
        default_topic_queue_nums: 4,
        queue_id: 1,
        sys_flag: 0,
        born_timestamp: 1_700_000_000_000,
        flag: 0,
        properties: Some("KEYS\u{1}k1\u{2}WAIT\u{1}true\u{2}TAGS\u{1}TagA\u{2}".into()),
        reconsume_times: Some(0),
        unit_mode: Some(false),
        max_reconsume_times: None,
        batch: Some(false),
        broker_name: Some("broker-a".into()),
    };
    assert_eq!(header, expected);
    assert_eq!(frame.body, "hello");
    let head = head(Encoding::Binary, request::SEND_MESSAGE_V2);
    assert_eq!(encoded(&head, Some(&header), b"hello"), example);
}

#[test]
fn lengths_that_cannot_be_are_refused_before_more_arrives() {
    let refused = |hex| missing(&bytes(hex)).unwrap_err();
    let length = |length| FrameError::Length { length };
    assert_eq!(refused("ffffffff"), length(-1));
    assert_eq!(refused("80000000"), length(i32::MIN));
    assert_eq!(refused("00000003"), length(3));
    assert_eq!(refused("00000000"), length(0));
    assert_eq!(
        refused("00fffffd"),
        FrameError::TooLong {
            bytes: FRAME_BYTES_MAX + 1
        }
    );
    assert_eq!(
        refused("7fffffff"),
        FrameError::TooLong { bytes: 0x8000_0003 }
    );
    assert_eq!(
        refused("0000000a 00000007"),
        FrameError::HeaderLength { bytes: 7 }
    );
    assert_eq!(
        refused("0000000a 02000000"),
        FrameError::Encoding { byte: 2 }
    );
    assert_eq!(
        refused("0000000a ff000000"),
        FrameError::Encoding { byte: 255 }
    );
    // What a browser sends.
    let mut http = BytesMut::from(&b"GET / HTTP/1.1\r\n"[..]);
    assert!(matches!(decode(&mut http), Err(FrameError::TooLong { .. })));
}

#[test]
fn the_largest_frame_fits() {
    let mut largest = bytes("00fffffc 00000002");
    assert_eq!(missing(&largest), Ok(FRAME_BYTES_MAX - 8));
    largest.put_slice(b"{}");
    largest.resize(FRAME_BYTES_MAX, 0);
    let frame = decode(&mut largest).unwrap().unwrap();
    assert_eq!(frame.body.len(), FRAME_BYTES_MAX - 10);
}

#[test]
fn frames_share_the_memory_that_was_read() {
    let mut input = framed(0, br#"{"code":1}"#);
    input.unsplit(framed(0, br#"{"code":2}"#));
    let place = input.as_ptr() as usize;
    input.put_slice(b"rest");
    let first = decode(&mut input).unwrap().unwrap();
    let second = decode(&mut input).unwrap().unwrap();
    assert_eq!((first.code, second.code), (1, 2));
    assert_eq!(input, "rest");
    let _ = place;

    let mut input = framed(0, br#"{"extFields":{"topic":"T"}}"#);
    input[3] += 4;
    input.put_slice(b"body");
    let range = input.as_ptr_range();
    let frame = decode(&mut input).unwrap().unwrap();
    let header: crate::headers::PullMessage<'_> = frame.header().unwrap();
    assert!(range.contains(&header.topic.as_ptr()) && range.contains(&frame.body.as_ptr()));
}

#[test]
fn a_json_header_may_lack_everything() {
    let frame = json("{}").unwrap();
    assert_eq!(
        (frame.code, frame.version, frame.opaque, frame.flag),
        (0, 0, 0, 0)
    );
    assert_eq!(frame.language, Some(Language::Java));
    assert!(frame.remark.is_none() && !frame.has_ext() && frame.body.is_empty());
    assert_eq!(
        frame.header::<GetRouteInfo>().unwrap(),
        GetRouteInfo::default()
    );
}

#[test]
fn a_json_header_is_read_leniently() {
    let frame = json(
        " { \"version\" : \"317\" ,\r\n\"flag\":\"2\", \"unknown\":{\"a\":[\"}\",{}]},\"more\":-1.5e3,\
         \"language\":9,\t\"opaque\":-5,\"code\":\"10\",\"remark\":null,\"code\":11, \
         \"extFields\" : { \"a\" : null , \"b\":7 , \"c\":true,\"d\":\"x\\u0001\" } } \n",
    )
    .unwrap();
    assert_eq!(
        (frame.code, frame.version, frame.opaque, frame.flag),
        (11, 317, -5, 2)
    );
    assert!(frame.is_oneway() && !frame.is_response());
    assert_eq!(frame.language, Some(Language::Go));
    let field = |name| frame.ext_field(name);
    assert_eq!((field("a"), field("b").as_deref()), (None, Some("7")));
    assert_eq!(
        (field("c").as_deref(), field("d").as_deref()),
        (Some("true"), Some("x\u{1}"))
    );
    assert_eq!(json(r#"{"language":"KOTLIN"}"#).unwrap().language, None);
    assert_eq!(json(r#"{"language":null}"#).unwrap().language, None);
    assert_eq!(
        json(r#"{"extFields":null,"remark":""}"#).unwrap().remark,
        None
    );
    assert!(!json(r#"{"extFields":null}"#).unwrap().has_ext());
    assert!(json(r#"{"extFields":{}}"#).unwrap().has_ext());
}

#[test]
fn a_broken_json_header_closes_the_connection() {
    for header in [
        "",
        "null",
        "[]",
        "{",
        "}",
        "{\"code\"}",
        "{\"code\":}",
        "{\"code\":1,}",
        "{\"code\":1 \"flag\":0}",
        "{\"code\":x}",
        "{\"code\":2147483648}",
        "{\"code\":1.5}",
        "{\"code\":\"\"}",
        "{\"code\":{}}",
        "{\"language\":14}",
        "{\"language\":-1}",
        "{\"language\":[]}",
        "{\"extFields\":[]}",
        "{\"extFields\":\"\"}",
        "{\"extFields\":{\"a\"}}",
        "{\"extFields\":{\"a\":\"b\"",
        "{\"extFields\":{\"a\":\"b\",}}",
        "{\"extFields\":{a:\"b\"}}",
        "{\"extFields\":{,\"a\":\"b\"}}",
        "{\"extFields\":{\"a\":\"b\",\"c}}",
        "{\"extFields\":{\"a\":\"b\",\"c\"}}",
        "{\"extFields\":{\"a\":\"b\\",
        "{\"remark\":\"",
        "{} x",
        "{}}",
    ] {
        assert!(
            matches!(json(header), Err(FrameError::Json { .. })),
            "{header}"
        );
    }
}

#[test]
fn a_broken_binary_header_closes_the_connection() {
    let fixed = "0069 00 01df 00000001 00000000 ";
    for (rest, part) in [
        ("", "the remark"),
        ("00000005 00000000", "the remark"),
        ("ffffffff 00000000", "the remark"),
        ("00000000", "the map of ext fields"),
        ("00000000 00000001", "the map of ext fields"),
        ("00000000 ffffffff", "the map of ext fields"),
        ("00000000 00000001 00", "an ext field"),
        ("00000000 00000003 000161", "an ext field"),
        ("00000000 00000002 ffff", "an ext field"),
        ("00000000 00000007 000161 00000001", "an ext field"),
        ("00000000 00000007 000161 ffffffff", "an ext field"),
        ("00000000 00000007 000161 7fffffff", "an ext field"),
    ] {
        let mut frame = framed(1, &bytes(&format!("{fixed}{rest}")));
        let error = decode(&mut frame).unwrap_err();
        assert_eq!(error, FrameError::Binary { part }, "{rest}");
    }
    let error = decode(&mut framed(1, &bytes("0069 00 01df 0000"))).unwrap_err();
    assert_eq!(
        error,
        FrameError::Binary {
            part: "the fixed part"
        }
    );
}

#[test]
fn an_unknown_language_byte_is_no_error() {
    let mut frame = framed(
        1,
        &bytes("0069 c8 01df 00000001 00000000 00000000 00000000"),
    );
    let frame = decode(&mut frame).unwrap().unwrap();
    assert_eq!(
        (frame.code, frame.language, frame.has_ext()),
        (105, None, false)
    );
}

#[test]
fn truncated_codes_of_the_pop_family_are_mapped_back() {
    for (truncated, code) in [
        (3442_u16, 200_050),
        (3443, 200_051),
        (3444, 200_052),
        (3445, 200_053),
        (3446, 200_054),
        (3447, 200_055),
        (3448, 200_056),
        (3543, 200_151),
        (3449, 3449),
        (65_535, -1),
    ] {
        let header = format!("{truncated:04x} 00 01df 00000001 00000000 00000000 00000000");
        let frame = decode(&mut framed(1, &bytes(&header))).unwrap().unwrap();
        assert_eq!(frame.code, code);
    }
    let response = bytes("0d72 00 01df 00000001 00000001 00000000 00000000");
    assert_eq!(
        decode(&mut framed(1, &response)).unwrap().unwrap().code,
        3442
    );
}

#[test]
fn a_code_that_does_not_fit_is_written_in_json() {
    let head = head(Encoding::Binary, request::POP_MESSAGE);
    let frame = Frame::new(&head, Some(&PopMessage::default()), b"").unwrap();
    assert_eq!(
        (frame.encoding, frame.code),
        (Encoding::Json, request::POP_MESSAGE)
    );
}

#[test]
fn a_frame_that_nobody_could_read_is_not_written() {
    let mut out = BytesMut::from(&b"before"[..]);
    for encoding in [Encoding::Json, Encoding::Binary] {
        let head = head(encoding, 1);
        let error = encode_head::<NoHeader>(&mut out, &head, None, FRAME_BYTES_MAX).unwrap_err();
        assert!(matches!(error, EncodeError::FrameTooLong { .. }), "{error}");
        let remark = "x".repeat(HEADER_BYTES_MAX);
        let long = Head {
            remark: Some(&remark),
            ..head
        };
        let error = encode_head::<NoHeader>(&mut out, &long, None, 0).unwrap_err();
        assert!(
            matches!(error, EncodeError::HeaderTooLong { .. }),
            "{error}"
        );
        let nested = std::collections::BTreeMap::from([("a", [1, 2])]);
        let error = encode_head(&mut out, &head, Some(&nested), 0).unwrap_err();
        assert!(matches!(error, EncodeError::Header(_)), "{error}");
        assert!(encode_head(&mut out, &head, Some(&"text"), 0).is_err());
    }
    assert_eq!(out, "before");
}

#[test]
fn a_reply_knows_what_it_needs_of_the_request() {
    let frame = json(r#"{"code":10,"opaque":-3,"version":317,"flag":2}"#).unwrap();
    let expected = ReplyTo {
        encoding: Encoding::Json,
        opaque: -3,
        version: 317,
        oneway: true,
    };
    assert_eq!(frame.reply_to(), expected);
}
