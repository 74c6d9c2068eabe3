//! Zero-copy, checked reading of stored records.
//!
//! [`View::parse`] accepts what `CommitLog#checkMessageAndReturnSize` accepts and nothing that could
//! not be read back: lengths must add up to the record's own total. CRCs are checked on demand only.

use std::net::{IpAddr, SocketAddr};

use super::record::{self, MAGIC_BLANK, MAGIC_V1, MAGIC_V2};
use super::{properties, property, sys_flag, tags_code};

/// One stored record, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View<'a> {
    bytes: &'a [u8],
    pub version: Version,
    pub body_crc: u32,
    pub queue_id: i32,
    pub flag: i32,
    pub queue_offset: i64,
    pub physical_offset: i64,
    pub sys_flag: i32,
    pub born_ms: i64,
    pub born_host: SocketAddr,
    pub store_ms: i64,
    pub store_host: SocketAddr,
    pub reconsume_times: i32,
    pub prepared_transaction_offset: i64,
    /// As stored, possibly compressed.
    pub body: &'a [u8],
    pub topic: &'a str,
    pub properties: &'a [u8],
}

/// `MessageVersion`: how long a topic's length is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    V1,
    V2,
}

/// Why bytes are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    #[error("the record needs {needed} bytes, only {available} are there")]
    Incomplete { needed: usize, available: usize },
    /// A total of zero is what an unwritten part of a file looks like.
    #[error("a record cannot be {declared} bytes long")]
    TotalSize { declared: i32 },
    #[error("the magic is {found:08X}, which is no message")]
    Magic { found: u32 },
    /// The end of a commit log file: skip to the next one.
    #[error("the rest of the file is blank ({bytes} bytes)")]
    Blank { bytes: u32 },
    #[error("the {part} is declared {declared} bytes long, which does not fit into the record")]
    PartLength { part: &'static str, declared: i64 },
    #[error("the parts of the record add up to {computed} bytes, its total says {declared}")]
    SizeMismatch { declared: usize, computed: usize },
    #[error("the topic is not UTF-8")]
    Topic,
}

/// The outcome of comparing the appended `__CRC32#` property with the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PropertyCrc {
    Absent,
    Matches,
    Differs,
}

impl<'a> View<'a> {
    /// Reads the record at the start of `bytes`; bytes behind it are ignored.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ViewError> {
        let (total, magic) = head(bytes)?;
        let version = match magic {
            MAGIC_V1 => Version::V1,
            MAGIC_V2 => Version::V2,
            MAGIC_BLANK => {
                return Err(ViewError::Blank {
                    bytes: total as u32,
                });
            }
            found => return Err(ViewError::Magic { found }),
        };
        let declared = usize::try_from(total).unwrap_or(0);
        if declared < record::RECORD_BYTES_MIN {
            return Err(ViewError::TotalSize { declared: total });
        }
        let incomplete = ViewError::Incomplete {
            needed: declared,
            available: bytes.len(),
        };
        let bytes = bytes.get(..declared).ok_or(incomplete)?;
        let mut reader = Reader {
            rest: bytes.get(8..).unwrap_or_default(),
        };
        let body_crc = reader.u32("fixed part")?;
        let queue_id = reader.i32("fixed part")?;
        let flag = reader.i32("fixed part")?;
        let queue_offset = reader.i64("fixed part")?;
        let physical_offset = reader.i64("fixed part")?;
        let sys_flag = reader.i32("fixed part")?;
        let born_ms = reader.i64("fixed part")?;
        let born_host = reader.host(sys_flag & sys_flag::BORN_HOST_V6 != 0)?;
        let store_ms = reader.i64("fixed part")?;
        let store_host = reader.host(sys_flag & sys_flag::STORE_HOST_V6 != 0)?;
        let reconsume_times = reader.i32("fixed part")?;
        let prepared_transaction_offset = reader.i64("fixed part")?;
        let body_length = i64::from(reader.i32("body")?);
        let body = reader.part("body", body_length)?;
        let topic_length = match version {
            // Signed, as in Java: 128 and more in a version 1 record is a negative length.
            Version::V1 => i64::from(reader.i8("topic")?),
            Version::V2 => i64::from(reader.i16("topic")?),
        };
        let topic = reader.part("topic", topic_length)?;
        let properties_length = i64::from(reader.i16("properties")?);
        let properties = reader.part("properties", properties_length)?;
        if !reader.rest.is_empty() {
            let computed = declared - reader.rest.len();
            return Err(ViewError::SizeMismatch { declared, computed });
        }
        let topic = std::str::from_utf8(topic).map_err(|_| ViewError::Topic)?;
        Ok(Self {
            bytes,
            version,
            body_crc,
            queue_id,
            flag,
            queue_offset,
            physical_offset,
            sys_flag,
            born_ms,
            born_host,
            store_ms,
            store_host,
            reconsume_times,
            prepared_transaction_offset,
            body,
            topic,
            properties,
        })
    }

    /// The whole record.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether the body has the CRC that the record states. An empty body always has (Java does not
    /// check it).
    #[must_use]
    pub fn body_crc_matches(&self) -> bool {
        self.body.is_empty() || crc32fast::hash(self.body) & 0x7FFF_FFFF == self.body_crc
    }

    /// Checks the appended integrity property (`enabledAppendPropCRC`), if there is one.
    #[must_use]
    pub fn property_crc(&self) -> PropertyCrc {
        let split = self
            .bytes
            .len()
            .checked_sub(record::PROPERTY_CRC_BYTES)
            .and_then(|at| self.bytes.split_at_checked(at));
        let Some((covered, text)) = split else {
            return PropertyCrc::Absent;
        };
        if self.properties.len() < record::PROPERTY_CRC_BYTES
            || !text.starts_with(property::CRC32.as_bytes())
        {
            return PropertyCrc::Absent;
        }
        let expected = record::property_crc(crc32fast::hash(covered) & 0x7FFF_FFFF);
        if text == expected {
            PropertyCrc::Matches
        } else {
            PropertyCrc::Differs
        }
    }

    /// The value of a property, by Java's rules; `None` too if it is not UTF-8.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&'a str> {
        properties::find(self.properties, name)
    }

    /// The tags code of an ordinary message: the hash of `TAGS`, or 0.
    #[must_use]
    pub fn tags_code(&self) -> i64 {
        self.property(property::TAGS).map_or(0, tags_code)
    }

    /// The transaction bits of the flag.
    #[must_use]
    pub const fn transaction(&self) -> i32 {
        sys_flag::transaction(self.sys_flag)
    }

    /// The message as it could be stored again.
    #[must_use]
    pub const fn to_new_message(&self) -> super::NewMessage<'a> {
        super::NewMessage {
            topic: self.topic,
            queue_id: self.queue_id,
            flag: self.flag,
            sys_flag: self.sys_flag,
            born_ms: self.born_ms,
            born_host: self.born_host,
            store_host: self.store_host,
            reconsume_times: self.reconsume_times,
            prepared_transaction_offset: self.prepared_transaction_offset,
            properties: self.properties,
            body: self.body,
        }
    }
}

