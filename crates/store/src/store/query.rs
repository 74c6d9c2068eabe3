//! Finding messages by key (`DefaultMessageStore#queryMessage`).

use std::io;

use bytes::Bytes;
use ferrocket_protocol::message::{View, index_hash};

use super::Store;
use crate::errors::ReadError;
use crate::index::{Wanted, keys};
use crate::offsets::PhysicalOffset;

/// An answer ends when it is longer than this, so that it stays a frame that clients take
/// (`com.rocketmq.remoting.frameMaxLength` is 16 MiB); it has the newest messages then.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Messages that have a key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueryAnswer {
    /// Whole records in the order of the log.
    pub records: Vec<Bytes>,
    /// There are older ones, which did not fit.
    pub truncated: bool,
    /// Up to when the index has messages; 0 when nothing was found, as in Java.
    pub index_last_update_ms: i64,
    /// The last record in the index.
    pub index_last_physical: i64,
}

impl Store {
    /// The newest messages of a topic that have the key, stored from `begin_ms` to `end_ms`; no more
    /// than `max` and `maxMsgsNumBatch`. The key is a unique key, a word of `KEYS`, or tags behind
    /// `T#`. Java leaves it to the caller to sort out keys that only have the same hash; here all
    /// records are looked at.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn query(
        &self,
        topic: &str,
        key: &str,
        max: usize,
        begin_ms: i64,
        end_ms: i64,
    ) -> Result<QueryAnswer, ReadError> {
        let end = PhysicalOffset(i64::MAX);
        self.query_before(topic, key, max, begin_ms, end_ms, end)
    }

    /// The same among those that begin before `before`: with the offset of the first record of a
    /// truncated answer, what comes next.
    ///
    /// # Errors
    /// When the disk cannot be read.
    pub fn query_before(
        &self,
        topic: &str,
        key: &str,
        max: usize,
        begin_ms: i64,
        end_ms: i64,
        before: PhysicalOffset,
    ) -> Result<QueryAnswer, ReadError> {
        let max = max.min(self.config.query_messages_max);
        let newest = self.index.newest();
        if max == 0 {
            return Ok(QueryAnswer::default());
        }
        let wanted = Wanted {
            hash: index_hash(topic, key),
            begin_ms,
            end_ms,
        };
        let mut found: Vec<(i64, Bytes)> = Vec::new();
        let mut bytes = 0;
        let mut truncated = false;
        let walked = self.index.find(wanted, &mut |physical_offset| {
            if physical_offset >= before.0 {
                return Ok(true);
            }
            if found.iter().any(|(known, _)| *known == physical_offset) {
                return Ok(true);
            }
            let Some(record) = self.record_with(physical_offset, topic, key, wanted)? else {
                return Ok(true);
            };
            if found.len() >= max || bytes >= ANSWER_BYTES_MAX {
                truncated = true;
                return Ok(false);
            }
            bytes += record.len();
            found.push((physical_offset, record));
            Ok(true)
        });
        walked.map_err(|source| ReadError::Io {
            what: format!("the messages of topic {topic} with a key"),
            source,
        })?;
        if found.is_empty() {
            return Ok(QueryAnswer::default());
        }
        found.sort_unstable_by_key(|(physical_offset, _)| *physical_offset);
        Ok(QueryAnswer {
            records: found.into_iter().map(|(_, record)| record).collect(),
            truncated,
            index_last_update_ms: newest.store_ms,
            index_last_physical: newest.physical_offset,
        })
    }

    /// The record at an offset, if it is one that was asked for.
    fn record_with(
        &self,
        physical_offset: i64,
        topic: &str,
        key: &str,
        wanted: Wanted,
    ) -> io::Result<Option<Bytes>> {
        let record = self.record_at(PhysicalOffset(physical_offset));
        let Some(record) = record.map_err(io::Error::other)? else {
            return Ok(None);
        };
        let fits = View::parse(&record).is_ok_and(|view| {
            wanted.begin_ms <= view.store_ms
                && view.store_ms <= wanted.end_ms
                && keys::has(&view, topic, key)
        });
        Ok(fits.then_some(record))
    }
}
