//! The compressed form of a broker's registration, against one that Java's encoder made.

use std::io::{Read, Write};

use ferrocket_protocol::bodies::{
    self, RegisterBrokerBody, RegisterBrokerBodyError, TopicConfig, TopicFilterType,
};
use ferrocket_protocol::version::{V3_0_11, V5_0_0};
use proptest::prelude::*;

use crate::support;

fn deflate(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn inflate(body: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    flate2::read::ZlibDecoder::new(body)
        .read_to_end(&mut text)
        .unwrap();
    text
}

#[test]
fn java_s_form_is_read_and_written() {
    let inflated = support::bytes("json/RegisterBrokerBody-inflated/java-5.5.0.bin");
    let body = RegisterBrokerBody::decode(&deflate(&inflated), V5_0_0).unwrap();
    let wrapper = &body.topic_config_serialize_wrapper;
    let topic = &wrapper.topic_config_table["GoldenFakeTopic"];
    assert_eq!(
        (topic.read_queue_nums, topic.write_queue_nums, topic.perm),
        (3, 5, 6)
    );
    assert_eq!(topic.attributes["message.type"], "FIFO");
    assert_eq!(
        wrapper.topic_queue_mapping_info_map["GoldenFakeStatic"].total_queues,
        2
    );
    assert_eq!(body.filter_server_list, Some(Vec::new()));
    assert_eq!(inflate(&body.encode_compressed(V5_0_0).unwrap()), inflated);
}

#[test]
fn mappings_are_read_from_5_0_on() {
    let inflated = support::bytes("json/RegisterBrokerBody-inflated/java-5.5.0.bin");
    let body = RegisterBrokerBody::decode(&deflate(&inflated), V5_0_0 - 1).unwrap();
    assert!(
        body.topic_config_serialize_wrapper
            .topic_queue_mapping_info_map
            .is_empty()
    );
    let written = inflate(&body.encode_compressed(V5_0_0 - 1).unwrap());
    assert!(inflated.starts_with(&written));
}

#[test]
fn the_form_is_told_from_the_first_byte() {
    assert_eq!(
        RegisterBrokerBody::decode(b"", V5_0_0).unwrap(),
        RegisterBrokerBody::default()
    );
    let plain = bodies::print(&RegisterBrokerBody::default());
    assert!(RegisterBrokerBody::decode(&plain, V5_0_0).is_ok());
    let bare = br#"{"topicConfigTable":{"T":{"topicName":"T"}}}"#;
    let body = RegisterBrokerBody::decode(bare, V3_0_11 - 1).unwrap();
    assert!(
        body.topic_config_serialize_wrapper
            .topic_config_table
            .contains_key("T")
    );
    assert!(RegisterBrokerBody::decode(b"hello", V5_0_0).is_err());
}

#[test]
fn a_list_of_filter_servers_differs_from_none() {
    let read = |text: &[u8]| RegisterBrokerBody::decode(text, V5_0_0).unwrap();
    assert_eq!(
        read(br#"{"filterServerList":null}"#).filter_server_list,
        None
    );
    assert_eq!(
        read(br#"{"filterServerList":[]}"#).filter_server_list,
        Some(Vec::new())
    );
}

#[test]
fn four_x_topics_of_five_words_are_read_and_fewer_refused() {
    let body = |topic: &str| {
        let mut text = Vec::new();
        for part in [br#"{"counter":1}"#.as_slice(), topic.as_bytes(), b"[]"] {
            if part.starts_with(b"T") {
                text.extend(1u32.to_be_bytes());
            }
            text.extend((part.len() as u32).to_be_bytes());
            text.extend(part);
        }
        RegisterBrokerBody::decode(&deflate(&text), V5_0_0 - 1)
    };
    let wrapper = body("T 4 5 6 MULTI_TAG")
        .unwrap()
        .topic_config_serialize_wrapper;
    let topic = &wrapper.topic_config_table["T"];
    assert_eq!(topic.topic_filter_type, TopicFilterType::MultiTag);
    let wrapper = body("T 4 5 6 SINGLE_TAG {\"a\":\"b c\"}").unwrap();
    let topics = wrapper.topic_config_serialize_wrapper.topic_config_table;
    assert!(
        topics["T"].attributes.is_empty(),
        "attributes with spaces are lost, as in Java"
    );
    assert!(matches!(
        body("T 4 5 6"),
        Err(RegisterBrokerBodyError::Topic { found: 4 })
    ));
}

#[test]
fn fifty_thousand_topics_fit_into_a_frame() {
    let mut body = RegisterBrokerBody::default();
    for index in 0..50_000 {
        let topic_name = format!("Topic-of-some-length-{index:05}");
        let topic = TopicConfig {
            topic_name: topic_name.clone(),
            ..TopicConfig::default()
        };
        body.topic_config_serialize_wrapper
            .topic_config_table
            .insert(topic_name, topic);
    }
    body.filter_server_list = Some(Vec::new());
    let plain = bodies::print(&body);
    assert!(plain.len() < 16 * 1024 * 1024, "{} bytes", plain.len());
    assert_eq!(RegisterBrokerBody::decode(&plain, V5_0_0).unwrap(), body);
    let compressed = body.encode_compressed(V5_0_0).unwrap();
    assert!(compressed.len() < plain.len() / 20);
    assert_eq!(
        RegisterBrokerBody::decode(&compressed, V5_0_0).unwrap(),
        body
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read(text: Vec<u8>, version in 0i32..600) {
        let _ = RegisterBrokerBody::decode(&text, version);
        let _ = RegisterBrokerBody::decode(&deflate(&text), version);
    }
}
