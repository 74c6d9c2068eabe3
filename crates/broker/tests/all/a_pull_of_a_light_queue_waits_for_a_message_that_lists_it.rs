use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::{PullMessage, SendMessageV2};
use ferrocket_protocol::message::batch::{self, BatchMessage};
use ferrocket_store::FlushMode;

use crate::support::*;

/// A pull that brings its subscription and may wait.
fn wait_for<'a>(topic: &'a str, tags: &'a str) -> PullMessage<'a> {
    PullMessage {
        sys_flag: 0x2 | 0x4,
        subscription: Some(tags.into()),
        ..poll("g", topic, 0, 0)
    }
}

#[test]
fn and_is_answered_when_it_arrives() {
    let world = World::with_light_queues(FlushMode::Async);
    let consumer = world.connect();
    for topic in ["%LMQ%a", "%LMQ%b"] {
        consumer.call_later(request::PULL_MESSAGE, &wait_for(topic, "TagA"), b"");
    }
    let producer = world.connect();
    producer.store("T", 0, "TAGS\x01TagA\x02", "not listed");
    let other = format!("TAGS\x01TagC\x02{}", listing("%LMQ%a"));
    producer.store("T", 0, &other, "another tag");
    assert!(consumer.received().is_empty());
    let wanted = format!("TAGS\x01TagA\x02{}", listing("%LMQ%a"));
    producer.store("T", 0, &wanted, "wanted");
    let answer = consumer.received_one();
    assert_eq!(texts(&answer), ["wanted"]);
    assert_eq!(next_offset(&answer), 2);
    producer.store("T", 0, &wanted.replace("%LMQ%a", "%LMQ%c,%LMQ%b"), "other");
    assert_eq!(texts(&consumer.received_one()), ["other"]);
}

#[test]
fn also_as_part_of_a_batch() {
    let world = World::with_light_queues(FlushMode::Async);
    let consumer = world.connect();
    consumer.call_later(request::PULL_MESSAGE, &wait_for("%LMQ%a", "*"), b"");
    let mut encoded = Vec::new();
    for (body, light) in [("x", "%LMQ%b"), ("y", "%LMQ%a,%LMQ%b")] {
        let properties = listing(light);
        let message = BatchMessage {
            flag: 0,
            body: body.as_bytes(),
            properties: properties.as_bytes(),
        };
        batch::encode(&mut encoded, &message).unwrap();
    }
    let mut header = message("T", 0, "");
    header.batch = Some(true);
    let header = SendMessageV2::from(header);
    let answer = world
        .connect()
        .call(request::SEND_BATCH_MESSAGE, &header, &encoded);
    assert_eq!(answer.code, 0, "{:?}", answer.remark);
    assert_eq!(texts(&consumer.received_one()), ["y"]);
}

#[test]
fn when_the_disk_has_it_where_that_counts() {
    let world = World::with_light_queues(FlushMode::Sync);
    let (producer, consumer) = (world.connect(), world.connect());
    let list = listing("%LMQ%a");
    let header = SendMessageV2::from(message("T", 0, &list));
    producer.call_later(request::SEND_MESSAGE_V2, &header, b"x");
    consumer.call_later(request::PULL_MESSAGE, &wait_for("%LMQ%a", "*"), b"");
    world.flush();
    assert_eq!(producer.received_one().code, 0);
    assert_eq!(texts(&consumer.received_one()), ["x"]);
}

#[test]
fn or_until_its_time_is_over_or_the_broker_stops() {
    let world = World::with_light_queues(FlushMode::Async);
    let consumer = world.connect();
    consumer.call_later(request::PULL_MESSAGE, &wait_for("%LMQ%a", "*"), b"");
    world.pass(14_999);
    assert!(consumer.received().is_empty());
    world.pass(1);
    assert_eq!(consumer.received_one().code, 19);
    consumer.call_later(request::PULL_MESSAGE, &wait_for("%LMQ%a", "*"), b"");
    world.broker.shutdown(world.now()).unwrap();
    assert_eq!(consumer.received_one().code, 19);
}
