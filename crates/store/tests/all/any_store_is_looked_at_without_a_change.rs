//! `inspect` shows every golden store, whole or damaged, of either version, without a single call
//! that changes anything: over a disk that refuses all of them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ferrocket_golden::{Archive, archive_names, store_config};
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::disk::{
    DirEntry, Disk, DiskFile, LockError, LockGuard, LockState, Reserve, Space,
};
use ferrocket_store::inspect::{Depth, Fault, Listener, Overlay, StoreView, Verified, verify};
use ferrocket_store::{NoSignals, Store};

use crate::support::*;

/// Refuses everything but reading.
#[derive(Debug, Clone)]
pub(crate) struct ReadOnly(pub(crate) Arc<dyn Disk>);

#[derive(Debug)]
struct ReadOnlyFile(Arc<dyn DiskFile>);

fn refused<T>(what: &str) -> io::Result<T> {
    Err(io::Error::other(format!(
        "{what} on a disk that is only to be read"
    )))
}

impl Disk for ReadOnly {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        refused(&format!("open {}", path.display()))
    }
    fn open_read_only(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(ReadOnlyFile(self.0.open_read_only(path)?)))
    }
    fn create(&self, _: &Path, _: u64, _: Reserve) -> io::Result<Arc<dyn DiskFile>> {
        refused("create")
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.read(path)
    }
    fn write(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        refused("write")
    }
    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        refused("rename")
    }
    fn remove_file(&self, _: &Path) -> io::Result<()> {
        refused("remove_file")
    }
    fn remove_dir(&self, _: &Path) -> io::Result<()> {
        refused("remove_dir")
    }
    fn create_dir_all(&self, _: &Path) -> io::Result<()> {
        refused("create_dir_all")
    }
    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        refused("sync_dir")
    }
    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.0.list(path)
    }
    fn exists(&self, path: &Path) -> bool {
        self.0.exists(path)
    }
    fn modified_ms(&self, path: &Path) -> io::Result<i64> {
        self.0.modified_ms(path)
    }
    fn lock(&self, path: &Path, _: &[u8]) -> Result<Box<dyn LockGuard>, LockError> {
        refused("lock").map_err(|source| LockError::Io {
            path: path.to_owned(),
            source,
        })
    }
    fn lock_state(&self, path: &Path) -> io::Result<LockState> {
        self.0.lock_state(path)
    }
    fn space(&self, path: &Path) -> io::Result<Space> {
        self.0.space(path)
    }
}

impl DiskFile for ReadOnlyFile {
    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, position)
    }
    fn write_all_at(&self, _: &[u8], _: u64) -> io::Result<()> {
        refused("write_all_at")
    }
    fn zero(&self, _: u64, _: u64, _: Reserve) -> io::Result<()> {
        refused("zero")
    }
    fn sync(&self) -> io::Result<()> {
        refused("sync")
    }
    fn set_bytes(&self, _: u64) -> io::Result<()> {
        refused("set_bytes")
    }
    fn bytes(&self) -> io::Result<u64> {
        self.0.bytes()
    }
}

fn look(disk: Arc<dyn Disk>, config: ferrocket_store::StoreConfig) -> StoreView {
    StoreView::new(Arc::new(ReadOnly(disk)), config)
}

fn faults(view: &StoreView, depth: Depth) -> (Verified, Vec<String>) {
    let mut told = Vec::new();
    let mut listener = Listener {
        progress: &mut |_| {},
        fault: &mut |fault: Fault| told.push(fault.problem),
    };
    let verified = verify(view, depth, &mut listener).unwrap();
    assert_eq!(verified.faults, told.len() as u64);
    (verified, told)
}

fn golden(name: &str) -> (MemDisk, StoreView) {
    let archive = Archive::open(name).unwrap();
    let disk = MemDisk::new();
    archive.put_on(&disk, Path::new("/store")).unwrap();
    let mut config = store_config(&archive.conf().unwrap(), Path::new("/store"));
    let conf = archive.conf().unwrap();
    let directories = conf.get("storePathCommitLog");
    config.commit_log_dirs = directories
        .into_iter()
        .flat_map(|list| list.split(','))
        .map(PathBuf::from)
        .collect();
    let view = look(Arc::new(disk.clone()), config);
    (disk, view)
}

