//! Every directory of `testdata/store`, written by an Apache broker and some of them damaged
//! afterwards, shows what Apache itself sees in it or more: records, bounds, entries, reads and
//! offsets by time of every queue, and messages by key. What a client was promised and is still on
//! the disk is there.
//!
//! [`BEYOND`] lists where we are better than Apache, which loses messages, refuses to open, or does
//! not find what it has.

use std::path::Path;
use std::sync::Arc;

use ferrocket_golden::{
    Archive, Listing, Looser, archive_names, differences, keys_of, list_like, store_config,
};
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{NoSignals, OpenError, QueueType, Store, StoreConfig};

use crate::support::*;

/// Where the manifest of Apache is not what we want to see.
struct Beyond {
    archive: &'static str,
    /// The archive whose manifest says what is to be seen instead.
    like: &'static str,
    /// Where in that one the damage took records.
    lost: std::ops::Range<i64>,
    why: &'static str,
}

const BEYOND: &[Beyond] = &[
    Beyond {
        archive: "small-clean.cq-half-entry",
        like: "small-clean",
        lost: 0..0,
        why: "Apache believes queues after a clean stop and leaves a record without an entry",
    },
    Beyond {
        archive: "small-clean.cq-behind",
        like: "small-clean",
        lost: 0..0,
        why: "Apache believes queues after a clean stop and leaves three records without entries",
    },
    Beyond {
        archive: "small-clean.bitflip-in-first-segment",
        like: "small-clean",
        lost: 8140..8141,
        why: "Apache does not look and hands out a body that is not what was sent",
    },
    Beyond {
        archive: "small-clean.cq-file-cut",
        like: "small-clean",
        lost: 0..0,
        why: "Apache refuses a queue file of another length; the log has all of it",
    },
    Beyond {
        archive: "small-clean.crc-in-last-segment",
        like: "small-clean",
        lost: 89307..89308,
        why: "Apache cuts the log at the damaged record and loses the 13 good ones behind it",
    },
    Beyond {
        archive: "small-clean.record-hole",
        like: "small-clean",
        lost: 93049..93050,
        why: "Apache cuts the log at the hole and loses the three good records behind it",
    },
    Beyond {
        archive: "small-killed.crc-in-last-segment",
        like: "small-killed",
        lost: 100_130..100131,
        why: "Apache cuts the log at the damaged record and loses the good ones behind it",
    },
    Beyond {
        archive: "small-killed.record-hole",
        like: "small-killed",
        lost: 100_495..100496,
        why: "Apache cuts the log at the hole and loses the three good records behind it",
    },
    Beyond {
        archive: "small-clean.foreign-file",
        like: "small-clean",
        lost: 0..0,
        why: "Apache refuses to open; a file that is no segment is no reason",
    },
    Beyond {
        archive: "small-clean.wrong-segment-size",
        like: "small-clean",
        lost: 0..0,
        why: "Apache refuses to open; the files agree on their size",
    },
    Beyond {
        archive: "small-clean.last-segment-cut",
        like: "small-clean.log-behind",
        lost: 0..0,
        why: "Apache refuses to open; what is left of the segment is good up to the same record",
    },
    Beyond {
        archive: "small-killed.last-segment-cut",
        like: "small-killed",
        lost: 0..0,
        why: "Apache refuses to open; what is left of the segment has all records",
    },
    Beyond {
        archive: "small-clean.offsets-both-bad",
        like: "small-clean",
        lost: 0..0,
        why: "the store itself is whole; it is the broker that refuses",
    },
    Beyond {
        archive: "small-killed.no-consumequeue",
        like: "small-killed",
        lost: 0..0,
        why: "Apache begins at the checkpoint and leaves 207 records without entries",
    },
    Beyond {
        archive: "small-clean.segment-missing",
        like: "small-clean",
        lost: 32768..49152,
        why: "Apache finds wrong offsets by time behind the hole",
    },
    Beyond {
        archive: "small-killed.segment-missing",
        like: "small-killed",
        lost: 32768..49152,
        why: "Apache finds wrong offsets by time behind the hole",
    },
];

/// One archive unpacked into memory, opened.
struct Opened {
    archive: Archive,
    disk: MemDisk,
    config: StoreConfig,
    store: Store,
}

fn opened(name: &str) -> Result<Opened, OpenError> {
    let archive = Archive::open(name).unwrap();
    let root = Path::new("/store");
    let disk = MemDisk::new();
    archive.put_on(&disk, root).unwrap();
    let config = store_config(&archive.conf().unwrap(), root);
    let store = Store::open(
        Arc::new(disk.clone()),
        config.clone(),
        Arc::new(NoSignals),
        NOW_MS,
    )?;
    build_index(&store);
    Ok(Opened {
        archive,
        disk,
        config,
        store,
    })
}

