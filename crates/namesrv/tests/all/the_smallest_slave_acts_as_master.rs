use std::collections::BTreeMap;

use ferrocket_namesrv::NamesrvConfig;
use serde_json::json;

use crate::support::{Broker, World, addrs};

fn world() -> World {
    World::with(NamesrvConfig {
        support_acting_master: true,
        ..NamesrvConfig::default()
    })
}

fn members(world: &World, topic: &str) -> BTreeMap<String, String> {
    addrs(&world.route(topic).unwrap()["brokerDatas"][0])
}

fn ids(world: &World, topic: &str) -> Vec<String> {
    members(world, topic).into_keys().collect()
}

#[test]
fn once_the_master_is_gone() {
    let world = world();
    let master = Broker::new(&world, "a", 0).acting();
    world.register(&master);
    world.register(&Broker::new(&world, "a", 2).acting());
    world.register(&Broker::new(&world, "a", 3).acting());
    assert_eq!(ids(&world, "T"), ["0", "2", "3"]);
    world.disconnect(&master.connection);
    assert_eq!(ids(&world, "T"), ["0", "3"]);
    assert_eq!(members(&world, "T")["0"], "a-2:10911");
    let group = world.ask(901, &json!({ "brokerName": "a" }), b"");
    let group = crate::support::body_json(&group)["brokerMemberGroup"].take();
    assert_eq!(addrs(&group).into_keys().collect::<Vec<_>>(), ["2", "3"]);
}

#[test]
fn not_on_a_topic_that_is_still_writable() {
    let world = world();
    let slave = Broker::new(&world, "a", 1).acting();
    world.register(&slave);
    assert_eq!(ids(&world, "T"), ["0"]);
    world.ask(327, &json!({ "brokerName": "a" }), b"");
    assert_eq!(ids(&world, "T"), ["1"]);
}

#[test]
fn not_for_brokers_that_look_for_their_peers() {
    let world = world();
    let topic = "rmq_sys_SYNC_BROKER_MEMBER_a";
    world.register(&Broker::new(&world, "a", 1).acting().topic(topic, 1, 4));
    assert_eq!(ids(&world, topic), ["1"]);
}

#[test]
fn not_without_the_settings_of_both_sides() {
    let quiet = World::new();
    quiet.register(&Broker::new(&quiet, "a", 1).acting());
    assert_eq!(ids(&quiet, "T"), ["1"]);
    let world = world();
    world.register(&Broker::new(&world, "a", 1).topic("ReadOnly", 1, 4));
    assert_eq!(ids(&world, "ReadOnly"), ["1"]);
}
