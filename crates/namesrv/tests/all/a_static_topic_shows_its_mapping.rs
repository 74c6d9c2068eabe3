use serde_json::{Value, json};

use crate::support::{Broker, World};

fn mapping(broker: &str, epoch: i64) -> Value {
    json!({ "T": {
        "bname": broker, "currIdMap": { "0": 0 }, "dirty": false, "epoch": epoch,
        "scope": "__global__", "topic": "T", "totalQueues": 2,
    }})
}

#[test]
fn by_broker_and_with_its_latest_epoch() {
    let world = World::new();
    let mut broker = Broker::new(&world, "a", 0);
    world.register(&broker);
    assert_eq!(
        world.route("T").unwrap().get("topicQueueMappingByBroker"),
        None
    );

    broker.mappings = mapping("a", 1);
    broker = broker.changed();
    world.register(&broker);
    let mut other = Broker::new(&world, "b", 0);
    other.mappings = mapping("b", 1);
    world.register(&other);
    broker.mappings = mapping("a", 2);
    world.register(&broker.changed());
    let shown = world.route("T").unwrap()["topicQueueMappingByBroker"].take();
    assert_eq!(
        shown,
        json!({ "a": mapping("a", 2)["T"], "b": mapping("b", 1)["T"] })
    );
}

#[test]
fn until_the_topic_is_deleted() {
    let world = World::new();
    let mut broker = Broker::new(&world, "a", 0);
    broker.mappings = mapping("a", 1);
    world.register(&broker);
    world.ask(216, &json!({ "topic": "T" }), b"");
    broker.mappings = json!({});
    world.register(&broker.changed());
    assert_eq!(
        world.route("T").unwrap().get("topicQueueMappingByBroker"),
        None
    );
}
