//! Names, sizes and bytes of everything in the directory, by the worked examples of the layout.

use crate::support::*;
use ferrocket_store::StoreConfig;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use std::path::Path;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn names(disk: &MemDisk, path: &str) -> Vec<String> {
    disk.list(Path::new(path))
        .unwrap()
        .into_iter()
        .map(|entry| entry.name)
        .collect()
}

#[test]
fn a_record_its_queue_entry_and_the_checkpoint() {
    let disk = MemDisk::new();
    let config = StoreConfig {
        process_id: 4711,
        ..small_config()
    };
    let store = open(&disk, &config);
    assert_eq!(disk.read(Path::new("/store/abort")).unwrap(), b"4711");
    assert_eq!(disk.read(Path::new("/store/lock")).unwrap(), b"lock");
    let appended = send(&store, "T", 1, b"hi").unwrap();
    assert_eq!(appended.end.0, 101);
    store.close(NOW_MS).unwrap();

    let log = disk
        .read(Path::new("/store/commitlog/00000000000000000000"))
        .unwrap();
    assert_eq!(log.len(), 4096);
    assert_eq!(
        hex(&log[..101]),
        "00000065daa320a758932aac000000010000000000000000000000000000000000000000\
         000000000000018bcfe568007f0000010000c3500000018bcfe5687bc0a8000100002a9f\
         000000000000000000000000000000026869015400075441475301\
         6102"
    );
    assert!(log[101..].iter().all(|byte| *byte == 0));
    let queue = disk
        .read(Path::new("/store/consumequeue/T/1/00000000000000000000"))
        .unwrap();
    assert_eq!(queue.len(), 400);
    assert_eq!(
        hex(&queue[..20]),
        "0000000000000000000000650000000000000061"
    );
    assert!(queue[20..].iter().all(|byte| *byte == 0));
    let checkpoint = disk.read(Path::new("/store/checkpoint")).unwrap();
    assert_eq!(checkpoint.len(), 4096);
    assert_eq!(
        hex(&checkpoint[..40]),
        "0000018bcfe5687b0000018bcfe5687b0000018bcfe5687b00000000000000000000000000000065"
    );
    assert_eq!(
        names(&disk, "/store"),
        ["checkpoint", "commitlog", "consumequeue", "index", "lock"]
    );
}

#[test]
fn a_full_segment_ends_in_a_blank() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    let mut last = send(&store, "T", 0, &[1; 1000]).unwrap();
    while last.physical_offset.0 < 4096 {
        let next = send(&store, "T", 0, &[1; 1000]).unwrap();
        if next.physical_offset.0 == 4096 {
            let log = disk
                .read(Path::new("/store/commitlog/00000000000000000000"))
                .unwrap();
            let blank = last.end.0 as usize;
            let rest = (4096 - blank) as u32;
            assert_eq!(log[blank..blank + 4], rest.to_be_bytes());
            assert_eq!(hex(&log[blank + 4..blank + 8]), "cbd43194");
        }
        last = next;
    }
    assert_eq!(
        names(&disk, "/store/commitlog"),
        ["00000000000000000000", "00000000000000004096"]
    );
}

#[test]
fn a_segment_made_ahead_is_used_and_goes_on_a_clean_stop() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    store.prepare_segment().unwrap();
    store.prepare_segment().unwrap();
    assert_eq!(names(&disk, "/store/commitlog").len(), 2);
    for _ in 0..4 {
        send(&store, "T", 0, &[1; 1000]).unwrap();
    }
    assert_eq!(names(&disk, "/store/commitlog").len(), 2);
    store.prepare_segment().unwrap();
    assert_eq!(names(&disk, "/store/commitlog").len(), 3);
    store.close(NOW_MS).unwrap();
    assert_eq!(names(&disk, "/store/commitlog").len(), 2);
    assert!(store.recovery_report().clean);
    drop(store);
    assert!(open(&disk, &small_config()).recovery_report().clean);
}

#[test]
fn queue_files_are_named_by_bytes() {
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    for _ in 0..45 {
        send(&store, "T", 0, b"x").unwrap();
    }
    store.close(NOW_MS).unwrap();
    assert_eq!(
        names(&disk, "/store/consumequeue/T/0"),
        [
            "00000000000000000000",
            "00000000000000000400",
            "00000000000000000800"
        ]
    );
}

#[test]
fn transaction_halves_of_old_brokers_get_no_entry() {
    use ferrocket_store::AppendBatch;
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    let mut batch = AppendBatch::new();
    for sys_flag in [0x4, 0xC, 0x8, 0] {
        let mut message = message("T", 0, b"half");
        message.sys_flag = sys_flag;
        batch.push(store.config(), &message).unwrap();
    }
    store.append(NOW_MS, &mut batch);
    let offsets: Vec<i64> = batch
        .results()
        .iter()
        .map(|result| result.clone().unwrap().queue_offset.0)
        .collect();
    assert_eq!(offsets, [0, 0, 0, 1]);
    assert_eq!(store.max_offset("T", 0).0, 2);
}

#[test]
fn a_delayed_message_has_its_delivery_time_for_a_tag() {
    use ferrocket_store::AppendBatch;
    let disk = MemDisk::new();
    let store = open(&disk, &small_config());
    let mut batch = AppendBatch::new();
    for text in [
        "DELAY\x013\x02TAGS\x01a\x02",
        "DELAY\x0199\x02",
        "TAGS\x01a\x02",
    ] {
        let mut message = message("SCHEDULE_TOPIC_XXXX", 2, b"later");
        message.properties = text.as_bytes();
        batch.push(store.config(), &message).unwrap();
    }
    store.append(NOW_MS, &mut batch);
    drop(store);
    // A kill: the entries are made again from the log.
    let store = open(&disk, &small_config());
    store.close(NOW_MS).unwrap();
    let path = Path::new("/store/consumequeue/SCHEDULE_TOPIC_XXXX/2/00000000000000000000");
    let queue = disk.read(path).unwrap();
    let tags: Vec<i64> = queue
        .chunks(20)
        .take(3)
        .map(|entry| i64::from_be_bytes(entry[12..].try_into().unwrap()))
        .collect();
    assert_eq!(tags, [NOW_MS + 10_000, NOW_MS + 7_200_000, 97]);
}
