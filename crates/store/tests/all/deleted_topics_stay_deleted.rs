//! The records of a deleted topic stay in the log. Queues that are made again from it do not bring the
//! topic back, whenever the process or the machine dies.

use crate::support::*;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{QueueType, StoreConfig};
use std::path::Path;
use std::sync::Arc;

#[test]
fn after_a_kill_right_behind_the_deletion() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    for _ in 0..20 {
        send(&store, "Gone", 0, b"old").unwrap();
        send(&store, "Kept", 0, b"kept").unwrap();
    }
    store.delete_topic("Gone").unwrap();
    drop(store);
    let store = open(&disk, &small_config());
    assert_eq!(store.max_offset("Gone", 0).0, 0);
    assert_eq!(read_all(&store, "Kept", 0).len(), 20);
    assert_eq!(send(&store, "Gone", 0, b"new").unwrap().queue_offset.0, 0);
    drop(store);
    // All queues are made again from the whole log.
    for topic in ["Gone", "Kept"] {
        let name = format!("/store/consumequeue/{topic}/0/{:020}", 0);
        // What is not written behind yet is not there.
        let _ = disk.remove_file(Path::new(&name));
    }
    disk.remove_file(Path::new("/store/checkpoint")).unwrap();
    let store = open(&disk, &small_config());
    assert_eq!(read_all(&store, "Gone", 0), [(0, b"new".to_vec())]);
    assert_eq!(read_all(&store, "Kept", 0).len(), 20);
}

#[test]
fn after_a_power_loss_at_any_operation_of_the_deletion() {
    for halt in 0..12 {
        let disk = MemDisk::new();
        let store = open(&disk, &sync_config());
        for _ in 0..5 {
            send(&store, "Gone", 0, b"old").unwrap();
            send(&store, "Kept", 0, b"kept").unwrap();
        }
        store.flush_queues(NOW_MS + 100_000).unwrap();
        disk.halt_after(halt);
        let deleted = store.delete_topic("Gone").is_ok();
        drop(store);
        let disk = disk.power_loss(halt);
        let config = sync_config();
        let signals = Arc::new(ferrocket_store::NoSignals);
        let store = ferrocket_store::Store::open(Arc::new(disk), config, signals, NOW_MS).unwrap();
        let found = read_all(&store, "Gone", 0).len();
        assert!(found == 0 || (found == 5 && !deleted), "{halt}: {found}");
        assert_eq!(read_all(&store, "Kept", 0).len(), 5);
    }
}

#[test]
fn what_is_stored_at_places_that_a_power_loss_cut_off_is_new() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    for _ in 0..20 {
        send(&store, "Kept", 0, &[1; 100]).unwrap();
    }
    store.flush(NOW_MS).unwrap();
    for _ in 0..10 {
        send(&store, "Gone", 0, b"old").unwrap();
        send(&store, "Kept", 0, &[1; 200]).unwrap();
    }
    store.delete_topic("Gone").unwrap();
    let deleted_at = store.appended();
    drop(store);
    let mut cut = 0;
    for seed in 0..10 {
        let disk = disk.power_loss(seed);
        let store = open(&disk, &small_config());
        cut += u64::from(store.appended() < deleted_at);
        assert_eq!(store.max_offset("Gone", 0).0, 0, "{seed}");
        for _ in 0..3 {
            send(&store, "Gone", 0, b"new").unwrap();
        }
        store.close(NOW_MS).unwrap();
        drop(store);
        let store = open(&disk, &small_config());
        assert_eq!(read_all(&store, "Gone", 0).len(), 3, "{seed}");
    }
    assert!(cut > 0);
}

