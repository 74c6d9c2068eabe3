//! Topics made at the broker itself; no name server is needed.

use std::net::SocketAddr;

use anyhow::ensure;

use crate::wire::{GET_MAX_OFFSET, RequestBytes, UPDATE_AND_CREATE_TOPIC, call};

/// Creates a topic that can be read and written.
pub(crate) fn create(address: SocketAddr, topic: &str, queues: u32) -> anyhow::Result<()> {
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
    let request = RequestBytes::encode(UPDATE_AND_CREATE_TOPIC, &ext, &[])?;
    call(address, &request.bytes, |answer| {
        let header = String::from_utf8_lossy(answer.header);
        ensure!(answer.code == 0, "topic {topic} not created: {header}");
        Ok(())
    })
}

/// How many messages a queue has had.
pub(crate) fn max_offset(address: SocketAddr, topic: &str, queue: u32) -> anyhow::Result<i64> {
    let ext = [
        ("topic", topic.to_owned()),
        ("queueId", queue.to_string()),
        ("committed", "true".to_owned()),
    ];
    let request = RequestBytes::encode(GET_MAX_OFFSET, &ext, &[])?;
    call(address, &request.bytes, |answer| {
        let header = String::from_utf8_lossy(answer.header).into_owned();
        answer
            .ext_number("offset")
            .ok_or_else(|| anyhow::anyhow!("no offset of {topic}/{queue}: {header}"))
    })
}
