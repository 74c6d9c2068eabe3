//! What a read asks and what it answers.

use bytes::Bytes;

use crate::offsets::{PhysicalOffset, QueueOffset};

/// What to read from a consume queue.
#[derive(Debug, Clone)]
pub struct ReadRequest<'a> {
    pub topic: &'a str,
    pub queue_id: i32,
    pub offset: QueueOffset,
    pub messages_max: u32,
    /// Bytes of the whole answer; at least one message is returned even if longer.
    pub bytes_max: usize,
    /// Return [`ReadStatus::Cold`] instead of touching bytes that may not be in the page cache.
    pub hot_only: bool,
}

/// An entry of a consume queue: what a filter may look at before the record itself is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueEntry<'a> {
    pub physical_offset: PhysicalOffset,
    pub bytes: i32,
    /// `None` when they stood in the extension of the queue and are lost: a filter by tags lets such
    /// a message pass.
    pub tags_code: Option<i64>,
    /// Of the first message in the record.
    pub queue_offset: QueueOffset,
    /// Messages in the record; 1 in queues of other topics than `BatchCQ` ones.
    pub messages: u32,
    /// What the extension of the queue says.
    pub extension: Option<Extension<'a>>,
}

/// What is wanted of the messages of a queue.
pub trait MessageFilter {
    /// Sees each entry before its record is read.
    fn by_entry(&mut self, entry: &QueueEntry<'_>) -> Choice;

    /// Sees the records that the entries left open, in their order.
    fn by_record(&mut self, record: &[u8]) -> bool;
}

/// What a filter says of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    Wanted,
    Unwanted,
    /// Its record will tell.
    Open,
}

/// A filter that entries are enough for.
pub(crate) struct ByEntry<'f>(pub(crate) &'f mut dyn FnMut(&QueueEntry<'_>) -> bool);

impl MessageFilter for ByEntry<'_> {
    fn by_entry(&mut self, entry: &QueueEntry<'_>) -> Choice {
        if (self.0)(entry) {
            Choice::Wanted
        } else {
            Choice::Unwanted
        }
    }

    fn by_record(&mut self, _record: &[u8]) -> bool {
        true
    }
}

/// A unit of `consumequeue_ext`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension<'a> {
    pub store_ms: i64,
    /// Bits that Bloom filters of consumers looked for; empty when nobody computed them.
    pub filter_bits: &'a [u8],
}

/// `GetMessageStatus` of Java, plus `Cold`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadStatus {
    Found,
    NoMatchedMessage,
    MessageWasRemoving,
    OffsetFoundNull,
    OffsetOverflowBadly,
    OffsetOverflowOne,
    OffsetTooSmall,
    NoMatchedLogicQueue,
    NoMessageInQueue,
    OffsetReset,
    /// `hot_only` was asked and the bytes may be cold: ask again on a thread that may wait.
    Cold,
}

/// The answer to a [`ReadRequest`].
#[derive(Debug, Clone)]
pub struct ReadAnswer {
    pub status: ReadStatus,
    pub next_offset: QueueOffset,
    pub min_offset: QueueOffset,
    pub max_offset: QueueOffset,
    /// Complete records one after the other, ready to be the body of a pull answer; how they are
    /// spread over the slices has no meaning.
    pub records: Vec<Bytes>,
    pub messages: u32,
    pub bytes: usize,
    /// The reader is so far behind that a slave should serve it.
    pub suggest_slave: bool,
}

/// Which neighbour of a time is wanted (`BoundaryType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// The first message stored at or after the time.
    Lower,
    /// The last message stored at or before the time.
    Upper,
}
