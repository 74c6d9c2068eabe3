use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::NoHeader;
use ferrocket_protocol::headers::DeleteTopic;
use ferrocket_protocol::message::NewMessage;
use ferrocket_store::disk::mem::Operation;
use ferrocket_store::{AppendBatch, StoreConfig};

use crate::support::*;

fn world() -> World {
    let world = World::new();
    world.create_topic("T", 2);
    world.deliver();
    world
}

fn found(world: &World, topic: &str) -> Vec<String> {
    let client = world.connect();
    texts(&client.call(request::PULL_MESSAGE, &poll("g", topic, 0, 0), b""))
}

/// Puts a message into the first level as only a broker could.
fn forge(world: &World, properties: &[u8], body: &[u8]) {
    let message = NewMessage {
        topic: "SCHEDULE_TOPIC_XXXX",
        queue_id: 0,
        flag: 0,
        sys_flag: 0,
        born_ms: START_MS,
        born_host: "10.0.0.9:1".parse().unwrap(),
        store_host: "10.0.0.1:10911".parse().unwrap(),
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        properties,
        body,
    };
    let mut batch = AppendBatch::new();
    let unlimited = StoreConfig {
        body_bytes_max: 1 << 24,
        ..world.store.config().clone()
    };
    batch.push(&unlimited, &message).unwrap();
    world.store.append(world.now(), &mut batch);
    assert!(batch.results()[0].is_ok());
}

#[test]
fn when_it_does_not_say_where_it_belongs() {
    let world = world();
    for properties in [
        "DELAY\x011\x02",
        "DELAY\x011\x02REAL_TOPIC\x01T\x02",
        "DELAY\x011\x02REAL_TOPIC\x01T\x02REAL_QID\x01x\x02",
        "DELAY\x011\x02REAL_TOPIC\x01T\x02REAL_QID\x01-1\x02",
        "DELAY\x011\x02REAL_TOPIC\x01../T\x02REAL_QID\x010\x02",
        "DELAY\x011\x02REAL_TOPIC\x01RMQ_SYS_TRANS_HALF_TOPIC\x02REAL_QID\x010\x02",
    ] {
        forge(&world, properties.as_bytes(), b"lost");
    }
    world.connect().store("T", 0, "DELAY\x011\x02", "good");
    world.pass(1_000);
    world.deliver();
    assert_eq!(found(&world, "T"), ["good"]);
    assert_eq!(world.broker.metrics().delayed_left_out, 6);
    assert_eq!(world.deliver(), i64::MAX);
}

#[test]
fn and_a_message_longer_than_is_allowed_by_now_is_delivered() {
    let world = World::with(
        config(),
        StoreConfig {
            body_bytes_max: 1_000,
            ..store_config(ferrocket_store::FlushMode::Async)
        },
    );
    world.create_topic("T", 1);
    let body = vec![b'x'; 5_000];
    let properties = b"DELAY\x011\x02REAL_TOPIC\x01T\x02REAL_QID\x010\x02";
    forge(&world, properties, &body);
    world.pass(1_000);
    world.deliver();
    assert_eq!(found(&world, "T"), [String::from_utf8(body).unwrap()]);
}

#[test]
fn and_one_of_a_topic_that_was_deleted_waits_in_its_queue_as_with_java() {
    let world = world();
    world.create_topic("gone", 1);
    let client = world.connect();
    client.store("gone", 0, "DELAY\x011\x02", "orphan");
    client.store("T", 0, "DELAY\x011\x02", "good");
    let header = DeleteTopic {
        topic: "gone".into(),
    };
    client.call(request::DELETE_TOPIC_IN_BROKER, &header, b"");
    world.pass(1_000);
    world.deliver();
    assert_eq!(found(&world, "T"), ["good"]);
    world.create_topic("gone", 1);
    assert_eq!(found(&world, "gone"), ["orphan"]);
}

#[test]
fn and_all_are_tried_again_when_the_store_took_none() {
    let world = world();
    let client = world.connect();
    for text in ["a", "b", "c"] {
        client.store("T", 0, "DELAY\x011\x02", text);
    }
    world.pass(1_000);
    let full = std::io::ErrorKind::StorageFull;
    world
        .disk
        .fail_next_with(Operation::Write, "commitlog", full);
    let again_ms = world.deliver();
    assert_eq!(again_ms, world.now() + 100);
    assert!(found(&world, "T").is_empty());
    world.store.watch_space();
    world.pass(100);
    world.deliver();
    assert_eq!(found(&world, "T"), ["a", "b", "c"]);
    let answer = client.call(request::GET_ALL_DELAY_OFFSET, &NoHeader {}, b"");
    let offsets = body::<ferrocket_protocol::bodies::DelayOffsetSerializeWrapper>(&answer);
    assert_eq!(offsets.offset_table, [(1, 3)].into());
}
