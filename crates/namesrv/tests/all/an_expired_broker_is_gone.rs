use ferrocket_protocol::peer::Peer;
use serde_json::json;

use crate::support::{Broker, World};

#[test]
fn two_minutes_after_its_last_sign_of_life() {
    let world = World::new();
    let broker = Broker::new(&world, "a", 0);
    world.register(&broker);
    world.wait_ms(120_000);
    assert!(world.route("T").is_some(), "the timeout has not passed");
    world.wait_ms(6_000);
    assert!(world.route("T").is_none());
    assert!(world.route("a").is_none());
    assert!(!broker.connection.is_open(), "its connection is closed");
}

#[test]
fn after_the_timeout_that_it_registered_with() {
    let world = World::new();
    let mut quick = Broker::new(&world, "quick", 0);
    quick.header.heartbeat_timeout_millis = Some(10_000);
    world.register(&quick);
    world.register(&Broker::new(&world, "slow", 0));
    world.wait_ms(16_000);
    assert_eq!(world.perms("T").keys().collect::<Vec<_>>(), ["slow"]);
}

#[test]
fn unless_it_sends_heartbeats_or_asks_for_its_data_version() {
    let world = World::new();
    let beating = Broker::new(&world, "beating", 0);
    let asking = Broker::new(&world, "asking", 0);
    let silent = Broker::new(&world, "silent", 0);
    for broker in [&beating, &asking, &silent] {
        world.register(broker);
    }
    for _ in 0..10 {
        world.wait_ms(30_000);
        assert_eq!(world.ask(904, &beating.address(), b"").code, 0);
        let body = asking.data_version().to_string();
        assert_eq!(world.ask(322, &asking.address(), body.as_bytes()).code, 0);
    }
    assert_eq!(
        world.perms("T").keys().collect::<Vec<_>>(),
        ["asking", "beating"]
    );
}

#[test]
fn and_a_heartbeat_of_an_unknown_broker_changes_nothing() {
    let world = World::new();
    let broker = Broker::new(&world, "a", 0);
    assert_eq!(world.ask(904, &broker.address(), b"").code, 0);
    let asked = world.ask(
        322,
        &broker.address(),
        broker.data_version().to_string().as_bytes(),
    );
    assert_eq!(asked.ext_field("changed").as_deref(), Some("true"));
    assert!(asked.body.is_empty());
    let info = crate::support::body_json(&world.ask_plain(106));
    assert_eq!(
        info,
        json!({ "brokerAddrTable": {}, "clusterAddrTable": {} })
    );
}

#[test]
fn and_a_connection_that_another_broker_uses_stays_open() {
    let world = World::new();
    let silent = Broker::new(&world, "silent", 0);
    let mut neighbour = Broker::new(&world, "neighbour", 0);
    neighbour.connection = silent.connection.clone();
    world.register(&silent);
    world.register(&neighbour);
    for _ in 0..5 {
        world.wait_ms(30_000);
        world.register(&neighbour);
    }
    assert!(neighbour.connection.is_open());
    assert_eq!(world.perms("T").keys().collect::<Vec<_>>(), ["neighbour"]);
}
