use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::PullMessage;
use ferrocket_store::FlushMode;

use crate::support::*;

fn world_with_consumer(world: &World) -> Client<'_> {
    world.create_topic("T", 4);
    let consumer = world.connect();
    consumer.heartbeat_quietly("c", "g", "T", "TagA || TagB");
    consumer.received();
    consumer
}

#[test]
fn and_is_answered_when_it_arrives() {
    let world = World::new();
    let consumer = world_with_consumer(&world);
    consumer.call_later(request::PULL_MESSAGE, &pull("g", "T", 1, 0), b"");
    let producer = world.connect();
    producer.store("T", 0, "TAGS\x01TagA\x02", "another queue");
    producer.store("T", 1, "TAGS\x01TagC\x02", "another tag");
    assert!(consumer.received().is_empty());
    producer.store("T", 1, "TAGS\x01TagB\x02", "wanted");
    let answer = consumer.received_one();
    assert_eq!(
        (answer.code, texts(&answer)),
        (0, vec!["wanted".to_owned()])
    );
    assert_eq!(next_offset(&answer), 2);
}

#[test]
fn in_one_write_for_all_pulls_of_a_connection() {
    let world = World::new();
    let consumer = world_with_consumer(&world);
    for queue_id in 0..2 {
        consumer.call_later(request::PULL_MESSAGE, &pull("g", "T", queue_id, 0), b"");
    }
    let producer = world.connect();
    let frames = (0..2)
        .map(|queue_id| {
            let header = message("T", queue_id, "TAGS\x01TagA\x02");
            producer.request(
                request::SEND_MESSAGE_V2,
                &ferrocket_protocol::headers::SendMessageV2::from(header),
                b"x",
            )
        })
        .collect();
    assert_eq!(producer.read(frames).len(), 2);
    assert_eq!(
        consumer.peer.writes.lock().last(),
        Some(&2),
        "both answers in one write"
    );
    assert_eq!(consumer.received().len(), 2);
}

#[test]
fn until_its_time_is_over() {
    let world = World::new();
    let consumer = world_with_consumer(&world);
    consumer.call_later(request::PULL_MESSAGE, &pull("g", "T", 1, 0), b"");
    world.pass(14_999);
    assert!(consumer.received().is_empty());
    world.pass(1);
    let answer = consumer.received_one();
    assert_eq!((answer.code, remark(&answer)), (19, "NO_MESSAGE_IN_QUEUE"));
    world.pass(60_000);
    assert!(consumer.received().is_empty(), "answered once");
}

#[test]
fn and_is_moved_past_messages_that_it_does_not_want() {
    let world = World::new();
    let consumer = world_with_consumer(&world);
    world.pass(5_000);
    consumer.call_later(request::PULL_MESSAGE, &pull("g", "T", 1, 0), b"");
    world
        .connect()
        .store("T", 1, "TAGS\x01TagC\x02", "another tag");
    world.pass(1);
    assert!(consumer.received().is_empty());
    world.pass(5_000);
    let answer = consumer.received_one();
    assert_eq!((answer.code, remark(&answer)), (20, "NO_MATCHED_MESSAGE"));
    assert_eq!(next_offset(&answer), 1);
}

#[test]
fn only_when_it_may() {
    let world = World::new();
    let consumer = world_with_consumer(&world);
    let header = PullMessage {
        sys_flag: 0,
        ..pull("g", "T", 1, 0)
    };
    let answer = consumer.call(request::PULL_MESSAGE, &header, b"");
    assert_eq!((answer.code, remark(&answer)), (19, "NO_MESSAGE_IN_QUEUE"));
    producer_and_end(&world, &consumer);
}

/// At the end of a queue that holds something the words are others.
fn producer_and_end(world: &World, consumer: &Client<'_>) {
    world.connect().store("T", 1, "TAGS\x01TagA\x02", "x");
    let answer = consumer.call(
        request::PULL_MESSAGE,
        &PullMessage {
            sys_flag: 0,
            ..pull("g", "T", 1, 1)
        },
        b"",
    );
    assert_eq!((answer.code, remark(&answer)), (19, "OFFSET_OVERFLOW_ONE"));
    let answer = consumer.call(request::PULL_MESSAGE, &pull("g", "T", 1, 7), b"");
    assert_eq!(
        (answer.code, remark(&answer)),
        (21, "OFFSET_OVERFLOW_BADLY")
    );
    assert_eq!(next_offset(&answer), 1);
}

#[test]
fn shortly_when_long_polling_is_off() {
    let mut settings = config();
    settings.long_polling_enable = false;
    let world = World::with(settings, store_config(FlushMode::Async));
    let consumer = world_with_consumer(&world);
    consumer.call_later(request::PULL_MESSAGE, &pull("g", "T", 1, 0), b"");
    world.pass(1_000);
    assert_eq!(consumer.received_one().code, 19);
}

#[test]
fn and_not_for_a_connection_that_is_gone() {
    let world = World::new();
    let consumer = world_with_consumer(&world);
    consumer.call_later(request::PULL_MESSAGE, &pull("g", "T", 1, 0), b"");
    consumer.disconnect();
    world.connect().store("T", 1, "TAGS\x01TagA\x02", "x");
    world.pass(20_000);
    assert!(consumer.received().is_empty());
}

#[test]
fn for_the_disk_too_where_messages_must_be_safe_first() {
    let world = World::sync();
    let consumer = world_with_consumer(&world);
    consumer.call_later(request::PULL_MESSAGE, &pull("g", "T", 1, 0), b"");
    let producer = world.connect();
    let header = message("T", 1, "TAGS\x01TagA\x02WAIT\x01false\x02");
    let answer = producer.send(&header, b"x");
    assert_eq!(answer.code, 0, "the producer does not wait");
    assert!(consumer.received().is_empty(), "the consumer does");
    world.flush();
    assert_eq!(texts(&consumer.received_one()), ["x"]);
}
