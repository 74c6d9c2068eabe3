//! What the producers know: every message that was ever sent, and what may have become of it.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use ferrocket_protocol::message::{NewMessage, View};
use ferrocket_store::FlushMode;

use super::violation::Violation;
use crate::random::Random;

/// How sure it is that a message is in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It was not acknowledged: it may be there after the next start, or not.
    Maybe,
    /// It was appended: only a power loss, or a failed sync, may take it.
    Appended,
    /// It is behind the durable watermark: nothing may take it.
    Durable,
    /// It was not there after a start: it must never come back.
    Gone,
}

/// Where the store said that a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) queue_offset: i64,
    pub(super) physical: i64,
    pub(super) end: i64,
    pub(super) store_ms: i64,
}

/// A message. Its number is told by its flag in the store, and decides its body.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) topic: usize,
    pub(super) queue: usize,
    /// It gets an entry in its queue.
    pub(super) is_queued: bool,
    pub(super) sys_flag: i32,
    pub(super) born_ms: i64,
    pub(super) body_bytes: usize,
    pub(super) properties: String,
    pub(super) keys: Vec<String>,
    pub(super) state: State,
    pub(super) place: Option<Place>,
    /// The queue offset that it was to get.
    pub(super) wanted_offset: i64,
    /// Its topic was deleted after it: it may vanish, and come back.
    pub(super) is_deleted: bool,
    /// A byte of its record rotted.
    pub(super) is_rotten: bool,
    /// Its segment was deleted, being old: it is gone or about to go.
    pub(super) is_expired: bool,
    /// A power loss, or the end of the process in its write, came before it was safe: its topic and
    /// properties may be torn, as no CRC covers them.
    pub(super) is_torn: bool,
}

/// A queue as a reader must see it.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    pub(super) entries: BTreeMap<i64, usize>,
    pub(super) min: i64,
    /// The offset of the next message.
    pub(super) next: i64,
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) messages: Vec<Message>,
    /// By topic and queue.
    pub(super) queues: Vec<Vec<Queue>>,
    /// Appended, not durable, in the order of the log.
    pending: VecDeque<usize>,
    pub(super) store_ms: i64,
}

impl Ledger {
    pub(super) fn new(topics: usize, queues: usize) -> Self {
        Self {
            queues: vec![vec![Queue::default(); queues]; topics],
            ..Self::default()
        }
    }

    pub(super) fn queue(&self, topic: usize, queue: usize) -> Option<&Queue> {
        self.queues.get(topic)?.get(queue)
    }

    pub(super) fn queue_mut(&mut self, topic: usize, queue: usize) -> Option<&mut Queue> {
        self.queues.get_mut(topic)?.get_mut(queue)
    }

    pub(super) fn each_queue(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let queues = self.queues.first().map_or(0, Vec::len);
        let topics = self.queues.len();
        (0..topics).flat_map(move |topic| (0..queues).map(move |queue| (topic, queue)))
    }

    /// A message was appended and acknowledged as appended.
    pub(super) fn appended(&mut self, number: usize, place: Place) -> Result<(), Violation> {
        let Some(message) = self.messages.get_mut(number) else {
            return Ok(());
        };
        message.place = Some(place);
        message.state = State::Appended;
        let (topic, queue, is_queued) = (message.topic, message.queue, message.is_queued);
        if place.store_ms < self.store_ms {
            return Err(Violation::new(format!(
                "message {number} was stored at {}, before the one before it at {}",
                place.store_ms, self.store_ms
            )));
        }
        self.store_ms = place.store_ms;
        self.pending.push_back(number);
        if is_queued && let Some(queue) = self.queue_mut(topic, queue) {
            if place.queue_offset != queue.next {
                return Err(Violation::new(format!(
                    "message {number} got queue offset {}, the next one is {}",
                    place.queue_offset, queue.next
                )));
            }
            if queue.entries.is_empty() && queue.next == 0 {
                queue.min = 0;
            }
            queue.entries.insert(place.queue_offset, number);
            queue.next += 1;
        }
        Ok(())
    }

    /// Everything before an offset of the log is durable.
    pub(super) fn durable_up_to(&mut self, durable: i64) {
        while let Some(number) = self.pending.front().copied()
            && let Some(message) = self.messages.get_mut(number)
            && message.place.is_some_and(|place| place.end <= durable)
        {
            if message.state == State::Appended {
                message.state = State::Durable;
            }
            self.pending.pop_front();
        }
    }

    /// The log begins at `start` now: what was before went with its segments, which must have been
    /// durable.
    pub(super) fn expire(&mut self, start: i64) -> Result<(), Violation> {
        for (number, message) in self.messages.iter_mut().enumerate() {
            if message.is_expired || message.place.is_none_or(|place| place.physical >= start) {
                continue;
            }
            message.is_expired = true;
            if message.state == State::Appended {
                return Err(Violation::new(format!(
                    "message {number} was deleted before it was durable"
                )));
            }
        }
        let messages = &self.messages;
        let is_kept = |number: &usize| messages.get(*number).is_some_and(|it| !it.is_expired);
        for queue in self.queues.iter_mut().flatten() {
            queue.entries.retain(|_, number| is_kept(number));
        }
        Ok(())
    }

