//! Where two listings differ, in words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use serde_json::Value;

use crate::manifest::{Entry, Listing, QueueListing};

/// What need not be equal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looser {
    /// Records at these places are damaged: they, their queue entries and index answers may be there
    /// or not, and what reads at the gap say is not compared.
    pub lost: BTreeSet<i64>,
    /// Entries of a queue file: Apache ends a read at the end of a file, we go on.
    pub queue_file_entries: Option<i64>,
}

/// One line for each difference; empty when `seen` shows all that `wanted` does and nothing else.
#[must_use]
pub fn differences(wanted: &Listing, seen: &Listing, looser: &Looser) -> Vec<String> {
    let mut found = Vec::new();
    note(
        &mut found,
        "min physical offset",
        &wanted.min_phy,
        &seen.min_phy,
    );
    note(
        &mut found,
        "max physical offset",
        &wanted.max_phy,
        &seen.max_phy,
    );
    compare_records(&mut found, wanted, seen, looser);
    let records = by_place(&wanted.records);
    for queue in &wanted.queues {
        let same =
            |other: &&QueueListing| other.topic == queue.topic && other.queue_id == queue.queue_id;
        let name = format!("{}/{}", queue.topic, queue.queue_id);
        match seen.queues.iter().find(same) {
            Some(other) => compare_queue(&mut found, &name, queue, &records, other, looser),
            None => found.push(format!("queue {name} is missing")),
        }
    }
    compare_keys(&mut found, &wanted.index, &seen.index, looser);
    compare_keys(&mut found, &wanted.tag_index, &seen.tag_index, looser);
    found
}

fn note<T: PartialEq + Debug>(found: &mut Vec<String>, what: &str, wanted: &T, seen: &T) {
    if wanted != seen {
        found.push(format!("{what}: {wanted:?} expected, {seen:?} found"));
    }
}

fn by_place(records: &[Value]) -> BTreeMap<i64, &Value> {
    let place = |record: &Value| record.get("phy").and_then(Value::as_i64);
    records
        .iter()
        .filter_map(|record| Some((place(record)?, record)))
        .collect()
}

fn compare_records(found: &mut Vec<String>, wanted: &Listing, seen: &Listing, looser: &Looser) {
    let (mut wanted, mut seen) = (by_place(&wanted.records), by_place(&seen.records));
    for place in &looser.lost {
        wanted.remove(place);
        seen.remove(place);
    }
    for (place, record) in &wanted {
        match seen.get(place) {
            Some(other) if other == record => {}
            Some(other) => found.push(format!(
                "record at {place}: {record} expected, {other} found"
            )),
            None => found.push(format!("record at {place} is missing")),
        }
    }
    for (place, record) in seen {
        if !wanted.contains_key(&place) {
            found.push(format!("record at {place} is new: {record}"));
        }
    }
}

