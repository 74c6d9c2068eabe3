//! What one of our stores shows, asked through its public interface.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use ferrocket_protocol::message::View;
use ferrocket_store::{
    Boundary, PhysicalOffset, QueueOffset, ReadRequest, ReadStatus, Store, StoreConfig,
};
use serde_json::{Value, json};

use crate::manifest::{Entry, Listing, QueueListing, Read, TimeAnswer};
use crate::record::describe;

/// Later than every message.
const FAR_MS: i64 = 4_102_444_800_000;

/// A message that has a key that is asked for, at the most: `maxMsgsNumBatch`.
const FOUND_MAX: usize = 64;

/// Lists a store with the questions of another listing: its queues, its reads, its times, its keys.
///
/// # Errors
/// When the store cannot be read.
pub fn list_like(store: &Store, questions: &Listing) -> Result<Listing> {
    let mut queues = Vec::new();
    for queue in &questions.queues {
        let offsets: Vec<i64> = queue.reads.iter().map(|read| read.0).collect();
        let times: Vec<i64> = queue.by_time.iter().map(|answer| answer.0).collect();
        queues.push(queue_of(
            store,
            &queue.topic,
            queue.queue_id,
            &offsets,
            &times,
        )?);
    }
    list(store, queues)
}

/// Lists a store whose queues are known, asking at the edges of each.
///
/// # Errors
/// When the store cannot be read.
pub fn list_whole(store: &Store, queues: &[(String, i32)]) -> Result<Listing> {
    let mut listed = Vec::new();
    for (topic, id) in queues {
        let (min, max) = (
            store.min_offset(topic, *id).0,
            store.max_offset(topic, *id).0,
        );
        let mut offsets = vec![
            min - 1,
            min,
            (min + max) / 2,
            max - 1,
            max,
            max + 1,
            max + 1000,
        ];
        offsets.retain(|offset| *offset >= 0);
        offsets.dedup();
        let mut times = vec![0, FAR_MS];
        for offset in [min, (min + max) / 2, max - 1] {
            let stored = store.store_ms_at(topic, *id, QueueOffset(offset))?;
            times.extend(stored.into_iter().flat_map(|ms| [ms - 1, ms, ms + 1]));
        }
        times.sort_unstable();
        times.dedup();
        listed.push(queue_of(store, topic, *id, &offsets, &times)?);
    }
    list(store, listed)
}

fn list(store: &Store, queues: Vec<QueueListing>) -> Result<Listing> {
    let records = records(store)?;
    let (wanted, wanted_tags) = keys_of(&records);
    Ok(Listing {
        opened: true,
        error: None,
        min_phy: store.min_physical_offset().0,
        max_phy: store.appended().0,
        records,
        queues,
        index: found(store, wanted.keys())?,
        tag_index: found(store, wanted_tags.keys())?,
    })
}

/// Walks the log. What is no record is `{"unreadableAt": …}` once for each segment.
fn records(store: &Store) -> Result<Vec<Value>> {
    let StoreConfig { segment_bytes, .. } = store.config();
    let segment_bytes = *segment_bytes as i64;
    let mut records = Vec::new();
    let mut at = store.min_physical_offset().0;
    while at < store.readable().0 {
        let found = store.record_at(PhysicalOffset(at))?;
        if let Some(record) = found {
            let view = View::parse(&record)?;
            records.push(describe(&view));
            at += record.len() as i64;
        } else {
            at = (at / segment_bytes + 1) * segment_bytes;
        }
    }
    Ok(records)
}

/// Under which keys and which tags records are to be found: what a whole index answers.
#[must_use]
pub fn keys_of(records: &[Value]) -> (BTreeMap<String, Vec<i64>>, BTreeMap<String, Vec<i64>>) {
    const TRANSACTION: i64 = 0xC;
    let mut keys: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut tags: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for record in records {
        let text = |field: &str| record.get(field).and_then(Value::as_str);
        let number = |field: &str| record.get(field).and_then(Value::as_i64).unwrap_or(0);
        let topic = text("topic").unwrap_or_default();
        let words = text("keys").unwrap_or_default().split(' ');
        if number("sysFlag") & TRANSACTION == TRANSACTION {
            continue;
        }
        let words = words.filter(|word| !word.is_empty());
        for key in words.chain(text("uniqKey")) {
            let found = keys.entry(format!("{topic}#{key}")).or_default();
            found.push(number("phy"));
            found.dedup();
        }
        if let Some(tag) = text("tags") {
            let found = tags.entry(format!("{topic}#T#{tag}")).or_default();
            found.push(number("phy"));
        }
    }
    for found in keys.values_mut().chain(tags.values_mut()) {
        // The newest are answered.
        found.drain(..found.len().saturating_sub(FOUND_MAX));
    }
    (keys, tags)
}

