//! A second store on the same directory is refused in Java's words, with the holder named.

use crate::support::*;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::disk::os::OsDisk;
use ferrocket_store::{NoSignals, OpenError, Store, StoreConfig};
use std::sync::Arc;

#[test]
fn of_the_operating_system() {
    let directory = tempfile::tempdir().unwrap();
    let config = StoreConfig {
        root: directory.path().to_owned(),
        ..small_config()
    };
    let again = || {
        Store::open(
            Arc::new(OsDisk),
            config.clone(),
            Arc::new(NoSignals),
            NOW_MS,
        )
    };
    let store = again().unwrap();
    let error = again().unwrap_err();
    assert!(matches!(error, OpenError::Locked(_)));
    let text = error.to_string();
    assert!(
        text.starts_with("Lock failed,MQ already started: "),
        "{text}"
    );
    assert!(
        text.contains(&format!("process {}", std::process::id())),
        "{text}"
    );
    assert_eq!(
        std::fs::read(directory.path().join("lock")).unwrap(),
        b"lock"
    );
    store.close(NOW_MS).unwrap();
    let store = again().unwrap();
    drop(store);
    again().unwrap();
}

#[test]
fn of_memory() {
    let disk = MemDisk::new();
    let config = small_config();
    let store = open(&disk, &config);
    let again = Store::open(
        Arc::new(disk.clone()),
        config.clone(),
        Arc::new(NoSignals),
        NOW_MS,
    );
    assert!(matches!(again, Err(OpenError::Locked(_))));
    drop(store);
    open(&disk, &config);
}
