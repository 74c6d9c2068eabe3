//! Not even when the process is killed as soon as the deletion is answered: messages of a topic that
//! is made again would be skipped.

use std::path::Path;

use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::{DeleteSubscriptionGroup, DeleteTopic};
use ferrocket_store::FlushMode;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;

use crate::support::*;

/// A broker whose file says that `g` consumed `T` up to 3.
fn world() -> World {
    let world = World::new();
    let client = world.connect();
    client.heartbeat_quietly("c", "g", "T", "*");
    for number in 0..3 {
        client.store("T", 0, "", &number.to_string());
    }
    client.commit("g", "T", 0, 3);
    world.broker.persist(world.now() + 5_000).unwrap();
    assert!(world.offset_file().contains("\"T@g\""));
    world
}

#[test]
fn with_their_topic() {
    let world = world();
    let delete = DeleteTopic {
        topic: "T".to_owned(),
    };
    let answer = world
        .connect()
        .call(request::DELETE_TOPIC_IN_BROKER, &delete, b"");
    assert_eq!(answer.code, 0);
    assert!(!world.offset_file().contains("\"T@g\""));
    let world = world.kill();
    world.create_topic("T", 1);
    assert_eq!(world.committed("g", "T", 0), None);
}

#[test]
fn with_their_group() {
    let world = world();
    let delete = DeleteSubscriptionGroup {
        group_name: "g".to_owned(),
        clean_offset: true,
        ..DeleteSubscriptionGroup::default()
    };
    let answer = world
        .connect()
        .call(request::DELETE_SUBSCRIPTIONGROUP, &delete, b"");
    assert_eq!(answer.code, 0);
    let world = world.kill();
    assert_eq!(world.committed("g", "T", 0), None);
}

#[test]
fn from_a_file_that_still_has_them() {
    let disk = MemDisk::new();
    disk.create_dir_all(Path::new("/store/config")).unwrap();
    let file = br#"{"offsetTable":{"Gone@g":{0:7},"TBW102@g":{0:5}}}"#;
    disk.write(Path::new("/store/config/consumerOffset.json"), file)
        .unwrap();
    let world = World::on(disk, config(), store_config(FlushMode::Async));
    assert_eq!(world.committed("g", "Gone", 0), None);
    assert_eq!(world.committed("g", "TBW102", 0), Some(5));
    let text = world.offset_file();
    assert!(
        !text.contains("Gone") && text.contains("TBW102@g"),
        "{text}"
    );
}

#[test]
fn but_those_of_a_topic_that_lost_its_settings_alone_stay() {
    let world = world();
    world.broker.shutdown(world.now()).unwrap();
    world.store.close(world.now()).unwrap();
    for file in ["topics.json", "topics.json.bak"] {
        let path = Path::new("/store/config").join(file);
        if world.disk.exists(&path) {
            world.disk.remove_file(&path).unwrap();
        }
    }
    let world = world.kill();
    assert!(
        !world
            .broker
            .registration(None)
            .topic_config_serialize_wrapper
            .topic_config_table
            .contains_key("T")
    );
    assert_eq!(world.committed("g", "T", 0), Some(3));
}
