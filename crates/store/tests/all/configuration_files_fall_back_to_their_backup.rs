//! A file that is replaced whole can be read after a crash at any point of its replacement.

use ferrocket_store::config_file::{ConfigFileError, read_with_backup, write_atomically};
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use std::path::Path;
use std::str::Utf8Error;

const FILE: &str = "/store/config/topics.json";

fn load(disk: &MemDisk) -> Result<Option<String>, ConfigFileError<Utf8Error>> {
    read_with_backup(disk, Path::new(FILE), |bytes| {
        std::str::from_utf8(bytes).map(ToOwned::to_owned)
    })
}

#[test]
fn whenever_the_power_goes() {
    let path = Path::new(FILE);
    for halt in 0..12 {
        for seed in 0..10 {
            let disk = MemDisk::new();
            write_atomically(&disk, path, b"old").unwrap();
            write_atomically(&disk, path, b"older is now backup").unwrap();
            disk.halt_after(halt);
            let done = write_atomically(&disk, path, b"new").is_ok();
            let disk = disk.power_loss(seed);
            let found = load(&disk).unwrap().unwrap();
            if done {
                assert_eq!(found, "new");
            } else {
                assert!(
                    found == "new" || found == "older is now backup",
                    "{halt} {seed}: {found}"
                );
            }
        }
    }
}

#[test]
fn or_the_file_is_empty_missing_or_nonsense() {
    let path = Path::new(FILE);
    let disk = MemDisk::new();
    assert!(load(&disk).unwrap().is_none());
    write_atomically(&disk, path, b"one").unwrap();
    write_atomically(&disk, path, b"two").unwrap();
    for damage in [&b""[..], b"\xff\xfe"] {
        disk.write(path, damage).unwrap();
        assert_eq!(load(&disk).unwrap().as_deref(), Some("one"));
    }
    disk.remove_file(path).unwrap();
    assert_eq!(load(&disk).unwrap().as_deref(), Some("one"));
    disk.write(Path::new("/store/config/topics.json.bak"), b"\xff")
        .unwrap();
    assert!(matches!(
        load(&disk),
        Err(ConfigFileError::Undecodable { .. })
    ));
}
