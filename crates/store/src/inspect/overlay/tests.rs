use proptest::prelude::*;

use super::*;
use crate::disk::mem::MemDisk;

#[derive(Debug, Clone)]
enum Step {
    Write { at: u16, bytes: Vec<u8> },
    Zero { at: u16, bytes: u16 },
    SetBytes(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let bytes = proptest::collection::vec(any::<u8>(), 1..9000);
    let step = prop_oneof![
        (0_u16..30_000, bytes).prop_map(|(at, bytes)| Step::Write { at, bytes }),
        (0_u16..30_000, 0_u16..20_000).prop_map(|(at, bytes)| Step::Zero { at, bytes }),
        (0_u16..30_000).prop_map(Step::SetBytes),
    ];
    proptest::collection::vec(step, 0..12)
}

fn apply(file: &dyn DiskFile, step: &Step) {
    match step {
        Step::Write { at, bytes } => file.write_all_at(bytes, u64::from(*at)).unwrap(),
        Step::Zero { at, bytes } => {
            let end = (u64::from(*at) + u64::from(*bytes)).min(file.bytes().unwrap());
            let count = end.saturating_sub(u64::from(*at));
            file.zero(u64::from(*at), count, Reserve::Lazily).unwrap();
        }
        Step::SetBytes(bytes) => file.set_bytes(u64::from(*bytes)).unwrap(),
    }
}

proptest! {
    #[test]
    fn a_file_reads_as_if_it_had_been_changed(
        before in proptest::collection::vec(any::<u8>(), 0..20_000),
        steps in steps(),
    ) {
        let base = MemDisk::new();
        let path = Path::new("/f");
        base.create_dir_all(Path::new("/")).unwrap();
        base.write(path, &before).unwrap();
        let model = MemDisk::new();
        model.create_dir_all(Path::new("/")).unwrap();
        model.write(path, &before).unwrap();
        let overlay = Overlay::new(Arc::new(base.clone()));
        let (ours, plain) = (overlay.open(path).unwrap(), model.open(path).unwrap());
        for step in &steps {
            apply(&*ours, step);
            apply(&*plain, step);
        }
        prop_assert_eq!(overlay.read(path).unwrap(), model.read(path).unwrap());
        prop_assert_eq!(base.read(path).unwrap(), before);
    }
}

#[test]
fn names_change_in_the_overlay_only() {
    let base = MemDisk::new();
    base.create_dir_all(Path::new("/d")).unwrap();
    for name in ["/d/a", "/d/b", "/d/c"] {
        base.write(Path::new(name), name.as_bytes()).unwrap();
    }
    let overlay = Overlay::new(Arc::new(base.clone()));
    overlay
        .rename(Path::new("/d/a"), Path::new("/d/z"))
        .unwrap();
    overlay.remove_file(Path::new("/d/b")).unwrap();
    overlay.create_dir_all(Path::new("/d/e/f")).unwrap();
    overlay.write(Path::new("/d/e/new"), b"n").unwrap();
    let names = |disk: &dyn Disk| {
        let entries = disk.list(Path::new("/d")).unwrap();
        let names = entries.into_iter().map(|entry| entry.name);
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&overlay), ["c", "e", "z"]);
    assert_eq!(names(&base), ["a", "b", "c"]);
    assert_eq!(overlay.read(Path::new("/d/z")).unwrap(), b"/d/a");
    assert!(!overlay.exists(Path::new("/d/b")) && overlay.exists(Path::new("/d/e/f")));
    assert!(overlay.open(Path::new("/d/b")).is_err());
    let changed: Vec<_> = overlay.changes();
    let kinds: Vec<_> = changed
        .iter()
        .map(|change| (change.path.to_str().unwrap(), change.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            ("/d/a", ChangeKind::Removed),
            ("/d/b", ChangeKind::Removed),
            ("/d/e/new", ChangeKind::Created { bytes: 1 }),
            ("/d/z", ChangeKind::Changed),
        ]
    );
}

#[test]
fn more_changes_than_there_is_room_for_are_refused() {
    let overlay = Overlay::with_room(Arc::new(MemDisk::new()), 8192);
    let file = overlay.create(Path::new("/f"), 1 << 30, Reserve::Now);
    let file = file.unwrap();
    file.write_all_at(&[1; 8192], 0).unwrap();
    assert!(file.write_all_at(&[1], 100_000).is_err());
    file.zero(0, 1 << 30, Reserve::Now).unwrap();
    file.write_all_at(&[1], 100_000).unwrap();
}
