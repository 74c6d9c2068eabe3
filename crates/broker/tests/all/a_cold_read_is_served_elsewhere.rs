use std::sync::atomic::Ordering;

use ferrocket_protocol::codes::request;
use ferrocket_store::{FlushMode, StoreConfig};

use crate::support::*;

/// A broker whose queue starts with bytes that may be cold.
fn world() -> World {
    let world = World::with(
        config(),
        StoreConfig {
            hot_window_bytes: 4_096,
            ..store_config(FlushMode::Async)
        },
    );
    let client = world.connect();
    for number in 0..20 {
        client.store("T", 0, "", &format!("{number}:{}", "x".repeat(1_000)));
    }
    world
}

#[test]
fn and_answered_through_the_connection() {
    let world = world();
    let client = world.connect();
    client.call_later(request::PULL_MESSAGE, &poll("g", "T", 0, 0), b"");
    assert!(client.received().is_empty());
    assert_eq!(world.read_cold(), 1);
    let answer = client.received_one();
    assert_eq!(answer.code, 0);
    assert!(texts(&answer)[0].starts_with("0:"));
    assert_eq!(world.broker.metrics().cold_reads, 1);
}

#[test]
fn or_refused_when_too_many_wait() {
    let world = world();
    world.around.cold_refused.store(true, Ordering::Relaxed);
    let answer = world
        .connect()
        .call(request::PULL_MESSAGE, &poll("g", "T", 0, 0), b"");
    assert_eq!(answer.code, 2);
    assert_eq!(
        remark(&answer),
        "[OVERLOAD]broker busy, start flow control for a while: the queue of reads from the disk is full"
    );
}
