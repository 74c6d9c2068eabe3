//! Queues that a start had to make again are not durable at once, whatever the checkpoint said
//! before: a power loss soon after the start loses none of their entries.

use crate::support::*;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use std::path::Path;

/// A store of several segments that was stopped, or killed after a checkpoint.
fn filled(stopped: bool) -> MemDisk {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    for number in 0..60_u8 {
        send(&store, "T", i32::from(number % 4), &[number; 100]).unwrap();
    }
    store.flush_queues(NOW_MS + 60_000).unwrap();
    if stopped {
        store.close(NOW_MS).unwrap();
    }
    disk
}

fn remove_queues(disk: &MemDisk) {
    let topic = Path::new("/store/consumequeue/T");
    for queue in disk.list(topic).unwrap() {
        let queue = topic.join(queue.name);
        for file in disk.list(&queue).unwrap() {
            disk.remove_file(&queue.join(file.name)).unwrap();
        }
        disk.sync_dir(&queue).unwrap();
        disk.remove_dir(&queue).unwrap();
    }
    disk.sync_dir(topic).unwrap();
}

fn check_all(disk: &MemDisk, context: &str) {
    let store = open(disk, &small_config());
    for queue in 0..4 {
        let found = read_all(&store, "T", queue);
        let wanted: Vec<(i64, Vec<u8>)> = (0..15)
            .map(|offset| (offset, vec![offset as u8 * 4 + queue as u8; 100]))
            .collect();
        assert_eq!(found, wanted, "{context}: queue {queue}");
    }
}

#[test]
fn after_a_stop_and_after_a_kill() {
    for stopped in [true, false] {
        let disk = filled(stopped);
        remove_queues(&disk);
        drop(open(&disk, &small_config()));
        for seed in 0..60 {
            let context = format!("stopped {stopped} seed {seed}");
            check_all(&disk.power_loss(seed), &context);
        }
    }
}

#[test]
fn at_any_operation_of_the_start() {
    for halt in 0..40 {
        let disk = filled(true);
        remove_queues(&disk);
        disk.halt_after(halt);
        let store = ferrocket_store::Store::open(
            std::sync::Arc::new(disk.clone()),
            small_config(),
            std::sync::Arc::new(ferrocket_store::NoSignals),
            NOW_MS,
        );
        drop(store);
        check_all(&disk.power_loss(halt * 3), &format!("halt {halt}"));
    }
}