/// What is to be seen in an archive.
fn expected(name: &str, config: &StoreConfig) -> (Listing, Looser) {
    let beyond = BEYOND.iter().find(|beyond| beyond.archive == name);
    let like = Archive::open(beyond.map_or(name, |beyond| beyond.like)).unwrap();
    let mut wanted: Listing = like.json("apache-5.5.0.json").unwrap();
    // Apache says −1 for a log without files.
    wanted.min_phy = wanted.min_phy.max(0);
    // Apache forgets keys after a kill; we do not.
    (wanted.index, wanted.tag_index) = keys_of(&wanted.records);
    let looser = Looser {
        lost: beyond.map_or(0..0, |beyond| beyond.lost.clone()).collect(),
        queue_file_entries: Some(config.queue_file_bytes as i64 / 20),
    };
    (wanted, looser)
}

/// Its log is gone, its queues are there: Apache deletes them all and opens an empty store. More likely
/// a disk is not mounted.
const REFUSED: &str = "small-clean.no-commitlog";

fn check(name: &str) {
    if name == REFUSED {
        assert!(matches!(opened(name), Err(OpenError::NoLog { .. })));
        return;
    }
    let found = differences_of(name);
    let count = found.len();
    let first: Vec<String> = found.into_iter().take(25).collect();
    assert!(
        count == 0,
        "{name}: {count} differences:\n{}",
        first.join("\n")
    );
}

fn differences_of(name: &str) -> Vec<String> {
    let Opened {
        archive,
        disk,
        config,
        store,
    } = match opened(name) {
        Ok(opened) => opened,
        Err(error) => return vec![error.to_string()],
    };
    let (wanted, looser) = expected(name, &config);
    let seen = list_like(&store, &wanted).unwrap();
    let mut found = differences(&wanted, &seen, &looser);
    found.extend(broken_promises(&archive, &seen, &looser));
    if found.is_empty() {
        goes_on(store, &disk, &config, &wanted);
    }
    found
}

/// The files of Java are gone on with.
fn goes_on(store: Store, disk: &MemDisk, config: &StoreConfig, before: &Listing) {
    for queue in &before.queues {
        let queue_type = match queue.kind.as_str() {
            "BatchCQ" => QueueType::Batch,
            _ => QueueType::Simple,
        };
        let ours = message(&queue.topic, queue.queue_id, b"ours");
        let next = send_to(&store, queue_type, &ours).unwrap();
        assert_eq!(next.queue_offset.0, queue.max, "{}", queue.topic);
    }
    send_with(&store, NOW_MS * 2, "NewTopic", "KEYS\x01new\x02").unwrap();
    store.close(NOW_MS).unwrap();
    drop(store);
    let store = open(disk, config);
    assert_eq!(
        find_within(&store, "NewTopic", "new", NOW_MS * 2, i64::MAX).len(),
        1
    );
    for queue in &before.queues {
        assert_eq!(
            store.max_offset(&queue.topic, queue.queue_id).0,
            queue.max + 1
        );
    }
}

/// What clients had been promised and is not there, although the log reaches so far.
fn broken_promises(archive: &Archive, seen: &Listing, looser: &Looser) -> Vec<String> {
    let mut broken = Vec::new();
    for acked in archive.acked().unwrap() {
        let place = acked.physical_offset();
        if place.is_some_and(|place| {
            !(seen.min_phy..seen.max_phy).contains(&place) || looser.lost.contains(&place)
        }) {
            continue;
        }
        let record = seen.records.iter().find(|record| {
            place.is_none_or(|place| record["phy"] == place)
                && acked.uniq_key.split(',').next() == record["uniqKey"].as_str()
        });
        let Some(record) = record else {
            broken.push(format!("acknowledged and missing: {acked:?}"));
            continue;
        };
        let body = record.get("plainSha256").unwrap_or(&record["bodySha256"]);
        if acked.plain_sha256.is_some_and(|wanted| *body != wanted) && record.get("bad").is_none() {
            broken.push(format!("another body at {place:?}: {record}"));
        }
    }
    broken
}

