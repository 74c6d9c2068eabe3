//! Messages on their way into the log: encoded by the caller, outside of any lock.

use std::sync::Arc;

use ferrocket_protocol::message::NewMessage;
use ferrocket_protocol::message::record::{self, BLANK_BYTES, Limits, RecordError};

use crate::any_queue::AnyQueue;
use crate::batch_queue::inner;
use crate::config::{QueueType, StoreConfig};
use crate::dispatch::{self, TagsCode};
use crate::filter_bits::FilterBits;
use crate::index::keys;
use crate::multi_dispatch::{self, Listed, OFFSET_DIGITS};
use crate::offsets::{PhysicalOffset, QueueOffset};
use crate::queue::Queue;

/// What a cleared batch keeps of its buffer for the next time.
const KEPT_BYTES: usize = 256 * 1024;
const KEPT_KEYS: usize = 4096;

/// Messages of one socket read, encoded outside the append lock, with holes for what only the
/// append knows. Owned by a connection (or a thread) and used again and again.
#[derive(Debug, Default)]
pub struct AppendBatch {
    pub(crate) buffer: Vec<u8>,
    pub(crate) records: Vec<Slot>,
    pub(crate) units: Vec<Unit>,
    /// Hashes of the index keys of all records, in order.
    pub(crate) key_hashes: Vec<i32>,
    /// The queue of each record, while it is appended.
    pub(crate) queues: Vec<AnyQueue>,
    /// Further queues of records, in the order of the records.
    pub(crate) further: Vec<Further>,
    pub(crate) filter_bits: FilterBits,
    /// Where properties are put together that get offsets.
    properties: Vec<u8>,
    pub(crate) results: Vec<Result<Appended, AppendError>>,
    /// Whether the next append is timed.
    pub(crate) timed: bool,
}

/// A record in the buffer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    pub(crate) start: usize,
    pub(crate) bytes: usize,
    pub(crate) topic_at: usize,
    pub(crate) topic_bytes: usize,
    pub(crate) queue_id: i32,
    pub(crate) tags: TagsCode,
    pub(crate) queue_type: QueueType,
    /// It gets a queue offset and an entry.
    pub(crate) queued: bool,
    /// How many queue offsets it gets.
    pub(crate) messages: i16,
    /// It has room for the queue offset of its first message.
    pub(crate) is_inner_batch: bool,
    /// The record ends with its own CRC.
    pub(crate) sealed: bool,
    /// Where its index keys end in the batch's list; they begin where those of the record before
    /// end.
    pub(crate) keys_end: usize,
    /// Set by the append.
    pub(crate) physical_offset: i64,
    pub(crate) queue_offset: i64,
}

/// A light queue that a record gets an entry in beside the one in its own queue.
#[derive(Debug)]
pub(crate) struct Further {
    /// Which record of the batch.
    pub(crate) record: usize,
    pub(crate) name: Box<str>,
    /// Where the buffer has room for the offset.
    pub(crate) offset_at: usize,
    /// The record's list has the name before: it gets the same offset there and no second entry.
    pub(crate) again: bool,
    /// While it is appended.
    pub(crate) queue: Option<Arc<Queue>>,
    /// Set by the append.
    pub(crate) queue_offset: i64,
}

/// Records that go into one segment together or not at all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unit {
    pub(crate) first: usize,
    pub(crate) count: usize,
    pub(crate) start: usize,
    pub(crate) bytes: usize,
}

/// Where a message (or the first of a group) went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    pub queue_offset: QueueOffset,
    /// Start of the (first) record.
    pub physical_offset: PhysicalOffset,
    /// End of the last record: durable when `Store::durable() >= end`.
    pub end: PhysicalOffset,
    pub messages: u32,
    pub store_ms: i64,
}

/// Why a message was not appended.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum AppendError {
    /// The topic, the queue number or a length can never be stored (Java's `MESSAGE_ILLEGAL`).
    #[error("message illegal")]
    MessageIllegal,
    #[error("properties size exceeded")]
    PropertiesTooLong,
    /// The store is poisoned or closed; the text names the cause.
    #[error("{0}")]
    NotWritable(String),
    /// There is no room for it; the text has cause, numbers and remedy. Passes by itself.
    #[error("{0}")]
    DiskFull(String),
    /// The next segment could not be made.
    #[error("create mapped file failed, server is busy or broken.")]
    SegmentNotReady,
}

impl From<RecordError> for AppendError {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::PropertiesTooLong { .. } => Self::PropertiesTooLong,
            _ => Self::MessageIllegal,
        }
    }
}

impl AppendBatch {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Encodes a message; returns its index, at which [`results`](Self::results) will tell what
    /// became of it. CRC and sizes are done here.
    ///
    /// # Errors
    /// When the message can never be stored; it is then not in the batch.
    pub fn push(
        &mut self,
        config: &StoreConfig,
        message: &NewMessage<'_>,
    ) -> Result<usize, AppendError> {
        self.push_to(config, QueueType::Simple, std::slice::from_ref(message))
    }

