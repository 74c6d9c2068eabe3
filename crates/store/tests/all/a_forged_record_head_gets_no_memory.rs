//! A body may hold what looks like the head of a huge record; asked for by its offset it is none.

use crate::support::*;
use ferrocket_protocol::message::record::MAGIC_V1;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{PhysicalOffset, StoreConfig};

#[test]
fn beyond_what_a_message_may_have() {
    let config = StoreConfig {
        segment_bytes: 32 << 20,
        ..small_config()
    };
    let store = open(&MemDisk::new(), &config);
    // A first message says where the body of the next one will be.
    let marker = [0xA5; 100];
    let probe = send(&store, "T", 0, &marker).unwrap();
    let record = store.record_at(probe.physical_offset).unwrap().unwrap();
    let body_at = record
        .windows(100)
        .position(|bytes| bytes == marker)
        .unwrap();
    let forged_at = probe.end.0 + body_at as i64;

    let mut forged = [0_u8; 100];
    forged[..4].copy_from_slice(&(5_i32 << 20).to_be_bytes());
    forged[4..8].copy_from_slice(&MAGIC_V1.to_be_bytes());
    forged[28..36].copy_from_slice(&forged_at.to_be_bytes());
    let sent = send(&store, "T", 0, &forged).unwrap();
    for _ in 0..2 {
        send(&store, "T", 0, &vec![1; 3 << 20]).unwrap();
    }
    assert_eq!(store.record_at(PhysicalOffset(forged_at)).unwrap(), None);
    assert!(store.record_at(sent.physical_offset).unwrap().is_some());
}
