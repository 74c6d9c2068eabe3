use ferrocket_protocol::frame::Frame;
use serde_json::{Value, json};

use crate::support::{Broker, REGISTER_BROKER, World, body_json, request};

fn topics(answer: &Frame) -> Vec<String> {
    serde_json::from_value(body_json(answer)["topicList"].clone()).unwrap()
}

fn two_clusters(world: &World) {
    world.register(&Broker::new(world, "a", 0));
    world.register(&Broker::new(world, "a", 1));
    let mut there = Broker::new(world, "b", 0);
    there.header.cluster_name = "D".to_owned();
    world.register(&there);
}

#[test]
fn clusters_and_their_brokers() {
    let world = World::new();
    two_clusters(&world);
    let broker = |name: &str, cluster: &str, addrs: Value| {
        json!({
            "brokerAddrs": addrs, "brokerName": name, "cluster": cluster,
            "enableActingMaster": false,
        })
    };
    let expected = json!({
        "brokerAddrTable": {
            "a": broker("a", "C", json!({ "0": "a-0:10911", "1": "a-1:10911" })),
            "b": broker("b", "D", json!({ "0": "b-0:10911" })),
        },
        "clusterAddrTable": { "C": ["a"], "D": ["b"] },
    });
    assert_eq!(body_json(&world.ask_plain(106)), expected);
}

#[test]
fn topics_of_all_and_of_one_cluster() {
    let world = World::new();
    two_clusters(&world);
    assert_eq!(topics(&world.ask_plain(206)), ["T", "a", "b"]);
    for (cluster, expected) in [("C", vec!["T", "a"]), ("D", vec!["T", "b"]), ("E", vec![])] {
        let answer = world.ask(224, &json!({ "cluster": cluster }), b"");
        assert_eq!(
            (answer.code, topics(&answer)),
            (0, expected.iter().map(|t| (*t).into()).collect())
        );
    }
}

#[test]
fn system_topics_and_a_broker_that_knows_more() {
    let world = World::new();
    assert_eq!(body_json(&world.ask_plain(304)), json!({ "topicList": [] }));
    two_clusters(&world);
    let answer = world.ask_plain(304);
    assert_eq!(topics(&answer), ["C", "D", "a", "b"]);
    assert_eq!(body_json(&answer)["brokerAddr"], "a-0:10911");
}

#[test]
fn unit_topics_by_their_flags() {
    let world = World::new();
    let mut broker = Broker::new(&world, "a", 0);
    for flag in 0..4 {
        broker = broker.topic(&format!("flag{flag}"), 1, 6);
    }
    let mut body: Value = serde_json::from_slice(&broker.body()).unwrap();
    for flag in 0..4 {
        let table = &mut body["topicConfigSerializeWrapper"]["topicConfigTable"];
        table[format!("flag{flag}")]["topicSysFlag"] = json!(flag);
    }
    let frame = request(
        REGISTER_BROKER,
        Some(&broker.header),
        body.to_string().as_bytes(),
    );
    assert_eq!(world.answer(&broker.connection, frame).unwrap().code, 0);
    assert_eq!(topics(&world.ask_plain(311)), ["flag1", "flag3"]);
    assert_eq!(topics(&world.ask_plain(312)), ["flag2", "flag3"]);
    assert_eq!(topics(&world.ask_plain(313)), ["flag2"]);
}

#[test]
fn members_of_a_broker_name() {
    let world = World::new();
    two_clusters(&world);
    for (name, addrs) in [
        ("a", json!({ "0": "a-0:10911", "1": "a-1:10911" })),
        ("nope", json!({})),
    ] {
        let answer = world.ask(
            901,
            &json!({ "clusterName": "any", "brokerName": name }),
            b"",
        );
        let group = json!({ "brokerAddrs": addrs, "brokerName": name, "cluster": "any" });
        assert_eq!(answer.code, 0);
        assert_eq!(body_json(&answer), json!({ "brokerMemberGroup": group }));
    }
}
