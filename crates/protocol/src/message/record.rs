//! Encoding of a record of the commit log (`MessageExtEncoder`), versions 1 and 2.
//!
//! A record is written with holes for what only the append under the store's lock knows: queue
//! offset, physical offset and store time. [`fill_holes`] writes them. Nothing is written to the
//! buffer when a limit is exceeded, and nothing is allocated beyond the growth of the buffer.

use std::net::{IpAddr, SocketAddr};

use bytes::BufMut;

use super::{NewMessage, properties, property, sys_flag};

/// Magic of records whose topic has at most 127 bytes.
pub const MAGIC_V1: u32 = 0xDAA3_20A7;
/// Magic of records with a longer topic (long retry topics of pop consumers alone).
pub const MAGIC_V2: u32 = 0xDAA3_20AB;
/// Magic of the record that fills the end of a commit log file.
pub const MAGIC_BLANK: u32 = 0xCBD4_3194;

/// Where the fixed fields are. Those behind the born host move with its length.
pub const MAGIC_AT: usize = 4;
pub const FLAG_AT: usize = 16;
pub const QUEUE_OFFSET_AT: usize = 20;
pub const PHYSICAL_OFFSET_AT: usize = 28;
pub const SYS_FLAG_AT: usize = 36;
pub const BORN_HOST_AT: usize = 48;

/// A version 1 record over IPv4 without body, topic and properties.
pub const RECORD_BYTES_MIN: usize = 91;
/// Length and magic of a blank record; every commit log file keeps room for it.
pub const BLANK_BYTES: usize = 8;
pub const TOPIC_V1_BYTES_MAX: usize = 127;
pub const TOPIC_BYTES_MAX: usize = 255;
pub const PROPERTIES_BYTES_MAX: usize = i16::MAX as usize;
/// `maxMessageSize` of the broker.
pub const BODY_BYTES_MAX_DEFAULT: usize = 4 * 1024 * 1024;
/// How much a whole record may be longer than the longest body.
pub const RECORD_OVERHEAD_BYTES_MAX: usize = 64 * 1024;
/// The appended `__CRC32#` property: name, 0x01, ten digits, 0x02.
pub const PROPERTY_CRC_BYTES: usize = 20;

const HOST_BYTES_V4: usize = 8;
const HOST_BYTES_V6: usize = 20;

/// What an encoder may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `maxMessageSize`; a whole record may have 64 KiB more.
    pub body_bytes_max: usize,
    /// `enabledAppendPropCRC`: reserve room for the integrity property, to be written by
    /// [`seal_property_crc`].
    pub append_property_crc: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes_max: BODY_BYTES_MAX_DEFAULT,
            append_property_crc: false,
        }
    }
}

/// Facts about a record just encoded; positions count from the start of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordMeta {
    pub bytes: usize,
    /// CRC-32 of the body without its top bit, as stored.
    pub body_crc: u32,
    pub store_timestamp_at: usize,
    pub store_host_at: usize,
}

/// Why a message cannot become a record. `TopicTooLong`, `BodyTooLong` and `RecordTooLong` are
/// Java's `MESSAGE_ILLEGAL`, `PropertiesTooLong` its `PROPERTIES_SIZE_EXCEEDED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    #[error("the topic has {bytes} bytes, at most {TOPIC_BYTES_MAX} can be stored")]
    TopicTooLong { bytes: usize },
    #[error("the properties have {bytes} bytes, at most {PROPERTIES_BYTES_MAX} can be stored")]
    PropertiesTooLong { bytes: usize },
    #[error("the body has {bytes} bytes, raise maxMessageSize ({bytes_max}) to store it")]
    BodyTooLong { bytes: usize, bytes_max: usize },
    #[error(
        "the record has {bytes} bytes, raise maxMessageSize (records up to {bytes_max}) to store it"
    )]
    RecordTooLong { bytes: usize, bytes_max: usize },
}

/// What the append under the store's lock knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holes {
    pub queue_offset: i64,
    pub physical_offset: i64,
    pub store_ms: i64,
}

