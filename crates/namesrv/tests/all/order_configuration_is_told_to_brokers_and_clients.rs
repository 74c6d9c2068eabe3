use ferrocket_namesrv::NamesrvConfig;
use serde_json::json;

use crate::support::{Broker, World, body_json};

fn put_order(world: &World, value: &str) {
    let header = json!({ "namespace": "ORDER_TOPIC_CONFIG", "key": "T", "value": value });
    assert_eq!(world.ask(100, &header, b"").code, 0);
}

#[test]
fn brokers_get_it_with_every_registration() {
    let world = World::new();
    let broker = Broker::new(&world, "a", 0);
    assert!(world.register(&broker).body.is_empty());
    put_order(&world, "a:4");
    for _ in 0..2 {
        let answer = world.register(&broker);
        assert_eq!(body_json(&answer), json!({ "table": { "T": "a:4" } }));
    }
}

#[test]
fn unless_that_is_switched_off() {
    let world = World::with(NamesrvConfig {
        return_order_topic_config_to_broker: false,
        ..NamesrvConfig::default()
    });
    put_order(&world, "a:4");
    assert!(world.register(&Broker::new(&world, "a", 0)).body.is_empty());
}

#[test]
fn clients_get_the_latest_where_order_messages_are_enabled() {
    let world = World::with(NamesrvConfig {
        order_message_enable: true,
        ..NamesrvConfig::default()
    });
    world.register(&Broker::new(&world, "a", 0));
    assert_eq!(world.route("T").unwrap().get("orderTopicConf"), None);
    for value in ["a:4", "a:8"] {
        put_order(&world, value);
        assert_eq!(world.route("T").unwrap()["orderTopicConf"], value);
    }
    world.ask(
        102,
        &json!({ "namespace": "ORDER_TOPIC_CONFIG", "key": "T" }),
        b"",
    );
    assert_eq!(world.route("T").unwrap().get("orderTopicConf"), None);
}
