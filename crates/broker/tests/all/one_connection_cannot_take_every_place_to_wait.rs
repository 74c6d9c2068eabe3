use ferrocket_protocol::codes::request;

use crate::support::*;

/// Pulls of one connection that may wait at a time.
const LIMIT: usize = 20_000;

#[test]
fn others_still_wait() {
    let world = World::new();
    world.create_topic("T", 1);
    let greedy = world.connect();
    greedy.heartbeat_quietly("c", "g", "T", "*");
    greedy.received();
    let frames = (0..LIMIT)
        .map(|_| greedy.request(request::PULL_MESSAGE, &pull("g", "T", 0, 0), b""))
        .collect();
    assert!(greedy.read(frames).is_empty());
    let answer = greedy.call(request::PULL_MESSAGE, &pull("g", "T", 0, 0), b"");
    let words = "[OVERLOAD]broker busy, start flow control for a while: 20000 pulls of this connection wait for messages, which is its limit";
    assert_eq!((answer.code, remark(&answer)), (2, words));
    assert_eq!(world.broker.metrics().pulls_refused_for_waiting, 1);
    let other = world.connect();
    other.call_later(request::PULL_MESSAGE, &pull("g", "T", 0, 0), b"");

    // Those that were answered may wait again.
    world.pass(15_000);
    assert_eq!(greedy.received().len(), LIMIT);
    greedy.call_later(request::PULL_MESSAGE, &pull("g", "T", 0, 0), b"");
}
