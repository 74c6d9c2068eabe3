use serde_json::{Value, json};

use crate::support::{Broker, World};

fn put(world: &World, topic: &str, brokers: &[&str]) {
    let entries: Vec<Value> = brokers
        .iter()
        .map(|broker| {
            json!({
                "brokerName": broker, "perm": 6, "readQueueNums": 3, "writeQueueNums": 3,
                "topicSysFlag": 0,
            })
        })
        .collect();
    let body = json!({ "brokerDatas": [], "queueDatas": entries }).to_string();
    assert_eq!(
        world
            .ask(217, &json!({ "topic": topic }), body.as_bytes())
            .code,
        0
    );
}

#[test]
fn of_brokers_that_are_known() {
    let world = World::new();
    world.register(&Broker::new(&world, "a", 0));
    world.register(&Broker::new(&world, "b", 0));
    put(&world, "New", &["a", "b"]);
    assert_eq!(
        world.perms("New").into_keys().collect::<Vec<_>>(),
        ["a", "b"]
    );
    put(&world, "T", &["a"]);
    let route = world.route("T").unwrap();
    assert_eq!(route["queueDatas"][0]["readQueueNums"], 3);
    assert_eq!(route["queueDatas"][1]["readQueueNums"], 4);
}

#[test]
fn a_new_topic_needs_all_its_brokers_and_a_known_one_takes_those_before_the_first_unknown() {
    let world = World::new();
    world.register(&Broker::new(&world, "a", 0));
    put(&world, "New", &["a", "unknown"]);
    assert!(world.route("New").is_none());
    put(&world, "T", &["unknown", "a"]);
    assert_eq!(
        world.route("T").unwrap()["queueDatas"][0]["readQueueNums"],
        4
    );
    put(&world, "T", &["a", "unknown"]);
    assert_eq!(
        world.route("T").unwrap()["queueDatas"][0]["readQueueNums"],
        3
    );
}

#[test]
fn and_the_data_version_stays() {
    let world = World::new();
    let broker = Broker::new(&world, "a", 0);
    world.register(&broker);
    put(&world, "New", &["a"]);
    let known = world.ask(
        322,
        &broker.address(),
        broker.data_version().to_string().as_bytes(),
    );
    assert_eq!(known.ext_field("changed").as_deref(), Some("false"));
}
