use std::path::Path;

use ferrocket_golden::Archive;
use ferrocket_protocol::bodies::{self, DelayOffsetSerializeWrapper};
use ferrocket_protocol::codes::request;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::{MemDisk, Operation};

use crate::support::*;

const FILE: &str = "/store/config/delayOffset.json";

fn world() -> World {
    let world = World::new();
    world.create_topic("T", 2);
    world.deliver();
    world
}

fn found(world: &World, topic: &str) -> Vec<String> {
    let client = world.connect();
    texts(&client.call(request::PULL_MESSAGE, &poll("g", topic, 0, 0), b""))
}

fn saved(disk: &MemDisk) -> DelayOffsetSerializeWrapper {
    bodies::read_file(&disk.read(Path::new(FILE)).unwrap()).unwrap()
}

/// Delivers two messages of three.
fn two_of_three() -> World {
    let world = world();
    let client = world.connect();
    client.store("T", 0, "DELAY\x011\x02", "a");
    client.store("T", 0, "DELAY\x011\x02", "b");
    client.store("T", 0, "DELAY\x012\x02", "c");
    world.pass(1_000);
    world.deliver();
    assert_eq!(found(&world, "T"), ["a", "b"]);
    world
}

#[test]
fn none_comes_twice_after_a_stop() {
    let world = two_of_three().restart();
    assert_eq!(saved(&world.disk).offset_table, [(1, 2)].into());
    world.deliver();
    assert_eq!(found(&world, "T"), ["a", "b"]);
    world.pass(5_000);
    world.deliver();
    assert_eq!(found(&world, "T"), ["a", "b", "c"]);
}

#[test]
fn what_was_delivered_since_the_last_save_comes_once_more_after_a_kill() {
    let world = two_of_three();
    world.broker.persist(world.now() + 10_000).unwrap();
    let client = world.connect();
    client.store("T", 0, "DELAY\x011\x02", "d");
    world.pass(1_000);
    world.deliver();
    let world = world.kill();
    world.pass(60_000);
    world.deliver();
    assert_eq!(found(&world, "T"), ["a", "b", "d", "d", "c"]);
}

#[test]
fn nothing_is_said_to_be_delivered_that_a_loss_of_power_takes_away() {
    for seed in 0..20 {
        let world = two_of_three();
        // Before that nothing of the log is on the disk.
        world.broker.persist(world.now() + 10_000).unwrap();
        let disk = world.disk.power_loss(seed);
        let world = World::on(disk, config(), world.store.config().clone());
        world.pass(60_000);
        world.deliver();
        assert_eq!(found(&world, "T"), ["a", "b", "c"], "seed {seed}");
    }
    let world = two_of_three();
    world.disk.fail_next(Operation::Sync, "commitlog");
    let error = world.broker.persist(world.now() + 10_000).unwrap_err();
    assert!(error.to_string().contains("delayOffset.json"), "{error}");
    assert!(!world.disk.exists(Path::new(FILE)));
}

#[test]
fn places_are_saved_every_ten_seconds_and_when_they_changed() {
    let world = two_of_three();
    world.broker.persist(world.now() + 8_000).unwrap();
    assert!(!world.disk.exists(Path::new(FILE)), "not due");
    world.broker.persist(world.now() + 10_000).unwrap();
    assert_eq!(saved(&world.disk).offset_table, [(1, 2)].into());
    world.disk.remove_file(Path::new(FILE)).unwrap();
    world.broker.persist(world.now() + 20_000).unwrap();
    assert!(!world.disk.exists(Path::new(FILE)), "nothing changed");
}

#[test]
fn places_that_point_past_their_queue_are_put_right() {
    let world = two_of_three();
    let (disk, settings) = (world.disk.clone(), world.store.config().clone());
    world.broker.shutdown(world.now()).unwrap();
    world.store.close(world.now()).unwrap();
    let text = br#"{"dataVersion":{"counter":7,"stateVersion":0,"timestamp":5},"offsetTable":{1:900,2:0,40:3}}"#;
    disk.write(Path::new(FILE), text).unwrap();
    let world = World::on(disk, config(), settings);
    world.connect().store("T", 0, "DELAY\x011\x02", "d");
    world.pass(60_000);
    world.deliver();
    assert_eq!(found(&world, "T"), ["a", "b", "d", "c"]);
    world.broker.persist(world.now()).unwrap();
    let saved = saved(&world.disk);
    assert_eq!(saved.offset_table, [(1, 3), (2, 1), (40, 3)].into());
    assert_eq!(
        saved.data_version.unwrap().counter,
        7,
        "of 200 deliveries each"
    );
}

#[test]
fn and_a_shorter_table_of_levels() {
    let world = world();
    let client = world.connect();
    client.store("T", 0, "DELAY\x013\x02", "a");
    client.store("T", 0, "DELAY\x011\x02", "b");
    let (disk, settings) = (world.disk.clone(), world.store.config().clone());
    world.broker.shutdown(world.now()).unwrap();
    world.store.close(world.now()).unwrap();
    let shorter = ferrocket_store::StoreConfig {
        delay_levels_ms: vec![2_000],
        ..settings
    };
    let world = World::on(disk, config(), shorter);
    world.connect().store("T", 0, "DELAY\x013\x02", "c");
    world.pass(2_000);
    world.deliver();
    assert_eq!(
        found(&world, "T"),
        ["b", "c"],
        "the last level is the first"
    );
    world.pass(7_999);
    world.deliver();
    assert_eq!(found(&world, "T"), ["b", "c"]);
    world.pass(1);
    world.deliver();
    assert_eq!(found(&world, "T"), ["b", "c", "a"]);
    world.broker.persist(world.now()).unwrap();
    assert_eq!(saved(&world.disk).offset_table, [(1, 2), (3, 1)].into());
}

/// A broker of Java was killed before it saved any place: all come, those that it delivered once more.
#[test]
fn those_that_a_java_broker_kept_are_delivered() {
    let archive = Archive::open("v5-delay").unwrap();
    let disk = MemDisk::new();
    let root = Path::new("/store");
    archive.put_on(&disk, root).unwrap();
    let settings = ferrocket_golden::store_config(&archive.conf().unwrap(), root);
    let world = World::on(disk, config(), settings);
    let messages = |topic: &str| -> i64 {
        let queues = (0..18).map(|queue_id| world.store.max_offset(topic, queue_id).0);
        queues.sum()
    };
    let (waited, before) = (messages("SCHEDULE_TOPIC_XXXX"), messages("DelayTopic"));
    assert!(waited > 0);
    // Long after the recording.
    world.pass(1_900_000_000_000 - START_MS);
    while world.deliver() != i64::MAX {}
    assert_eq!(messages("DelayTopic") - before, waited);
}
