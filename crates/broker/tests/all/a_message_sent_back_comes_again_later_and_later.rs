use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::ConsumerSendMsgBack;
use ferrocket_protocol::message::View;
use ferrocket_store::{PhysicalOffset, StoreConfig};

use crate::support::*;

fn send_back(client: &Client<'_>, offset: i64, delay_level: i32) {
    let header = ConsumerSendMsgBack {
        offset,
        group: "g".into(),
        delay_level,
        max_reconsume_times: Some(2),
        ..ConsumerSendMsgBack::default()
    };
    let answer = client.call(request::CONSUMER_SEND_MSG_BACK, &header, b"");
    assert_eq!((answer.code, answer.remark), (0, None));
}

/// Waits for the message in the group's retry topic and answers where it is and what the wait was.
fn retried(world: &World, number: i64) -> (i64, i64) {
    let began = world.now();
    while world.store.max_offset("%RETRY%g", 0).0 <= number {
        world.pass(1_000);
        world.deliver();
    }
    let client = world.connect();
    let poll = poll("g", "%RETRY%g", 0, number);
    let answer = client.call(request::PULL_MESSAGE, &poll, b"");
    let record = View::parse(&answer.body).unwrap();
    assert_eq!(texts(&answer), ["again"]);
    assert_eq!(record.property("RETRY_TOPIC"), Some("T"));
    assert_eq!(i64::from(record.reconsume_times), number + 1);
    (record.physical_offset, world.now() - began)
}

#[test]
fn and_is_given_up_on_at_last() {
    let world = World::with(
        config(),
        StoreConfig {
            delay_levels_ms: vec![1_000, 2_000, 3_000, 4_000],
            ..store_config(ferrocket_store::FlushMode::Async)
        },
    );
    world.create_topic("T", 1);
    let client = world.connect();
    client.store("T", 0, "", "again");
    send_back(&client, 0, 0);
    let (offset, waited_ms) = retried(&world, 0);
    assert_eq!(waited_ms, 3_000, "the third level");
    send_back(&client, offset, 0);
    let (offset, waited_ms) = retried(&world, 1);
    assert_eq!(waited_ms, 4_000, "the fourth");
    let origin = world.store.record_at(PhysicalOffset(0)).unwrap().unwrap();
    assert_eq!(View::parse(&origin).unwrap().topic, "T");
    send_back(&client, offset, 0);
    let answer = client.call(request::PULL_MESSAGE, &poll("g", "%DLQ%g", 0, 0), b"");
    assert_eq!(texts(&answer), ["again"]);
}
