use serde_json::json;

use crate::support::{Broker, REGISTER_BROKER, ROUTE, World, request};

#[test]
fn an_unknown_code_with_its_number() {
    for code in [0, 34, 320, 326, 999, -1, i32::MAX] {
        let answer = World::new().ask_plain(code);
        assert_eq!(answer.code, 3);
        assert_eq!(
            answer.remark.unwrap(),
            format!(" request type {code} not supported")
        );
    }
}

#[test]
fn a_registration_that_is_damaged_or_not_readable() {
    let world = World::new();
    let broker = Broker::new(&world, "a", 0);
    let ask = |header: &serde_json::Value, body: &[u8]| {
        let answer = world.answer(
            &broker.connection,
            request(REGISTER_BROKER, Some(header), body),
        );
        let answer = answer.unwrap();
        (answer.code, answer.remark.unwrap_or_default())
    };
    let header = serde_json::to_value(&broker.header).unwrap();
    let header = |field: &str, value: &str| {
        let mut header = header.clone();
        header
            .as_object_mut()
            .unwrap()
            .retain(|_, value| !value.is_null());
        header[field] = json!(value);
        header
    };
    let damaged = ask(&header("bodyCrc32", "12345"), &broker.body());
    assert_eq!(damaged, (1, "crc32 not match".to_owned()));
    for body in [
        "{",
        "[]",
        "7",
        "{\"topicConfigSerializeWrapper\":7}",
        "x\u{9c}zlib?",
        "\u{0}",
    ] {
        let (code, remark) = ask(&header("bodyCrc32", "0"), body.as_bytes());
        assert_eq!(code, 1, "{body}");
        assert!(
            remark.starts_with("Failed to decode RegisterBrokerBody"),
            "{remark}"
        );
    }
    for field in ["brokerName", "brokerAddr", "clusterName", "brokerId"] {
        let mut header = header("bodyCrc32", "0");
        header.as_object_mut().unwrap().remove(field);
        let refused = ask(&header, &broker.body());
        assert_eq!(refused, (1, format!("the registration has no {field}")));
    }
    let (code, remark) = ask(&header("brokerId", "first"), &broker.body());
    assert_eq!(code, 1);
    assert!(remark.contains("brokerId"), "{remark}");
    assert!(world.route("T").is_none());
    assert_eq!(ask(&header("bodyCrc32", "0"), &broker.body()).0, 0);
}

#[test]
fn requests_without_fields_or_with_bodies_that_are_something_else() {
    for code in (100..=104).chain([105, 205, 216, 217, 219, 224, 322, 327, 901, 904]) {
        let world = World::new();
        assert!(
            [0, 1, 17, 22].contains(&world.ask_plain(code).code),
            "{code}"
        );
        let answer = world.ask(code, &json!({ "topic": "T" }), b"\xff{not json");
        assert!([0, 1, 17, 22].contains(&answer.code), "{code}");
    }
}

#[test]
fn one_way_requests_are_done_and_not_answered() {
    let world = World::new();
    let broker = Broker::new(&world, "a", 0);
    let mut frame = broker.request();
    frame.flag = 2;
    assert!(world.exchange(&broker.connection, frame).is_empty());
    assert!(world.route("T").is_some());
    let mut frame = request(ROUTE, Some(&json!({ "topic": "none" })), b"");
    frame.flag = 2;
    assert!(world.exchange(&broker.connection, frame).is_empty());
    let mut answer = request(0, Some(&json!({})), b"");
    answer.flag = 1;
    assert!(
        world.exchange(&broker.connection, answer).is_empty(),
        "answers are not answered"
    );
}

#[test]
fn a_topic_without_a_route() {
    let world = World::new();
    let answer = world.route_frame("none");
    assert_eq!(answer.code, 17);
    assert_eq!(
        answer.remark.unwrap(),
        "No topic route info in name server for the topic: none\nSee \
         https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details."
    );
}
