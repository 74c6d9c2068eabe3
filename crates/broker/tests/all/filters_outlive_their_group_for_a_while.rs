//! `consumerFilter.json`, and what becomes of the filters of groups that go and come.

use std::path::Path;

use ferrocket_protocol::bodies::{self, ConsumerFilterData, ConsumerFilterWrapper};
use ferrocket_protocol::codes::request;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{FlushMode, config_file};

use crate::support::*;

const FILE: &str = "/store/config/consumerFilter.json";
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

fn saved(world: &World, topic: &str, group: &str) -> Option<ConsumerFilterData> {
    let text = world.disk.read(Path::new(FILE)).unwrap();
    let file: ConsumerFilterWrapper = bodies::read_file(&text).unwrap();
    let of = file.filter_data_by_topic.get(topic)?;
    assert_eq!(of.topic, topic);
    of.group_filter_data.get(group).cloned()
}

#[test]
fn and_are_written_as_java_does() {
    let world = world_with_filters();
    world.create_topic("TopicTest", 1);
    let consumer = world.connect();
    consumer.heartbeat_sql("c", "CID_demo", "TopicTest", "a > 1", 7);
    world.broker.persist(world.now() + 9_999).unwrap();
    assert!(!world.disk.exists(Path::new(FILE)));
    world.broker.persist(world.now() + 10_000).unwrap();
    let text = String::from_utf8(world.disk.read(Path::new(FILE)).unwrap()).unwrap();
    let dense: String = text.split_whitespace().collect();
    assert_eq!(
        dense,
        concat!(
            r#"{"filterDataByTopic":{"TopicTest":{"groupFilterData":{"CID_demo":{"#,
            r#""bloomFilterData":{"bitNum":112,"bitPos":[34,108,73]},"bornTime":1700000000000,"#,
            r#""clientVersion":7,"consumerGroup":"CID_demo","dead":false,"deadTime":0,"#,
            r#""expression":"a>1","expressionType":"SQL92","topic":"TopicTest"}},"topic":"TopicTest"}}}"#
        )
    );
    world.pass(5);
    consumer.disconnect();
    world.broker.persist(world.now() + 30_000).unwrap();
    let data = saved(&world, "TopicTest", "CID_demo").unwrap();
    assert_eq!((data.dead, data.dead_time), (true, START_MS + 5));
    world.pass(DAY_MS + 1);
    world.broker.persist(world.now()).unwrap();
    assert_eq!(saved(&world, "TopicTest", "CID_demo"), None);
}

#[test]
fn and_serve_pulls_again_when_it_comes_back() {
    let world = world_with_filters();
    world.create_topic("T", 1);
    let consumer = world.connect();
    consumer.heartbeat_sql("c", "g", "T", "a > 1", 7);
    consumer.store("T", 0, "a\x012\x02", "two");
    let world = world.restart();
    let consumer = world.connect();
    consumer.heartbeat_sql("c", "g", "T", "a > 1", 7);
    consumer.received();
    let mut header = pull("g", "T", 0, 0);
    header.sub_version = 7;
    let answer = consumer.call(request::PULL_MESSAGE, &header, b"");
    assert_eq!(texts(&answer), ["two"]);
    // The topic is no longer wanted.
    consumer.heartbeat_sql("c", "g", "U", "a > 1", 8);
    world.broker.shutdown(world.now()).unwrap();
    assert!(saved(&world, "T", "g").unwrap().dead);
    assert!(!saved(&world, "U", "g").unwrap().dead);
}

#[test]
fn and_a_client_whose_clock_is_behind_is_believed_when_the_others_are_gone() {
    let world = world_with_filters();
    world.create_topic("T", 1);
    let first = world.connect();
    first.store("T", 0, "a\x011\x02", "one");
    first.heartbeat_sql("c", "g", "T", "a > 1", 100);
    let second = world.connect();
    second.heartbeat_sql("d", "g", "T", "a = 1", 50);
    second.received();
    let mut header = pull("g", "T", 0, 0);
    header.sub_version = 50;
    header.sys_flag = 0;
    let ask = || second.call(request::PULL_MESSAGE, &header, b"");
    assert_eq!(ask().code, 20, "the newer expression of the first holds");
    first.disconnect();
    second.disconnect();
    let second = world.connect();
    second.heartbeat_sql("d", "g", "T", "a = 1", 50);
    second.received();
    let answer = second.call(request::PULL_MESSAGE, &header, b"");
    assert_eq!(texts(&answer), ["one"]);
}

#[test]
fn and_a_file_with_other_bloom_parameters_is_left_aside() {
    let disk = MemDisk::new();
    disk.create_dir_all(Path::new("/store/config")).unwrap();
    let text = br#"{"filterDataByTopic":{"T":{"groupFilterData":{"g":{"bloomFilterData":{"bitNum":64,"bitPos":[1,2]},"bornTime":1,"clientVersion":1,"consumerGroup":"g","dead":false,"deadTime":0,"expression":"a > 1","expressionType":"SQL92","topic":"T"}},"topic":"T"}}}"#;
    config_file::write_atomically(&disk, Path::new(FILE), text).unwrap();
    let world = World::on(disk, config(), store_config(FlushMode::Async));
    let consumer = world.connect();
    consumer.heartbeat_sql("c", "g", "U", "a > 1", 1);
    world.broker.shutdown(world.now()).unwrap();
    assert_eq!(saved(&world, "T", "g"), None);
    assert!(saved(&world, "U", "g").is_some());
}
