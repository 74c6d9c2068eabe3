//! Shared by the tests of the store: short ways to open, fill and read one.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use ferrocket_protocol::message::View;
use ferrocket_protocol::message::view;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{
    AppendBatch, AppendError, Appended, FlushMode, NewMessage, NoSignals, QueueOffset, QueueType,
    ReadAnswer, ReadRequest, Store, StoreConfig,
};

pub(crate) const NOW_MS: i64 = 1_700_000_000_123;

/// Small files, so that a few messages fill several of them.
pub(crate) fn small_config() -> StoreConfig {
    StoreConfig {
        segment_bytes: 4096,
        queue_file_bytes: 400,
        index_slots: 16,
        index_entries: 32,
        ..StoreConfig::new("/store")
    }
}

pub(crate) fn sync_config() -> StoreConfig {
    StoreConfig {
        flush_mode: FlushMode::Sync,
        ..small_config()
    }
}

pub(crate) fn open(disk: &MemDisk, config: &StoreConfig) -> Store {
    open_on(Arc::new(disk.clone()), config)
}

pub(crate) fn open_on(disk: Arc<dyn Disk>, config: &StoreConfig) -> Store {
    Store::open(disk, config.clone(), Arc::new(NoSignals), NOW_MS).unwrap()
}

/// Lets the index catch up, in steps as small as they get.
pub(crate) fn build_index(store: &Store) {
    let mut steps = 0;
    while !store.index_progress().complete {
        store.build_index(1).unwrap();
        steps += 1;
        assert!(steps < 100_000, "no end of {:?}", store.index_progress());
    }
}

pub(crate) fn message<'a>(topic: &'a str, queue_id: i32, body: &'a [u8]) -> NewMessage<'a> {
    NewMessage {
        topic,
        queue_id,
        flag: 0,
        sys_flag: 0,
        born_ms: 1_700_000_000_000,
        born_host: SocketAddr::from(([127, 0, 0, 1], 50000)),
        store_host: SocketAddr::from(([192, 168, 0, 1], 10911)),
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        properties: b"TAGS\x01a\x02",
        body,
    }
}

/// Appends one message.
pub(crate) fn send(
    store: &Store,
    topic: &str,
    queue_id: i32,
    body: &[u8],
) -> Result<Appended, AppendError> {
    send_at(store, NOW_MS, topic, queue_id, body)
}

pub(crate) fn send_at(
    store: &Store,
    now_ms: i64,
    topic: &str,
    queue_id: i32,
    body: &[u8],
) -> Result<Appended, AppendError> {
    let mut batch = AppendBatch::new();
    batch.push(store.config(), &message(topic, queue_id, body))?;
    store.append(now_ms, &mut batch);
    batch.results()[0].clone()
}

/// Appends one message to a queue of a type.
pub(crate) fn send_to(
    store: &Store,
    queue_type: QueueType,
    message: &NewMessage<'_>,
) -> Result<Appended, AppendError> {
    let mut batch = AppendBatch::new();
    batch.push_to(store.config(), queue_type, std::slice::from_ref(message))?;
    store.append(NOW_MS, &mut batch);
    batch.results()[0].clone()
}

/// Appends one message with these properties.
pub(crate) fn send_with(
    store: &Store,
    now_ms: i64,
    topic: &str,
    properties: &str,
) -> Result<Appended, AppendError> {
    let mut batch = AppendBatch::new();
    let message = NewMessage {
        properties: properties.as_bytes(),
        ..message(topic, 0, b"found by key")
    };
    batch.push(store.config(), &message)?;
    store.append(now_ms, &mut batch);
    batch.results()[0].clone()
}

/// Physical offsets of the messages that have a key, whenever they were stored.
pub(crate) fn find(store: &Store, topic: &str, key: &str) -> Vec<i64> {
    find_within(store, topic, key, 0, i64::MAX)
}

pub(crate) fn find_within(
    store: &Store,
    topic: &str,
    key: &str,
    begin_ms: i64,
    end_ms: i64,
) -> Vec<i64> {
    let answer = store.query(topic, key, 64, begin_ms, end_ms).unwrap();
    let offset = |record: &Bytes| View::parse(record).unwrap().physical_offset;
    answer.records.iter().map(offset).collect()
}

pub(crate) fn read(store: &Store, topic: &str, queue_id: i32, offset: i64) -> ReadAnswer {
    let request = ReadRequest {
        topic,
        queue_id,
        offset: QueueOffset(offset),
        messages_max: 32,
        bytes_max: 1 << 20,
        hot_only: false,
    };
    store.read(&request, &mut |_| true).unwrap()
}

/// Queue offset and body of every message of an answer.
pub(crate) fn messages(answer: &ReadAnswer) -> Vec<(i64, Vec<u8>)> {
    answer.records.iter().flat_map(decode).collect()
}

fn decode(records: &Bytes) -> Vec<(i64, Vec<u8>)> {
    view::records(records)
        .map(|record| record.unwrap())
        .map(|record: View<'_>| (record.queue_offset, record.body.to_vec()))
        .collect()
}

/// Everything in a queue, by as many reads as it takes.
pub(crate) fn read_all(store: &Store, topic: &str, queue_id: i32) -> Vec<(i64, Vec<u8>)> {
    let mut all = Vec::new();
    let mut offset = store.min_offset(topic, queue_id).0;
    while offset < store.max_offset(topic, queue_id).0 {
        let answer = read(store, topic, queue_id, offset);
        assert!(
            answer.next_offset.0 > offset,
            "no progress at {offset}: {answer:?}"
        );
        all.extend(messages(&answer));
        offset = answer.next_offset.0;
    }
    all
}
