//! Segments are deleted when they are expired or when there is no room, as with Java; queues, and
//! the offsets that consumers see, follow.

use crate::support::*;
use ferrocket_store::disk::Space;
use ferrocket_store::disk::mem::{MemDisk, Operation};
use ferrocket_store::{ReadStatus, RetentionConfig, Shortage, Store, StoreConfig};

const HOUR_MS: i64 = 3_600_000;
/// The first minute of 4 o'clock of a day.
const FOUR_MS: i64 = 1_700_000_000_000 / (24 * HOUR_MS) * (24 * HOUR_MS) + 4 * HOUR_MS + 60_000;

fn config() -> StoreConfig {
    StoreConfig {
        retention: RetentionConfig {
            reserved_bytes: 0,
            ..RetentionConfig::default()
        },
        ..small_config()
    }
}

/// A store with so many full segments and one more, changed an hour apart; the last one at `end_ms`.
fn filled(disk: &MemDisk, segments: i64, end_ms: i64) -> Store {
    let store = open(disk, &config());
    for segment in 0..=segments {
        disk.set_now(end_ms - (segments - segment) * HOUR_MS);
        for _ in 0..3 {
            send(&store, "T", 0, &[1; 1100]).unwrap();
        }
    }
    store.flush(NOW_MS).unwrap();
    store.flush_queues(NOW_MS).unwrap();
    store
}

fn clean(store: &Store, now_ms: i64) -> u64 {
    let before = store.cleaned().segments;
    store.clean(now_ms, 0, &mut |_| true).unwrap();
    store.cleaned().segments - before
}

fn use_percent(disk: &MemDisk, percent: u64) {
    disk.set_space(Space {
        total_bytes: 1 << 40,
        used_bytes: (1 << 40) / 100 * percent,
        free_bytes: (1 << 40) / 100 * (100 - percent),
    });
}

#[test]
fn at_the_hour_when_it_is_expired() {
    let disk = MemDisk::new();
    let store = filled(&disk, 5, FOUR_MS);
    let at = |hours: i64| FOUR_MS + hours * HOUR_MS;
    assert_eq!(clean(&store, at(72 - 6)), 0);
    assert_eq!(clean(&store, at(72 - 5)), 0, "not at 23 o'clock");
    assert_eq!(clean(&store, at(72)), 5, "never the last one");
    assert_eq!(store.min_physical_offset().0, 5 * 4096);
    assert_eq!(clean(&store, at(96)), 0);
    let kept: Vec<i64> = read_all(&store, "T", 0).iter().map(|(at, _)| *at).collect();
    assert_eq!(kept, [15, 16, 17]);
    assert_eq!(store.min_offset("T", 0).0, 15);
    let answer = read(&store, "T", 0, 3);
    assert_eq!(answer.status, ReadStatus::OffsetTooSmall);
    assert_eq!(answer.next_offset.0, 15);
}

#[test]
fn in_the_hour_of_the_local_day_and_by_the_age_of_each_file() {
    let disk = MemDisk::new();
    let store = filled(&disk, 5, FOUR_MS);
    let now_ms = FOUR_MS + (72 - 3) * HOUR_MS;
    store.clean(now_ms, 0, &mut |_| true).unwrap();
    assert_eq!(store.cleaned().segments, 0);
    // The end of a segment is written with the first message of the next.
    store.clean(now_ms, 3 * HOUR_MS, &mut |_| true).unwrap();
    assert_eq!(store.cleaned().segments, 2);
}

#[test]
fn by_hand_for_the_next_twenty_turns() {
    let disk = MemDisk::new();
    let store = filled(&disk, 3, FOUR_MS);
    let noon_ms = FOUR_MS + (72 + 8) * HOUR_MS;
    assert_eq!(clean(&store, noon_ms), 0);
    store.clean_by_hand();
    store.set_retention(RetentionConfig {
        batch_max: 1,
        ..config().retention
    });
    assert_eq!([clean(&store, noon_ms), clean(&store, noon_ms)], [1, 1]);
    for _ in 0..18 {
        store
            .clean(noon_ms - 80 * HOUR_MS, 12 * HOUR_MS, &mut |_| true)
            .unwrap();
    }
    assert_eq!(clean(&store, noon_ms), 0);
}

#[test]
fn when_the_disk_is_rather_full_at_any_hour_but_only_what_is_expired() {
    let disk = MemDisk::new();
    let store = filled(&disk, 3, FOUR_MS);
    let noon_ms = FOUR_MS + (72 + 8) * HOUR_MS;
    use_percent(&disk, 75);
    assert_eq!(clean(&store, noon_ms), 0);
    use_percent(&disk, 76);
    assert_eq!(clean(&store, FOUR_MS + 8 * HOUR_MS), 0);
    assert_eq!(clean(&store, noon_ms), 3);
}

