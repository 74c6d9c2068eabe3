use std::path::Path;

use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::{GetSubscriptionGroupConfig, QueryConsumerOffset};
use ferrocket_store::FlushMode;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;

use crate::support::*;

const FILES: [&str; 3] = [
    "topics.json",
    "subscriptionGroup.json",
    "consumerOffset.json",
];

fn recorded(name: &str) -> Vec<u8> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/config/5.5.0/");
    std::fs::read(Path::new(root).join(name)).unwrap()
}

fn disk_with(change: impl Fn(&str, &MemDisk)) -> MemDisk {
    let disk = MemDisk::new();
    disk.create_dir_all(Path::new("/store/config")).unwrap();
    for name in FILES {
        change(name, &disk);
    }
    disk
}

fn path(name: &str) -> std::path::PathBuf {
    Path::new("/store/config").join(name)
}

fn assert_taken_over(world: &World) {
    let topics = world
        .broker
        .registration(None)
        .topic_config_serialize_wrapper;
    assert!(topics.topic_config_table.contains_key("PlainTopic"));
    let client = world.connect();
    let header = QueryConsumerOffset {
        consumer_group: "G_READ".into(),
        topic: "PlainTopic".into(),
        queue_id: 0,
        set_zero_if_not_found: Some(false),
    };
    let answer = client.call(request::QUERY_CONSUMER_OFFSET, &header, b"");
    assert_eq!(answer.ext_field("offset").as_deref(), Some("16"));
    let header = GetSubscriptionGroupConfig {
        group: "G_READ".to_owned(),
    };
    assert_eq!(
        client
            .call(request::GET_SUBSCRIPTIONGROUP_CONFIG, &header, b"")
            .code,
        0
    );
}

fn settings() -> ferrocket_broker::BrokerConfig {
    ferrocket_broker::BrokerConfig {
        auto_create_subscription_group: false,
        ..config()
    }
}

#[test]
fn with_topics_groups_and_offsets() {
    let disk = disk_with(|name, disk| disk.write(&path(name), &recorded(name)).unwrap());
    assert_taken_over(&World::on(disk, settings(), store_config(FlushMode::Async)));
}

#[test]
fn from_the_backup_when_a_file_is_damaged() {
    let disk = disk_with(|name, disk| {
        disk.write(&path(name), b"{\"dataVersion\":{").unwrap();
        disk.write(&path(&format!("{name}.bak")), &recorded(name))
            .unwrap();
    });
    assert_taken_over(&World::on(disk, settings(), store_config(FlushMode::Async)));
}
