//! A power loss under ASYNC_FLUSH may take the first messages of a queue with any part of its files.
//! What the first start finds then is what every later one finds, after a clean stop, a kill and
//! another power loss.

use crate::support::*;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{QueueType, RetentionConfig, Store, StoreConfig};
use std::path::{Path, PathBuf};

const FILE_ENTRIES: usize = 5;
/// Messages of the queue: two full files, and one with two entries.
const MESSAGES: usize = 12;

/// What is left of a file.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Left {
    All,
    /// A lost sector; entries do not end with sectors.
    AllButTheFirst(usize),
    Zeros,
    /// Its length never arrived.
    Nothing,
    /// Its name never arrived.
    NoFile,
}

const SHAPES: [Left; 5] = [
    Left::All,
    Left::AllButTheFirst(2),
    Left::Zeros,
    Left::Nothing,
    Left::NoFile,
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Plain,
    WithExtension,
    Batch,
}

impl Kind {
    fn config(self) -> StoreConfig {
        StoreConfig {
            queue_file_bytes: 20 * FILE_ENTRIES as u64,
            batch_queue_file_bytes: 46 * FILE_ENTRIES as u64,
            batch_topics: if self == Kind::Batch {
                ["T".to_owned()].into()
            } else {
                [].into()
            },
            queue_ext_enable: self == Kind::WithExtension,
            queue_ext_file_bytes: 64 * 3,
            message_index_enable: false,
            ..small_config()
        }
    }

    fn send(self, store: &Store, body: &[u8]) -> (i64, i64) {
        let queue_type = match self {
            Kind::Batch => QueueType::Batch,
            Kind::Plain | Kind::WithExtension => QueueType::Simple,
        };
        let sent = send_to(store, queue_type, &message("T", 0, body)).unwrap();
        (sent.queue_offset.0, sent.end.0)
    }

    fn file(self, index: usize) -> PathBuf {
        let (directory, bytes) = match self {
            Kind::Batch => ("batchconsumequeue", 46),
            Kind::Plain | Kind::WithExtension => ("consumequeue", 20),
        };
        let base = index * FILE_ENTRIES * bytes;
        PathBuf::from(format!("/store/{directory}/T/0/{base:020}"))
    }

    fn entry_bytes(self) -> usize {
        if self == Kind::Batch { 46 } else { 20 }
    }
}

/// The disk of a killed broker that synced nothing, and where the record of each message ends.
fn written(kind: Kind) -> (MemDisk, Vec<i64>) {
    let disk = MemDisk::new();
    let store = open(&disk, &kind.config());
    let mut ends = Vec::new();
    for number in 0..MESSAGES {
        ends.push(kind.send(&store, &[number as u8; 50]).1);
        send(&store, "Other", 0, b"between").unwrap();
    }
    store.flush_queues(NOW_MS).unwrap();
    (disk.kill(), ends)
}

fn lose_log(disk: &MemDisk, from: i64, to: i64) {
    for base in (0..to).step_by(4096).filter(|base| base + 4096 > from) {
        let segment = PathBuf::from(format!("/store/commitlog/{base:020}"));
        let (from, to) = (from.max(base) - base, to.min(base + 4096) - base);
        let zeros = vec![0; (to - from) as usize];
        let file = disk.open(&segment).unwrap();
        file.write_all_at(&zeros, from.unsigned_abs()).unwrap();
    }
}

fn leave(disk: &MemDisk, path: &Path, kind: Kind, left: Left) {
    let mut content = disk.read(path).unwrap();
    match left {
        Left::All => return,
        Left::AllButTheFirst(entries) => content[..entries * kind.entry_bytes() + 7].fill(0),
        Left::Zeros => content.fill(0),
        Left::Nothing => content.clear(),
        Left::NoFile => return disk.remove_file(path).unwrap(),
    }
    disk.write(path, &content).unwrap();
}

