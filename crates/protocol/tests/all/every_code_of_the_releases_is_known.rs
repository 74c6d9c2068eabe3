//! Codes, languages and versions are those of the official releases, and no others.

use std::collections::BTreeMap;

use ferrocket_protocol::codes::{request, response};
use ferrocket_protocol::{Language, VERSION, version};
use serde_json::Value;

use crate::recorded;

/// The codes of both releases in the constants of the given classes.
fn codes(classes: [(&str, &str); 3]) -> BTreeMap<String, i64> {
    let mut codes = BTreeMap::new();
    for (file, class) in classes {
        for (name, code) in recorded::table(file)[class].as_object().unwrap() {
            codes.insert(name.clone(), code.as_i64().unwrap());
        }
    }
    codes
}

fn ours(all: &[(i32, &str)]) -> BTreeMap<String, i64> {
    all.iter()
        .map(|(code, name)| ((*name).to_owned(), i64::from(*code)))
        .collect()
}

#[test]
fn request_codes() {
    let golden = codes([
        ("codes-4.9.7.json", "common.protocol.RequestCode"),
        ("codes-5.5.0.json", "remoting.protocol.RequestCode"),
        ("codes-5.5.0.json", "remoting.protocol.RequestCode"),
    ]);
    assert_eq!(ours(request::ALL), golden);
    for (code, name) in request::ALL {
        assert_eq!(request::name(*code), Some(*name));
    }
    assert_eq!(request::name(4711), None);
}

#[test]
fn response_codes() {
    let mut golden = codes([
        ("codes-4.9.7.json", "common.protocol.ResponseCode"),
        (
            "codes-5.5.0.json",
            "remoting.protocol.RemotingSysResponseCode",
        ),
        ("codes-5.5.0.json", "remoting.protocol.ResponseCode"),
    ]);
    for (name, code) in [
        (
            "UPDATE_AND_CREATE_ACL_CONFIG_FAILED",
            response::v4::UPDATE_AND_CREATE_ACL_CONFIG_FAILED,
        ),
        (
            "DELETE_ACL_CONFIG_FAILED",
            response::v4::DELETE_ACL_CONFIG_FAILED,
        ),
        (
            "UPDATE_GLOBAL_WHITE_ADDRS_CONFIG_FAILED",
            response::v4::UPDATE_GLOBAL_WHITE_ADDRS_CONFIG_FAILED,
        ),
    ] {
        assert_eq!(golden.remove(name), Some(i64::from(code)));
    }
    assert_eq!(ours(response::ALL), golden);
    assert_eq!(response::name(response::SUCCESS), Some("SUCCESS"));
    assert_eq!(response::name(209), Some("POLLING_FULL"));
}

#[test]
fn languages() {
    let table = recorded::table("codes-5.5.0.json");
    let golden = table["remoting.protocol.LanguageCode"].as_array().unwrap();
    assert_eq!(golden.len(), Language::ALL.len());
    for entry in golden {
        let name = entry["name"].as_str().unwrap();
        let byte = u8::try_from(entry["code"].as_u64().unwrap()).unwrap();
        let language = Language::from_name(name).unwrap();
        assert_eq!((language.name(), language.byte()), (name, byte));
        assert_eq!(Language::from_byte(byte), Some(language));
    }
    assert_eq!(Language::from_byte(14), None);
    assert_eq!(Language::from_name("java"), None);
}

#[test]
fn versions() {
    let table = recorded::table("codes-5.5.0.json");
    let golden = table["common.MQVersion$Version (index = wire number)"]
        .as_array()
        .unwrap();
    for (number, name) in golden.iter().enumerate() {
        let number = i32::try_from(number).unwrap();
        assert_eq!(Value::from(version::name(number)), *name, "{number}");
    }
    assert_eq!(table["currentVersion"], VERSION);
    assert_eq!(version::name(i32::MAX), "HIGHER_VERSION");
    assert_eq!(version::name(-1), "V3_0_0_SNAPSHOT");
}
