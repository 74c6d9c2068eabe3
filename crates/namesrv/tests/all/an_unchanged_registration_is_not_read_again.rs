use serde_json::{Value, json};

use crate::support::{Broker, REGISTER_BROKER, World, request};

#[test]
fn it_costs_a_look_up() {
    let world = World::new();
    let broker = Broker::new(&world, "a", 0);
    for _ in 0..10 {
        world.register(&broker);
        world.wait_ms(30_000);
    }
    let work = world.server.work();
    assert_eq!(
        (work.registrations_decoded, work.registrations_renewed),
        (1, 9)
    );
    assert!(world.route("T").is_some());
}

/// Java brokers put the time of each message into a member that nobody reads.
#[test]
fn even_if_the_mapping_version_is_new_every_time() {
    let world = World::new();
    let broker = Broker::new(&world, "a", 0);
    let mut body: Value = serde_json::from_slice(&broker.body()).unwrap();
    for timestamp in 0..5 {
        let version = json!({ "counter": 0, "stateVersion": 0, "timestamp": timestamp });
        body["topicConfigSerializeWrapper"]["mappingDataVersion"] = version;
        let frame = request(
            REGISTER_BROKER,
            Some(&broker.header),
            body.to_string().as_bytes(),
        );
        assert_eq!(world.answer(&broker.connection, frame).unwrap().code, 0);
    }
    assert_eq!(world.server.work().registrations_decoded, 1);
}

#[test]
fn but_whatever_happened_to_the_broker_in_between_makes_it_count() {
    let world = World::new();
    let master = Broker::new(&world, "a", 0).acting();
    let slave = Broker::new(&world, "a", 1).acting();
    world.register(&master);
    world.register(&slave);

    world.ask(216, &json!({ "topic": "T" }), b"");
    world.register(&master);
    assert!(world.route("T").is_some(), "a deleted topic comes back");

    world.ask(216, &json!({ "topic": "T", "clusterName": "C" }), b"");
    world.register(&master);
    assert!(
        world.route("T").is_some(),
        "also if it was deleted in one cluster"
    );

    world.ask(104, &master.address(), b"");
    world.register(&master);
    assert_eq!(
        world.perms("T")["a"],
        6,
        "an unregistered broker comes back"
    );

    let mut moved = master.clone();
    moved.header.broker_addr = "elsewhere:10911".to_owned();
    world.register(&moved);
    world.register(&master);
    let route = world.route("T").unwrap();
    assert_eq!(route["brokerDatas"][0]["brokerAddrs"]["0"], "a-0:10911");

    let decoded = world.server.work().registrations_decoded;
    world.register(&master);
    assert_eq!(world.server.work().registrations_decoded, decoded);
}
