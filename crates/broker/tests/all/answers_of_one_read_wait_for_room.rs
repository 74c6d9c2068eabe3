use ferrocket_broker::Port;
use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::SendMessageV2;
use ferrocket_protocol::outbox::{OUTBOX_BYTES_FULL, Outbox};

use crate::support::*;

const BODY_BYTES: usize = 200 * 1024;
const PULLS: usize = 40;

#[test]
fn and_all_come_in_order() {
    let world = World::new();
    let client = world.connect();
    client.store("T", 0, "", &"x".repeat(BODY_BYTES));
    let mut frames = Vec::new();
    for _ in 0..PULLS {
        frames.push(client.request(request::PULL_MESSAGE, &poll("g", "T", 0, 0), b""));
    }
    for _ in 0..3 {
        let header = SendMessageV2::from(message("T", 0, ""));
        frames.push(client.request(request::SEND_MESSAGE_V2, &header, b"small"));
    }
    let opaques: Vec<i32> = frames.iter().map(|frame| frame.opaque).collect();

    let mut calls = 0;
    let mut answered = Vec::new();
    while !frames.is_empty() {
        let before = frames.len();
        let mut out = Outbox::new();
        world.broker.frames(
            world.now(),
            Port::Main,
            &client.handle,
            &mut frames,
            &mut out,
        );
        assert!(frames.len() < before, "at least one frame is taken");
        assert!(
            out.bytes() < OUTBOX_BYTES_FULL + 2 * BODY_BYTES,
            "{} bytes in one outbox",
            out.bytes()
        );
        answered.extend(decode_all(&mut out).iter().map(|answer| answer.opaque));
        calls += 1;
    }
    assert_eq!(answered, opaques);
    assert!(
        calls <= 1 + PULLS * BODY_BYTES / OUTBOX_BYTES_FULL,
        "{calls}"
    );
}

#[test]
fn and_small_ones_take_one_call() {
    let world = World::new();
    world.create_topic("T", 1);
    let client = world.connect();
    let mut frames: Vec<_> = (0..600)
        .map(|_| {
            let header = SendMessageV2::from(message("T", 0, ""));
            client.request(request::SEND_MESSAGE_V2, &header, b"small")
        })
        .collect();
    let mut out = Outbox::new();
    world.broker.frames(
        world.now(),
        Port::Main,
        &client.handle,
        &mut frames,
        &mut out,
    );
    assert_eq!((frames.len(), out.frames()), (0, 600));
}