    /// Encodes the inner messages of a client batch (request 320) as one all-or-nothing group with
    /// consecutive queue offsets and one result. All must be for the same queue.
    ///
    /// # Errors
    /// When one of the messages can never be stored; none is then in the batch.
    pub fn push_group(
        &mut self,
        config: &StoreConfig,
        messages: &[NewMessage<'_>],
    ) -> Result<usize, AppendError> {
        self.push_to(config, QueueType::Simple, messages)
    }

    /// As [`push_group`](Self::push_group), for a topic whose `queue.type` is this. Topics of the type
    /// `BatchCQ` also take inner batches: messages with bit 0x80 in `sys_flag`, and their number in the
    /// property `INNER_NUM`.
    ///
    /// # Errors
    /// When one of the messages can never be stored; none is then in the batch.
    pub fn push_to(
        &mut self,
        config: &StoreConfig,
        queue_type: QueueType,
        messages: &[NewMessage<'_>],
    ) -> Result<usize, AppendError> {
        let start = self.buffer.len();
        let first = self.records.len();
        let first_key = self.key_hashes.len();
        let pushed = messages
            .iter()
            .try_for_each(|message| self.encode(config, queue_type, message));
        let bytes = self.buffer.len() - start;
        let fits = (bytes + BLANK_BYTES) as u64 <= config.segment_bytes;
        if pushed.is_err() || !fits || messages.is_empty() {
            self.buffer.truncate(start);
            self.records.truncate(first);
            self.key_hashes.truncate(first_key);
            self.further.retain(|further| further.record < first);
            pushed?;
            return Err(AppendError::MessageIllegal);
        }
        self.units.push(Unit {
            first,
            count: messages.len(),
            start,
            bytes,
        });
        Ok(self.units.len() - 1)
    }

    /// Messages and groups in here.
    #[must_use]
    pub fn len(&self) -> usize {
        self.units.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// Encoded bytes in here: a caller appends and clears when this passes its bound.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.buffer.len()
    }

    /// After [`Store::append`](crate::Store::append): one result per pushed message or group, in
    /// order. Empty before.
    pub fn results(&self) -> &[Result<Appended, AppendError>] {
        &self.results
    }

    /// The physical offset of every record of an appended message or group, in order: what the
    /// comma-joined message id of a client batch is made of.
    pub fn physical_offsets(&self, index: usize) -> impl Iterator<Item = PhysicalOffset> + '_ {
        let records = self
            .units
            .get(index)
            .and_then(|unit| self.records_of(*unit));
        records
            .unwrap_or_default()
            .iter()
            .map(|slot| PhysicalOffset(slot.physical_offset))
    }

    /// Makes the batch empty and ready for use again.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.buffer.shrink_to(KEPT_BYTES);
        self.records.clear();
        self.units.clear();
        self.key_hashes.clear();
        self.key_hashes.shrink_to(KEPT_KEYS);
        self.further.clear();
        self.filter_bits.clear();
        self.results.clear();
    }

