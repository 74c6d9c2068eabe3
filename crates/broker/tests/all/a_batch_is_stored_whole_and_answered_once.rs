use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::{SendMessage, SendMessageResponse, SendMessageV2};
use ferrocket_protocol::message::batch::{self, BatchMessage};

use crate::support::*;

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

fn header(topic: &str) -> SendMessage<'_> {
    SendMessage {
        batch: Some(true),
        ..message(topic, 2, "UNIQ_KEY\x01BATCH\x02WAIT\x01true\x02")
    }
}

#[test]
fn with_the_ids_of_all_its_messages() {
    let world = World::new();
    let client = world.connect();
    client.store("T", 2, "", "before");
    let header = SendMessageV2::from(header("T"));
    let answer = client.call(
        request::SEND_BATCH_MESSAGE,
        &header,
        &batch_of(&["a", "b", "c"]),
    );
    assert_eq!(answer.code, 0);
    let stored: SendMessageResponse<'_> = answer.header().unwrap();
    assert_eq!((stored.queue_id, stored.queue_offset), (2, 1));
    assert_eq!(stored.transaction_id.as_deref(), Some("BATCH"));
    let ids: Vec<&str> = stored.msg_id.split(',').collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| id.len() == 32) && ids.is_sorted());

    let answer = client.call(request::PULL_MESSAGE, &poll("g", "T", 2, 1), b"");
    assert_eq!(texts(&answer), ["a", "b", "c"]);
    assert_eq!(next_offset(&answer), 4);
}

#[test]
fn and_wakes_whoever_wants_one_of_its_messages() {
    let world = World::new();
    world.create_topic("T", 4);
    let consumer = world.connect();
    consumer.heartbeat_quietly("c", "g", "T", "A");
    consumer.received();
    consumer.call_later(request::PULL_MESSAGE, &pull("g", "T", 2, 0), b"");
    let header = SendMessageV2::from(header("T"));
    world
        .connect()
        .call(request::SEND_BATCH_MESSAGE, &header, &batch_of(&["a", "b"]));
    assert_eq!(texts(&consumer.received_one()), ["a", "b"]);
}

#[test]
fn or_refused_whole() {
    let world = World::new();
    let client = world.connect();
    let mut cut = batch_of(&["a", "b"]);
    cut.pop();
    let header = SendMessageV2::from(header("T"));
    for body in [cut, Vec::new()] {
        let answer = client.call(request::SEND_BATCH_MESSAGE, &header, &body);
        assert_eq!(answer.code, 13, "{:?}", answer.remark);
    }
    assert_eq!(world.store.max_offset("T", 2).0, 0);
}
