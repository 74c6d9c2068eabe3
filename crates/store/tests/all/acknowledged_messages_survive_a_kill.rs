//! A store that is dropped without being closed has everything back when it is opened again, for as
//! long as the machine keeps running.

use crate::support::*;
use ferrocket_store::disk::mem::MemDisk;

#[test]
fn whatever_was_written_behind() {
    for flush_every in [1, 7, 1000] {
        let disk = MemDisk::new();
        let config = small_config();
        let mut sent = 0_u32;
        for life in 0..5 {
            let store = open(&disk, &config);
            assert_eq!(store.recovery_report().clean, life == 0);
            assert_eq!(store.recovery_report().cut, None);
            for _ in 0..40 {
                let appended = send(&store, "T", (sent % 2) as i32, &sent.to_be_bytes()).unwrap();
                assert_eq!(appended.queue_offset.0, i64::from(sent / 2));
                sent += 1;
                if sent.is_multiple_of(flush_every) {
                    store
                        .flush_queues(NOW_MS + i64::from(sent) * 10_000)
                        .unwrap();
                }
            }
            for queue in 0..2_u32 {
                let all = read_all(&store, "T", queue as i32);
                let wanted: Vec<_> = (0..sent / 2)
                    .map(|at| (i64::from(at), (at * 2 + queue).to_be_bytes().to_vec()))
                    .collect();
                assert_eq!(all, wanted, "life {life}, flushed every {flush_every}");
            }
        }
    }
}

#[test]
fn even_when_the_queues_are_gone() {
    let disk = MemDisk::new();
    let config = small_config();
    let store = open(&disk, &config);
    for number in 0..50_u32 {
        send(&store, "T", 0, &number.to_be_bytes()).unwrap();
    }
    let before = read_all(&store, "T", 0);
    store.close(NOW_MS).unwrap();
    drop(store);
    remove_queue_files(&disk);
    let store = open(&disk, &config);
    assert_eq!(read_all(&store, "T", 0), before);
    assert_eq!(send(&store, "T", 0, b"next").unwrap().queue_offset.0, 50);
}

fn remove_queue_files(disk: &MemDisk) {
    use ferrocket_store::disk::Disk;
    let queue = std::path::Path::new("/store/consumequeue/T/0");
    for entry in disk.list(queue).unwrap() {
        disk.remove_file(&queue.join(entry.name)).unwrap();
    }
    disk.remove_dir(queue).unwrap();
}