fn check(kind: Kind, (disk, ends): (&MemDisk, &[i64]), lost: usize, left: &[Left]) {
    let case = format!("{kind:?}, {lost} lost, {left:?}");
    let disk = disk.kill();
    if let Some(last) = lost.checked_sub(1) {
        lose_log(&disk, 0, ends[last]);
    }
    for (index, left) in left.iter().enumerate() {
        leave(&disk, &kind.file(index), kind, *left);
    }
    let mut wanted: Vec<_> = (lost..MESSAGES)
        .map(|number| (number as i64, vec![number as u8; 50]))
        .collect();
    let store = open(&disk, &kind.config());
    assert_eq!(read_all(&store, "T", 0), wanted, "{case}");
    let power_lost = disk.power_loss(1);
    let store_of_power_loss = open(&power_lost, &kind.config());
    assert_eq!(
        read_all(&store_of_power_loss, "T", 0),
        wanted,
        "{case}, power lost"
    );
    assert_eq!(kind.send(&store, b"more").0, MESSAGES as i64, "{case}");
    wanted.push((MESSAGES as i64, b"more".to_vec()));
    store.close(NOW_MS).unwrap();
    drop(store);
    for round in 0..2 {
        let store = open(&disk, &kind.config());
        assert_eq!(read_all(&store, "T", 0), wanted, "{case}, start {round}");
    }
}

fn check_all(kind: Kind) {
    let (disk, ends) = written(kind);
    for lost in [0, 1, 6, 11] {
        for first in SHAPES {
            for second in SHAPES {
                for third in [Left::All, Left::Zeros] {
                    check(kind, (&disk, &ends), lost, &[first, second, third]);
                }
            }
        }
    }
}

#[test]
fn whatever_is_left_of_the_files() {
    check_all(Kind::Plain);
}

#[test]
fn whatever_is_left_of_the_files_beside_an_extension() {
    check_all(Kind::WithExtension);
}

#[test]
fn whatever_is_left_of_the_files_of_a_batch_queue() {
    check_all(Kind::Batch);
}

/// The first message is lost, and a hundred behind the tenth: those between are found, by the next
/// start and when the log is deleted from its old end.
#[test]
fn with_a_long_run_of_lost_messages_in_it() {
    let config = StoreConfig {
        retention: RetentionConfig {
            batch_max: 1,
            ..RetentionConfig::default()
        },
        ..small_config()
    };
    for queue_file_bytes in [100, 400, 6000] {
        let config = StoreConfig {
            queue_file_bytes,
            ..config.clone()
        };
        let disk = MemDisk::new();
        let store = open(&disk, &config);
        let sent: Vec<_> = (0..160_u8)
            .map(|number| send(&store, "T", 0, &[number; 50]).unwrap())
            .collect();
        store.flush_queues(NOW_MS).unwrap();
        let disk = disk.kill();
        lose_log(&disk, 0, sent[0].end.0);
        lose_log(&disk, sent[49].end.0, sent[149].end.0);
        let offsets = |store: &Store| {
            let all = read_all(store, "T", 0).into_iter();
            all.map(|(offset, _)| offset).collect::<Vec<_>>()
        };
        let found: Vec<i64> = (1..50).chain(150..160).collect();
        let store = open(&disk, &config);
        assert_eq!(offsets(&store), found, "{queue_file_bytes}");
        store.close(NOW_MS).unwrap();
        drop(store);
        let store = open(&disk, &config);
        assert_eq!(offsets(&store), found, "{queue_file_bytes}");
        store.clean_by_hand();
        store.clean(i64::MAX / 4, 0, &mut |_| true).unwrap();
        let start = store.min_physical_offset();
        assert_eq!(start.0, 4096);
        let is_kept = |offset: &i64| sent[*offset as usize].physical_offset >= start;
        let kept: Vec<i64> = found.into_iter().filter(is_kept).collect();
        assert!((20..58).contains(&kept.len()), "{kept:?}");
        assert_eq!(offsets(&store), kept, "{queue_file_bytes}");
    }
}
