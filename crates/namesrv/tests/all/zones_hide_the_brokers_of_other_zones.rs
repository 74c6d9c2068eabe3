use serde_json::{Value, json};

use crate::support::{Broker, REGISTER_BROKER, ROUTE, World, body_json, request};

fn register(world: &World, name: &str, id: i64, zone: Option<&str>) {
    let broker = Broker::new(world, name, id);
    let mut header = serde_json::to_value(&broker.header).unwrap();
    header
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    for value in header
        .as_object_mut()
        .unwrap()
        .values_mut()
        .filter(|value| !value.is_string())
    {
        *value = json!(value.to_string());
    }
    if let Some(zone) = zone {
        header["__ZONE_NAME"] = json!(zone);
    }
    let frame = request(REGISTER_BROKER, Some(&header), &broker.body());
    assert_eq!(world.answer(&broker.connection, frame).unwrap().code, 0);
}

fn shown(world: &World, mode: &str, zone: &str) -> Vec<String> {
    let header = json!({ "topic": "T", "__ZONE_MODE": mode, "__ZONE_NAME": zone });
    let answer = world.ask(ROUTE, &header, b"");
    assert_eq!(answer.code, 0);
    let route = body_json(&answer);
    let names = |list: &Value| -> Vec<String> {
        let entries = list.as_array().unwrap().iter();
        entries
            .map(|entry| entry["brokerName"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&route["queueDatas"]), names(&route["brokerDatas"]));
    names(&route["brokerDatas"])
}

#[test]
fn unless_their_master_is_down() {
    let world = World::new();
    register(&world, "east", 0, Some("East"));
    register(&world, "none", 0, None);
    register(&world, "slave", 1, Some("west"));
    register(&world, "west", 0, Some("west"));
    assert_eq!(shown(&world, "true", "EAST"), ["east", "slave"]);
    assert_eq!(shown(&world, "TRUE", "west"), ["slave", "west"]);
    assert_eq!(shown(&world, "true", "north"), ["slave"]);
}

#[test]
fn for_those_who_ask_for_it() {
    let world = World::new();
    register(&world, "east", 0, Some("east"));
    for (mode, zone) in [("false", "west"), ("yes", "west"), ("true", " ")] {
        assert_eq!(shown(&world, mode, zone), ["east"]);
    }
    assert_eq!(shown(&world, "true", "west"), [] as [&str; 0]);
    assert_eq!(
        world.route("T").unwrap()["brokerDatas"][0]["zoneName"],
        "east"
    );
}
