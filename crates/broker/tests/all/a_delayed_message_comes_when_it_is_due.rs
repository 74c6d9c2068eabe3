use std::cell::Cell;

use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::Frame;
use ferrocket_protocol::headers::SendMessageResponse;
use ferrocket_protocol::message::{View, properties, tags_code};
use ferrocket_store::{FlushMode, QueueOffset, ReadRequest, StoreConfig};

use crate::support::*;

const SCHEDULE: &str = "SCHEDULE_TOPIC_XXXX";
const NEVER: i64 = i64::MAX;

fn all(client: &Client<'_>, topic: &str) -> Frame {
    client.call(request::PULL_MESSAGE, &poll("g", topic, 0, 0), b"")
}

/// A world with topic `T` of two queues and levels of one, five and ten seconds.
fn world_of(flush_mode: FlushMode) -> World {
    let world = World::with(
        config(),
        StoreConfig {
            delay_levels_ms: vec![1_000, 5_000, 10_000],
            ..store_config(flush_mode)
        },
    );
    world.create_topic("T", 2);
    world.deliver();
    world
}

fn world() -> World {
    world_of(FlushMode::Async)
}

#[test]
fn and_not_before() {
    let world = world();
    let client = world.connect();
    client.store("T", 0, "DELAY\x012\x02", "later");
    assert_eq!(world.deliver(), START_MS + 5_000);
    world.pass(4_999);
    assert_eq!(world.deliver(), START_MS + 5_000);
    assert_eq!(all(&client, "T").code, 19, "nothing yet");
    world.pass(1);
    assert_eq!(world.deliver(), NEVER);
    assert_eq!(texts(&all(&client, "T")), ["later"]);
    world.pass(60_000);
    assert_eq!(world.deliver(), NEVER);
    assert_eq!(texts(&all(&client, "T")), ["later"], "once");
}

#[test]
fn and_waits_where_java_keeps_it() {
    let world = world();
    let client = world.connect();
    let text = "TAGS\x01a\x02TIMER_DELAY_SEC\x019\x02TIMER_DELAY_MS\x019\x02TIMER_DELIVER_MS\x019\x02DELAY\x012\x02";
    let answer = client.send(&message("T", 1, text), b"later");
    let header: SendMessageResponse<'_> = answer.header().unwrap();
    assert_eq!((header.queue_id, header.queue_offset), (1, 0));
    let request = ReadRequest {
        topic: SCHEDULE,
        queue_id: 1,
        offset: QueueOffset(0),
        messages_max: 1,
        bytes_max: 1 << 20,
        hot_only: false,
    };
    let mut due_ms = None;
    let mut note = |entry: &ferrocket_store::QueueEntry<'_>| {
        due_ms = entry.tags_code;
        true
    };
    let read = world.store.read(&request, &mut note).unwrap();
    assert_eq!(due_ms, Some(START_MS + 5_000));
    let record = View::parse(&read.records[0]).unwrap();
    let stored = String::from_utf8(record.properties.to_vec()).unwrap();
    assert!(!stored.contains("TIMER_"), "the level wins: {stored:?}");
    assert_eq!(record.property("REAL_TOPIC"), Some("T"));
    assert_eq!(record.property("REAL_QID"), Some("1"));
    assert_eq!(record.property("DELAY"), Some("2"));
}

#[test]
fn with_all_that_it_was_sent_with() {
    let world = world();
    let client = world.connect();
    let text = "TAGS\x01a\x02KEYS\x01k\x02WAIT\x01true\x02DELAY\x011\x02";
    let header = ferrocket_protocol::headers::SendMessage {
        flag: 7,
        reconsume_times: Some(2),
        ..message("T", 0, text)
    };
    client.send(&header, b"later");
    world.pass(1_000);
    world.deliver();
    let answer = all(&client, "T");
    let record = View::parse(&answer.body).unwrap();
    assert_eq!((record.flag, record.reconsume_times), (7, 2));
    assert_eq!(record.born_ms, START_MS - 5);
    assert_eq!(record.born_host, client.peer_address().parse().unwrap());
    assert_eq!(record.store_ms, START_MS + 1_000);
    // Java renders the properties before it takes these away.
    for (name, value) in [
        ("DELAY", "1"),
        ("REAL_TOPIC", "T"),
        ("REAL_QID", "0"),
        ("WAIT", "true"),
        ("KEYS", "k"),
    ] {
        assert_eq!(properties::find(record.properties, name), Some(value));
    }
    let mut code = None;
    let request = ReadRequest {
        topic: "T",
        queue_id: 0,
        offset: QueueOffset(0),
        messages_max: 1,
        bytes_max: 1 << 20,
        hot_only: false,
    };
    let mut note = |entry: &ferrocket_store::QueueEntry<'_>| {
        code = entry.tags_code;
        true
    };
    world.store.read(&request, &mut note).unwrap();
    assert_eq!(code, Some(tags_code("a")));
}

#[test]
fn at_the_last_level_at_the_latest() {
    let world = world();
    let client = world.connect();
    client.store("T", 0, "DELAY\x0118\x02", "capped");
    client.store("T", 0, "DELAY\x010\x02", "now");
    client.store("T", 0, "DELAY\x01soon\x02", "no number");
    assert_eq!(texts(&all(&client, "T")), ["now", "no number"]);
    assert_eq!(world.deliver(), START_MS + 10_000);
    world.pass(10_000);
    world.deliver();
    let answer = all(&client, "T");
    assert_eq!(texts(&answer), ["now", "no number", "capped"]);
    let capped = ferrocket_protocol::message::view::records(&answer.body).last();
    assert_eq!(capped.unwrap().unwrap().property("DELAY"), Some("3"));
}