/// Total size and magic of whatever is at the start of `bytes`, unchecked.
pub fn head(bytes: &[u8]) -> Result<(i32, u32), ViewError> {
    let incomplete = ViewError::Incomplete {
        needed: record::BLANK_BYTES,
        available: bytes.len(),
    };
    let (total, rest) = bytes.split_first_chunk::<4>().ok_or(incomplete)?;
    let (magic, _) = rest.split_first_chunk::<4>().ok_or(incomplete)?;
    Ok((i32::from_be_bytes(*total), u32::from_be_bytes(*magic)))
}

/// Iterates over records that follow each other without gaps (bodies of pull answers). Ends after
/// the first error.
#[must_use]
pub const fn records(bytes: &[u8]) -> Records<'_> {
    Records { rest: bytes }
}

/// See [`records`].
#[derive(Debug, Clone)]
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<View<'a>, ViewError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let item = View::parse(self.rest);
        self.rest = match &item {
            Ok(view) => self.rest.get(view.bytes.len()..).unwrap_or_default(),
            Err(_) => &[],
        };
        Some(item)
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn chunk<const N: usize>(&mut self, part: &'static str) -> Result<[u8; N], ViewError> {
        let (chunk, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(ViewError::PartLength {
                part,
                declared: N as i64,
            })?;
        self.rest = rest;
        Ok(*chunk)
    }

    fn i8(&mut self, part: &'static str) -> Result<i8, ViewError> {
        self.chunk(part).map(i8::from_be_bytes)
    }

    fn i16(&mut self, part: &'static str) -> Result<i16, ViewError> {
        self.chunk(part).map(i16::from_be_bytes)
    }

    fn i32(&mut self, part: &'static str) -> Result<i32, ViewError> {
        self.chunk(part).map(i32::from_be_bytes)
    }

    fn u32(&mut self, part: &'static str) -> Result<u32, ViewError> {
        self.chunk(part).map(u32::from_be_bytes)
    }

    fn i64(&mut self, part: &'static str) -> Result<i64, ViewError> {
        self.chunk(part).map(i64::from_be_bytes)
    }

    /// Ports are four bytes in a record; the upper two are ignored.
    fn host(&mut self, is_v6: bool) -> Result<SocketAddr, ViewError> {
        let ip = if is_v6 {
            IpAddr::from(self.chunk::<16>("host")?)
        } else {
            IpAddr::from(self.chunk::<4>("host")?)
        };
        let port = self.u32("host")?;
        Ok(SocketAddr::new(ip, port as u16))
    }

    fn part(&mut self, part: &'static str, declared: i64) -> Result<&'a [u8], ViewError> {
        let (bytes, rest) = usize::try_from(declared)
            .ok()
            .and_then(|length| self.rest.split_at_checked(length))
            .ok_or(ViewError::PartLength { part, declared })?;
        self.rest = rest;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
