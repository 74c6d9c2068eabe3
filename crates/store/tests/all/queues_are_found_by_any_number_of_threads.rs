//! Queues are found, measured and mended side by side. Whatever the threads do, the store and its files
//! are what one thread makes of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::*;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{Alone, NoSignals, Opening, Store};

const TOPICS: usize = 6;
const QUEUES: i32 = 120;

/// Several threads that begin with different jobs.
#[derive(Debug)]
struct Threads(usize);

impl Opening for Threads {
    fn each(&self, jobs: usize, job: &(dyn Fn(usize) + Sync)) {
        let left: Vec<AtomicUsize> = (0..jobs).map(|_| AtomicUsize::new(1)).collect();
        std::thread::scope(|scope| {
            for thread in 0..self.0 {
                let left = &left;
                scope.spawn(move || {
                    for index in 0..jobs {
                        let index = (index + thread * jobs / self.0) % jobs;
                        if left[index].swap(0, Ordering::Relaxed) == 1 {
                            job(index);
                        }
                    }
                });
            }
        });
    }

    fn progress(&self, _done_bytes: u64, _total_bytes: u64) {}
}

/// The last job first.
#[derive(Debug)]
struct Backwards;

impl Opening for Backwards {
    fn each(&self, jobs: usize, job: &(dyn Fn(usize) + Sync)) {
        (0..jobs).rev().for_each(job);
    }

    fn progress(&self, _done_bytes: u64, _total_bytes: u64) {}
}

fn topic(number: usize) -> String {
    format!("Topic{number}")
}

/// Queues with up to three files, stopped cleanly.
fn filled() -> MemDisk {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    for round in 0..50_usize {
        for topic_number in 0..TOPICS {
            for queue_id in 0..QUEUES {
                if round <= (queue_id as usize * 7 + topic_number) % 50 {
                    send(&store, &topic(topic_number), queue_id, &[round as u8]).unwrap();
                }
            }
        }
    }
    store.close(NOW_MS).unwrap();
    disk.kill()
}

/// Files of queues that were cut, emptied, lost, zeroed and written behind their end.
fn damage(disk: &MemDisk) {
    let file = |topic_number: usize, queue_id: i32, base: i64| {
        let directory = format!("/store/consumequeue/{}/{queue_id}", topic(topic_number));
        Path::new(&directory).join(format!("{base:020}"))
    };
    for queue_id in (0..QUEUES).step_by(11) {
        let path = file(1, queue_id, 0);
        let mut content = disk.read(&path).unwrap();
        match queue_id % 5 {
            0 => content.truncate(30),
            1 => content.clear(),
            2 => content[..20].fill(0),
            3 => content[390..].fill(1),
            _ => {
                disk.remove_file(&path).unwrap();
                continue;
            }
        }
        disk.write(&path, &content).unwrap();
    }
}

/// Everything that a store answers, and the files of its queues.
type Outcome = (
    String,
    Vec<(i64, i64)>,
    Vec<Vec<(i64, Vec<u8>)>>,
    BTreeMap<PathBuf, Vec<u8>>,
);

fn outcome(disk: &MemDisk, opening: &dyn Opening) -> Outcome {
    let disk = disk.kill();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let config = small_config();
    let store = Store::open_with(shared, config, Arc::new(NoSignals), NOW_MS, opening).unwrap();
    let report = format!("{:?}", store.recovery_report());
    let mut bounds = Vec::new();
    let mut messages = Vec::new();
    for topic_number in 0..=TOPICS {
        for queue_id in 0..=QUEUES {
            let topic = topic(topic_number);
            let min = store.min_offset(&topic, queue_id).0;
            bounds.push((min, store.max_offset(&topic, queue_id).0));
            messages.push(read_all(&store, &topic, queue_id));
        }
    }
    store.close(NOW_MS).unwrap();
    let mut files = BTreeMap::new();
    let root = Path::new("/store/consumequeue");
    for topic in disk.list(root).unwrap() {
        for queue in disk.list(&root.join(&topic.name)).unwrap() {
            let directory = root.join(&topic.name).join(&queue.name);
            for file in disk.list(&directory).unwrap() {
                let path = directory.join(&file.name);
                let content = disk.read(&path).unwrap();
                files.insert(path, content);
            }
        }
    }
    (report, bounds, messages, files)
}

fn all_agree(disk: &MemDisk) {
    let wanted = outcome(disk, &Alone);
    assert!(wanted.1.iter().any(|(_, max)| *max == 50));
    for threads in [2, 4, 7] {
        assert!(
            wanted == outcome(disk, &Threads(threads)),
            "{threads} threads"
        );
    }
    assert!(wanted == outcome(disk, &Backwards));
}

#[test]
fn after_a_clean_stop() {
    all_agree(&filled());
}

#[test]
fn after_a_kill() {
    let disk = filled();
    let store = open(&disk, &small_config());
    for queue_id in 0..QUEUES {
        for _ in 0..queue_id % 30 {
            send(&store, &topic(2), queue_id, b"late").unwrap();
        }
        if queue_id == 60 {
            store.flush_queues(NOW_MS).unwrap();
        }
    }
    all_agree(&disk.kill());
}

#[test]
fn when_files_are_damaged() {
    let disk = filled();
    damage(&disk);
    all_agree(&disk);
    disk.write(Path::new("/store/abort"), b"1").unwrap();
    all_agree(&disk);
}
