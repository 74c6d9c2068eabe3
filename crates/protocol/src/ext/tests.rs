use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::BytesMut;
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Sample<'a> {
    #[serde(borrow)]
    topic: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "optional_text")]
    expression: Option<Cow<'a, str>>,
    queue_id: i32,
    offset: Option<i64>,
    order: bool,
    force: Option<bool>,
    ratio: Option<f64>,
}

fn json(text: &str) -> ExtFields<'_> {
    ExtFields::new(Encoding::Json, text.as_bytes())
}

fn binary(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut map = Vec::new();
    for (name, value) in fields {
        map.extend(i16::try_from(name.len()).unwrap().to_be_bytes());
        map.extend(name.as_bytes());
        map.extend(i32::try_from(value.len()).unwrap().to_be_bytes());
        map.extend(value.as_bytes());
    }
    map
}

fn read(text: &str) -> Result<Sample<'_>, HeaderError> {
    Sample::deserialize(json(text))
}

#[test]
fn fields_are_borrowed_unless_escaped() {
    let sample = read(r#"{"topic":"T","expression":"a||b"}"#).unwrap();
    assert!(matches!(sample.topic, Cow::Borrowed("T")));
    assert!(matches!(sample.expression, Some(Cow::Borrowed("a||b"))));
    let sample = read(r#"{"topic":"\u0054","expression":"\"","queueId":"\u0031"}"#).unwrap();
    assert!(matches!(&sample.topic, Cow::Owned(text) if text == "T"));
    assert!(matches!(&sample.expression, Some(Cow::Owned(text)) if text == "\""));
    assert_eq!(sample.queue_id, 1);

    #[derive(Deserialize)]
    struct Plain<'a> {
        topic: &'a str,
    }
    let map = binary(&[("topic", "T")]);
    assert_eq!(
        Plain::deserialize(ExtFields::new(Encoding::Binary, &map))
            .unwrap()
            .topic,
        "T"
    );
    assert!(Plain::deserialize(json(r#"{"topic":"\n"}"#)).is_err());
}

#[test]
fn names_may_be_escaped_too() {
    assert_eq!(read(r#"{"\u0074opic":"T"}"#).unwrap().topic, "T");
}

#[test]
fn booleans_are_read_as_java_does() {
    for (text, value) in [
        ("true", true),
        ("TRUE", true),
        ("True", true),
        ("1", false),
        ("", false),
    ] {
        let text = format!(r#"{{"order":"{text}","force":"{text}"}}"#);
        let sample = read(&text).unwrap();
        assert_eq!((sample.order, sample.force), (value, Some(value)), "{text}");
    }
}

#[test]
fn numbers_have_a_sign_or_none_and_a_width() {
    assert_eq!(
        read(r#"{"queueId":"-7","offset":"+9223372036854775807"}"#)
            .unwrap()
            .queue_id,
        -7
    );
    assert_eq!(
        read(r#"{"queueId":7,"ratio":"0.5"}"#).unwrap().ratio,
        Some(0.5)
    );
    for (value, expected) in [
        ("2147483648", "a 32-bit integer"),
        ("", "a 32-bit integer"),
        (" 1", "a 32-bit integer"),
    ] {
        let text = format!(r#"{{"queueId":"{value}"}}"#);
        let error = HeaderError::Value {
            field: "queueId".to_owned(),
            value: value.to_owned(),
            expected,
        };
        assert_eq!(read(&text).unwrap_err(), error);
    }
    let error = read(r#"{"offset":"x"}"#).unwrap_err().to_string();
    assert_eq!(
        error,
        r#"field offset has the value "x", which is not a 64-bit integer"#
    );
}

#[test]
fn an_error_repeats_a_bounded_part_of_the_value() {
    let text = format!(r#"{{"queueId":"{}"}}"#, "ü".repeat(100_000));
    assert!(read(&text).unwrap_err().to_string().len() < 300);
}

#[test]
fn of_a_name_that_comes_twice_the_last_one_counts() {
    assert_eq!(
        read(r#"{"topic":"A","queueId":1,"topic":"B"}"#)
            .unwrap()
            .topic,
        "B"
    );
    assert_eq!(read(r#"{"topic":"A","topic":null}"#).unwrap().topic, "");
    let map = binary(&[
        ("topic", "A"),
        ("offset", "1"),
        ("topic", "B"),
        ("offset", ""),
    ]);
    let fields = ExtFields::new(Encoding::Binary, &map);
    let sample = Sample::deserialize(fields).unwrap();
    assert_eq!((&*sample.topic, sample.offset), ("B", None));
    assert_eq!(fields.find("topic").as_deref(), Some("B"));
    assert_eq!(fields.find("offset"), None);
    assert_eq!(fields.iter().count(), 4);
}

#[test]
fn null_and_empty_binary_values_are_absent_and_unknown_names_ignored() {
    let sample = read(r#"{"offset":null,"x":"y","expression":""}"#).unwrap();
    assert_eq!(
        (sample.offset, sample.expression.as_deref()),
        (None, Some(""))
    );
    let map = binary(&[("expression", ""), ("x", "y"), ("", "z"), ("queueId", "")]);
    let sample = Sample::deserialize(ExtFields::new(Encoding::Binary, &map)).unwrap();
    assert_eq!(sample, Sample::default());
}

#[test]
fn broken_utf8_is_replaced() {
    let text = b"{\"topic\":\"a\xFFb\"}";
    let sample = Sample::deserialize(ExtFields::new(Encoding::Json, text)).unwrap();
    assert_eq!(sample.topic, "a\u{FFFD}b");
}

#[test]
fn headers_stand_side_by_side_and_maps_are_headers() {
    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    #[serde(default)]
    struct Beside {
        bname: Option<String>,
    }
    let text = r#"{"bname":"b","topic":"T"}"#;
    let (sample, beside) = <(Sample<'_>, Beside)>::deserialize(json(text)).unwrap();
    assert_eq!((&*sample.topic, beside.bname.as_deref()), ("T", Some("b")));
    let map: BTreeMap<String, String> = BTreeMap::deserialize(json(text)).unwrap();
    assert_eq!(map.len(), 2);

    let sample = Sample {
        topic: "T".into(),
        ..Sample::default()
    };
    let mut out = BytesMut::new();
    write_fields(
        &mut out,
        Encoding::Json,
        &(
            sample,
            Beside {
                bname: Some("b".into()),
            },
        ),
    )
    .unwrap();
    assert_eq!(
        out,
        r#""topic":"T","queueId":"0","order":"false","bname":"b""#
    );
    out.clear();
    write_fields(&mut out, Encoding::Json, &map).unwrap();
    assert_eq!(out, r#""bname":"b","topic":"T""#);
    out.clear();
    write_fields(&mut out, Encoding::Binary, &json(text)).unwrap();
    assert_eq!(out, binary(&[("bname", "b"), ("topic", "T")])[..]);
}

#[test]
fn what_is_not_flat_is_refused() {
    let mut out = BytesMut::new();
    assert!(write_fields(&mut out, Encoding::Json, &7).is_err());
    assert!(write_fields(&mut out, Encoding::Json, &BTreeMap::from([("a", vec![1])])).is_err());
    assert!(Vec::<i32>::deserialize(json("{}")).is_err());
}
