use std::path::Path;

use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::Frame;
use ferrocket_protocol::headers::{PullMessage, QueryConsumerOffset, UpdateConsumerOffset};
use ferrocket_store::disk::Disk;

use crate::support::*;

fn query(client: &Client<'_>, topic: &str, queue_id: i32, zero: Option<bool>) -> Frame {
    let header = QueryConsumerOffset {
        consumer_group: "g".into(),
        topic: topic.to_owned().into(),
        queue_id,
        set_zero_if_not_found: zero,
    };
    client.call(request::QUERY_CONSUMER_OFFSET, &header, b"")
}

fn offset(answer: &Frame) -> Option<String> {
    assert_eq!(answer.code, 0, "{answer:?}");
    answer.ext_field("offset").map(|text| text.into_owned())
}

#[test]
fn with_topics_and_groups() {
    let world = World::new();
    let client = world.connect();
    client.heartbeat_quietly("c", "g", "T", "*");
    for number in 0..3 {
        client.store("T", 1, "", &number.to_string());
    }
    client.commit("g", "T", 1, 2);
    let world = world.restart();
    let client = world.connect();
    assert_eq!(offset(&query(&client, "T", 1, None)).as_deref(), Some("2"));
    let answer = client.call(request::PULL_MESSAGE, &poll("g", "T", 1, 2), b"");
    assert_eq!(texts(&answer), ["2"]);
    let file = world
        .disk
        .read(Path::new("/store/config/consumerOffset.json"))
        .unwrap();
    let text = String::from_utf8(file).unwrap();
    assert!(text.contains("\"T@g\":{"), "{text}");
}

#[test]
fn of_the_process_after_their_interval() {
    let world = World::new();
    let client = world.connect();
    client.heartbeat_quietly("c", "g", "T", "*");
    client.store("T", 0, "", "x");
    client.commit("g", "T", 0, 1);
    let path = Path::new("/store/config/consumerOffset.json");
    world.broker.persist(world.now() + 4_999).unwrap();
    assert!(!world.disk.exists(path));
    world.broker.persist(world.now() + 5_000).unwrap();
    assert!(world.disk.exists(path));
    let written = world.disk.operations();
    world.broker.persist(world.now() + 10_000).unwrap();
    assert_eq!(
        world.disk.operations(),
        written,
        "nothing new, nothing written"
    );
}

#[test]
fn and_where_there_is_none_a_young_queue_begins_at_its_beginning() {
    let world = World::new();
    let client = world.connect();
    client.store("T", 0, "", "x");
    assert_eq!(offset(&query(&client, "T", 0, None)).as_deref(), Some("0"));
    let answer = query(&client, "T", 0, Some(false));
    let words = "Not found, do not set to zero, maybe this group boot first";
    assert_eq!((answer.code, remark(&answer)), (22, words));
    let answer = query(&client, "T", 1, None);
    let words = "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first";
    assert_eq!(
        (answer.code, remark(&answer)),
        (22, words),
        "an empty queue has no first message"
    );
}

#[test]
fn as_they_are_committed_lower_ones_too_and_with_a_pull() {
    let world = World::new();
    let client = world.connect();
    client.heartbeat_quietly("c", "g", "T", "*");
    world.create_topic("T", 1);
    client.commit("g", "T", 0, 5);
    client.commit("g", "T", 0, 3);
    assert_eq!(offset(&query(&client, "T", 0, None)).as_deref(), Some("3"));
    let header = PullMessage {
        sys_flag: 0x5,
        commit_offset: 9,
        ..poll("g", "T", 0, 0)
    };
    client.call(request::PULL_MESSAGE, &header, b"");
    assert_eq!(offset(&query(&client, "T", 0, None)).as_deref(), Some("9"));
}

#[test]
fn unless_group_topic_or_number_are_missing() {
    let world = World::new();
    let client = world.connect();
    let header = |group, topic| UpdateConsumerOffset {
        consumer_group: group,
        topic,
        queue_id: 0,
        commit_offset: 1,
    };
    let answer = client.call(
        request::UPDATE_CONSUMER_OFFSET,
        &header("absent".into(), "T".into()),
        b"",
    );
    assert_eq!(
        (answer.code, remark(&answer)),
        (26, "Group absent not exist!")
    );
    client.heartbeat_quietly("c", "g", "T", "*");
    let answer = client.call(
        request::UPDATE_CONSUMER_OFFSET,
        &header("g".into(), "T".into()),
        b"",
    );
    assert_eq!((answer.code, remark(&answer)), (17, "Topic T not exist!"));
    world.create_topic("T", 1);
    let answer = client.call(
        request::UPDATE_CONSUMER_OFFSET,
        &[("consumerGroup", "g"), ("topic", "T"), ("queueId", "0")]
            .into_iter()
            .collect::<std::collections::BTreeMap<_, _>>(),
        b"",
    );
    assert_eq!(
        (answer.code, remark(&answer)),
        (29, "Offset is null, topic is T")
    );
}
