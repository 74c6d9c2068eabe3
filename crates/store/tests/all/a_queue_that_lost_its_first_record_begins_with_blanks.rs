//! The file of a queue whose first record was damaged must not go on pointing at it: Java would
//! deliver what stands there now.

use std::path::Path;
use std::sync::Arc;

use ferrocket_golden::{Archive, store_config};
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
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
