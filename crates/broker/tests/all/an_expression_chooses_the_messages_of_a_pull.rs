//! SQL92 subscriptions of heartbeats and of pulls themselves.

use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::PullMessage;
use ferrocket_store::FlushMode;

use crate::support::*;

#[test]
fn that_brings_it() {
    let world = world_with_filters();
    world.create_topic("T", 1);
    let client = world.connect();
    for number in 0..6 {
        client.store("T", 0, &format!("a\x01{number}\x02"), &number.to_string());
    }
    client.store("T", 0, "TAGS\x01TagA\x02", "without a");
    let pulled = |expression: &'static str| {
        client.call(request::PULL_MESSAGE, &sql("g", "T", expression, 0), b"")
    };
    let answer = pulled("a BETWEEN 2 AND 3");
    assert_eq!(texts(&answer), ["2", "3"]);
    assert_eq!(next_offset(&answer), 7, "the others are passed over");
    assert_eq!(texts(&pulled("a IS NULL OR a > 4")), ["5", "without a"]);
    assert_eq!(texts(&pulled("TAGS = 'TagA'")), ["without a"]);
    let answer = pulled("a > 100");
    assert_eq!((answer.code, remark(&answer)), (20, "NO_MATCHED_MESSAGE"));
    assert_eq!(next_offset(&answer), 7);
    // A text that is no number of the literal's kind is no match, and ends nothing.
    client.store("T", 0, "a\x01x\x02", "no number");
    client.store("T", 0, "a\x017\x02", "7");
    assert_eq!(texts(&pulled("a > 4")), ["5", "7"]);
}

#[test]
fn of_a_group_that_declared_it() {
    let world = world_with_filters();
    world.create_topic("T", 2);
    let consumer = world.connect();
    consumer.heartbeat_sql("c", "g", "T", "a > 1 AND TAGS = 'TagA'", 1);
    consumer.received();
    for (number, tags) in [(1, "TagA"), (2, "TagA"), (3, "TagB"), (4, "TagA")] {
        let properties = format!("a\x01{number}\x02TAGS\x01{tags}\x02");
        consumer.store("T", 1, &properties, &number.to_string());
    }
    let answer = consumer.call(request::PULL_MESSAGE, &pull("g", "T", 1, 0), b"");
    assert_eq!(texts(&answer), ["2", "4"]);
    // A newer version with another expression takes the place of the first.
    consumer.heartbeat_sql("c", "g", "T", "a < 2", 2);
    consumer.received();
    let answer = consumer.call(request::PULL_MESSAGE, &pull("g", "T", 1, 0), b"");
    assert_eq!(texts(&answer), ["1"]);
    let newer = PullMessage {
        sub_version: 3,
        ..pull("g", "T", 1, 0)
    };
    let answer = consumer.call(request::PULL_MESSAGE, &newer, b"");
    assert_eq!(
        (answer.code, remark(&answer)),
        (25, "the consumer's subscription not latest")
    );
}

#[test]
fn over_many_messages_of_many_queues_it_finds_each_and_no_other() {
    let world = world_with_filters();
    world.create_topic("T", 3);
    let client = world.connect();
    for number in 0..3_000 {
        let text = number.to_string();
        let filler = "x".repeat(number % 97);
        let properties = format!("number\x01{number}\x02filler\x01{filler}y\x02");
        client.store("T", number as i32 % 3, &properties, &text);
    }
    for queue in 0..3 {
        let mut found = Vec::new();
        let mut offset = 0;
        while offset < 1_000 {
            let header = PullMessage {
                queue_id: queue,
                ..sql("g", "T", "number BETWEEN 500 AND 2499", offset)
            };
            let answer = client.call(request::PULL_MESSAGE, &header, b"");
            assert!(next_offset(&answer) > offset);
            offset = next_offset(&answer);
            found.extend(texts(&answer));
        }
        let wanted: Vec<String> = (500..2_500)
            .filter(|number| number % 3 == queue)
            .map(|number: i32| number.to_string())
            .collect();
        assert_eq!(found, wanted, "queue {queue}");
    }
}

#[test]
fn in_a_batch_queue_the_record_of_a_batch_is_asked() {
    let world = world_with_filters();
    let header = ferrocket_protocol::headers::CreateTopic {
        topic: "B".to_owned(),
        default_topic: "TBW102".to_owned(),
        read_queue_nums: 1,
        write_queue_nums: 1,
        perm: 6,
        topic_filter_type: "SINGLE_TAG".to_owned(),
        attributes: Some("+queue.type=BatchCQ".to_owned()),
        ..Default::default()
    };
    let client = world.connect();
    let answer = client.call(request::UPDATE_AND_CREATE_TOPIC, &header, b"");
    assert_eq!(answer.code, 0, "{answer:?}");
    for number in 0..4 {
        client.store("B", 0, &format!("a\x01{number}\x02"), &number.to_string());
    }
    let answer = client.call(request::PULL_MESSAGE, &sql("g", "B", "a >= 2", 0), b"");
    assert_eq!(texts(&answer), ["2", "3"]);
}

#[test]
fn to_be_tried_again_they_are_chosen_by_the_filter_of_their_first_topic() {
    for supported in [true, false] {
        let mut settings = config();
        settings.enable_property_filter = true;
        settings.filter_support_retry = supported;
        let world = World::with(settings, store_config(FlushMode::Async));
        world.create_topic("T", 1);
        let consumer = world.connect();
        consumer.heartbeat_sql("c", "g", "T", "a > 1", 1);
        consumer.received();
        for number in 1..4 {
            let properties = format!("a\x01{number}\x02RETRY_TOPIC\x01T\x02");
            consumer.store("%RETRY%g", 0, &properties, &number.to_string());
        }
        consumer.store("%RETRY%g", 0, "a\x010\x02RETRY_TOPIC\x01Other\x02", "other");
        let header = poll("g", "%RETRY%g", 0, 0);
        let answer = consumer.call(request::PULL_MESSAGE, &header, b"");
        let wanted = if supported {
            vec!["2", "3", "other"]
        } else {
            vec!["1", "2", "3", "other"]
        };
        assert_eq!(texts(&answer), wanted);
    }
}

#[test]
fn that_lie_on_the_disk_are_looked_at_by_a_thread_that_may_wait() {
    let mut settings = config();
    settings.enable_property_filter = true;
    let mut store = store_config(FlushMode::Async);
    store.hot_window_bytes = 0;
    let world = World::with(settings, store);
    world.create_topic("T", 1);
    let client = world.connect();
    for number in 0..3 {
        client.store("T", 0, &format!("a\x01{number}\x02"), &number.to_string());
    }
    client.call_later(request::PULL_MESSAGE, &sql("g", "T", "a = 1", 0), b"");
    assert_eq!(world.read_cold(), 1);
    assert_eq!(texts(&client.received_one()), ["1"]);
}
