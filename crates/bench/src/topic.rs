//! Topics made at the broker itself; no name server is needed.

use std::net::SocketAddr;

use anyhow::ensure;

use crate::wire::{
    GET_MAX_OFFSET, RequestBytes, UPDATE_AND_CREATE_TOPIC, UPDATE_AND_CREATE_TOPIC_LIST, call,
};

/// Topics of one request.
const CREATED_AT_ONCE: usize = 1000;

/// Creates a topic that can be read and written.
pub(crate) fn create(address: SocketAddr, topic: &str, queues: u32) -> anyhow::Result<()> {
    let request = create_request(topic, queues)?;
    call(address, &request.bytes, |answer| {
        let header = String::from_utf8_lossy(answer.header);
        ensure!(answer.code == 0, "topic {topic} not created: {header}");
        Ok(())
    })
}

/// Asks for a topic that can be read and written.
pub(crate) fn create_request(topic: &str, queues: u32) -> anyhow::Result<RequestBytes> {
    let ext = [
        ("topic", topic.to_owned()),
        ("defaultTopic", "TBW102".to_owned()),
        ("readQueueNums", queues.to_string()),
        ("writeQueueNums", queues.to_string()),
        ("perm", "6".to_owned()),
        ("topicFilterType", "SINGLE_TAG".to_owned()),
        ("topicSysFlag", "0".to_owned()),
        ("order", "false".to_owned()),
    ];
    RequestBytes::encode(UPDATE_AND_CREATE_TOPIC, &ext, &[])
}

/// Creates many topics with few requests; those that are there stay.
pub(crate) fn create_all(
    address: SocketAddr,
    topics: &[String],
    queues: u32,
) -> anyhow::Result<()> {
    for some in topics.chunks(CREATED_AT_ONCE) {
        let configs: Vec<_> = some
            .iter()
            .map(|topic| {
                serde_json::json!({
                    "attributes": {},
                    "order": false,
                    "perm": 6,
                    "readQueueNums": queues,
                    "topicFilterType": "SINGLE_TAG",
                    "topicName": topic,
                    "topicSysFlag": 0,
                    "writeQueueNums": queues,
                })
            })
            .collect();
        let body = serde_json::to_vec(&serde_json::json!({ "topicConfigList": configs }))?;
        let request = RequestBytes::encode(UPDATE_AND_CREATE_TOPIC_LIST, &[], &body)?;
        call(address, &request.bytes, |answer| {
            let header = String::from_utf8_lossy(answer.header);
            ensure!(answer.code == 0, "topics not created: {header}");
            Ok(())
        })?;
    }
    Ok(())
}

/// How many messages a queue has had.
pub(crate) fn max_offset(address: SocketAddr, topic: &str, queue: u32) -> anyhow::Result<i64> {
    let request = max_offset_request(topic, queue)?;
    call(address, &request.bytes, |answer| {
        let header = String::from_utf8_lossy(answer.header).into_owned();
        answer
            .ext_number("offset")
            .ok_or_else(|| anyhow::anyhow!("no offset of {topic}/{queue}: {header}"))
    })
}

/// Asks how many messages a queue has had.
pub(crate) fn max_offset_request(topic: &str, queue: u32) -> anyhow::Result<RequestBytes> {
    let ext = [
        ("topic", topic.to_owned()),
        ("queueId", queue.to_string()),
        ("committed", "true".to_owned()),
    ];
    RequestBytes::encode(GET_MAX_OFFSET, &ext, &[])
}