#[test]
fn behind_those_that_were_sent_before_it() {
    let world = world();
    let client = world.connect();
    let mut wanted = Vec::new();
    for number in 0..3_000 {
        let text = format!("m{number}");
        client.store("T", 0, "DELAY\x011\x02", &text);
        wanted.push(text);
        if number % 100 == 0 {
            world.pass(1);
        }
    }
    while world.store.max_offset("T", 0).0 < 3_000 {
        world.pass(1);
        world.deliver();
        assert!(world.now() < START_MS + 2_000);
    }
    let mut found = Vec::new();
    while found.len() < wanted.len() {
        let offset = i64::try_from(found.len()).unwrap();
        let answer = client.call(request::PULL_MESSAGE, &poll("g", "T", 0, offset), b"");
        found.extend(texts(&answer));
    }
    assert_eq!(found, wanted);
}

#[test]
fn and_calls_for_its_delivery_only_when_nothing_waits_before_it() {
    let world = world();
    let client = world.connect();
    let rings = || {
        world
            .around
            .delay_rings
            .load(std::sync::atomic::Ordering::Relaxed)
    };
    client.store("T", 0, "DELAY\x012\x02", "first");
    assert_eq!(rings(), 1);
    world.deliver();
    client.store("T", 0, "DELAY\x012\x02", "second");
    client.store("T", 0, "", "undelayed");
    assert_eq!(rings(), 1, "the time of the first is known");
    client.store("T", 0, "DELAY\x011\x02", "sooner");
    assert_eq!(rings(), 2, "another level is empty");
}

#[test]
fn and_wakes_who_waits_for_it() {
    let world = world();
    let client = world.connect();
    client.heartbeat_quietly("c", "g", "T", "*");
    client.received();
    client.call_later(request::PULL_MESSAGE, &pull("g", "T", 0, 0), b"");
    client.store("T", 0, "DELAY\x011\x02", "later");
    assert!(client.received().is_empty());
    world.pass(1_000);
    world.deliver();
    assert_eq!(texts(&client.received_one()), ["later"]);
}

#[test]
fn to_whom_the_disk_has_it_first_with_synchronous_flushes() {
    let world = world_of(FlushMode::Sync);
    let client = world.connect();
    client.heartbeat_quietly("c", "g", "T", "*");
    client.received();
    client.call_later(
        request::SEND_MESSAGE,
        &message("T", 0, "DELAY\x011\x02"),
        b"later",
    );
    assert_eq!(world.deliver(), NEVER, "the disk does not have it");
    world.flush();
    assert_eq!(client.received_one().code, 0);
    assert_eq!(world.deliver(), START_MS + 1_000);
    client.call_later(request::PULL_MESSAGE, &pull("g", "T", 0, 0), b"");
    world.pass(1_000);
    world.deliver();
    assert!(client.received().is_empty(), "not on the disk");
    world.flush();
    assert_eq!(texts(&client.received_one()), ["later"]);
}

#[test]
fn or_at_once_when_the_clock_went_far_back() {
    let world = world();
    let client = world.connect();
    world.pass(100_000);
    client.store("T", 0, "DELAY\x012\x02", "later");
    world.deliver();
    world.pass(-60_000);
    assert_eq!(
        world.deliver(),
        START_MS + 105_000,
        "so little is waited for"
    );
    assert_eq!(all(&client, "T").code, 19);
    world.pass(-1);
    world.deliver();
    assert_eq!(texts(&all(&client, "T")), ["later"]);
}

#[test]
fn also_by_a_clock_that_store_times_wait_for() {
    let world = world();
    let client = world.connect();
    world.pass(1_000_000);
    client.store("T", 1, "", "stored by the clock that is ahead");
    world.pass(-900_000);
    client.store("T", 0, "DELAY\x012\x02", "later");
    assert_eq!(world.deliver(), START_MS + 105_000);
    world.pass(4_999);
    world.deliver();
    assert_eq!(all(&client, "T").code, 19, "nothing yet");
    world.pass(1);
    world.deliver();
    assert_eq!(texts(&all(&client, "T")), ["later"]);
}

#[test]
fn also_when_it_is_sent_while_others_are_delivered() {
    for held_up_at in 0..6 {
        let world = world();
        let client = world.connect();
        client.store("T", 0, "DELAY\x013\x02", "due");
        world.pass(10_000);
        // Whoever asks for the time is held up for two minutes before it makes use of the answer.
        let looks = Cell::new(0);
        let clock = || {
            let read_ms = world.now();
            if looks.replace(looks.get() + 1) == held_up_at {
                world.pass(120_000);
                client.store("T", 0, "DELAY\x013\x02", "later");
            }
            read_ms
        };
        world.broker.deliver_delayed(&clock);
        assert_eq!(texts(&all(&client, "T")), ["due"], "look {held_up_at}");
        world.pass(10_000);
        world.deliver();
        let found = texts(&all(&client, "T"));
        assert_eq!(found, ["due", "later"], "look {held_up_at}");
    }
}

#[test]
fn and_is_counted_where_java_counts_it() {
    let world = world();
    let client = world.connect();
    client.store("T", 0, "DELAY\x012\x02", "later");
    let before = world.broker.sizes().messages_put;
    world.pass(5_000);
    world.deliver();
    assert_eq!(world.broker.sizes().messages_put, before + 1);
    client.store("T", 0, "DELAY\x012\x02", "next");
    let answer = client.call(
        request::GET_BROKER_RUNTIME_INFO,
        &ferrocket_protocol::frame::NoHeader {},
        b"",
    );
    let table = body::<ferrocket_protocol::bodies::KVTable>(&answer).table;
    assert_eq!(table["scheduleMessageOffset_2"], "1,2");
    assert_eq!(table.get("scheduleMessageOffset_1"), None);
}
