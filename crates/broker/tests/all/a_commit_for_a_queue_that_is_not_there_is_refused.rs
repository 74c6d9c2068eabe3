//! Otherwise every number that somebody sends would take memory for ever.

use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::{CreateTopic, UpdateConsumerOffset};

use crate::support::*;

fn commit(client: &Client<'_>, queue_id: i32) -> (i32, String) {
    let header = UpdateConsumerOffset {
        consumer_group: "g".into(),
        topic: "T".into(),
        queue_id,
        commit_offset: 1,
    };
    let answer = client.call(request::UPDATE_CONSUMER_OFFSET, &header, b"");
    (answer.code, remark(&answer).to_owned())
}

#[test]
fn by_its_number() {
    let world = World::new();
    world.create_topic("T", 4);
    let client = world.connect();
    client.heartbeat_quietly("c", "g", "T", "*");
    for queue_id in [-1, 4, i32::MIN, i32::MAX] {
        let words = format!("queueId[{queue_id}] is illegal, the topic[T] has no such queue");
        assert_eq!(commit(&client, queue_id), (29, words));
        assert_eq!(world.committed("g", "T", queue_id), None);
    }
    assert_eq!(world.broker.metrics().commits_refused, 4);
    for queue_id in [0, 3] {
        assert_eq!(commit(&client, queue_id).0, 0);
    }
}

#[test]
fn unless_it_was_there_and_has_messages_left() {
    let world = World::new();
    world.create_topic("T", 4);
    let client = world.connect();
    client.heartbeat_quietly("c", "g", "T", "*");
    client.store("T", 3, "", "x");
    world.create_topic("T", 2);
    assert_eq!(commit(&client, 3).0, 0);
    assert_eq!(commit(&client, 2).0, 29);
}

#[test]
fn counting_queues_to_write_and_to_read() {
    let world = World::new();
    let header = CreateTopic {
        topic: "T".to_owned(),
        default_topic: "TBW102".to_owned(),
        read_queue_nums: 2,
        write_queue_nums: 6,
        perm: 6,
        topic_filter_type: "SINGLE_TAG".to_owned(),
        ..CreateTopic::default()
    };
    let client = world.connect();
    client.call(request::UPDATE_AND_CREATE_TOPIC, &header, b"");
    client.heartbeat_quietly("c", "g", "T", "*");
    assert_eq!(commit(&client, 5).0, 0);
    assert_eq!(commit(&client, 6).0, 29);
}
