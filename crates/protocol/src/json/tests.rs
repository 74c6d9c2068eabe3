use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Sample {
    #[serde(skip_serializing_if = "Option::is_none")]
    children: Option<Vec<Sample>>,
    count: i32,
    enabled: bool,
    names: BTreeMap<String, String>,
    rate: f64,
    text: String,
}

fn read(text: &str) -> Result<Sample, JsonError> {
    from_slice(text.as_bytes())
}

#[test]
fn values_are_converted_as_in_fastjson() {
    let sample =
        read("{'count':'7',enabled:1,\"rate\":\"1.5\",\"text\":5,'names':{a:1,b:true,c:null,},}\0")
            .unwrap();
    assert_eq!(sample.count, 7);
    assert!(sample.enabled);
    assert_eq!((sample.rate, sample.text.as_str()), (1.5, "5"));
    let names: Vec<_> = sample
        .names
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(names, [("a", "1"), ("b", "true")]);
    assert_eq!(read(r#"{"count":7.9}"#).unwrap().count, 7);
    assert_eq!(
        read(r#"{"text":{"a":[1, 2]}}"#).unwrap().text,
        r#"{"a":[1, 2]}"#
    );
}

#[test]
fn null_counts_as_missing_and_the_last_duplicate_wins() {
    let sample = read(r#"{"count":null,"text":"a","count":1,"text":"b","text":null}"#).unwrap();
    assert_eq!((sample.count, sample.text.as_str()), (1, "b"));
    let sample = read(r#"{"children":[{"count":1,"count":2}],"count":3,"count":4}"#).unwrap();
    assert_eq!((sample.count, sample.children.unwrap()[0].count), (4, 2));
}

#[test]
fn duplicates_cost_one_more_scan_and_not_one_per_member() {
    let unknown = r#""zzz":1,"#.repeat(200_000);
    let text = format!(r#"{{"count":1,{unknown}"count":2}}"#);
    assert_eq!(read(&text).unwrap().count, 2);
}

#[test]
fn unknown_members_of_any_form_are_skipped() {
    let text = r#"{"zzz":{{"a":{0:1}}:[1,{'b':"}"},],2:"x"}, // comment
        "count":/* * / */3}"#;
    assert_eq!(read(text).unwrap().count, 3);
}

#[test]
fn references_are_followed_but_not_for_ever() {
    let sample =
        read(r#"{"children":[{"names":{"a":"b"}},{"names":{"$ref":"$.children[0].names"}}]}"#);
    let children = sample.unwrap().children.unwrap();
    assert_eq!(children[0], children[1]);
    let cycle = read(r#"{"children":[{"$ref":"$"}]}"#);
    assert!(matches!(
        cycle,
        Err(JsonError::TooDeep { .. } | JsonError::Reference { .. })
    ));
    let nowhere = read(r#"{"children":[{"$ref":"$.children[7]"}]}"#);
    assert!(matches!(nowhere, Err(JsonError::Reference { .. })));
    let mut bomb = String::from(r#"{"a0":{"text":"aaaaaaaaaaaaaaaa"}"#);
    for level in 1..25 {
        let target = format!(r#"{{"$ref":"$.a{}"}}"#, level - 1);
        bomb += &format!(r#","a{level}":{{"children":[{target},{target},{target}]}}"#);
    }
    bomb += r#","children":[{"$ref":"$.a24"}]}"#;
    assert!(matches!(read(&bomb), Err(JsonError::Reference { .. })));
}

#[test]
fn bounds_are_kept() {
    let deep = "[".repeat(100);
    let text = format!(r#"{{"children":{deep}"#);
    assert!(matches!(read(&text), Err(JsonError::Unexpected { .. })));
    let text = format!(r#"{{"zzz":{deep}"#);
    assert!(matches!(read(&text), Err(JsonError::TooDeep { .. })));
    let wide = format!(r#"{{"children":[{}]}}"#, "{},".repeat(20));
    assert!(read(&wide).is_ok());
    let bounded = from_slice_bounded::<Sample>(wide.as_bytes(), 20);
    assert_eq!(bounded, Err(JsonError::TooMany { limit: 20 }));
}

#[test]
fn malformed_documents_are_refused() {
    for text in [
        "",
        " \0",
        "{",
        "}",
        "[1,2]",
        "{\"count\":1} x",
        "{\"count\" 1}",
        "{\"count\":1 \"rate\":2}",
        "{\"count\":99999999999999999999}",
        "{\"count\":2147483648}",
        "{\"count\":\"x\"}",
        "{\"text\":\"a",
        "{\"text\":\"\\q\"}",
        "{\"text\":\"\\u12\"}",
        "{\"enabled\":\"maybe\"}",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}

#[test]
fn text_is_escaped_as_in_fastjson2() {
    let text = "\u{1}\u{2}\u{8}\t\n\u{c}\r\u{1f}/\u{7f}\u{85}\u{a0}\u{2028}\u{1f600}<>&'\"\\世";
    let printed = String::from_utf8(to_vec(text)).unwrap();
    let expected = "\"\\u0001\\u0002\\b\\t\\n\\f\\r\\u001f/\u{7f}\u{85}\u{a0}\u{2028}\u{1f600}<>&'\\\"\\\\世\"";
    assert_eq!(printed, expected);
    assert_eq!(from_slice::<String>(printed.as_bytes()).unwrap(), text);
    let ascii = to_vec_styled("é世\u{1f600}", Style::STANDARD).unwrap();
    assert_eq!(ascii, b"\"\\u00e9\\u4e16\\ud83d\\ude00\"");
    assert_eq!(from_slice::<String>(&ascii).unwrap(), "é世\u{1f600}");
}

#[test]
fn numbers_are_printed_as_in_java() {
    let print = |value: f64| String::from_utf8(to_vec(&value)).unwrap();
    for (value, text) in [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (0.001, "0.001"),
        (1.5e7, "1.5E7"),
        (1e7, "1.0E7"),
        (9_999_999.5, "9999999.5"),
        (1e-5, "1.0E-5"),
        (0.016_664_722_449_047_61, "0.01666472244904761"),
        (f64::NAN, "null"),
        (-2.5e-9, "-2.5E-9"),
    ] {
        assert_eq!(print(value), text);
    }
    let long = to_vec_styled(&(1i64 << 53, (1i64 << 53) + 1), Style::STANDARD).unwrap();
    assert_eq!(long, b"[9007199254740992,\"9007199254740993\"]");
}

#[test]
fn files_are_printed_as_fastjson2_does() {
    let table: BTreeMap<&str, BTreeMap<i32, i64>> =
        [("T@g", [(0, 15), (1, 7)].into()), ("T@h", BTreeMap::new())].into();
    let text = to_vec_styled(&(table, ["x"]), Style::FILE).unwrap();
    let expected = "[\n\t{\n\t\t\"T@g\":{\n\t\t\t0:15,\n\t\t\t1:7\n\t\t},\n\t\t\"T@h\":{}\n\t},\n\t[\n\t\t\"x\"\n\t]\n]";
    assert_eq!(String::from_utf8(text).unwrap(), expected);
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> impl Strategy<Value = Sample> {
        let leaf = (
            any::<i32>(),
            any::<bool>(),
            proptest::collection::btree_map(any::<String>(), any::<String>(), 0..4),
            any::<i32>().prop_map(|quarters| f64::from(quarters) / 4.0),
            any::<String>(),
        )
            .prop_map(|(count, enabled, names, rate, text)| Sample {
                children: None,
                count,
                enabled,
                names,
                rate,
                text,
            });
        leaf.prop_recursive(3, 12, 3, |inner| {
            (inner.clone(), proptest::collection::vec(inner, 0..3)).prop_map(
                |(sample, children)| Sample {
                    children: Some(children),
                    ..sample
                },
            )
        })
    }

    proptest! {
        #[test]
        fn values_survive_every_style(sample in sample()) {
            for style in [Style::WIRE, Style::STANDARD, Style::FILE] {
                let text = to_vec_styled(&sample, style).unwrap();
                prop_assert_eq!(&from_slice::<Sample>(&text).unwrap(), &sample);
            }
        }

        #[test]
        fn strict_readers_take_what_is_printed(sample in sample()) {
            let text = to_vec(&sample);
            prop_assert_eq!(serde_json::from_slice::<Sample>(&text).unwrap(), sample);
        }

        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>, tail: Vec<u8>) {
            let _ = from_slice::<Sample>(&bytes);
            let text = [&b"{\"children\":[{\"names\":{"[..], &tail].concat();
            let _ = from_slice::<Sample>(&text);
        }

        #[test]
        fn damaged_documents_are_read(sample in sample(), at: usize, byte: u8) {
            let mut text = to_vec(&sample);
            let length = text.len();
            text[at % length] = byte;
            let _ = from_slice::<Sample>(&text);
        }
    }
}
