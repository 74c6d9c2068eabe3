use ferrocket_protocol::frame::{FRAME_BYTES_MAX, Frame};

use crate::support::{Broker, REGISTER_BROKER, World, body_json, request};

const TOPICS: usize = 50_000;

/// `enableSplitRegistration` sends that many at a time.
const CHUNK: usize = 800;

fn topic(number: usize) -> String {
    format!("orders.of.some.department.{number:05}")
}

/// A registration as a 5.5 broker prints it.
fn registration(broker: &Broker, topics: impl Iterator<Item = usize>) -> Frame {
    let table: Vec<String> = topics
        .map(topic)
        .map(|topic| {
            format!(
                r#""{topic}":{{"attributes":{{}},"order":false,"perm":6,"readQueueNums":8,"topicFilterType":"SINGLE_TAG","topicName":"{topic}","topicSysFlag":0,"writeQueueNums":8}}"#
            )
        })
        .collect();
    let body = format!(
        r#"{{"filterServerList":[],"topicConfigSerializeWrapper":{{"dataVersion":{},"topicConfigTable":{{{}}},"topicQueueMappingDetailMap":{{}},"topicQueueMappingInfoMap":{{}}}}}}"#,
        broker.data_version(),
        table.join(","),
    );
    request(REGISTER_BROKER, Some(&broker.header), body.as_bytes())
}

fn listed(world: &World) -> usize {
    let list = body_json(&world.ask_plain(206));
    list["topicList"].as_array().unwrap().len()
}

#[test]
fn in_one_frame_and_without_work_when_nothing_changed() {
    let world = World::new();
    let broker = Broker::new(&world, "a", 0);
    let frame = registration(&broker, 0..TOPICS);
    assert!(frame.body.len() < FRAME_BYTES_MAX);
    for _ in 0..3 {
        let answer = world.answer(&broker.connection, frame.clone()).unwrap();
        assert_eq!(answer.code, 0);
    }
    let work = world.server.work();
    assert_eq!(
        (work.registrations_decoded, work.registrations_renewed),
        (1, 2)
    );

    let asked = (0..TOPICS).step_by(1000).map(topic);
    for (already_encoded, topic) in (0..).zip(asked) {
        assert_eq!(world.server.work().routes_encoded, already_encoded);
        assert_eq!(world.perms(&topic)["a"], 6);
        assert_eq!(world.perms(&topic)["a"], 6);
    }
    assert_eq!(listed(&world), TOPICS);
    world.disconnect(&broker.connection);
    assert_eq!(listed(&world), 0);
}

#[test]
fn in_many_frames_of_a_split_registration() {
    let world = World::new();
    let broker = Broker::new(&world, "a", 0);
    for first in (0..TOPICS).step_by(CHUNK) {
        let frame = registration(&broker, first..TOPICS.min(first + CHUNK));
        assert_eq!(world.answer(&broker.connection, frame).unwrap().code, 0);
    }
    for number in (0..TOPICS).step_by(500) {
        assert!(world.route(&topic(number)).is_some(), "{number}");
    }
    assert_eq!(listed(&world), TOPICS);
}
