use ferrocket_protocol::bodies::{ConsumerConnection, MessageQueue};
use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::GetConsumerConnectionList;

use crate::support::*;

fn queue(queue_id: i32) -> MessageQueue {
    MessageQueue {
        topic: "T".to_owned(),
        broker_name: "broker-a".to_owned(),
        queue_id,
    }
}

fn two_hold_three() -> World {
    let world = World::new();
    let client = world.connect();
    assert_eq!(client.lock("g", "one", vec![queue(0), queue(1)]).len(), 2);
    client.unlock("g", "one", vec![queue(1)]);
    assert_eq!(client.lock("g", "two", vec![queue(1), queue(2)]).len(), 2);
    world
}

fn nobody_is_robbed(world: &World) {
    let client = world.connect();
    assert_eq!(
        client.lock("g", "two", vec![queue(0), queue(1)]),
        [queue(1)]
    );
    assert_eq!(
        client.lock("g", "one", vec![queue(0), queue(2)]),
        [queue(0)]
    );
    assert_eq!(client.lock("g", "three", vec![queue(3)]), [queue(3)]);
}

#[test]
fn that_is_stopped() {
    nobody_is_robbed(&two_hold_three().restart());
}

#[test]
fn or_killed() {
    nobody_is_robbed(&two_hold_three().kill());
}

#[test]
fn and_tools_see_who_holds_them_since_when() {
    let world = two_hold_three();
    world.pass(5_000);
    let client = world.connect();
    client.heartbeat_quietly("one", "g", "T", "*");
    client.received();
    client.lock("g", "one", vec![queue(0)]);
    world.pass(2_000);
    let header = GetConsumerConnectionList {
        consumer_group: "g".to_owned(),
    };
    let answer = client.call(request::GET_CONSUMER_CONNECTION_LIST, &header, b"");
    let locks: Vec<_> = body::<ConsumerConnection>(&answer)
        .queue_locks
        .into_iter()
        .map(|lock| {
            (
                lock.message_queue.queue_id,
                lock.client_id,
                lock.held_ms,
                lock.renewed_ms_ago,
            )
        })
        .collect();
    assert_eq!(
        locks,
        [
            (0, "one".to_owned(), 7_000, 2_000),
            (1, "two".to_owned(), 7_000, 7_000),
            (2, "two".to_owned(), 7_000, 7_000)
        ]
    );
}