macro_rules! golden {
    ($($test:ident: $name:literal,)*) => {
        $(#[test] fn $test() { check($name); })*

        #[test]
        fn no_archive_is_left_out() {
            assert_eq!(archive_names().unwrap(), [$($name),*]);
        }
    };
}

golden! {
    small_clean: "small-clean",
    small_clean_abort_added: "small-clean.abort-added",
    small_clean_bak_missing: "small-clean.bak-missing",
    small_clean_bitflip_in_first_segment: "small-clean.bitflip-in-first-segment",
    small_clean_checkpoint_noise: "small-clean.checkpoint-noise",
    small_clean_cq_behind: "small-clean.cq-behind",
    small_clean_cq_file_cut: "small-clean.cq-file-cut",
    small_clean_cq_half_entry: "small-clean.cq-half-entry",
    small_clean_crc_in_last_segment: "small-clean.crc-in-last-segment",
    small_clean_foreign_file: "small-clean.foreign-file",
    small_clean_index_cut: "small-clean.index-cut",
    small_clean_index_header_noise: "small-clean.index-header-noise",
    small_clean_json_main_bad: "small-clean.json-main-bad",
    small_clean_last_segment_cut: "small-clean.last-segment-cut",
    small_clean_log_behind: "small-clean.log-behind",
    small_clean_log_only: "small-clean.log-only",
    small_clean_no_checkpoint: "small-clean.no-checkpoint",
    small_clean_no_commitlog: "small-clean.no-commitlog",
    small_clean_no_consumequeue: "small-clean.no-consumequeue",
    small_clean_no_index: "small-clean.no-index",
    small_clean_offsets_both_bad: "small-clean.offsets-both-bad",
    small_clean_record_hole: "small-clean.record-hole",
    small_clean_segment_missing: "small-clean.segment-missing",
    small_clean_wrong_segment_size: "small-clean.wrong-segment-size",
    small_killed: "small-killed",
    small_killed_abort_removed: "small-killed.abort-removed",
    small_killed_bitflip_in_first_segment: "small-killed.bitflip-in-first-segment",
    small_killed_checkpoint_noise: "small-killed.checkpoint-noise",
    small_killed_cq_behind: "small-killed.cq-behind",
    small_killed_cq_half_entry: "small-killed.cq-half-entry",
    small_killed_crc_in_last_segment: "small-killed.crc-in-last-segment",
    small_killed_index_cut: "small-killed.index-cut",
    small_killed_index_header_noise: "small-killed.index-header-noise",
    small_killed_last_segment_cut: "small-killed.last-segment-cut",
    small_killed_log_behind: "small-killed.log-behind",
    small_killed_log_only: "small-killed.log-only",
    small_killed_no_checkpoint: "small-killed.no-checkpoint",
    small_killed_no_consumequeue: "small-killed.no-consumequeue",
    small_killed_no_index: "small-killed.no-index",
    small_killed_noise_after_end: "small-killed.noise-after-end",
    small_killed_record_hole: "small-killed.record-hole",
    small_killed_segment_missing: "small-killed.segment-missing",
    small_killed_torn_last_record: "small-killed.torn-last-record",
    small_killed_zero_length_last_file: "small-killed.zero-length-last-file",
    v4_rolled: "v4-rolled",
    v5_batch: "v5-batch",
    v5_batch_killed: "v5-batch-killed",
    v5_clean: "v5-clean",
    v5_cqext: "v5-cqext",
    v5_delay: "v5-delay",
    v5_direct: "v5-direct",
    v5_killed: "v5-killed",
    v5_killed_sync: "v5-killed-sync",
    v5_lmq: "v5-lmq",
    v5_multipath: "v5-multipath",
    v5_propcrc: "v5-propcrc",
    v5_retry: "v5-retry",
    v5_rolled: "v5-rolled",
    v5_timer: "v5-timer",
    v5_timer_killed: "v5-timer-killed",
    v5_trans: "v5-trans",
    v5_two_lives: "v5-two-lives",
}

#[test]
fn what_is_beyond_apache_has_a_reason() {
    for beyond in BEYOND {
        assert!(
            !beyond.why.is_empty() && !beyond.like.is_empty(),
            "{}",
            beyond.archive
        );
    }
}

/// The manifest of 4.9.7 has 12 entries whose records were cleaned away: it corrects a queue's
/// minimum by whole files only. Records and keys are the same.
#[test]
fn a_store_of_4_9_shows_what_4_9_sees() {
    let Opened { archive, store, .. } = opened("v4-rolled").unwrap();
    let wanted: Listing = archive.json("apache-4.9.7.json").unwrap();
    let seen = list_like(&store, &wanted).unwrap();
    assert_eq!(
        (seen.min_phy, seen.max_phy),
        (wanted.min_phy, wanted.max_phy)
    );
    assert_eq!(seen.records, wanted.records);
    for (key, places) in &wanted.index {
        assert_eq!(seen.index.get(key), Some(places), "{key}");
    }
    for (queue, other) in wanted.queues.iter().zip(&seen.queues) {
        let kept = |entry: &&Vec<serde_json::Value>| entry[1].as_i64() >= Some(wanted.min_phy);
        let kept: Vec<_> = queue.entries.iter().filter(kept).collect();
        assert_eq!(other.entries.iter().collect::<Vec<_>>(), kept);
        assert_eq!(other.max, queue.max);
    }
}