    pub(super) fn forget_pending(&mut self) {
        self.pending.clear();
    }

    pub(super) fn delete_topic(&mut self, topic: usize) {
        for message in &mut self.messages {
            message.is_deleted |= message.topic == topic;
        }
        for queue in self.queues.get_mut(topic).into_iter().flatten() {
            *queue = Queue::default();
        }
    }

    /// The entries of a queue that readers may see.
    pub(super) fn visible<'a>(
        &'a self,
        queue: &'a Queue,
        readable: i64,
    ) -> impl Iterator<Item = (i64, usize)> + 'a {
        queue
            .entries
            .iter()
            .map(|(offset, number)| (*offset, *number))
            .take_while(move |(_, number)| self.end_of(*number) <= readable)
    }

    pub(super) fn end_of(&self, number: usize) -> i64 {
        let place = self.messages.get(number).and_then(|message| message.place);
        place.map_or(i64::MAX, |place| place.end)
    }
}

/// How much of a message must be in the store after a start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Losses {
    /// The power was lost since the last start.
    pub(super) power: bool,
    /// A sync failed since the last start: the cache may have dropped what was not durable.
    pub(super) dropped: bool,
    pub(super) clean: bool,
    pub(super) mode: FlushMode,
}

impl Message {
    pub(super) fn must_survive(&self, losses: Losses) -> bool {
        if self.is_excused() {
            return false;
        }
        match self.state {
            State::Durable => true,
            State::Appended => !losses.power && !losses.dropped,
            State::Maybe | State::Gone => false,
        }
    }

    /// Whether it may vanish although it was safe once.
    pub(super) fn is_excused(&self) -> bool {
        self.is_deleted || self.is_rotten || self.is_expired
    }

    pub(super) fn is_excused_but_for_rot(&self) -> bool {
        self.is_deleted || self.is_expired
    }

    pub(super) fn body(&self, number: usize) -> Vec<u8> {
        let mut random = Random::new(number as u64);
        let mut body = Vec::with_capacity(self.body_bytes + 8);
        while body.len() < self.body_bytes {
            body.extend_from_slice(&random.next().to_be_bytes());
        }
        body.truncate(self.body_bytes);
        body
    }

    /// Compares with what the store has.
    pub(super) fn check(
        &self,
        number: usize,
        record: &View<'_>,
        is_sealed: bool,
    ) -> Result<(), Violation> {
        let body = self.body(number);
        let wanted = self.new_message(number, &body);
        let differs = |what: &str| {
            Err(Violation::new(format!(
                "message {number} was altered: {what} is another"
            )))
        };
        if record.body != body {
            return differs("its body");
        }
        let may_be_torn = self.is_torn && !is_sealed;
        if record.topic != wanted.topic && !may_be_torn {
            return differs("its topic");
        }
        if record.queue_id != wanted.queue_id {
            return differs("its queue");
        }
        if !record.properties.starts_with(wanted.properties) && !may_be_torn {
            return differs("its properties");
        }
        let fixed = (record.born_ms, record.born_host, record.store_host);
        if fixed != (wanted.born_ms, wanted.born_host, wanted.store_host) {
            return differs("when or where it was born or stored");
        }
        if record.sys_flag != wanted.sys_flag {
            return differs("its system flag");
        }
        if let Some(place) = self.place {
            if record.physical_offset != place.physical {
                return differs("its place in the log");
            }
            if record.store_ms != place.store_ms {
                return differs("its store time");
            }
            if self.is_queued && record.queue_offset != place.queue_offset {
                return differs("its queue offset");
            }
        }
        Ok(())
    }

    pub(super) fn new_message<'a>(&'a self, number: usize, body: &'a [u8]) -> NewMessage<'a> {
        NewMessage {
            topic: topic_name(self.topic),
            queue_id: i32::try_from(self.queue).unwrap_or(0),
            flag: flag_of(number),
            sys_flag: self.sys_flag,
            born_ms: self.born_ms,
            born_host: SocketAddr::from(([127, 0, 0, 1], 50000)),
            store_host: SocketAddr::from(([192, 168, 0, 1], 10911)),
            reconsume_times: 0,
            prepared_transaction_offset: 0,
            properties: self.properties.as_bytes(),
            body,
        }
    }
}

/// Messages carry their number as their flag. It is never 0: fillers of damaged places have that.
fn flag_of(number: usize) -> i32 {
    i32::try_from(number + 1).unwrap_or(0)
}

pub(super) fn number_of(flag: i32) -> Option<usize> {
    usize::try_from(flag).ok()?.checked_sub(1)
}

pub(super) fn topic_name(topic: usize) -> &'static str {
    match topic {
        0 => "T",
        1 => "Orders",
        _ => "a-topic-with-a-longer-name",
    }
}
