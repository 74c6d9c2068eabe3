//! A deleted topic has no queues and no files; when it is made again it begins at 0, and a kill does
//! not bring the old one back into the new one.

use crate::support::*;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use std::path::Path;

#[test]
fn and_stay_so_after_a_kill() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    for number in 0..30_u8 {
        send(&store, "T", 0, &[number]).unwrap();
        send(&store, "Other", 0, &[number]).unwrap();
    }
    store.flush_queues(NOW_MS).unwrap();
    store.delete_topic("T").unwrap();
    assert_eq!(store.max_offset("T", 0).0, 0);
    assert!(!disk.exists(Path::new("/store/consumequeue/T")));
    store.delete_topic("unknown").unwrap();

    assert_eq!(send(&store, "T", 0, b"new").unwrap().queue_offset.0, 0);
    assert_eq!(send(&store, "T", 0, b"newer").unwrap().queue_offset.0, 1);
    let wanted = [(0, b"new".to_vec()), (1, b"newer".to_vec())];
    assert_eq!(read_all(&store, "T", 0), wanted);
    drop(store);
    let store = open(&disk, &small_config());
    assert_eq!(read_all(&store, "T", 0), wanted);
    assert_eq!(read_all(&store, "Other", 0).len(), 30);
    assert_eq!(send(&store, "T", 0, b"newest").unwrap().queue_offset.0, 2);
}
