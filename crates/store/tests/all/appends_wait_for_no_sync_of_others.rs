//! A slow disk that syncs the note of a deletion, or the index, holds no append up. What is appended
//! meanwhile is on the right side of the deletion.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::Duration;

use crate::support::*;
use ferrocket_store::Store;
use ferrocket_store::disk::mem::{Bystander, MemDisk, Operation};

/// Does something on another thread whenever a file is synced, and does not let the sync end before.
#[derive(Debug)]
struct Impatient {
    path_part: &'static str,
    work: fn(&Store),
    store: OnceLock<Arc<Store>>,
    times_left: AtomicU32,
}

impl Bystander for Impatient {
    fn between_operations(&self, operation: Operation, path: &Path) {
        let fits = path.to_string_lossy().contains(self.path_part);
        let Some(store) = self.store.get().filter(|_| fits) else {
            return;
        };
        let take = |left: u32| left.checked_sub(1);
        let times_left = &self.times_left;
        if operation != Operation::Sync
            || times_left
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
                .is_err()
        {
            return;
        }
        let (done, is_done) = mpsc::channel();
        let (store, work) = (Arc::clone(store), self.work);
        std::thread::spawn(move || {
            work(&store);
            let _ = done.send(());
        });
        let ended = is_done.recv_timeout(Duration::from_secs(10));
        assert!(ended.is_ok(), "it waits for the sync of {}", path.display());
    }
}

/// Opens a store with somebody impatient beside it.
fn open_with(
    disk: &MemDisk,
    path_part: &'static str,
    times_left: u32,
    work: fn(&Store),
) -> (Arc<Store>, Arc<Impatient>) {
    let store = Arc::new(open(disk, &small_config()));
    let bystander = Arc::new(Impatient {
        path_part,
        work,
        store: OnceLock::new(),
        times_left: AtomicU32::new(times_left),
    });
    disk.set_bystander(Some(bystander.clone()));
    (store, bystander)
}

fn end(disk: &MemDisk, bystander: &Impatient) {
    assert_eq!(bystander.times_left.load(Ordering::Relaxed), 0);
    disk.set_bystander(None);
}

#[test]
fn of_the_note_of_a_deletion() {
    let disk = MemDisk::new();
    let (store, bystander) = open_with(&disk, "deletedTopics", 2, |store| {
        send(store, "Kept", 0, b"meanwhile").unwrap();
    });
    send(&store, "Gone", 0, b"old").unwrap();
    bystander.store.set(Arc::clone(&store)).unwrap();
    store.delete_topic("Gone").unwrap();
    end(&disk, &bystander);
    send(&store, "Gone", 0, b"new").unwrap();
    let store = open(&disk.kill(), &small_config());
    assert_eq!(read_all(&store, "Gone", 0), [(0, b"new".to_vec())]);
    assert_eq!(read_all(&store, "Kept", 0).len(), 2);
}

#[test]
fn of_the_note_of_a_deletion_of_their_own_topic() {
    let disk = MemDisk::new();
    let (store, bystander) = open_with(&disk, "deletedTopics", 2, |store| {
        send(store, "Gone", 0, b"meanwhile").unwrap();
    });
    send(&store, "Gone", 0, b"old").unwrap();
    bystander.store.set(Arc::clone(&store)).unwrap();
    store.delete_topic("Gone").unwrap();
    end(&disk, &bystander);
    assert_eq!(store.max_offset("Gone", 0).0, 0);
    send(&store, "Gone", 0, b"new").unwrap();
    let store = open(&disk.kill(), &small_config());
    assert_eq!(read_all(&store, "Gone", 0), [(0, b"new".to_vec())]);
}

#[test]
fn of_the_index() {
    let disk = MemDisk::new();
    let (store, bystander) = open_with(&disk, "/index/", 2, |store| {
        send_with(store, NOW_MS, "T", "KEYS\x01later\x02").unwrap();
        // Writes the keys that wait.
        store.flush_queues(NOW_MS).unwrap();
    });
    build_index(&store);
    send_with(&store, NOW_MS, "T", "KEYS\x01one\x02").unwrap();
    store.flush_queues(NOW_MS).unwrap();
    bystander.store.set(Arc::clone(&store)).unwrap();
    store.flush_queues(NOW_MS + 100_000).unwrap();
    end(&disk, &bystander);
    // What came during the sync goes with the next.
    store.flush_queues(NOW_MS + 200_000).unwrap();
    let store = open(&disk.power_loss(1), &small_config());
    assert_eq!(find(&store, "T", "one").len(), 1);
    assert_eq!(find(&store, "T", "later").len(), 2);
}
