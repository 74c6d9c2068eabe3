//! With SYNC_FLUSH the next segment is written out with real zeros before the log goes on into it, and
//! what was appended meanwhile stays.

use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use crate::support::*;
use ferrocket_store::disk::os::OsDisk;
use ferrocket_store::{FlushMode, StoreConfig};

#[test]
fn and_records_are_never_overwritten() {
    // Not below the directory for temporary files, which may be in memory.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let config = StoreConfig {
        root: directory.path().to_owned(),
        segment_bytes: 3 << 20,
        queue_file_bytes: 600_000,
        flush_mode: FlushMode::Sync,
        ..small_config()
    };
    let store = open_on(Arc::new(OsDisk), &config);
    std::thread::scope(|scope| {
        let maker = scope.spawn(|| {
            for _ in 0..40 {
                store.prepare_segment().unwrap();
            }
        });
        for number in 0..3000_u32 {
            let body = [&number.to_be_bytes()[..], &[b'.'; 5000]].concat();
            send(&store, "T", 0, &body).unwrap();
        }
        maker.join().unwrap();
    });
    while store.prepare_segment().unwrap() {}
    store.flush(NOW_MS).unwrap();
    let found = read_all(&store, "T", 0);
    assert_eq!(found.len(), 3000);
    for (offset, body) in found {
        assert_eq!(body[..4], (offset as u32).to_be_bytes());
    }
    let next = store.appended().0 / (3 << 20) * (3 << 20) + (3 << 20);
    let path = directory.path().join(format!("commitlog/{next:020}"));
    assert!(path.metadata().unwrap().blocks() * 512 >= 3 << 20);
}
