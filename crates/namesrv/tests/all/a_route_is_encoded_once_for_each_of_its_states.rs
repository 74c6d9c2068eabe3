use serde_json::json;

use crate::support::{Broker, ROUTE, World, request};

/// The body bytes as the connection would write them.
fn body_address(world: &World) -> *const u8 {
    let frame = request(ROUTE, Some(&json!({ "topic": "T" })), b"");
    let written = world.exchange(&world.connect(), frame);
    let body = written.last().unwrap();
    assert!(
        body.len() > 2048,
        "short bodies are copied behind their header"
    );
    body.as_ptr()
}

/// Enough brokers for a body that is not copied.
fn brokers(world: &World) -> Vec<Broker> {
    (0..20)
        .map(|number| Broker::new(world, &format!("broker-{number:02}"), 0))
        .collect()
}

#[test]
fn all_clients_get_the_same_bytes() {
    let world = World::new();
    let brokers = brokers(&world);
    for broker in &brokers {
        world.register(broker);
    }
    let first = body_address(&world);
    for broker in &brokers {
        world.register(broker);
        assert_eq!(body_address(&world), first);
    }
    world.register(&brokers[3].clone().topic("Other", 1, 6).changed());
    assert_eq!(body_address(&world), first, "another topic changed");
    assert_eq!(world.server.work().routes_encoded, 1);
}

#[test]
fn every_change_of_the_route_makes_it_new() {
    let world = World::new();
    let brokers = brokers(&world);
    for broker in &brokers {
        world.register(broker);
    }
    let broker = &brokers[0];
    let mut states = vec![world.route("T").unwrap()];
    let mut expect_new = |what: &str| {
        let state = world.route("T").unwrap();
        assert!(!states.contains(&state), "{what}");
        states.push(state);
        assert_eq!(
            world.server.work().routes_encoded,
            states.len() as u64,
            "{what}"
        );
    };
    world.register(&broker.clone().topic("T", 5, 6).changed());
    expect_new("queues");
    world.register(&Broker::new(&world, "broker-00", 1));
    expect_new("a slave");
    let mut acting = Broker::new(&world, "broker-00", 1).acting();
    world.register(&acting);
    expect_new("acting master");
    acting.filter_servers = json!(["f:1"]);
    world.register(&acting);
    expect_new("a filter server");
    world.ask(205, &json!({ "brokerName": "broker-00" }), b"");
    expect_new("no write permission");
    world.ask(327, &json!({ "brokerName": "broker-01" }), b"");
    world.ask(205, &json!({ "brokerName": "broker-01" }), b"");
    expect_new("no write permission either");
    world.disconnect(&brokers[2].connection);
    expect_new("a broker less");
    world.ask(104, &acting.address(), b"");
    expect_new("a slave less");
    let new = json!({ "queueDatas": [{ "brokerName": "broker-04", "perm": 2 }] }).to_string();
    world.ask(217, &json!({ "topic": "T" }), new.as_bytes());
    expect_new("one entry registered");
}
