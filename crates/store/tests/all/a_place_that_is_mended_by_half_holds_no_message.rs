//! The power may fail while a damaged place is mended, and leave any sector of the filler beside any of
//! the record that stood there: nobody may take that for a message.

use std::path::Path;

use crate::support::*;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{NoSignals, Store};
use std::sync::Arc;

const SECTOR_BYTES: i64 = 512;

/// Ten messages, all durable, the third of which, without a body, begins so many bytes before the end of
/// a sector; the first of its sectors is lost since then.
fn damaged(head_bytes: i64) -> MemDisk {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    let first = send(&store, "T", 0, &[0; 50]).unwrap();
    let overhead = first.end.0 - first.physical_offset.0 - 50;
    let wanted = 2 * SECTOR_BYTES - head_bytes;
    let body = vec![1; (wanted - first.end.0 - overhead) as usize];
    send(&store, "T", 0, &body).unwrap();
    let third = send(&store, "T", 0, &[]).unwrap().physical_offset.0;
    assert_eq!(third, wanted);
    for number in 3..10 {
        send(&store, "T", 0, &[number; 50]).unwrap();
    }
    store.flush(NOW_MS).unwrap();
    let log = Path::new("/store/commitlog/00000000000000000000");
    let log = disk.open(log).unwrap();
    let zeros = vec![0; head_bytes as usize];
    log.write_all_at(&zeros, third.unsigned_abs()).unwrap();
    log.sync().unwrap();
    disk.kill()
}

#[test]
fn wherever_its_sectors_end() {
    let wanted: Vec<i64> = (0..10).filter(|offset| *offset != 2).collect();
    for head_bytes in [4, 20, 28, 31, 36, 39, 40, 60] {
        for halt in 0..24 {
            for seed in 0..4 {
                let disk = damaged(head_bytes);
                disk.halt_after(halt);
                let disk_of_start = Arc::new(disk.clone());
                let _ = Store::open(disk_of_start, small_config(), Arc::new(NoSignals), NOW_MS);
                let disk = disk.power_loss(seed);
                let store = open(&disk, &small_config());
                let found = read_all(&store, "T", 0).into_iter();
                let found: Vec<i64> = found.map(|(offset, _)| offset).collect();
                assert_eq!(found, wanted, "{head_bytes} {halt} {seed}");
            }
        }
    }
}
