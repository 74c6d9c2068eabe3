//! The checker bites: every mistake that can be planted into the store breaks a promise within a
//! bounded number of seeds, each of which is fine without it.

use ferrocket_sim::store;
use ferrocket_store::Planted;

const SEEDS: u64 = 999;

#[track_caller]
fn is_found(planted: Planted) {
    let found = store::find(planted, 0, SEEDS);
    assert!(found.is_some(), "{} was not found", planted.name());
}

#[test]
fn a_log_that_is_not_synced() {
    is_found(Planted::LogNotSynced);
}

#[test]
fn a_checkpoint_before_what_it_vouches_for() {
    is_found(Planted::CheckpointFirst);
}

#[test]
fn a_cut_one_record_early() {
    is_found(Planted::CutOneEarly);
}

#[test]
fn an_index_ahead_of_the_log() {
    is_found(Planted::IndexAhead);
}

#[test]
fn a_crc_that_nobody_looks_at() {
    is_found(Planted::CrcIgnored);
}

#[test]
fn a_failed_sync_that_is_tried_again() {
    is_found(Planted::FailedSyncRetried);
}
