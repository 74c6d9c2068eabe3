use std::sync::atomic::Ordering;

use ferrocket_namesrv::{NameServer, NamesrvConfig};
use serde_json::{Value, json};

use crate::support::{World, body_json};

fn put(world: &World, namespace: &str, key: &str, value: &str) -> (i32, Option<String>) {
    let header = json!({ "namespace": namespace, "key": key, "value": value });
    let answer = world.ask(100, &header, b"");
    (answer.code, answer.remark)
}

fn value(world: &World, namespace: &str, key: &str) -> Result<String, (i32, Option<String>)> {
    let answer = world.ask(101, &json!({ "namespace": namespace, "key": key }), b"");
    let value = answer.ext_field("value").map(|value| value.into_owned());
    value.ok_or((answer.code, answer.remark))
}

#[test]
fn in_the_file_that_java_writes() {
    let world = World::new();
    assert_eq!(put(&world, "NS", "a:b", "1;2"), (0, None));
    assert_eq!(put(&world, "NS", "k", "v"), (0, None));
    assert_eq!(put(&world, "Other", "k", "w"), (0, None));
    assert_eq!(
        world
            .ask(102, &json!({ "namespace": "Other", "key": "k" }), b"")
            .code,
        0
    );
    let file = world.process.kv_file.lock().clone().unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&file).unwrap(),
        json!({ "configTable": { "NS": { "a:b": "1;2", "k": "v" }, "Other": {} } })
    );
    let again = World::start(world.process);
    assert_eq!(value(&again, "NS", "a:b").as_deref(), Ok("1;2"));
    let table = again.ask(219, &json!({ "namespace": "NS" }), b"");
    assert_eq!(
        body_json(&table),
        json!({ "table": { "a:b": "1;2", "k": "v" } })
    );
}

#[test]
fn what_is_not_there_is_said_in_java_s_words() {
    let world = World::new();
    let unknown = "No config item, Namespace: NOPE Key: k".to_owned();
    assert_eq!(value(&world, "NOPE", "k"), Err((22, Some(unknown))));
    let unknown = world.ask(219, &json!({ "namespace": "NOPE" }), b"");
    assert_eq!(
        (unknown.code, unknown.remark.as_deref()),
        (22, Some("No config item, Namespace: NOPE"))
    );
    let missing = world.ask(100, &json!({ "key": "k" }), b"");
    assert_eq!(
        (missing.code, missing.remark.as_deref()),
        (1, Some("namespace or key is null"))
    );
    assert_eq!(
        world
            .ask(102, &json!({ "namespace": "NOPE", "key": "k" }), b"")
            .code,
        0
    );
}

#[test]
fn and_is_not_changed_when_the_file_cannot_be_written() {
    let world = World::new();
    put(&world, "NS", "k", "old");
    world.process.is_disk_full.store(true, Ordering::Relaxed);
    let (code, remark) = put(&world, "NS", "k", "new");
    assert_eq!(code, 1);
    assert!(remark.unwrap().starts_with("cannot write the KV file"));
    assert_eq!(value(&world, "NS", "k").as_deref(), Ok("old"));
}

#[test]
fn and_a_file_that_is_not_json_stops_the_start() {
    let world = World::new();
    let start =
        |kv: &[u8]| NameServer::new(NamesrvConfig::default(), Some(kv), world.process.clone(), 0);
    let error = start(b"{\"configTable\":{\"NS\":").unwrap_err();
    assert!(error.to_string().contains("repair it"), "{error}");
    assert!(start(b"").is_ok());
    assert!(start(b"{\"configTable\":{}}").is_ok());
}
