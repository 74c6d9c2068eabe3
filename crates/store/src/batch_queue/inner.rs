//! Inner batches: records that hold many messages (sysFlag 0x80).
//!
//! How many they are stands in the property `INNER_NUM`, which the sender of the record writes; the
//! queue offset of the first one in `INNER_BASE`, which only the append knows: its room is reserved
//! at the end of the properties, in digits with leading zeros.

use ferrocket_protocol::message::record::PROPERTY_CRC_BYTES;
use ferrocket_protocol::message::{View, properties, property, sys_flag};

use crate::multi_dispatch::{self, OFFSET_DIGITS};

pub(crate) fn is_inner_batch(flag: i32) -> bool {
    flag & sys_flag::INNER_BATCH != 0
}

/// How many messages an inner batch says to hold; `None` when that is no number that an entry can
/// have.
pub(crate) fn declared_messages(text: &[u8]) -> Option<i16> {
    let number = properties::find(text, property::INNER_NUM)?;
    number.parse().ok().filter(|number: &i16| *number > 0)
}

/// How many messages a record of a batch queue holds.
pub(crate) fn messages_of(record: &View<'_>) -> i16 {
    if !is_inner_batch(record.sys_flag) {
        return 1;
    }
    declared_messages(record.properties).unwrap_or_else(|| {
        let at = record.physical_offset;
        tracing::error!(at, "an inner batch does not say how many messages it holds");
        1
    })
}

/// Puts `text` into `room` with room for the base offset.
pub(crate) fn with_base_room(room: &mut Vec<u8>, text: &[u8]) {
    room.clear();
    properties::append_without(room, text, &[property::INNER_BASE]);
    let zeros = [b'0'; OFFSET_DIGITS];
    let zeros = std::str::from_utf8(&zeros).unwrap_or_default();
    properties::append(room, property::INNER_BASE, zeros);
}

/// Writes the base offset into a record that was encoded with room for it.
pub(crate) fn fill_base(record: &mut [u8], base: i64, has_property_crc: bool) {
    let behind = 1 + if has_property_crc {
        PROPERTY_CRC_BYTES
    } else {
        0
    };
    let end = record.len().saturating_sub(behind);
    let start = end.saturating_sub(OFFSET_DIGITS);
    if let Some(room) = record.get_mut(start..end) {
        multi_dispatch::fill(room, base);
    }
}