#[test]
fn before_its_time_when_the_disk_is_nearly_full() {
    let disk = MemDisk::new();
    let store = filled(&disk, 14, FOUR_MS);
    let noon_ms = FOUR_MS + 8 * HOUR_MS;
    use_percent(&disk, 86);
    store.set_retention(RetentionConfig {
        clean_forcibly: false,
        ..config().retention
    });
    assert_eq!(clean(&store, noon_ms), 0);
    store.set_retention(config().retention);
    assert_eq!(clean(&store, noon_ms), 10, "a batch for each turn");
    assert_eq!(store.shortages().count(), 0);
    // No more than is needed.
    let mut pauses = 0;
    let mut make_room = |_| {
        pauses += 1;
        use_percent(&disk, 85);
        true
    };
    store.clean(noon_ms, 0, &mut make_room).unwrap();
    assert_eq!(store.cleaned().segments, 12);

    use_percent(&disk, 91);
    store.watch_space();
    assert_eq!(store.shortages().collect::<Vec<_>>(), [Shortage::Ratio]);
    assert!(send(&store, "T", 0, b"more").is_err());
    use_percent(&disk, 86);
    store.watch_space();
    assert!(send(&store, "T", 0, b"more").is_err());
    use_percent(&disk, 85);
    store.watch_space();
    send(&store, "T", 0, b"more").unwrap();
}

#[test]
fn with_the_files_of_queues_but_not_the_last() {
    let disk = MemDisk::new();
    let store = open(&disk, &config());
    send(&store, "old", 0, b"only").unwrap();
    for _ in 0..20 {
        send(&store, "full", 0, b"a file of entries").unwrap();
    }
    for _ in 0..90 {
        send(&store, "T", 1, &[1; 600]).unwrap();
    }
    store.flush(NOW_MS).unwrap();
    store.flush_queues(NOW_MS).unwrap();
    let files = |directory: &str| names(&disk, &format!("/store/consumequeue/{directory}")).len();
    assert_eq!((files("T/1"), files("old/0")), (5, 1));
    store.clean_by_hand();
    while clean(&store, i64::MAX / 4) > 0 {}
    assert_eq!(files("full/0"), 1, "full, and the last");
    assert_eq!(send(&store, "full", 0, b"next").unwrap().queue_offset.0, 20);
    assert_eq!((files("T/1"), files("old/0")), (1, 1));
    assert_eq!(store.cleaned().queue_files, 4);
    assert_eq!(
        (store.min_offset("old", 0).0, store.max_offset("old", 0).0),
        (1, 1)
    );
    let min = store.min_offset("T", 1).0;
    assert_eq!(read_all(&store, "T", 1).len() as i64, 90 - min);
    assert_eq!(send(&store, "old", 0, b"next").unwrap().queue_offset.0, 1);
    assert_eq!(read_all(&store, "old", 0).len(), 1);
    let min_physical = store.min_physical_offset();
    store.close(NOW_MS).unwrap();
    drop(store);
    let store = open(&disk, &config());
    assert_eq!(store.min_physical_offset(), min_physical);
    assert_eq!(store.min_offset("T", 1).0, min);
    assert_eq!(store.min_offset("old", 0).0, 1);
}

/// Whatever a crash in the middle of a turn leaves opens, and the next turn ends the work.
#[test]
fn and_a_crash_between_any_two_deletions_leaves_a_store() {
    for halt_after in 0..60 {
        let disk = MemDisk::new();
        let store = open(&disk, &config());
        for number in 0..90_u8 {
            send(&store, "T", 1, &[number; 600]).unwrap();
        }
        store.flush(NOW_MS).unwrap();
        store.flush_queues(NOW_MS + 60_000).unwrap();
        disk.halt_after(halt_after);
        let _ = store.clean(FOUR_MS + 1000 * HOUR_MS, 4 * HOUR_MS, &mut |_| true);
        drop(store);
        let disk = disk.power_loss(halt_after);
        let store = open(&disk, &config());
        assert_eq!(store.recovery_report().gaps, []);
        assert_eq!(store.recovery_report().cut, None);
        store.set_retention(RetentionConfig {
            delete_hours: (0..24).collect(),
            ..config().retention
        });
        while clean(&store, FOUR_MS + 1000 * HOUR_MS) > 0 {}
        let kept = read_all(&store, "T", 1);
        let first = store.min_offset("T", 1).0;
        let offsets: Vec<i64> = kept.iter().map(|(offset, _)| *offset).collect();
        assert_eq!(offsets, (first..90).collect::<Vec<_>>());
        assert!(
            kept.iter()
                .all(|(offset, body)| i64::from(body[0]) == *offset)
        );
        assert_eq!(names(&disk, "/store/commitlog").len(), 1);
        assert_eq!(names(&disk, "/store/consumequeue/T/1").len(), 1);
    }
}