/// What is wrong with the damaged ones, by parts of the text; with the others nothing is.
const DAMAGED: &[(&str, &[&str])] = &[
    (
        "bitflip-in-first-segment",
        &["the body does not match its CRC"],
    ),
    ("cq-behind", &["3 records behind the last entry"]),
    (
        "small-clean.cq-file-cut",
        &["1 records behind the last entry: offsets 29"],
    ),
    ("cq-half-entry", &["1 records behind the last entry"]),
    ("crc-in-last-segment", &["does not match its CRC; 3"]),
    ("foreign-file", &["a foreign name"]),
    ("index-cut", &["4220 bytes fit no sizes known"]),
    ("index-header-noise", &["the header cannot be one"]),
    (
        "json-main-bad",
        &[
            "it is empty; its .bak",
            "it is missing; its .bak",
            "17; its .bak",
        ],
    ),
    (
        "small-clean.last-segment-cut",
        &[
            "8192 bytes long, the others 16384",
            "crosses the end of its segment",
            "3 entries behind the end",
            "2 entries behind the end",
            "1 entries behind the end",
            "6 entries behind the end",
            "29 entries without a record",
        ],
    ),
    (
        "small-killed.last-segment-cut",
        &["8192 bytes long, the others 16384"],
    ),
    (
        "small-clean.log-behind",
        &[
            "3 entries behind",
            "2 entries behind",
            "1 entries behind",
            "6 entries behind",
            "29 entries without a record",
        ],
    ),
    (
        "small-killed.log-behind",
        &[
            "5 entries behind",
            "7 entries behind",
            "28 entries without a record",
        ],
    ),
    ("log-only", &["have no queue"; 8]),
    ("no-consumequeue", &["have no queue"; 8]),
    (
        "no-commitlog",
        &[
            "3 entries behind",
            "2 entries behind",
            "20 entries behind",
            "102 entries behind",
            "98 entries behind",
            "5 entries behind",
            "5 entries behind",
            "6 entries behind",
            "399 entries without",
            "169 entries without",
        ],
    ),
    ("offsets-both-bad", &["there is no good .bak"]),
    (
        "small-clean.record-hole",
        &["zeros before a record", "2 entries without a record"],
    ),
    (
        "small-killed.record-hole",
        &["zeros before a record", "entries without a record"],
    ),
    (
        "segment-missing",
        &["segments are missing up to", "entries without a record"],
    ),
    (
        "noise-after-end",
        &["the log ends in something that is no record"],
    ),
    (
        "torn-last-record",
        &[
            "is no record",
            "1 entries behind the end",
            "entries without a record",
        ],
    ),
    ("v5-killed", &["behind the last entry"; 3]),
    ("v5-killed-sync", &["behind the last entry"; 3]),
];

#[test]
fn every_golden_store_is_checked_and_its_faults_are_named() {
    for name in archive_names().unwrap() {
        let (disk, view) = golden(&name);
        let before = disk.operations();
        let (verified, told) = faults(&view, Depth::Full);
        let known =
            |(part, _): &&(&str, &[&str])| name == *part || name.ends_with(&format!(".{part}"));
        let wanted = DAMAGED
            .iter()
            .find(known)
            .map_or(&[][..], |(_, wanted)| *wanted);
        let matches = told.len() == wanted.len()
            && told
                .iter()
                .zip(wanted)
                .all(|(told, wanted)| told.contains(wanted));
        assert!(matches, "{name}: {told:#?}");
        assert!(verified.records > 0 || name.ends_with("no-commitlog"));
        view.config_files().unwrap();
        view.timer(1000).unwrap();
        assert_eq!(disk.operations(), before);
    }
}

#[test]
fn opening_over_an_overlay_changes_nothing_and_tells_what_opening_would_do() {
    for name in archive_names().unwrap() {
        let (disk, view) = golden(&name);
        let before = disk.operations();
        let read_only = ReadOnly(Arc::new(disk.clone()));
        let overlay = Overlay::new(Arc::new(read_only));
        let open = |disk: Arc<dyn Disk>| {
            Store::open(disk, view.config().clone(), Arc::new(NoSignals), NOW_MS)
        };
        let foretold = open(Arc::new(overlay.clone()));
        assert_eq!(disk.operations(), before, "{name}");
        assert!(!overlay.changes().is_empty());
        let happened = open(Arc::new(disk.clone()));
        match (foretold, happened) {
            (Ok(foretold), Ok(happened)) => {
                assert_eq!(
                    foretold.recovery_report(),
                    happened.recovery_report(),
                    "{name}"
                );
                assert_eq!(foretold.appended(), happened.appended());
            }
            (foretold, happened) => {
                let (foretold, happened) = (foretold.err().unwrap(), happened.err().unwrap());
                assert_eq!(foretold.to_string(), happened.to_string(), "{name}");
            }
        }
    }
}

#[test]
fn a_store_in_use_is_looked_at_and_goes_on() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    for number in 0..200 {
        send(&store, "T", number % 3, &[7; 100]).unwrap();
        if number % 20 == 0 {
            let view = look(Arc::new(disk.clone()), small_config());
            assert!(view.state().unwrap().is_in_use());
            let (verified, told) = faults(&view, Depth::Full);
            assert_eq!((verified.records, told), (number as u64 + 1, Vec::new()));
        }
    }
    store.close(NOW_MS).unwrap();
    drop(store);
    let view = look(Arc::new(disk.clone()), small_config());
    assert!(!view.state().unwrap().is_in_use());
    let (verified, told) = faults(&view, Depth::Full);
    assert_eq!((verified.queue_entries, told), (200, Vec::new()));
    // One bit of an entry, and one of a record.
    let path = Path::new("/store/consumequeue/T/1/00000000000000000000");
    let file = disk.open(path).unwrap();
    file.write_all_at(&[1], 2 * 20 + 19).unwrap();
    let (_, told) = faults(&view, Depth::Full);
    assert_eq!(
        told,
        ["1 records whose entry has other tags: offsets 2 to 2"]
    );
}

#[test]
fn what_was_damaged_and_is_repaired_is_no_fault() {
    for name in [
        "small-clean.crc-in-last-segment",
        "small-killed.record-hole",
    ] {
        let (disk, view) = golden(name);
        let store = open(&disk, view.config());
        assert_eq!(store.recovery_report().damages.len(), 1, "{name}");
        store.close(NOW_MS).unwrap();
        drop(store);
        let (verified, told) = faults(&view, Depth::Full);
        assert_eq!((verified.fillers, told), (1, Vec::new()), "{name}");
    }
}
