use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde_json::Value;

use crate::support::{Broker, REGISTER_BROKER, World, request};

/// Two topics in the plain stream of the spec, before it is compressed.
const STREAM: &[u8] =
    b"\x00\x00\x00\x38{\"counter\":1,\"stateVersion\":0,\"timestamp\":1700000000000}\
    \x00\x00\x00\x02\
    \x00\x00\x00\x1aTopicA 8 8 6 SINGLE_TAG {}\
    \x00\x00\x00\x1aTopicB 4 4 6 SINGLE_TAG {}\
    \x00\x00\x00\x02[]\
    \x00\x00\x00\x00";

fn zlib(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn register(world: &World, version: i32, says_compressed: bool, body: &[u8]) -> i32 {
    let mut broker = Broker::new(world, "a", 0);
    broker.header.compressed = says_compressed;
    broker.header.body_crc32 = Some((crc32fast::hash(body) & 0x7FFF_FFFF) as i32);
    let mut frame = request(REGISTER_BROKER, Some(&broker.header), body);
    frame.version = version;
    world.answer(&broker.connection, frame).unwrap().code
}

#[test]
fn compressed_whatever_the_header_says() {
    for says_compressed in [true, false] {
        let world = World::new();
        assert_eq!(register(&world, 513, says_compressed, &zlib(STREAM)), 0);
        assert_eq!(
            world.route("TopicA").unwrap()["queueDatas"][0]["readQueueNums"],
            8
        );
        assert_eq!(
            world.route("TopicB").unwrap()["queueDatas"][0]["writeQueueNums"],
            4
        );
    }
}

#[test]
fn compressed_without_mappings_by_an_old_broker() {
    let world = World::new();
    let old = &STREAM[..STREAM.len() - 4];
    assert_eq!(register(&world, 407, true, &zlib(old)), 0);
    assert!(world.route("TopicB").is_some());
    assert_eq!(
        register(&World::new(), 513, true, &zlib(old)),
        1,
        "a new one sends mappings"
    );
}

#[test]
fn plain_although_the_header_says_compressed() {
    let world = World::new();
    let body = Broker::new(&world, "a", 0).body();
    assert_eq!(register(&world, 513, true, &body), 0);
    assert!(world.route("T").is_some());
}

#[test]
fn a_bare_topic_table_by_a_broker_older_than_3_0_11() {
    let world = World::new();
    let mut body: Value = serde_json::from_slice(&Broker::new(&world, "a", 0).body()).unwrap();
    let bare = body["topicConfigSerializeWrapper"].take().to_string();
    assert_eq!(register(&world, 36, false, bare.as_bytes()), 0);
    assert!(world.route("T").is_some());
}

#[test]
fn none_at_all() {
    let world = World::new();
    let broker = Broker::new(&world, "a", 0);
    let frame = request(REGISTER_BROKER, Some(&broker.header), b"");
    assert_eq!(world.answer(&broker.connection, frame).unwrap().code, 0);
    let zero = br#"{"counter":0,"stateVersion":0,"timestamp":0}"#;
    let known = world.ask(322, &broker.address(), zero);
    assert_eq!(known.ext_field("changed").as_deref(), Some("false"));
}