fn compare_queue(
    found: &mut Vec<String>,
    name: &str,
    wanted: &QueueListing,
    records: &BTreeMap<i64, &Value>,
    seen: &QueueListing,
    looser: &Looser,
) {
    note(found, &format!("{name} max"), &wanted.max, &seen.max);
    let is_kept = |entry: &&Entry| {
        let place = entry.get(1).and_then(Value::as_i64);
        place.is_none_or(|place| !looser.lost.contains(&place))
    };
    let kept: Vec<&Entry> = wanted.entries.iter().filter(is_kept).collect();
    // A queue may begin behind blanks and entries whose records are lost.
    let first = kept.first().and_then(|entry| entry.first()?.as_i64());
    if !(wanted.min..=first.unwrap_or(wanted.max)).contains(&seen.min) {
        note(found, &format!("{name} min"), &wanted.min, &seen.min);
    }
    let there: Vec<&Entry> = seen.entries.iter().filter(is_kept).collect();
    compare_lists(found, &format!("{name} entry"), &kept, &there);
    let has_record = |entry: &&Entry| {
        let place = entry.get(1).and_then(Value::as_i64);
        place.is_some_and(|place| records.contains_key(&place))
    };
    // Apache's search by time stops at blanks, and its reads skip to the next file.
    let covered: i64 = kept.iter().copied().map(messages_of).sum();
    let is_blank_somewhere = covered < wanted.max - wanted.min;
    if kept.len() < wanted.entries.len() || is_blank_somewhere || !kept.iter().all(has_record) {
        let stored = |entry: &&Entry| {
            let record = records.get(&entry.get(1)?.as_i64()?)?;
            Some((
                entry.first()?.as_i64()?,
                record.get("storeTimestamp")?.as_i64()?,
            ))
        };
        let stored: Vec<(i64, i64)> = kept.iter().filter_map(stored).collect();
        check_times(found, name, &stored, seen);
        return;
    }
    let what = format!("{name} earliest time");
    note(found, &what, &wanted.earliest_time, &seen.earliest_time);
    for (asked, answered) in wanted.reads.iter().zip(&seen.reads) {
        let file_ends = looser.queue_file_entries.is_some_and(|count| {
            asked.2 % count == 0 && asked.3 < answered.3 && asked.1 == answered.1
        });
        if !file_ends {
            note(found, &format!("{name} read"), asked, answered);
        }
    }
    if wanted.kind == "BatchCQ" {
        // Java's search takes times between two records back to the beginning of the queue, and
        // times behind its end to the last record.
        let stored = |entry: &Entry| {
            let record = records.get(&entry.get(1)?.as_i64()?)?;
            let store_ms = record.get("storeTimestamp")?.as_i64()?;
            Some((entry.first()?.as_i64()?, store_ms))
        };
        let stored: Vec<(i64, i64)> = wanted.entries.iter().filter_map(stored).collect();
        check_times(found, name, &stored, seen);
        return;
    }
    for (asked, answered) in wanted.by_time.iter().zip(&seen.by_time) {
        note(found, &format!("{name} by time"), asked, answered);
    }
}

/// An entry of a batch queue stands for several.
fn messages_of(entry: &Entry) -> i64 {
    let batch = entry.get(4).and_then(|more| more.get("batch")?.as_i64());
    batch.unwrap_or(1)
}

/// In a queue with holes an answer is right when it parts what was stored before from the rest;
/// `stored` is offset and time of what is there.
fn check_times(found: &mut Vec<String>, name: &str, stored: &[(i64, i64)], seen: &QueueListing) {
    for (time_ms, boundary, answer) in &seen.by_time {
        let right = stored.iter().all(|(offset, store_ms)| {
            if boundary == "LOWER" {
                (offset < answer) == (store_ms < time_ms)
            } else {
                *answer == seen.min || (offset <= answer) == (store_ms <= time_ms)
            }
        });
        if !right {
            found.push(format!(
                "{name} by time {time_ms} {boundary}: {answer} is wrong"
            ));
        }
    }
}

fn compare_lists(found: &mut Vec<String>, what: &str, wanted: &[&Entry], seen: &[&Entry]) {
    let show = |entry: &Entry| serde_json::to_string(entry).unwrap_or_default();
    for entry in wanted.iter().filter(|entry| !seen.contains(entry)) {
        found.push(format!("{what} {} is missing", show(entry)));
    }
    for entry in seen.iter().filter(|entry| !wanted.contains(entry)) {
        found.push(format!("{what} {} is new", show(entry)));
    }
    if wanted.len() != seen.len() {
        let (wanted, seen) = (wanted.len(), seen.len());
        found.push(format!("{what}: {wanted} expected, {seen} found"));
    }
}

fn compare_keys(
    found: &mut Vec<String>,
    wanted: &BTreeMap<String, Vec<i64>>,
    seen: &BTreeMap<String, Vec<i64>>,
    looser: &Looser,
) {
    let names: BTreeSet<&String> = wanted.keys().chain(seen.keys()).collect();
    for name in names {
        let kept = |answers: &BTreeMap<String, Vec<i64>>| -> Vec<i64> {
            let places = answers.get(name).into_iter().flatten().copied();
            places
                .filter(|place| !looser.lost.contains(place))
                .collect()
        };
        note(found, &format!("key {name}"), &kept(wanted), &kept(seen));
    }
}