#[test]
fn what_is_stored_after_the_log_was_taken_away_is_new() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    send(&store, "Kept", 0, &[1; 3000]).unwrap();
    send(&store, "Gone", 0, b"old").unwrap();
    store.delete_topic("Gone").unwrap();
    let noted = Path::new("/store/ferrocket/deletedTopics");
    let deletions = disk.read(noted).unwrap();
    drop(store);
    // Another broker began anew, and knows nothing of the note.
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    send_at(&store, NOW_MS + 1, "Gone", 0, b"new").unwrap();
    send_at(&store, NOW_MS + 2, "Kept", 0, &[1; 3000]).unwrap();
    send_at(&store, NOW_MS + 3, "Kept", 0, &[1; 3000]).unwrap();
    store.close(NOW_MS).unwrap();
    drop(store);
    disk.create_dir_all(Path::new("/store/ferrocket")).unwrap();
    disk.write(noted, &deletions).unwrap();
    for _ in 0..2 {
        let store = open(&disk, &small_config());
        assert_eq!(read_all(&store, "Gone", 0), [(0, b"new".to_vec())]);
    }
}

#[test]
fn after_a_kill_at_any_operation_of_the_next_deletion() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    for topic in ["Gone", "Kept", "Gone", "Other"] {
        send(&store, topic, 0, b"old").unwrap();
    }
    store.flush_queues(NOW_MS).unwrap();
    store.delete_topic("Gone").unwrap();
    for halt in 0..14 {
        let disk = disk.kill();
        let store = open(&disk, &small_config());
        disk.halt_after(halt);
        let _ = store.delete_topic("Other");
        drop(store);
        let store = open(&disk.kill(), &small_config());
        assert_eq!(store.max_offset("Gone", 0).0, 0, "{halt}");
    }
}

#[test]
fn after_a_kill_at_any_operation_of_the_deletion_of_batch_queues() {
    let config = StoreConfig {
        batch_queue_file_bytes: 460,
        batch_topics: ["Gone".to_owned()].into(),
        ..small_config()
    };
    for halt in 0..14 {
        let disk = MemDisk::new();
        let store = open(&disk, &config);
        for _ in 0..15 {
            send_to(&store, QueueType::Batch, &message("Gone", 0, b"old")).unwrap();
            send(&store, "Kept", 0, b"kept").unwrap();
        }
        store.flush_queues(NOW_MS + 100_000).unwrap();
        disk.halt_after(halt);
        let deleted = store.delete_topic("Gone").is_ok();
        drop(store);
        let disk = disk.kill();
        let store = open(&disk, &config);
        let found = read_all(&store, "Gone", 0).len();
        assert!(found == 0 || (found == 15 && !deleted), "{halt}: {found}");
        assert_eq!(read_all(&store, "Kept", 0).len(), 15);
        if found == 0 {
            let sent = send_to(&store, QueueType::Batch, &message("Gone", 0, b"new")).unwrap();
            assert_eq!(sent.queue_offset.0, 0);
            // Batch queues are made again from the whole log.
            drop(store);
            let _ = disk.remove_file(Path::new(
                "/store/batchconsumequeue/Gone/0/00000000000000000000",
            ));
            disk.remove_file(Path::new("/store/checkpoint")).unwrap();
            let store = open(&disk, &config);
            assert_eq!(read_all(&store, "Gone", 0), [(0, b"new".to_vec())]);
        }
    }
}

#[test]
fn and_what_comes_after_a_power_loss_that_cut_the_log_stays() {
    // Nothing but what was flushed arrives.
    for seed in 0..40 {
        let disk = MemDisk::new();
        let store = open(&disk, &small_config());
        send(&store, "T", 0, b"old").unwrap();
        store.flush_queues(NOW_MS + 100_000).unwrap();
        for _ in 0..10 {
            send(&store, "T", 0, &[b'.'; 300]).unwrap();
        }
        store.delete_topic("T").unwrap();
        drop(store);
        let disk = disk.power_loss(seed);
        let store = open(&disk, &small_config());
        let new = send(&store, "T", 0, b"new").unwrap();
        let before = read_all(&store, "T", 0);
        store.flush_queues(NOW_MS + 200_000).unwrap();
        drop(store);
        for _ in 0..2 {
            let store = open(&disk, &small_config());
            assert_eq!(read_all(&store, "T", 0), before, "seed {seed}: {new:?}");
            store.close(NOW_MS).unwrap();
        }
    }
}
