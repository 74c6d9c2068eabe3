//! Whoever waits with an expression is woken by a match, not by every arrival.

use ferrocket_protocol::codes::request;
use ferrocket_protocol::message::batch::{self, BatchMessage};
use ferrocket_store::FlushMode;

use crate::support::*;

fn in_both_modes(check: impl Fn(&World)) {
    for mode in [FlushMode::Async, FlushMode::Sync] {
        let mut settings = config();
        settings.enable_property_filter = true;
        let world = World::with(settings, store_config(mode));
        world.create_topic("T", 2);
        check(&world);
    }
}

/// Stores a message, and has it flushed.
fn store(world: &World, properties: &str, body: &str) {
    let producer = world.connect();
    let header = message("T", 1, properties);
    let frame = producer.request(
        request::SEND_MESSAGE_V2,
        &ferrocket_protocol::headers::SendMessageV2::from(header),
        body.as_bytes(),
    );
    producer.read(vec![frame]);
    world.flush();
}

#[test]
fn and_passes_over_the_others() {
    in_both_modes(|world| {
        let registered = world.connect();
        registered.heartbeat_sql("c", "g", "T", "a > 5", 1);
        registered.received();
        let sent = world.connect();
        registered.call_later(request::PULL_MESSAGE, &pull("g", "T", 1, 0), b"");
        let mut header = sql("h", "T", "a > 5", 0);
        header.queue_id = 1;
        header.sys_flag |= 0x2;
        sent.call_later(request::PULL_MESSAGE, &header, b"");
        store(world, "a\x015\x02", "too small");
        store(world, "b\x016\x02", "another property");
        assert!(registered.received().is_empty() && sent.received().is_empty());
        store(world, "a\x016\x02", "wanted");
        for client in [&registered, &sent] {
            let answer = client.received_one();
            assert_eq!(
                (answer.code, texts(&answer)),
                (0, vec!["wanted".to_owned()])
            );
            assert_eq!(next_offset(&answer), 3);
        }
    });
}

#[test]
fn and_a_batch_wakes_it_if_one_of_its_messages_matches() {
    in_both_modes(|world| {
        let consumer = world.connect();
        consumer.heartbeat_sql("c", "g", "T", "a = 3", 1);
        consumer.received();
        consumer.call_later(request::PULL_MESSAGE, &pull("g", "T", 1, 0), b"");
        let producer = world.connect();
        for numbers in [[1, 2], [3, 4]] {
            let mut encoded = Vec::new();
            for number in numbers {
                let (body, properties) = (number.to_string(), format!("a\x01{number}\x02"));
                let message = BatchMessage {
                    flag: 0,
                    body: body.as_bytes(),
                    properties: properties.as_bytes(),
                };
                batch::encode(&mut encoded, &message).unwrap();
            }
            let mut header = message("T", 1, "");
            header.batch = Some(true);
            let frame = producer.request(
                request::SEND_BATCH_MESSAGE,
                &ferrocket_protocol::headers::SendMessageV2::from(header),
                &encoded,
            );
            assert!(consumer.received().is_empty(), "before {numbers:?}");
            producer.read(vec![frame]);
            world.flush();
        }
        assert_eq!(texts(&consumer.received_one()), ["3"]);
    });
}
