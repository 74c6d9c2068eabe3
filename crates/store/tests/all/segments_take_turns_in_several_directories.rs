//! A log over several directories is one log: segments go where Java puts them, and are found
//! wherever they are, also in directories that take no new ones.

use crate::support::*;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{NoSignals, OpenError, Store, StoreConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SEGMENT_BYTES: i64 = 4096;

fn config(written: &[&str], read_only: &[&str]) -> StoreConfig {
    let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect();
    StoreConfig {
        commit_log_dirs: paths(written),
        read_only_commit_log_dirs: paths(read_only),
        ..small_config()
    }
}

/// Numbers of the segments in a directory.
fn segments(disk: &MemDisk, directory: &str) -> Vec<i64> {
    let files = disk.list(Path::new(directory)).unwrap();
    let number = |name: &str| name.parse::<i64>().unwrap() / SEGMENT_BYTES;
    files.iter().map(|file| number(&file.name)).collect()
}

fn fill(store: &Store, until_segment: i64) {
    while store.appended().0 < until_segment * SEGMENT_BYTES + 100 {
        send(store, "T", 0, &[7; 500]).unwrap();
    }
}

fn offsets(store: &Store) -> Vec<i64> {
    let all = read_all(store, "T", 0);
    all.into_iter().map(|(offset, _)| offset).collect()
}

#[test]
fn segments_go_to_the_directories_in_turn() {
    let disk = MemDisk::new();
    let config = config(&["/log-b", "/log-a"], &[]);
    let store = open(&disk, &config);
    fill(&store, 2);
    store.prepare_segment().unwrap();
    assert_eq!(segments(&disk, "/log-b"), [1, 3]);
    fill(&store, 5);
    let stored = offsets(&store);
    store.close(NOW_MS).unwrap();
    assert_eq!(segments(&disk, "/log-a"), [0, 2, 4]);
    assert_eq!(segments(&disk, "/log-b"), [1, 3, 5]);
    assert!(!disk.exists(Path::new("/store/commitlog")));

    // Killed the second time: the segment made ahead is in its directory and goes.
    let store = open(&disk, &config);
    assert_eq!(offsets(&store), stored);
    store.prepare_segment().unwrap();
    assert_eq!(segments(&disk, "/log-a"), [0, 2, 4, 6]);
    drop(store);
    let store = open(&disk, &config);
    assert_eq!(offsets(&store), stored);
    assert_eq!(store.recovery_report().segments_dropped, 1);
    assert_eq!(segments(&disk, "/log-a"), [0, 2, 4]);
}

#[test]
fn a_power_loss_leaves_what_was_durable_in_all_directories() {
    let disk = MemDisk::new();
    let config = config(&["/log-a", "/log-b"], &[]);
    let store = open(&disk, &config);
    fill(&store, 3);
    store.flush(NOW_MS).unwrap();
    let stored = offsets(&store);
    drop(store);
    for seed in 0..20 {
        let after = disk.power_loss(seed);
        assert_eq!(offsets(&open(&after, &config)), stored, "seed {seed}");
    }
}

#[test]
fn read_only_directories_are_read_and_take_no_segment() {
    let disk = MemDisk::new();
    let store = open(&disk, &config(&["/old"], &[]));
    fill(&store, 2);
    let stored = offsets(&store);
    store.close(NOW_MS).unwrap();

    let store = open(&disk, &config(&["/new-a", "/new-b"], &["/old", "/none"]));
    assert_eq!(offsets(&store), stored);
    fill(&store, 5);
    assert_eq!(segments(&disk, "/old"), [0, 1, 2]);
    assert_eq!(segments(&disk, "/new-a"), [4]);
    assert_eq!(segments(&disk, "/new-b"), [3, 5]);
    let directories = store.usage().unwrap().commit_log_dirs;
    let paths: Vec<_> = directories.iter().map(|(path, _)| path.as_path()).collect();
    assert_eq!(
        paths,
        [Path::new("/new-a"), Path::new("/new-b"), Path::new("/old")]
    );
}

#[test]
fn two_files_for_the_same_place_are_refused_by_name() {
    let disk = MemDisk::new();
    let both = config(&["/log-a", "/log-b"], &[]);
    open(&disk, &both).close(NOW_MS).unwrap();
    let name = "00000000000000000000";
    let content = disk.read(&Path::new("/log-a").join(name)).unwrap();
    disk.write(&Path::new("/log-b").join(name), &content)
        .unwrap();
    let opened = Store::open(Arc::new(disk), both, Arc::new(NoSignals), NOW_MS);
    let error = opened.unwrap_err();
    assert!(matches!(error, OpenError::Twice { .. }));
    let text = error.to_string();
    assert!(text.starts_with("/log-a/00000000000000000000 and /log-b/00000000000000000000 are"));
}
