//! The file of a queue whose first record was damaged must not go on pointing at it: Java would
//! deliver what stands there now.

use std::path::Path;
use std::sync::Arc;

use ferrocket_golden::{Archive, store_config};
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::{MemDisk, Operation};
use ferrocket_store::{NoSignals, Store};

use crate::support::*;

#[test]
fn in_its_file_too() {
    let archive = Archive::open("small-clean.record-hole").unwrap();
    let root = Path::new("/store");
    let disk = MemDisk::new();
    archive.put_on(&disk, root).unwrap();
    let config = store_config(&archive.conf().unwrap(), root);
    let store = Store::open(Arc::new(disk.clone()), config, Arc::new(NoSignals), NOW_MS).unwrap();
    assert_eq!(store.min_offset("DelayTopic", 1).0, 1);
    store.close(NOW_MS).unwrap();
    let file = root.join("consumequeue/DelayTopic/1/00000000000000000000");
    let first = &disk.read(&file).unwrap()[..20];
    // As Java fills slots without a message (`ConsumeQueue#fillPreBlank`).
    let blank = [[0; 8], [0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]].concat();
    assert_eq!(first[..16], blank);
}

/// The disk is full when the blanks before the first entry are written, and has room for both later.
#[test]
fn and_does_so_after_a_full_disk() {
    let file = Path::new("/store/consumequeue/T/0/00000000000000000000");
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    for number in 0..18 {
        send(&store, "T", 0, &[number; 110]).unwrap();
        send(&store, "Other", 0, &[number; 110]).unwrap();
    }
    store.close(NOW_MS).unwrap();
    drop(store);
    let first_segment = Path::new("/store/commitlog/00000000000000000000");
    disk.remove_file(first_segment).unwrap();
    for entry in disk.list(file.parent().unwrap()).unwrap() {
        let file = file.with_file_name(entry.name);
        disk.remove_file(&file).unwrap();
    }
    disk.write(Path::new("/store/checkpoint"), &[0; 4096])
        .unwrap();
    let full = std::io::ErrorKind::StorageFull;
    disk.fail_next_with(Operation::Write, "consumequeue/T/0/", full);
    let store = open(&disk, &small_config());
    assert_eq!(disk.faults_struck(), 1);
    let begin = store.min_offset("T", 0).0;
    assert!((1..18).contains(&begin), "{begin}");
    let before = read_all(&store, "T", 0);
    store.close(NOW_MS).unwrap();
    drop(store);
    let store = open(&disk, &small_config());
    assert_eq!(read_all(&store, "T", 0), before);
    assert_eq!(before.len(), 18 - usize::try_from(begin).unwrap());
}