    /// The light queues that an appended message or group went into, each with the end that it has
    /// since.
    pub fn light_arrivals(&self, index: usize) -> impl Iterator<Item = (&str, QueueOffset)> + '_ {
        let records = match self.units.get(index) {
            Some(unit) => unit.first..unit.first + unit.count,
            None => 0..0,
        };
        self.further_of(records)
            .iter()
            .map(|further| (&*further.name, QueueOffset(further.queue_offset + 1)))
    }

    /// The further queues of a range of records.
    pub(crate) fn further_of(&self, records: std::ops::Range<usize>) -> &[Further] {
        let place = |record| self.further.partition_point(|it| it.record < record);
        let range = place(records.start)..place(records.end);
        self.further.get(range).unwrap_or_default()
    }

    pub(crate) fn records_of(&self, unit: Unit) -> Option<&[Slot]> {
        self.records.get(unit.first..unit.first + unit.count)
    }

    fn encode(
        &mut self,
        config: &StoreConfig,
        queue_type: QueueType,
        message: &NewMessage<'_>,
    ) -> Result<(), AppendError> {
        check_queue(message)?;
        if inner::is_inner_batch(message.sys_flag) {
            return self.encode_inner_batch(config, queue_type, message);
        }
        if config.has_light_queues()
            && dispatch::is_queued(message.sys_flag)
            && let Some(list) = multi_dispatch::list_of(message.topic, message.properties)
        {
            return self.encode_listing(config, queue_type, message, list);
        }
        self.encode_one(config, queue_type, message, 1)
    }

    /// Encodes one record that holds many messages (`HookUtils#innerBatchChecker`).
    fn encode_inner_batch(
        &mut self,
        config: &StoreConfig,
        queue_type: QueueType,
        message: &NewMessage<'_>,
    ) -> Result<(), AppendError> {
        let declared = inner::declared_messages(message.properties);
        let (QueueType::Batch, Some(messages)) = (queue_type, declared) else {
            return Err(AppendError::MessageIllegal);
        };
        let mut text = std::mem::take(&mut self.properties);
        inner::with_base_room(&mut text, message.properties);
        let with_room = NewMessage {
            properties: &text,
            ..*message
        };
        let encoded = self.encode_one(config, queue_type, &with_room, messages);
        self.properties = text;
        encoded
    }

    /// Encodes a message that lists further queues.
    fn encode_listing(
        &mut self,
        config: &StoreConfig,
        queue_type: QueueType,
        message: &NewMessage<'_>,
        list: &str,
    ) -> Result<(), AppendError> {
        if multi_dispatch::queues(list).any(|queue| matches!(queue, Listed::Other(_))) {
            return Err(AppendError::MessageIllegal);
        }
        let number = self.records.len();
        let mut text = std::mem::take(&mut self.properties);
        let offsets_at = multi_dispatch::reserve(&mut text, message.properties, list);
        let with_room = NewMessage {
            properties: &text,
            ..*message
        };
        let encoded = self.encode_one(config, queue_type, &with_room, 1);
        self.properties = text;
        // Java refuses both with this status here, and a record gets no room beyond the body's.
        encoded.map_err(|_| AppendError::MessageIllegal)?;
        let Some(slot) = self.records.get(number).copied() else {
            return Err(AppendError::MessageIllegal);
        };
        if slot.bytes > config.body_bytes_max {
            return Err(AppendError::MessageIllegal);
        }
        let properties_at = slot.topic_at + slot.topic_bytes + 2;
        // A seal that was sent is dropped when the record gets one, and what follows moves up.
        let dropped = if slot.sealed {
            let stored = (slot.start + slot.bytes).saturating_sub(properties_at);
            (self.properties.len() + record::PROPERTY_CRC_BYTES).saturating_sub(stored)
        } else {
            0
        };
        let offsets_at = offsets_at.saturating_sub(dropped);
        let first = self.further.len();
        for (index, queue) in multi_dispatch::queues(list).enumerate() {
            let Listed::Light(name) = queue else {
                continue;
            };
            let before = self.further.get(first..).unwrap_or_default();
            self.further.push(Further {
                record: number,
                again: before.iter().any(|further| *further.name == *name),
                name: name.into(),
                offset_at: properties_at + offsets_at + index * (OFFSET_DIGITS + 1),
                queue: None,
                queue_offset: 0,
            });
        }
        Ok(())
    }

    fn encode_one(
        &mut self,
        config: &StoreConfig,
        queue_type: QueueType,
        message: &NewMessage<'_>,
        messages: i16,
    ) -> Result<(), AppendError> {
        let limits = Limits {
            body_bytes_max: config.body_bytes_max,
            append_property_crc: config.append_property_crc || needs_seal(message.properties),
        };
        let start = self.buffer.len();
        let meta = record::encode(&mut self.buffer, message, limits)?;
        // Fixed fields behind the store host: reconsume times, prepared offset, body, topic length.
        let store_host_bytes = if message.store_host.ip().to_canonical().is_ipv4() {
            8
        } else {
            20
        };
        let topic_length_bytes = if message.topic.len() > record::TOPIC_V1_BYTES_MAX {
            2
        } else {
            1
        };
        let topic_at = start
            + meta.store_host_at
            + store_host_bytes
            + 4
            + 8
            + 4
            + message.body.len()
            + topic_length_bytes;
        let found = keys::of(message.properties);
        let [_, _, tags] = found;
        if config.message_index_enable && keys::is_indexed(message.sys_flag) {
            keys::hashes_of(message.topic, found, &mut self.key_hashes);
        }
        self.records.push(Slot {
            start,
            bytes: meta.bytes,
            topic_at,
            topic_bytes: message.topic.len(),
            queue_id: message.queue_id,
            tags: TagsCode::of_tags(config, message.topic, message.properties, tags),
            queue_type,
            queued: dispatch::is_queued(message.sys_flag),
            messages,
            keys_end: self.key_hashes.len(),
            physical_offset: 0,
            queue_offset: 0,
            is_inner_batch: inner::is_inner_batch(message.sys_flag),
            sealed: limits.append_property_crc,
        });
        Ok(())
    }
}

impl Slot {
    /// The topic, as it stands in the record.
    pub(crate) fn topic<'a>(&self, buffer: &'a [u8]) -> &'a str {
        let bytes = buffer.get(self.topic_at..self.topic_at + self.topic_bytes);
        // The bytes came from a `&str`.
        std::str::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
    }
}

/// Whether properties hold bytes that a lost sector would leave: without a CRC of its own the record
/// could be taken for a torn one after a kill.
fn needs_seal(properties: &[u8]) -> bool {
    properties.contains(&0) && has_room_for_seal(properties)
}

/// Whether the property with the CRC, and the end of the pair before it, can be added.
pub(crate) fn has_room_for_seal(properties: &[u8]) -> bool {
    properties.len() + 1 + record::PROPERTY_CRC_BYTES <= record::PROPERTIES_BYTES_MAX
}

/// A topic becomes the name of a directory.
pub(crate) fn is_topic(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0'])
}

fn check_queue(message: &NewMessage<'_>) -> Result<(), AppendError> {
    if !is_topic(message.topic) || message.queue_id < 0 {
        return Err(AppendError::MessageIllegal);
    }
    Ok(())
}
