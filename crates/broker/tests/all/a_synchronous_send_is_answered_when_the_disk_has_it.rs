use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::{SendMessageResponse, SendMessageV2};

use crate::support::*;

fn send_later(client: &Client<'_>, queue_id: i32, properties: &str) {
    let header = SendMessageV2::from(message("T", queue_id, properties));
    client.call_later(request::SEND_MESSAGE_V2, &header, b"x");
}

#[test]
fn and_not_before() {
    let world = World::sync();
    let client = world.connect();
    send_later(&client, 0, "UNIQ_KEY\x01U\x02");
    world.pass(100);
    assert!(client.received().is_empty());
    world.flush();
    let answer = client.received_one();
    assert_eq!(answer.code, 0);
    let stored: SendMessageResponse<'_> = answer.header().unwrap();
    assert_eq!(
        (stored.queue_offset, stored.transaction_id.as_deref()),
        (0, Some("U"))
    );
    assert!(stored.msg_id.len() == 32);
}

#[test]
fn in_one_write_for_all_of_a_connection() {
    let world = World::sync();
    let (one, two) = (world.connect(), world.connect());
    for _ in 0..3 {
        send_later(&one, 0, "");
        send_later(&two, 1, "");
    }
    world.flush();
    assert_eq!(*one.peer.writes.lock(), [3]);
    assert_eq!(*two.peer.writes.lock(), [3]);
    let offsets: Vec<i64> = one
        .received()
        .iter()
        .map(|answer| {
            answer
                .header::<SendMessageResponse<'_>>()
                .unwrap()
                .queue_offset
        })
        .collect();
    assert_eq!(offsets, [0, 1, 2]);
}

#[test]
fn unless_the_producer_does_not_want_to_wait() {
    let world = World::sync();
    let client = world.connect();
    let header = message("T", 0, "WAIT\x01false\x02");
    assert_eq!(client.send(&header, b"x").code, 0);
    world.flush();
    assert!(client.received().is_empty(), "answered once");
}

#[test]
fn or_told_that_the_disk_was_too_slow() {
    let world = World::sync();
    let client = world.connect();
    send_later(&client, 3, "");
    world.pass(4_999);
    assert!(client.received().is_empty());
    world.pass(1);
    let answer = client.received_one();
    assert_eq!(answer.code, 10);
    let stored: SendMessageResponse<'_> = answer.header().unwrap();
    assert_eq!((stored.queue_id, stored.queue_offset), (3, 0));
    assert_eq!(world.broker.metrics().flush_timeouts, 1);
    world.flush();
    assert!(client.received().is_empty(), "answered once");
    let answer = client.call(request::PULL_MESSAGE, &poll("g", "T", 3, 0), b"");
    assert_eq!(texts(&answer), ["x"], "the message is there all the same");
}

#[test]
fn even_when_the_broker_stops() {
    let world = World::sync();
    let client = world.connect();
    send_later(&client, 0, "");
    world.broker.shutdown(world.now()).unwrap();
    assert_eq!(client.received_one().code, 0);
}
