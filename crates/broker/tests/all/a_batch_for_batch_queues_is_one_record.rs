//! Topics with `queue.type=BatchCQ`.

use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::{CreateTopic, SendMessage, SendMessageResponse, SendMessageV2};
use ferrocket_protocol::message::batch::{self, BatchMessage};
use ferrocket_protocol::message::{View, properties, property, sys_flag};

use crate::support::*;

fn create(world: &World) {
    let header = CreateTopic {
        topic: "B".to_owned(),
        default_topic: "TBW102".to_owned(),
        read_queue_nums: 2,
        write_queue_nums: 2,
        perm: 6,
        topic_filter_type: "SINGLE_TAG".to_owned(),
        attributes: Some("+queue.type=BatchCQ".to_owned()),
        ..CreateTopic::default()
    };
    let client = world.connect();
    let answer = client.call(request::UPDATE_AND_CREATE_TOPIC, &header, b"");
    assert_eq!((answer.code, answer.remark), (0, None));
}

fn batch_of(bodies: &[&str]) -> Vec<u8> {
    let mut encoded = Vec::new();
    for body in bodies {
        let message = BatchMessage {
            flag: 0,
            body: body.as_bytes(),
            properties: b"TAGS\x01A\x02",
        };
        batch::encode(&mut encoded, &message).unwrap();
    }
    encoded
}

fn header(properties: &str) -> SendMessage<'_> {
    SendMessage {
        batch: Some(true),
        ..message("B", 0, properties)
    }
}

#[test]
fn and_is_pulled_whole() {
    let world = World::new();
    create(&world);
    let client = world.connect();
    client.store("B", 0, "", "before");
    let header = SendMessageV2::from(header(
        "UNIQ_KEY\x01BATCH\x02INNER_NUM\x017\x02WAIT\x01true\x02",
    ));
    let body = batch_of(&["a", "b", "c"]);
    let answer = client.call(request::SEND_BATCH_MESSAGE, &header, &body);
    assert_eq!(answer.code, 0, "{:?}", answer.remark);
    let stored: SendMessageResponse<'_> = answer.header().unwrap();
    assert_eq!((stored.queue_id, stored.queue_offset), (0, 1));
    assert_eq!(stored.batch_uniq_id.as_deref(), Some("BATCH"));
    assert_eq!(stored.msg_id.len(), 32);
    assert_eq!(world.store.max_offset("B", 0).0, 4);

    let world = world.restart();
    let client = world.connect();
    let answer = client.call(request::PULL_MESSAGE, &poll("g", "B", 0, 2), b"");
    assert_eq!(next_offset(&answer), 4);
    let record = View::parse(&answer.body).unwrap();
    assert_eq!(record.queue_offset, 1);
    assert_eq!(
        record.sys_flag,
        sys_flag::INNER_BATCH | sys_flag::NEED_UNWRAP
    );
    assert_eq!(record.body, body);
    let text = |name| properties::find(record.properties, name);
    assert_eq!(text(property::INNER_NUM), Some("3"));
    assert_eq!(text(property::INNER_BASE), Some("0000000000000000001"));
    assert_eq!(text(property::CLUSTER), Some("DefaultCluster"));
}

#[test]
fn unless_it_has_no_key() {
    let world = World::new();
    create(&world);
    let client = world.connect();
    let header = SendMessageV2::from(header("WAIT\x01true\x02"));
    let answer = client.call(request::SEND_BATCH_MESSAGE, &header, &batch_of(&["a", "b"]));
    let stored: SendMessageResponse<'_> = answer.header().unwrap();
    assert_eq!(stored.batch_uniq_id, None);
    assert_eq!(stored.msg_id.split(',').count(), 2);
    let answer = client.call(request::PULL_MESSAGE, &poll("g", "B", 0, 0), b"");
    assert_eq!(texts(&answer), ["a", "b"]);
}

#[test]
fn or_says_what_only_the_broker_may_say() {
    let world = World::new();
    create(&world);
    let client = world.connect();
    let answer = client.send(&message("B", 0, "INNER_NUM\x012\x02"), b"x");
    assert_eq!(answer.code, 13);
    let header = SendMessageV2::from(header("UNIQ_KEY\x01BATCH\x02"));
    for body in [Vec::new(), batch_of(&["a"])[..10].to_vec()] {
        let answer = client.call(request::SEND_BATCH_MESSAGE, &header, &body);
        assert_eq!(answer.code, 13, "{:?}", answer.remark);
    }
    assert_eq!(world.store.max_offset("B", 0).0, 0);
}
