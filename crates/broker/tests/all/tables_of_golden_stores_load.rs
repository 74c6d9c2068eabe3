//! Topics, groups and consumer offsets of every golden store are those that Apache loads, from the
//! `.bak` where a file is damaged. Where neither can be read the broker refuses and says what to do.

use std::path::Path;
use std::sync::Arc;

use ferrocket_broker::{Broker, Parts};
use ferrocket_golden::{Archive, archive_names, store_config};
use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::NoHeader;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{NoSignals, Store};
use serde_json::Value;

use crate::support::*;

/// Archives that the broker or the store refuses, as Apache does or better.
const REFUSED: [&str; 2] = ["small-clean.offsets-both-bad", "small-clean.no-commitlog"];

fn open(archive: &Archive) -> World {
    let root = Path::new("/store");
    let disk = MemDisk::new();
    archive.put_on(&disk, root).unwrap();
    let store_config = store_config(&archive.conf().unwrap(), root);
    World::on(disk, config(), store_config)
}

fn members<'a>(
    config: &'a Value,
    file: &str,
    table: &str,
) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let table = config[file][table].as_object();
    table.unwrap().iter()
}

fn check(archive: &Archive) {
    let manifest: Value = archive.json("apache-5.5.0.json").unwrap();
    if manifest["opened"] == false {
        return;
    }
    let name = archive.name();
    let world = open(archive);
    let config = &manifest["config"];
    let registration = world.broker.registration(None);
    let topics = registration
        .topic_config_serialize_wrapper
        .topic_config_table;
    for (topic, wanted) in members(config, "topics", "topicConfigTable") {
        // Apache makes these for features of its own when it starts.
        let Some(found) = topics.get(topic.as_str()) else {
            assert!(
                archive.file("store/config/topics.json").is_none(),
                "{name}: {topic}"
            );
            continue;
        };
        let found = serde_json::to_value(found).unwrap();
        for field in [
            "readQueueNums",
            "writeQueueNums",
            "perm",
            "attributes",
            "order",
        ] {
            assert_eq!(found[field], wanted[field], "{name}: {field} of {topic}");
        }
    }
    let client = world.connect();
    let groups = client.call(request::GET_ALL_SUBSCRIPTIONGROUP_CONFIG, &NoHeader {}, b"");
    let groups: Value = serde_json::from_slice(&groups.body).unwrap();
    for (group, wanted) in members(config, "subscriptionGroups", "subscriptionGroupTable") {
        let found = &groups["subscriptionGroupTable"][group];
        for field in [
            "retryMaxTimes",
            "retryQueueNums",
            "consumeEnable",
            "consumeBroadcastEnable",
        ] {
            assert_eq!(found[field], wanted[field], "{name}: {field} of {group}");
        }
    }
    for (key, queues) in members(config, "consumerOffsets", "offsetTable") {
        let (topic, group) = key.split_once('@').unwrap();
        for (queue_id, offset) in queues.as_object().unwrap() {
            let found = world.committed(group, topic, queue_id.parse().unwrap());
            assert_eq!(found, offset.as_i64(), "{name}: {key} {queue_id}");
        }
    }
}

#[test]
fn as_apache_loads_them() {
    let mut checked = 0;
    for name in archive_names().unwrap() {
        // The damaged copies have the tables of their base, but for those with damaged tables.
        let damaged = name.contains('.');
        if (damaged && !name.contains("json") && !name.contains("bak"))
            || REFUSED.contains(&name.as_str())
        {
            continue;
        }
        check(&Archive::open(&name).unwrap());
        checked += 1;
    }
    assert_eq!(checked, 22);
}

#[test]
fn unreadable_offsets_are_refused_with_what_to_do() {
    let archive = Archive::open("small-clean.offsets-both-bad").unwrap();
    let root = Path::new("/store");
    let disk = MemDisk::new();
    archive.put_on(&disk, root).unwrap();
    let store_config = store_config(&archive.conf().unwrap(), root);
    let disk = Arc::new(disk);
    let store = Store::open(disk.clone(), store_config, Arc::new(NoSignals), START_MS).unwrap();
    let parts = Parts {
        store: Arc::new(store),
        disk,
        surroundings: Arc::new(Around::default()),
        seed: 1,
    };
    let refusal = Broker::open(config(), parts, START_MS).unwrap_err();
    let mut text = refusal.to_string();
    let mut cause: &dyn std::error::Error = &refusal;
    while let Some(next) = cause.source() {
        text = format!("{text}: {next}");
        cause = next;
    }
    assert!(text.contains("/store/config/consumerOffset.json"), "{text}");
    assert!(
        text.contains("repair one of them or move both away"),
        "{text}"
    );
}
