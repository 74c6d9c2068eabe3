//! With `enableCalcFilterBitMap` and `enableConsumeQueueExt` a message says in its queue's extension
//! which filters want it.

use ferrocket_protocol::codes::request;
use ferrocket_store::{FlushMode, QueueOffset, ReadRequest};

use crate::support::*;

fn world() -> World {
    let mut settings = config();
    settings.enable_property_filter = true;
    settings.enable_calc_filter_bit_map = true;
    let mut store = store_config(FlushMode::Async);
    store.queue_ext_enable = true;
    let world = World::with(settings, store);
    world.create_topic("T", 1);
    world
}

/// The maps of the messages of queue 0.
fn maps(world: &World) -> Vec<Vec<u8>> {
    let request = ReadRequest {
        topic: "T",
        queue_id: 0,
        offset: QueueOffset(0),
        messages_max: 100,
        bytes_max: usize::MAX,
        hot_only: false,
    };
    let mut maps = Vec::new();
    let mut note = |entry: &ferrocket_store::QueueEntry<'_>| {
        maps.push(entry.extension.unwrap().filter_bits.to_vec());
        true
    };
    world.store.read(&request, &mut note).unwrap();
    maps
}

#[test]
fn the_bits_are_java_s_and_choose_the_same_messages() {
    let world = world();
    let consumer = world.connect();
    consumer.store("T", 0, "a\x012\x02", "before any filter");
    consumer.heartbeat_sql("c", "g", "T", "a > 1", 1);
    consumer.received();
    consumer.store("T", 0, "a\x011\x02", "one");
    consumer.store("T", 0, "a\x012\x02", "two");
    let maps = maps(&world);
    assert!(maps[0].is_empty());
    assert_eq!(maps[1], [0; 14], "nobody wants it");
    let bits: u32 = maps[2].iter().map(|byte| byte.count_ones()).sum();
    assert!(
        (1..=3).contains(&bits) && maps[2].len() == 14,
        "{:?}",
        maps[2]
    );
    let answer = consumer.call(request::PULL_MESSAGE, &pull("g", "T", 0, 0), b"");
    assert_eq!(texts(&answer), ["before any filter", "two"]);
}

#[test]
fn a_filter_that_comes_later_does_not_believe_older_bits() {
    let world = world();
    let consumer = world.connect();
    consumer.heartbeat_sql("c", "g", "T", "a > 1", 1);
    consumer.store("T", 0, "a\x011\x02", "one");
    consumer.store("T", 0, "a\x012\x02", "two");
    // Another expression of the same group, whose bits are at the same places.
    consumer.heartbeat_sql("c", "g", "T", "a = 1", 2);
    consumer.received();
    consumer.store("T", 0, "a\x011\x02", "one again");
    let mut header = pull("g", "T", 0, 0);
    header.sub_version = 2;
    let answer = consumer.call(request::PULL_MESSAGE, &header, b"");
    assert_eq!(texts(&answer), ["one", "one again"]);
}

#[test]
fn nor_does_the_next_life_of_the_broker_or_one_whose_clock_is_behind() {
    let world = world();
    let consumer = world.connect();
    consumer.heartbeat_sql("c", "other", "T", "a > 100", 1);
    world.pass(600_000);
    consumer.store("T", 0, "a\x012\x02", "two");
    let world = world.restart();
    let consumer = world.connect();
    consumer.heartbeat_sql("c", "g", "T", "a > 1", 1);
    consumer.received();
    let answer = consumer.call(request::PULL_MESSAGE, &pull("g", "T", 0, 0), b"");
    assert_eq!(texts(&answer), ["two"]);
}
