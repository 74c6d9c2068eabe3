//! The requests behind `mqadmin deleteExpiredCommitLog`, `cleanExpiredCQ` and `cleanUnusedTopic`.

use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::NoHeader;
use ferrocket_store::disk::Disk;
use ferrocket_store::{FlushMode, StoreConfig};

use crate::support::*;

const LATER_MS: i64 = START_MS + 100 * 3_600_000;

fn small_files() -> World {
    let store = StoreConfig {
        segment_bytes: 4096,
        ..store_config(FlushMode::Async)
    };
    let world = World::with(config(), store);
    let client = world.connect();
    client.store("old", 0, "", "a");
    for _ in 0..6 {
        client.store("T", 0, "", &"b".repeat(1100));
    }
    world.store.flush(START_MS).unwrap();
    world.store.flush_queues(START_MS).unwrap();
    world
}

fn clean(world: &World) -> u64 {
    // Noon, when nothing is deleted by itself.
    let noon_ms = LATER_MS / 86_400_000 * 86_400_000 + 43_200_000;
    world.store.clean(noon_ms, 0, &mut |_| true).unwrap();
    world.store.cleaned().segments
}

fn ask(world: &World, code: i32) {
    let answer = world.connect().call(code, &NoHeader {}, b"");
    assert_eq!((answer.code, answer.remark), (0, None), "code {code}");
}

#[test]
fn expired_segments_of_the_log() {
    let world = small_files();
    assert_eq!(clean(&world), 0);
    ask(&world, request::DELETE_EXPIRED_COMMITLOG);
    assert!(clean(&world) > 0);
}

#[test]
fn queues_whose_messages_are_gone() {
    let world = small_files();
    ask(&world, request::CLEAN_EXPIRED_CONSUMEQUEUE);
    assert_eq!(world.store.max_offset("old", 0).0, 1);
    world.store.clean_by_hand();
    clean(&world);
    ask(&world, request::CLEAN_EXPIRED_CONSUMEQUEUE);
    assert_eq!(world.store.max_offset("old", 0).0, 0);
    assert_eq!(world.store.max_offset("T", 0).0, 6);
    assert_eq!(world.connect().store("old", 0, "", "b"), 0);
}

#[test]
fn queues_of_topics_that_nobody_configured() {
    let world = small_files();
    for topic in ["stray", "%LMQ%light", "SCHEDULE_TOPIC_XXXX"] {
        append(&world, topic);
    }
    ask(&world, request::CLEAN_UNUSED_TOPIC);
    let mut topics = world.store.topics();
    topics.sort_unstable();
    let names: Vec<&str> = topics.iter().map(|topic| &**topic).collect();
    assert_eq!(names, ["%LMQ%light", "SCHEDULE_TOPIC_XXXX", "T", "old"]);
    assert!(!world.disk.exists("/store/consumequeue/stray".as_ref()));
}

/// Behind the broker's back.
fn append(world: &World, topic: &str) {
    let mut batch = ferrocket_store::AppendBatch::new();
    let host = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
    let message = ferrocket_store::NewMessage {
        topic,
        queue_id: 0,
        flag: 0,
        sys_flag: 0,
        born_ms: START_MS,
        born_host: host,
        store_host: host,
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        properties: b"",
        body: b"x",
    };
    batch.push(world.store.config(), &message).unwrap();
    world.store.append(START_MS, &mut batch);
    assert!(batch.results()[0].is_ok());
    world.store.flush_queues(START_MS).unwrap();
}
