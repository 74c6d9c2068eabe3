//! What follows the last good record is cut off, saved and zeroed, so that nothing of it is ever taken
//! for a record.

use crate::support::*;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{NoSignals, PhysicalOffset, Store};
use std::path::Path;
use std::sync::Arc;

const SEGMENT: &str = "/store/commitlog/00000000000000000000";

fn killed_store(disk: &MemDisk, messages: u32) -> Vec<i64> {
    let store = open(disk, &small_config());
    let starts = (0..messages).map(|number| {
        send(&store, "T", 0, &number.to_be_bytes())
            .unwrap()
            .physical_offset
            .0
    });
    starts.collect()
}

fn overwrite(disk: &MemDisk, position: i64, bytes: &[u8]) {
    disk.open(Path::new(SEGMENT))
        .unwrap()
        .write_all_at(bytes, position as u64)
        .unwrap();
}

#[test]
fn a_last_record_without_its_end_is_cut() {
    let disk = MemDisk::new();
    let starts = killed_store(&disk, 10);
    overwrite(&disk, starts[9] + 92, &[0; 4]);
    let store = open(&disk, &small_config());
    assert_eq!(store.appended(), PhysicalOffset(starts[9]));
    assert_eq!(read_all(&store, "T", 0).len(), 9);
    let cut = store.recovery_report().cut.clone().unwrap();
    assert_eq!(store.recovery_report().damages, []);
    let torn = disk.read(&cut.saved.clone().unwrap()).unwrap();
    assert_eq!(torn.len() as u64, cut.bytes);
    assert!(cut.bytes > 80, "{cut:?}");
    assert_eq!(send(&store, "T", 0, b"again").unwrap().queue_offset.0, 9);
    assert_eq!(read_all(&store, "T", 0)[9].1, b"again");
}

#[test]
fn noise_behind_the_end_is_zeroed() {
    let disk = MemDisk::new();
    let starts = killed_store(&disk, 3);
    let end = starts[2] + (starts[2] - starts[1]);
    overwrite(&disk, end, &[0x5A; 300]);
    let store = open(&disk, &small_config());
    assert_eq!(read_all(&store, "T", 0).len(), 3);
    let content = disk.read(Path::new(SEGMENT)).unwrap();
    assert!(content[end as usize..].iter().all(|byte| *byte == 0));
}

#[test]
fn a_record_of_another_place_is_no_record() {
    let disk = MemDisk::new();
    let starts = killed_store(&disk, 2);
    let bytes = (starts[1] - starts[0]) as usize;
    let first = disk.read(Path::new(SEGMENT)).unwrap()[..bytes].to_vec();
    overwrite(&disk, starts[1] + bytes as i64, &first);
    let store = open(&disk, &small_config());
    assert_eq!(read_all(&store, "T", 0).len(), 2);
}

fn confirmed(disk: &MemDisk) -> i64 {
    let checkpoint = disk.read(Path::new("/store/checkpoint")).unwrap();
    i64::from_be_bytes(checkpoint[32..40].try_into().unwrap())
}

/// Makes the checkpoint one of another broker.
fn unseal(disk: &MemDisk) {
    let path = Path::new("/store/checkpoint");
    let mut checkpoint = disk.read(path).unwrap();
    checkpoint[48..].fill(0);
    disk.write(path, &checkpoint).unwrap();
}

#[test]
fn the_checkpoint_vouches_for_nothing_beyond_it() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    send(&store, "Quiet", 0, b"once").unwrap();
    while store.appended().0 < 9000 {
        send(&store, "T", 0, &[1; 100]).unwrap();
    }
    store.close(NOW_MS).unwrap();
    drop(store);
    assert!(confirmed(&disk) > 9000);
    unseal(&disk);
    disk.remove_file(Path::new("/store/commitlog/00000000000000008192"))
        .unwrap();
    let store = open(&disk, &small_config());
    assert!(store.appended().0 <= 8192);
    assert!(confirmed(&disk) <= store.appended().0);
}

/// Java's confirm offset is not one of what is durable.
#[test]
fn also_when_the_checkpoint_of_another_broker_confirms_it() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    for _ in 0..2 {
        send(&store, "T", 0, &[1; 100]).unwrap();
    }
    let torn = send(&store, "T", 0, &[1; 100]).unwrap().physical_offset.0;
    store.close(NOW_MS).unwrap();
    drop(store);
    unseal(&disk);
    disk.write(Path::new("/store/abort"), b"1").unwrap();
    let log = Path::new("/store/commitlog/00000000000000000000");
    let mut content = disk.read(log).unwrap();
    content[torn as usize + 100..].fill(0);
    disk.write(log, &content).unwrap();
    // The second start must not take it for its own either.
    for halt in [5, 8, 11, 1000] {
        let disk = disk.kill();
        disk.halt_after(halt);
        let _ = Store::open(
            Arc::new(disk.clone()),
            small_config(),
            Arc::new(NoSignals),
            NOW_MS,
        );
        let disk = disk.kill();
        let store = open(&disk, &small_config());
        assert_eq!(store.recovery_report().damages, [], "{halt}");
        assert_eq!(store.appended().0, torn, "{halt}");
    }
}
