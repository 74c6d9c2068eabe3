//! When the log is deleted from its old end, batch queues and the extension of plain ones follow as
//! plain queues do.

use crate::support::*;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{QueueType, RetentionConfig, Store, StoreConfig};

fn config() -> StoreConfig {
    StoreConfig {
        batch_queue_file_bytes: 460,
        batch_topics: ["B".to_owned(), "oldB".to_owned()].into(),
        queue_ext_enable: true,
        queue_ext_file_bytes: 72,
        retention: RetentionConfig {
            reserved_bytes: 0,
            ..RetentionConfig::default()
        },
        ..small_config()
    }
}

/// Deletes everything but the last segment, and what follows from that.
fn clean_all(store: &Store) {
    store.clean_by_hand();
    let mut before = None;
    while before.replace(store.cleaned().segments) != Some(store.cleaned().segments) {
        store.clean(i64::MAX / 4, 0, &mut |_| true).unwrap();
    }
}

/// Entries, batch entries and units of the extension for 90 messages, and the only one of two topics.
fn filled(disk: &MemDisk) -> Store {
    let store = open(disk, &config());
    send(&store, "old", 0, b"only").unwrap();
    send_to(&store, QueueType::Batch, &message("oldB", 0, b"only")).unwrap();
    for _ in 0..90 {
        send(&store, "T", 0, &[1; 600]).unwrap();
        send_to(&store, QueueType::Batch, &message("B", 0, &[2; 600])).unwrap();
    }
    store.flush(NOW_MS).unwrap();
    store.flush_queues(NOW_MS).unwrap();
    store
}

#[test]
fn with_the_files_of_batch_queues_and_of_the_extension() {
    let disk = MemDisk::new();
    let store = filled(&disk);
    let count = |directory: &str| {
        let directory = format!("/store/{directory}/0");
        if disk.exists(directory.as_ref()) {
            names(&disk, &directory).len()
        } else {
            0
        }
    };
    assert_eq!(
        (count("batchconsumequeue/B"), count("consumequeue/T")),
        (9, 5)
    );
    assert_eq!(count("consumequeue_ext/T"), 30);
    clean_all(&store);
    let check = |store: &Store, more: i64| {
        let (plain, batch) = (store.min_offset("T", 0).0, store.min_offset("B", 0).0);
        assert!(plain > 80 && batch > 80, "{plain} {batch}");
        assert_eq!(read_all(store, "T", 0).len() as i64, 90 + more - plain);
        assert_eq!(read_all(store, "B", 0).len() as i64, 90 + more - batch);
        let max = |topic| store.max_offset(topic, 0).0;
        assert_eq!((max("T"), max("B")), (90 + more, 90 + more));
        assert_eq!(store.min_offset("oldB", 0).0, 1);
        assert_eq!((max("old"), max("oldB")), (1, 1));
    };
    check(&store, 0);
    assert_eq!(count("batchconsumequeue/B"), 1);
    assert_eq!(count("batchconsumequeue/oldB"), 1, "never the last");
    assert_eq!(count("consumequeue/T"), 1);
    let units_min = (90 - store.min_offset("T", 0).0) as usize / 3;
    assert!((units_min..=units_min + 1).contains(&count("consumequeue_ext/T")));
    for killed in [true, false] {
        let disk = disk.kill();
        if !killed {
            open(&disk, &config()).close(NOW_MS).unwrap();
        }
        let store = open(&disk, &config());
        check(&store, 0);
        send(&store, "T", 0, b"more").unwrap();
        send_to(&store, QueueType::Batch, &message("B", 0, b"more")).unwrap();
        check(&store, 1);
    }

    assert_eq!(store.remove_expired_queues(&|_| false).unwrap(), 2);
    assert_eq!(count("batchconsumequeue/oldB"), 0);
    assert_eq!(
        (count("consumequeue/old"), count("consumequeue_ext/old")),
        (0, 0)
    );
    check_anew(&store);
    let store = open(&disk.kill(), &config());
    assert_eq!(read_all(&store, "old", 0), [(0, b"new".to_vec())]);
    assert_eq!(read_all(&store, "oldB", 0), [(0, b"new".to_vec())]);
}

fn check_anew(store: &Store) {
    let sent = send(store, "old", 0, b"new").unwrap();
    let batch = send_to(store, QueueType::Batch, &message("oldB", 0, b"new")).unwrap();
    assert_eq!((sent.queue_offset.0, batch.queue_offset.0), (0, 0));
    store.flush_queues(NOW_MS).unwrap();
    assert_eq!(read_all(store, "old", 0), [(0, b"new".to_vec())]);
    assert_eq!(read_all(store, "oldB", 0), [(0, b"new".to_vec())]);
}

/// Whatever a crash in the middle of a turn leaves opens, and the next turn ends the work.
#[test]
fn and_a_crash_between_any_two_deletions_leaves_batch_queues_and_the_extension() {
    for halt in (0..80).step_by(2) {
        let disk = MemDisk::new();
        let store = filled(&disk);
        store.flush_queues(NOW_MS + 100_000).unwrap();
        store.clean_by_hand();
        disk.halt_after(halt);
        let _ = store.clean(i64::MAX / 4, 0, &mut |_| true);
        drop(store);
        let power = halt % 4 == 0;
        let disk = if power {
            disk.power_loss(halt)
        } else {
            disk.kill()
        };
        let store = open(&disk, &config());
        for topic in ["T", "B"] {
            let min = store.min_offset(topic, 0).0;
            assert_eq!(store.max_offset(topic, 0).0, 90, "{topic} {halt} {power}");
            let found = read_all(&store, topic, 0).len() as i64;
            assert_eq!(found, 90 - min, "{topic} {halt} {power}");
        }
        clean_all(&store);
        assert_eq!(names(&disk, "/store/batchconsumequeue/B/0").len(), 1);
        assert_eq!(names(&disk, "/store/consumequeue/T/0").len(), 1);
        assert!(names(&disk, "/store/consumequeue_ext/T/0").len() < 5);
    }
}

fn names(disk: &MemDisk, directory: &str) -> Vec<String> {
    let entries = disk.list(directory.as_ref()).unwrap();
    entries.into_iter().map(|entry| entry.name).collect()
}
