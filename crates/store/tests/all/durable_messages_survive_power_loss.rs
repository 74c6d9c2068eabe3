//! The machine loses power at every point of a workload; of what was not synced, sectors arrive or
//! not as a seed decides. What was durable is back, in its place, and nothing is made up. What was not
//! durable may be there too, also behind a message that is lost.

use crate::support::*;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{FlushMode, NoSignals, Store, StoreConfig};
use std::sync::Arc;

/// What a producer knows: every message it sent, and how many of each queue were durable.
#[derive(Debug, Default)]
struct Ledger {
    sent: [Vec<Option<Vec<u8>>>; 2],
    durable: [usize; 2],
}

impl Ledger {
    /// Sends, flushes and checkpoints until the disk refuses.
    fn work(&mut self, store: &Store, rounds: u32) {
        let mut unflushed: Vec<(usize, usize, i64)> = Vec::new();
        for round in 0..rounds {
            let queue = (round % 2) as usize;
            let number = self.sent[queue].len();
            let mut body = format!("queue {queue} message {number} ").into_bytes();
            body.resize(20 + (round as usize * 37) % 700, b'.');
            let Ok(appended) = send(store, "T", queue as i32, &body) else {
                return;
            };
            assert_eq!(appended.queue_offset.0, number as i64);
            self.sent[queue].push(Some(body));
            unflushed.push((queue, number, appended.end.0));
            if round % 3 == 2 {
                let Ok(durable) = store.flush(NOW_MS) else {
                    return;
                };
                for (queue, number, end) in unflushed.drain(..) {
                    assert!(end <= durable.0);
                    self.durable[queue] = self.durable[queue].max(number + 1);
                }
            }
            if round % 7 == 6
                && store
                    .flush_queues(NOW_MS + i64::from(round) * 1000)
                    .is_err()
            {
                return;
            }
        }
    }

    /// Compares with what is there after a start, and takes over what that is.
    fn check(&mut self, store: &Store, context: &str) {
        for queue in 0..2 {
            let max = store.max_offset("T", queue as i32).0 as usize;
            let mut found = vec![None; max];
            for (offset, body) in read_all(store, "T", queue as i32) {
                assert_eq!(found[offset as usize], None, "{context}: {offset} twice");
                found[offset as usize] = Some(body);
            }
            assert!(
                max <= self.sent[queue].len(),
                "{context}: queue {queue} ends at {max}, nothing was sent there"
            );
            assert!(
                max >= self.durable[queue],
                "{context}: queue {queue} ends at {max}, {} were durable",
                self.durable[queue]
            );
            for (offset, body) in found.iter().enumerate() {
                let sent = &self.sent[queue][offset];
                let is_lost = body.is_none() && offset >= self.durable[queue];
                assert!(is_lost || body == sent, "{context}: {queue} at {offset}");
            }
            // What is there now is durable, what is lost stays lost.
            self.sent[queue] = found;
            self.durable[queue] = max;
        }
    }
}

fn config(mode: FlushMode) -> StoreConfig {
    StoreConfig {
        flush_mode: mode,
        queue_flush_thorough_interval_ms: 15_000,
        ..small_config()
    }
}

fn start(disk: &MemDisk, config: &StoreConfig) -> Option<Store> {
    Store::open(
        Arc::new(disk.clone()),
        config.clone(),
        Arc::new(NoSignals),
        NOW_MS,
    )
    .ok()
}

/// Three lives: each ends by a power loss after `halt` operations.
fn three_lives(mode: FlushMode, halt: u64, seed: u64) {
    let config = config(mode);
    let mut disk = MemDisk::new();
    let mut ledger = Ledger::default();
    for life in 0..3_u64 {
        disk.halt_after(halt + life * 13);
        if let Some(store) = start(&disk, &config) {
            if life > 0 {
                ledger.check(
                    &store,
                    &format!("{mode:?} halt {halt} seed {seed} life {life}"),
                );
            }
            ledger.work(&store, 60);
        }
        disk = disk.power_loss(seed + life);
    }
    let store = start(&disk, &config).expect("the last start has power");
    ledger.check(&store, &format!("{mode:?} halt {halt} seed {seed} at last"));
    let next = ledger.sent[0].len() as i64;
    assert_eq!(send(&store, "T", 0, b"next").unwrap().queue_offset.0, next);
}

#[test]
fn at_any_operation_in_async_flush() {
    for halt in 0..160 {
        three_lives(FlushMode::Async, halt, halt * 7);
    }
}

#[test]
fn at_any_operation_in_sync_flush() {
    for halt in 0..160 {
        three_lives(FlushMode::Sync, halt, halt * 7);
    }
}

/// A start that is killed leaves names that no sync has covered; what the next one makes durable must
/// not hang on them.
#[test]
fn also_when_an_earlier_start_was_killed_at_any_point() {
    for killed_after in 0..40 {
        let disk = MemDisk::new();
        disk.halt_after(killed_after);
        let config = sync_config();
        let first = Store::open(
            Arc::new(disk.clone()),
            config.clone(),
            Arc::new(NoSignals),
            NOW_MS,
        );
        drop(first);
        disk.halt_after(u64::MAX / 2);
        let store = open(&disk, &config);
        send(&store, "T", 0, b"durable").unwrap();
        store.flush(NOW_MS).unwrap();
        for seed in 0..8 {
            let after = disk.power_loss(seed);
            let store = open(&after, &config);
            let found = read_all(&store, "T", 0);
            assert_eq!(
                found,
                [(0, b"durable".to_vec())],
                "killed after {killed_after} operations, power lost with seed {seed}"
            );
        }
    }
}

/// The checkpoint names the first record of the log, which is at 0, and everything after it was
/// stored under a clock that was set back by hours.
#[test]
fn also_when_the_clock_was_set_back() {
    let disk = MemDisk::new();
    let config = sync_config();
    let store = open(&disk, &config);
    send(&store, "T", 0, b"first").unwrap();
    store.flush(NOW_MS).unwrap();
    store.flush_queues(NOW_MS + 100_000).unwrap();
    drop(store);
    let before_ms = NOW_MS - 10 * 3_600_000;
    let disk = disk.power_loss(1);
    let store = Store::open(
        Arc::new(disk.clone()),
        config.clone(),
        Arc::new(NoSignals),
        before_ms,
    )
    .unwrap();
    let long = [b'.'; 900];
    for queue_id in 1..17 {
        send_at(&store, before_ms, "T", queue_id, &long).unwrap();
        store.flush(before_ms).unwrap();
        // Written, but not synced.
        store.flush_queues(before_ms).unwrap();
    }
    for seed in 0..32 {
        let after = disk.power_loss(seed);
        let store = open(&after, &config);
        for queue_id in 1..17 {
            let found = read_all(&store, "T", queue_id);
            assert_eq!(found, [(0, long.to_vec())], "queue {queue_id}, seed {seed}");
        }
    }
}
