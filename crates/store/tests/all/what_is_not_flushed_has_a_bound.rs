//! ASYNC_FLUSH keeps what is not durable within a bound, with or without a flusher, and the checkpoint
//! follows the log by bytes, so that a start after a kill has little to read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::*;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{FlushMode, Store, StoreConfig, StoreSignals};

#[derive(Debug, Default)]
struct Counting {
    flush: AtomicUsize,
    queues: AtomicUsize,
}

impl StoreSignals for Counting {
    fn flush_wanted(&self) {
        self.flush.fetch_add(1, Ordering::Relaxed);
    }
    fn segment_wanted(&self) {}
    fn queues_wanted(&self) {
        self.queues.fetch_add(1, Ordering::Relaxed);
    }
}

fn config() -> StoreConfig {
    StoreConfig {
        unflushed_bytes_max: 8000,
        checkpoint_bytes: 16_000,
        ..small_config()
    }
}

fn open_counting(disk: &MemDisk, config: &StoreConfig) -> (Store, Arc<Counting>) {
    let signals = Arc::new(Counting::default());
    let heard: Arc<dyn StoreSignals> = Arc::clone(&signals) as _;
    let store = Store::open(Arc::new(disk.clone()), config.clone(), heard, NOW_MS).unwrap();
    (store, signals)
}

#[test]
fn an_append_flushes_when_nobody_else_does() {
    let (store, signals) = open_counting(&MemDisk::new(), &config());
    let mut unflushed_most = 0;
    for number in 0..200 {
        send(&store, "T", 0, &[b'.'; 300]).unwrap();
        unflushed_most = unflushed_most.max(store.appended().0 - store.durable().0);
        assert!(
            unflushed_most <= 8000 + 4096,
            "after {number}: {unflushed_most}"
        );
    }
    assert!(unflushed_most > 4000);
    assert!(store.flushed_by_appends() > 3);
    assert!(signals.flush.load(Ordering::Relaxed) > 3);
}

#[test]
fn a_flusher_that_keeps_up_is_not_replaced() {
    let (store, signals) = open_counting(&MemDisk::new(), &config());
    for _ in 0..200 {
        send(&store, "T", 0, &[b'.'; 300]).unwrap();
        if signals.flush.swap(0, Ordering::Relaxed) > 0 {
            store.flush(NOW_MS).unwrap();
        }
    }
    assert_eq!(store.flushed_by_appends(), 0);
}

#[test]
fn a_kill_leaves_little_to_read() {
    for flush_mode in [FlushMode::Async, FlushMode::Sync] {
        let config = StoreConfig {
            flush_mode,
            ..config()
        };
        let disk = MemDisk::new();
        let (store, signals) = open_counting(&disk, &config);
        for _ in 0..500 {
            send(&store, "T", 0, &[b'.'; 300]).unwrap();
            if signals.queues.swap(0, Ordering::Relaxed) > 0 {
                store.flush_queues(NOW_MS).unwrap();
            }
        }
        drop(store);
        let (store, _) = open_counting(&disk, &config);
        let report = store.recovery_report();
        let read = report.end.0 - report.scanned_from.0;
        assert!(report.end.0 > 200_000 && read < 40_000, "{report:?}");
        assert_eq!(read_all(&store, "T", 0).len(), 500);
    }
}