fn found<'a>(
    store: &Store,
    keys: impl Iterator<Item = &'a String>,
) -> Result<BTreeMap<String, Vec<i64>>> {
    let mut answers = BTreeMap::new();
    for name in keys {
        let Some((topic, key)) = name.split_once('#') else {
            bail!("{name} is no key");
        };
        let answer = store.query(topic, key, FOUND_MAX, 0, i64::MAX)?;
        let mut offsets = Vec::new();
        for record in &answer.records {
            offsets.push(View::parse(record)?.physical_offset);
        }
        answers.insert(name.clone(), offsets);
    }
    Ok(answers)
}

fn queue_of(
    store: &Store,
    topic: &str,
    id: i32,
    offsets: &[i64],
    times: &[i64],
) -> Result<QueueListing> {
    let mut reads: Vec<Read> = Vec::new();
    for offset in offsets {
        let answer = store.read(&request(topic, id, *offset, 2), &mut |_| true)?;
        reads.push((
            *offset,
            java_name(answer.status),
            answer.next_offset.0,
            answer.messages,
        ));
    }
    let mut by_time: Vec<TimeAnswer> = Vec::new();
    let mut times = times.to_vec();
    times.dedup();
    for time_ms in times {
        for (name, side) in [("LOWER", Boundary::Lower), ("UPPER", Boundary::Upper)] {
            let offset = store.offset_by_time(topic, id, time_ms, side)?;
            by_time.push((time_ms, name.to_owned(), offset.0));
        }
    }
    let entries = entries(store, topic, id)?;
    Ok(QueueListing {
        topic: topic.to_owned(),
        queue_id: id,
        kind: "SimpleCQ".to_owned(),
        min: store.min_offset(topic, id).0,
        max: store.max_offset(topic, id).0,
        max_phy: 0,
        earliest_time: store.earliest_store_ms(topic, id)?.unwrap_or(-1),
        reads,
        by_time,
        entries,
    })
}

fn entries(store: &Store, topic: &str, id: i32) -> Result<Vec<Entry>> {
    let mut found: Vec<Entry> = Vec::new();
    let mut offset = store.min_offset(topic, id).0;
    while offset < store.max_offset(topic, id).0 {
        let answer = store.read(&request(topic, id, offset, 32), &mut |entry| {
            let mut listed = vec![
                entry.queue_offset.0.into(),
                entry.physical_offset.0.into(),
                entry.bytes.into(),
                entry.tags_code.into(),
            ];
            if entry.messages > 1 {
                listed.push(json!({ "batch": entry.messages }));
            }
            if let Some(extension) = entry.extension {
                listed.push(json!({
                    "extTagsCode": entry.tags_code,
                    "extTime": extension.store_ms,
                    "bitMap": hex(extension.filter_bits),
                }));
            }
            found.push(listed);
            false
        })?;
        if answer.next_offset.0 <= offset {
            bail!("queue {id} of {topic}: no progress at {offset}: {answer:?}");
        }
        offset = answer.next_offset.0;
    }
    Ok(found)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn request(topic: &str, queue_id: i32, offset: i64, messages_max: u32) -> ReadRequest<'_> {
    ReadRequest {
        topic,
        queue_id,
        offset: QueueOffset(offset),
        messages_max,
        bytes_max: 1 << 20,
        hot_only: false,
    }
}

/// `OffsetTooSmall` is `OFFSET_TOO_SMALL` in Java.
fn java_name(status: ReadStatus) -> String {
    let mut name = String::new();
    for letter in format!("{status:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}