#[test]
fn and_a_reader_on_its_way_ends_or_learns_that_it_is_gone() {
    let disk = MemDisk::new();
    drop(filled(&disk, 5, FOUR_MS));
    let store = open(&disk, &config());
    let mut read_while_cleaning = read(&store, "T", 0, 0);
    assert_eq!(read_while_cleaning.status, ReadStatus::Found);
    store.clean_by_hand();
    let mut seen = Vec::new();
    let mut between = |_| {
        read_while_cleaning = read(&store, "T", 0, 0);
        seen.push(read_while_cleaning.status);
        true
    };
    store
        .clean(FOUR_MS + 100 * HOUR_MS, 0, &mut between)
        .unwrap();
    let fine = [
        ReadStatus::Found,
        ReadStatus::MessageWasRemoving,
        ReadStatus::OffsetTooSmall,
    ];
    assert!(seen.iter().all(|status| fine.contains(status)), "{seen:?}");
    assert_eq!(read(&store, "T", 0, 0).status, ReadStatus::OffsetTooSmall);
}

#[test]
fn but_not_while_the_disk_does_not_let_it_go() {
    let disk = MemDisk::new();
    let store = filled(&disk, 3, FOUR_MS);
    disk.fail_next(Operation::Create, "commitlog");
    let refused = store.clean(FOUR_MS + 72 * HOUR_MS, 0, &mut |_| true);
    assert!(refused.is_err());
    assert_eq!(store.min_physical_offset().0, 0);
    assert_eq!(read_all(&store, "T", 0).len(), 12);
    assert_eq!(clean(&store, FOUR_MS + 72 * HOUR_MS), 3);
}

#[test]
fn and_expired_queues_go_by_hand_and_begin_at_0_again() {
    let disk = MemDisk::new();
    let store = open(&disk, &config());
    for topic in ["old", "system"] {
        send(&store, topic, 0, b"only").unwrap();
    }
    for _ in 0..9 {
        send(&store, "T", 0, &[1; 1100]).unwrap();
    }
    store.flush(NOW_MS).unwrap();
    store.flush_queues(NOW_MS).unwrap();
    let is_kept = |topic: &str| topic == "system";
    assert_eq!(store.remove_expired_queues(&is_kept).unwrap(), 0);
    store.clean_by_hand();
    assert_eq!(clean(&store, i64::MAX / 4), 2);
    assert_eq!(store.remove_expired_queues(&is_kept).unwrap(), 1);
    assert_eq!(names(&disk, "/store/consumequeue/old").len(), 0);
    assert_eq!(store.max_offset("old", 0).0, 0);
    assert_eq!(store.max_offset("system", 0).0, 1);
    assert_eq!(send(&store, "old", 0, b"new").unwrap().queue_offset.0, 0);
    drop(store);
    let store = open(&disk, &config());
    assert_eq!(messages(&read(&store, "old", 0, 0)), [(0, b"new".to_vec())]);
    assert_eq!(store.max_offset("T", 0).0, 9);
}

#[test]
fn and_one_that_somebody_deleted_stops_nothing() {
    use ferrocket_store::disk::Disk;
    let disk = MemDisk::new();
    let store = filled(&disk, 5, FOUR_MS);
    let first = &names(&disk, "/store/commitlog")[0];
    let first = std::path::Path::new("/store/commitlog").join(first);
    disk.remove_file(&first).unwrap();
    store.clean_by_hand();
    assert_eq!(clean(&store, FOUR_MS + (72 - 3) * HOUR_MS), 2);
    assert_eq!(names(&disk, "/store/commitlog").len(), 4);

    // A directory without anything is not what somebody deleted from.
    let all = names(&disk, "/store/commitlog");
    for name in all {
        let path = std::path::Path::new("/store/commitlog").join(name);
        disk.remove_file(&path).unwrap();
    }
    let now_ms = FOUR_MS + 1000 * HOUR_MS;
    store.clean_by_hand();
    assert!(store.clean(now_ms, 0, &mut |_| true).is_err());
}

fn names(disk: &MemDisk, directory: &str) -> Vec<String> {
    use ferrocket_store::disk::Disk;
    let entries = disk.list(directory.as_ref()).unwrap();
    entries.into_iter().map(|entry| entry.name).collect()
}
