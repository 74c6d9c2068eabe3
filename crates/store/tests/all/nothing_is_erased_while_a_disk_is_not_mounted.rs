//! A directory of the commit log whose disk is not mounted is empty. The store does not open then, changes
//! nothing, and has everything when the disk is back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::support::*;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{NoSignals, OpenError, Store, StoreConfig};

const SEGMENT_BYTES: i64 = 4096;

fn two_roots() -> StoreConfig {
    StoreConfig {
        commit_log_dirs: vec![PathBuf::from("/a"), PathBuf::from("/b")],
        ..small_config()
    }
}

fn fill(store: &Store, until: i64) {
    while store.appended().0 < until {
        send(store, "T", 0, &[1; 100]).unwrap();
    }
}

fn refusal(disk: &MemDisk, config: &StoreConfig) -> OpenError {
    let disk = Arc::new(disk.clone());
    Store::open(disk, config.clone(), Arc::new(NoSignals), NOW_MS).unwrap_err()
}

/// Empties a directory; what was in it.
fn unmount(disk: &MemDisk, directory: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut gone = Vec::new();
    for entry in disk.list(Path::new(directory)).unwrap() {
        let path = Path::new(directory).join(entry.name);
        gone.push((path.clone(), disk.read(&path).unwrap()));
        disk.remove_file(&path).unwrap();
    }
    assert!(!gone.is_empty());
    gone
}

fn mount(disk: &MemDisk, files: &[(PathBuf, Vec<u8>)]) {
    for (path, content) in files {
        disk.create_dir_all(path.parent().unwrap()).unwrap();
        disk.write(path, content).unwrap();
    }
}

#[test]
fn one_of_two_or_both() {
    for (segments, unmounted) in [
        (1, vec!["/a"]),
        (2, vec!["/a"]),
        (2, vec!["/b"]),
        (3, vec!["/b"]),
        (4, vec!["/b"]),
        (4, vec!["/a", "/b"]),
    ] {
        for clean in [false, true] {
            // The log ends where the first segment of the other directory would begin.
            if segments == 2 && unmounted == ["/a"] {
                continue;
            }
            let disk = MemDisk::new();
            let store = open(&disk, &two_roots());
            fill(&store, (segments - 1) * SEGMENT_BYTES + 2000);
            let stored = read_all(&store, "T", 0);
            if clean {
                store.close(NOW_MS).unwrap();
            } else {
                store.flush_queues(NOW_MS).unwrap();
            }
            drop(store);
            let gone: Vec<_> = unmounted.iter().map(|root| unmount(&disk, root)).collect();
            for root in &unmounted {
                disk.remove_dir(Path::new(root)).unwrap();
            }
            let text = refusal(&disk, &two_roots()).to_string();
            assert!(
                text.contains("mount it"),
                "{segments} {unmounted:?}: {text}"
            );
            for root in &unmounted {
                assert!(!disk.exists(Path::new(root)));
            }
            refusal(&disk, &two_roots());
            gone.iter().for_each(|files| mount(&disk, files));
            let store = open(&disk, &two_roots());
            assert_eq!(store.recovery_report().clean, clean);
            assert_eq!(read_all(&store, "T", 0), stored);
        }
    }
}

#[test]
fn nor_when_queues_and_log_are_both_gone() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    fill(&store, 5000);
    store.close(NOW_MS).unwrap();
    drop(store);
    unmount(&disk, "/store/commitlog");
    unmount(&disk, "/store/consumequeue/T/0");
    let refused = refusal(&disk, &small_config());
    assert!(matches!(refused, OpenError::EndMissing { .. }), "{refused}");
    disk.remove_file(Path::new("/store/checkpoint")).unwrap();
    assert_eq!(open(&disk, &small_config()).appended().0, 0);
}

#[test]
fn but_a_loss_that_somebody_knows_of_is_gone_on_with() {
    let disk = MemDisk::new();
    let store = open(&disk, &two_roots());
    fill(&store, 4 * SEGMENT_BYTES + 2000);
    store.close(NOW_MS).unwrap();
    drop(store);
    unmount(&disk, "/b");
    let refused = refusal(&disk, &two_roots());
    assert!(matches!(refused, OpenError::VacantDirectory { .. }));
    disk.write(Path::new("/b/lost"), b"").unwrap();
    let store = open(&disk, &two_roots());
    assert_eq!(store.recovery_report().gaps.len(), 2);
}

#[test]
fn and_a_new_directory_is_welcome() {
    let disk = MemDisk::new();
    let one = StoreConfig {
        commit_log_dirs: vec![PathBuf::from("/a")],
        ..small_config()
    };
    let store = open(&disk, &one);
    fill(&store, 2 * SEGMENT_BYTES + 2000);
    drop(store);
    let store = open(&disk, &two_roots());
    fill(&store, 4 * SEGMENT_BYTES);
    assert!(!disk.list(Path::new("/b")).unwrap().is_empty());
}