/// Appends a complete record with zeroes in the holes.
pub fn encode(
    out: &mut impl BufMut,
    message: &NewMessage<'_>,
    limits: Limits,
) -> Result<RecordMeta, RecordError> {
    let plan = Plan::of(message, limits)?;
    let body_crc = crc32fast::hash(message.body) & 0x7FFF_FFFF;
    out.put_u32(wire_u32(plan.bytes));
    out.put_u32(if plan.is_v2 { MAGIC_V2 } else { MAGIC_V1 });
    out.put_u32(body_crc);
    out.put_i32(message.queue_id);
    out.put_i32(message.flag);
    out.put_bytes(0, 16);
    out.put_i32(plan.sys_flag);
    out.put_i64(message.born_ms);
    put_host(out, message.born_host);
    out.put_bytes(0, 8);
    put_host(out, message.store_host);
    out.put_i32(message.reconsume_times);
    out.put_i64(message.prepared_transaction_offset);
    out.put_u32(wire_u32(message.body.len()));
    out.put_slice(message.body);
    if plan.is_v2 {
        out.put_u16(message.topic.len() as u16);
    } else {
        out.put_u8(message.topic.len() as u8);
    }
    out.put_slice(message.topic.as_bytes());
    out.put_u16(plan.properties.bytes as u16);
    plan.properties.put(out, message.properties);
    let store_timestamp_at = BORN_HOST_AT + host_bytes(message.born_host);
    Ok(RecordMeta {
        bytes: plan.bytes,
        body_crc,
        store_timestamp_at,
        store_host_at: store_timestamp_at + 8,
    })
}

/// How many bytes [`encode`] will write, or why it will not.
pub fn encoded_bytes(message: &NewMessage<'_>, limits: Limits) -> Result<usize, RecordError> {
    Plan::of(message, limits).map(|plan| plan.bytes)
}

/// Writes queue offset, physical offset and store time into a record that [`encode`] made.
pub fn fill_holes(record: &mut [u8], holes: Holes) {
    assert!(
        record.len() >= RECORD_BYTES_MIN,
        "only encoded records have holes"
    );
    let store_timestamp_at = store_timestamp_at(record);
    overwrite(record, QUEUE_OFFSET_AT, holes.queue_offset);
    overwrite(record, PHYSICAL_OFFSET_AT, holes.physical_offset);
    overwrite(record, store_timestamp_at, holes.store_ms);
}

/// Writes the integrity property into the room that [`Limits::append_property_crc`] reserved at the
/// end of the record. To be called after [`fill_holes`]; the CRC covers all that precedes.
pub fn seal_property_crc(record: &mut [u8]) {
    let Some((covered, room)) = record
        .len()
        .checked_sub(PROPERTY_CRC_BYTES)
        .and_then(|at| record.split_at_mut_checked(at))
    else {
        return;
    };
    room.copy_from_slice(&property_crc(crc32fast::hash(covered) & 0x7FFF_FFFF));
}

