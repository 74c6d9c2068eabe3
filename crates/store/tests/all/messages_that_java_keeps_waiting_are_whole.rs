//! Delayed, timed and half messages of a Java broker are read from the queues in which they wait,
//! with everything that their delivery needs: where they belong, when they are due, what they are.

use std::path::Path;
use std::sync::Arc;

use ferrocket_golden::{Acked, Archive, store_config};
use ferrocket_protocol::message::{View, view};
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{NoSignals, Store};

use crate::support::*;

fn opened(name: &str) -> (Store, Vec<Acked>) {
    let archive = Archive::open(name).unwrap();
    let root = Path::new("/store");
    let disk = MemDisk::new();
    archive.put_on(&disk, root).unwrap();
    let config = store_config(&archive.conf().unwrap(), root);
    let store = Store::open(Arc::new(disk), config, Arc::new(NoSignals), NOW_MS).unwrap();
    (store, archive.acked().unwrap())
}

/// Calls `check` with every message of these queues of a topic that one of `acked` is.
fn check_waiting(
    store: &Store,
    topic: &str,
    queue_ids: std::ops::Range<i32>,
    acked: &[&Acked],
    check: impl Fn(&View<'_>, &Acked),
) {
    let mut found = 0;
    for queue_id in queue_ids {
        let mut offset = store.min_offset(topic, queue_id).0;
        while offset < store.max_offset(topic, queue_id).0 {
            let answer = read(store, topic, queue_id, offset);
            offset = answer.next_offset.0;
            for record in answer
                .records
                .iter()
                .flat_map(|records| view::records(records))
            {
                let record = record.unwrap();
                let unique = record.property("UNIQ_KEY");
                let Some(acked) = acked.iter().find(|acked| unique == Some(&acked.uniq_key)) else {
                    continue;
                };
                assert_eq!(record.property("REAL_TOPIC"), Some(&*acked.topic));
                let real_queue = acked.queue_id.to_string();
                // A half message is promised the queue that it will be in.
                if record.property("REAL_QID") != Some(&real_queue) {
                    assert!(!acked.kind.starts_with("delay"), "{acked:?}");
                }
                check(&record, acked);
                found += 1;
            }
        }
    }
    assert!(found >= acked.len(), "{found} of {}", acked.len());
}

fn of_kind<'a>(acked: &'a [Acked], kind: &str) -> Vec<&'a Acked> {
    let chosen: Vec<&Acked> = acked
        .iter()
        .filter(|acked| acked.kind.starts_with(kind))
        .collect();
    assert!(!chosen.is_empty());
    chosen
}

#[test]
fn delayed_messages() {
    let (store, acked) = opened("v5-delay");
    let pending = of_kind(&acked, "delay-pending");
    check_waiting(
        &store,
        "SCHEDULE_TOPIC_XXXX",
        0..18,
        &pending,
        |record, _| {
            let level: i32 = record.property("DELAY").unwrap().parse().unwrap();
            assert_eq!(record.queue_id, level - 1);
        },
    );
}

#[test]
fn timed_messages() {
    for name in ["v5-timer", "v5-timer-killed"] {
        let (store, acked) = opened(name);
        let pending = of_kind(&acked, "timer-pending");
        check_waiting(
            &store,
            "rmq_sys_wheel_timer",
            0..1,
            &pending,
            |record, _| {
                let due: i64 = record.property("TIMER_OUT_MS").unwrap().parse().unwrap();
                assert!(due > record.store_ms);
            },
        );
    }
}

#[test]
fn half_messages_and_what_was_decided() {
    let (store, acked) = opened("v5-trans");
    let half = of_kind(&acked, "trans-");
    assert_eq!(half.len(), 18);
    check_waiting(
        &store,
        "RMQ_SYS_TRANS_HALF_TOPIC",
        0..1,
        &half,
        |record, _| {
            assert_eq!(record.property("TRAN_MSG"), Some("true"));
            assert_eq!(record.property("PGROUP"), Some("TX_G"));
        },
    );
    // Each decision names the half message by its queue offset.
    let mut decided = Vec::new();
    for (_, body) in read_all(&store, "RMQ_SYS_TRANS_OP_HALF_TOPIC", 0) {
        let text = String::from_utf8(body).unwrap();
        decided.extend(
            text.split(',')
                .filter(|part| !part.is_empty())
                .map(str::to_owned),
        );
    }
    decided.sort();
    decided.dedup();
    assert_eq!(decided.len(), 12, "{decided:?}");
}