/// The text of the integrity property for a CRC: decimal digits, least significant first.
pub(super) fn property_crc(crc: u32) -> [u8; PROPERTY_CRC_BYTES] {
    let mut text = *b"__CRC32#\x010000000000\x02";
    let mut rest = crc;
    for digit in text.iter_mut().skip(9).take(10) {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    text
}

/// Appends the head of a blank record that fills `bytes` bytes at the end of a file; what follows
/// the eight bytes has no meaning.
pub fn encode_blank(out: &mut impl BufMut, bytes: u32) {
    out.put_u32(bytes);
    out.put_u32(MAGIC_BLANK);
}

/// What is decided about a record before its first byte is written.
struct Plan {
    bytes: usize,
    is_v2: bool,
    sys_flag: i32,
    properties: PropertiesPlan,
}

impl Plan {
    fn of(message: &NewMessage<'_>, limits: Limits) -> Result<Self, RecordError> {
        let topic_bytes = message.topic.len();
        if topic_bytes > TOPIC_BYTES_MAX {
            return Err(RecordError::TopicTooLong { bytes: topic_bytes });
        }
        let properties = PropertiesPlan::of(message.properties, limits.append_property_crc);
        if properties.bytes > PROPERTIES_BYTES_MAX {
            return Err(RecordError::PropertiesTooLong {
                bytes: properties.bytes,
            });
        }
        let body_bytes = message.body.len();
        // The wire's lengths are signed; a configuration cannot lift that.
        let body_bytes_max = limits.body_bytes_max.min(i32::MAX as usize / 2);
        if body_bytes > body_bytes_max {
            return Err(RecordError::BodyTooLong {
                bytes: body_bytes,
                bytes_max: body_bytes_max,
            });
        }
        let is_v2 = topic_bytes > TOPIC_V1_BYTES_MAX;
        let bytes = RECORD_BYTES_MIN - 2 * HOST_BYTES_V4
            + host_bytes(message.born_host)
            + host_bytes(message.store_host)
            + usize::from(is_v2)
            + body_bytes
            + topic_bytes
            + properties.bytes;
        let bytes_max = body_bytes_max + RECORD_OVERHEAD_BYTES_MAX;
        if bytes > bytes_max {
            return Err(RecordError::RecordTooLong { bytes, bytes_max });
        }
        let mut flag = message.sys_flag & !(sys_flag::BORN_HOST_V6 | sys_flag::STORE_HOST_V6);
        if message.born_host.ip().to_canonical().is_ipv6() {
            flag |= sys_flag::BORN_HOST_V6;
        }
        if message.store_host.ip().to_canonical().is_ipv6() {
            flag |= sys_flag::STORE_HOST_V6;
        }
        Ok(Self {
            bytes,
            is_v2,
            sys_flag: flag,
            properties,
        })
    }
}

/// The properties as they will be stored: as they came, or without a sent CRC property and with
/// room for a new one.
struct PropertiesPlan {
    bytes: usize,
    reserves_crc: bool,
    drops_sent_crc: bool,
    adds_terminator: bool,
}

impl PropertiesPlan {
    fn of(text: &[u8], reserves_crc: bool) -> Self {
        if !reserves_crc {
            return Self {
                bytes: text.len(),
                reserves_crc,
                drops_sent_crc: false,
                adds_terminator: false,
            };
        }
        let (mut bytes, mut ends_open, mut drops_sent_crc) = (0, false, false);
        for piece in text.split_inclusive(|byte| *byte == properties::PAIR_END) {
            if is_crc_property(piece) {
                drops_sent_crc = true;
                continue;
            }
            bytes += piece.len();
            ends_open = piece.last() != Some(&properties::PAIR_END);
        }
        let bytes = bytes + usize::from(ends_open) + PROPERTY_CRC_BYTES;
        Self {
            bytes,
            reserves_crc,
            drops_sent_crc,
            adds_terminator: ends_open,
        }
    }

    fn put(&self, out: &mut impl BufMut, text: &[u8]) {
        if self.drops_sent_crc {
            text.split_inclusive(|byte| *byte == properties::PAIR_END)
                .filter(|piece| !is_crc_property(piece))
                .for_each(|piece| out.put_slice(piece));
        } else {
            out.put_slice(text);
        }
        if self.adds_terminator {
            out.put_u8(properties::PAIR_END);
        }
        if self.reserves_crc {
            out.put_bytes(0, PROPERTY_CRC_BYTES);
        }
    }
}

fn is_crc_property(piece: &[u8]) -> bool {
    piece
        .strip_prefix(property::CRC32.as_bytes())
        .is_some_and(|rest| rest.first() == Some(&properties::NAME_END))
}

/// Where the store time of a record is: behind the born host.
pub(super) fn store_timestamp_at(record: &[u8]) -> usize {
    let flag = record
        .get(SYS_FLAG_AT..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |bytes| i32::from_be_bytes(*bytes));
    if flag & sys_flag::BORN_HOST_V6 == 0 {
        BORN_HOST_AT + HOST_BYTES_V4
    } else {
        BORN_HOST_AT + HOST_BYTES_V6
    }
}

fn overwrite(record: &mut [u8], at: usize, value: i64) {
    if let Some(slot) = record.get_mut(at..at + 8) {
        slot.copy_from_slice(&value.to_be_bytes());
    }
}

/// Lengths here were checked against limits far below `i32::MAX`.
fn wire_u32(length: usize) -> u32 {
    length as u32
}

fn host_bytes(host: SocketAddr) -> usize {
    if host.ip().to_canonical().is_ipv4() {
        HOST_BYTES_V4
    } else {
        HOST_BYTES_V6
    }
}

/// Java turns IPv4-mapped addresses into IPv4 ones (`InetAddress#getByAddress`).
fn put_host(out: &mut impl BufMut, host: SocketAddr) {
    match host.ip().to_canonical() {
        IpAddr::V4(ip) => out.put_slice(&ip.octets()),
        IpAddr::V6(ip) => out.put_slice(&ip.octets()),
    }
    out.put_u32(u32::from(host.port()));
}

#[cfg(test)]
mod tests;
