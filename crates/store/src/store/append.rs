//! The one append path.
//!
//! A caller hands over all that one socket read brought. Under the append lock the records get
//! their offsets, go into the log with one write for each segment that they touch, and get their
//! queue entries and index keys; then the *appended* watermark is published. A failed write poisons the
//! store, unless it failed for want of room: none of the records of that write counts as appended.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ferrocket_protocol::message::record::{self, BLANK_BYTES, Holes};

use super::Store;
use crate::any_queue::AnyQueue;
use crate::batch::{AppendBatch, AppendError, Appended, Further, Slot, Unit};
use crate::batch_queue::{BatchEntry, inner};
use crate::clock;
use crate::config::QueueType;
use crate::disk::{is_handle_shortage, is_out_of_space};
use crate::index::Key;
use crate::log::Segment;
use crate::multi_dispatch::{self, OFFSET_DIGITS};
use crate::offsets::{PhysicalOffset, QueueOffset};
use crate::queue::Entry;
use crate::queue_ext::ExtUnit;
use crate::retention::Shortage;

/// A quarter of the reserve that is kept on large disks.
const MEASURE_BYTES: i64 = 64 * 1024 * 1024;

/// What the append lock protects.
#[derive(Debug)]
pub(crate) struct Appender {
    pub(super) active: Arc<Segment>,
    /// Where the next record goes.
    pub(crate) position: i64,
    /// Store times do not go back with the clock, unless it goes far: see `clock`.
    store_ms: i64,
    /// What the clock said. Delays count from here: from a store time that waits for the clock, a
    /// message would seem to be due only after it.
    now_ms: i64,
    /// The segment behind `active` was asked for.
    next_wanted: bool,
    /// So many bytes from `position` on may hold parts of messages that did not fit on the disk.
    pub(super) torn_bytes: u64,
    /// There was no room for the segment behind `active`.
    pub(super) lacks_segment: bool,
}

/// Units that have their offsets and wait for their write.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: usize,
    at: i64,
    end: i64,
}

impl Appender {
    pub(super) fn new(active: Arc<Segment>, position: i64, store_ms: i64) -> Self {
        Self {
            active,
            position,
            store_ms,
            now_ms: store_ms,
            next_wanted: false,
            torn_bytes: 0,
            lacks_segment: false,
        }
    }

    fn follow_clock(&mut self, now_ms: i64) {
        let store_ms = clock::store_ms(self.store_ms, now_ms);
        if store_ms < self.store_ms {
            let last_ms = self.store_ms;
            tracing::error!(
                last_ms,
                now_ms,
                "the last store time is more than an hour ahead of the clock: store times follow the clock; check that it is right"
            );
        }
        (self.store_ms, self.now_ms) = (store_ms, now_ms);
    }
}

impl Store {
    /// Assigns offsets, fills the holes, writes, makes the queue entries and publishes the appended
    /// watermark; [`AppendBatch::results`] then has one result for each message or group. Appending
    /// a batch a second time would store its messages a second time.
    pub fn append(&self, now_ms: i64, batch: &mut AppendBatch) {
        batch.results.clear();
        self.find_queues(batch);
        self.append_found(now_ms, batch);
    }

    fn append_found(&self, now_ms: i64, batch: &mut AppendBatch) {
        let timed_from = std::mem::take(&mut batch.timed).then(|| self.signals.ticks_ns());
        let mut appender = self.appender.lock();
        let locked_at = timed_from.map(|from| self.stages.waited(from, &*self.signals));
        // Topics are deleted under the append lock: from here on none of the queues is.
        let mut further = batch.further.iter().filter_map(|it| it.queue.as_ref());
        if batch.queues.iter().any(AnyQueue::is_deleted) || further.any(|queue| queue.is_deleted())
        {
            self.find_queues(batch);
        }
        if let Some(refusal) = self.refusal() {
            batch.refuse_from(0, &refusal);
            drop(appender);
            self.count_refused(batch);
            batch.let_go_of_queues();
            return;
        }
        appender.follow_clock(now_ms);
        let begin = appender.position;
        self.append_units(&mut appender, batch);
        let wants_segment = self.wants_segment(&mut appender);
        let end = appender.position;
        drop(appender);
        if let Some(locked_at) = locked_at {
            self.stages.appended(locked_at, &*self.signals);
        }
        batch.let_go_of_queues();
        if batch.results.last().is_some_and(Result::is_err) {
            self.count_refused(batch);
        }
        self.ask_for_measure(end);
        if wants_segment {
            self.signals.segment_wanted();
        }
        self.keep_up(now_ms, begin, end);
    }

    fn append_units(&self, appender: &mut Appender, batch: &mut AppendBatch) {
        let mut run = Run {
            first: 0,
            at: appender.position,
            end: appender.position,
        };
        for index in 0..batch.units.len() {
            let Some(unit) = batch.units.get(index).copied() else {
                break;
            };
            let segment_end = appender.active.base() + self.log.segment_bytes();
            if run.end + (unit.bytes + BLANK_BYTES) as i64 > segment_end {
                let rolled = self
                    .write(appender, batch, run, index)
                    .and_then(|()| self.roll(appender, segment_end));
                if let Err(refusal) = rolled {
                    batch.refuse_from(index, &refusal);
                    return;
                }
                run = Run {
                    first: index,
                    at: appender.position,
                    end: appender.position,
                };
            }
            batch.assign(unit, run.end, appender.store_ms);
            run.end += unit.bytes as i64;
        }
        let all = batch.units.len();
        // A refusal is in the results already.
        let _ = self.write(appender, batch, run, all);
    }

    /// Writes the units from `run.first` to before `until`, and publishes them.
    fn write(
        &self,
        appender: &mut Appender,
        batch: &mut AppendBatch,
        run: Run,
        until: usize,
    ) -> Result<(), AppendError> {
        let Some(units) = batch.units.get(run.first..until) else {
            return Ok(());
        };
        let (Some(first), Some(last)) = (units.first(), units.last()) else {
            return Ok(());
        };
        let bytes = batch
            .buffer
            .get(first.start..last.start + last.bytes)
            .unwrap_or_default();
        if let Err(error) = self.log.write_at(&appender.active, run.at, bytes) {
            let refusal = self.refuse_write(appender, bytes.len(), &error);
            batch.refuse_from(run.first, &refusal);
            return Err(refusal);
        }
        let records = first.first..last.first + last.count;
        let last_record = batch
            .records
            .get(records.end - 1)
            .map_or(-1, |slot| slot.physical_offset);
        appender.position = run.end;
        self.make_entries(batch, records.clone(), appender);
        self.make_keys(batch, records, appender.store_ms);
        self.marks.appended.store(run.end, Ordering::Release);
        self.marks.last_record.store(last_record, Ordering::Release);
        self.marks
            .last_store_ms
            .store(appender.store_ms, Ordering::Release);
        Ok(())
    }

    fn make_entries(
        &self,
        batch: &AppendBatch,
        records: std::ops::Range<usize>,
        appender: &Appender,
    ) {
        let readable = self.readable().0;
        let slots = batch.records.get(records.clone()).unwrap_or_default();
        let queues = batch.queues.get(records.clone()).unwrap_or_default();
        let mut wants_queues = false;
        let mut note = |pushed: io::Result<bool>| match pushed {
            Ok(wanted) => wants_queues |= wanted,
            // The entry stays in memory; the flusher tries again.
            Err(error) if is_handle_shortage(&error) => wants_queues = true,
            Err(error) if is_out_of_space(&error) => {
                self.refuse_full(Shortage::Queues, "writing a consume queue", &error);
            }
            Err(error) => {
                self.poison.set("writing a consume queue", &error);
            }
        };
        let epoch = self.filter_epoch();
        let slots = slots.iter().zip(queues).zip(records.clone());
        for ((slot, queue), record) in slots.filter(|((slot, _), _)| slot.queued) {
            let bits = batch.filter_bits.of_record(record, epoch);
            note(self.make_entry(slot, bits, queue, appender, readable));
        }
        for further in batch.further_of(records).iter().filter(|it| !it.again) {
            if let (Some(queue), Some(slot)) = (&further.queue, batch.records.get(further.record)) {
                let entry = entry_of(slot, appender.now_ms);
                note(
                    self.queues
                        .push(queue, further.queue_offset, entry, readable),
                );
            }
        }
        if wants_queues {
            self.signals.queues_wanted();
        }
    }

    fn make_entry(
        &self,
        slot: &Slot,
        filter_bits: &[u8],
        queue: &AnyQueue,
        appender: &Appender,
        readable: i64,
    ) -> io::Result<bool> {
        let store_ms = appender.store_ms;
        let mut entry = entry_of(slot, appender.now_ms);
        match queue {
            AnyQueue::Simple(queue) => {
                let unit = ExtUnit {
                    filter_bits: filter_bits.to_vec(),
                    ..ExtUnit::new(entry.tags_code, store_ms)
                };
                entry.tags_code = self.queue_ext.push(queue, &unit);
                self.queues.push(queue, slot.queue_offset, entry, readable)
            }
            AnyQueue::Batch(queue) => {
                let entry = BatchEntry {
                    physical_offset: entry.physical_offset,
                    bytes: entry.bytes,
                    tags_code: entry.tags_code,
                    store_ms,
                    base_offset: slot.queue_offset,
                    messages: slot.messages,
                };
                self.batch_queues.push(queue, entry, readable)
            }
        }
    }

    fn make_keys(&self, batch: &AppendBatch, records: std::ops::Range<usize>, store_ms: i64) {
        let before = records.start.checked_sub(1);
        let before = before.and_then(|index| batch.records.get(index));
        let mut start = before.map_or(0, |slot| slot.keys_end);
        let slots = batch.records.get(records).unwrap_or_default();
        if slots.last().is_none_or(|last| last.keys_end == start) {
            return;
        }
        let keys = slots.iter().flat_map(|slot| {
            let hashes = batch.key_hashes.get(start..slot.keys_end);
            start = slot.keys_end;
            hashes.unwrap_or_default().iter().map(|hash| Key {
                hash: *hash,
                physical_offset: slot.physical_offset,
                store_ms,
            })
        });
        match self.index.push(keys) {
            Ok(false) => {}
            Ok(true) => self.signals.queues_wanted(),
            // The keys stay in memory; the flusher tries again.
            Err(error) if is_out_of_space(&error) => {
                self.refuse_full(Shortage::Index, "writing the index", &error);
            }
            Err(error) => {
                self.poison.set("writing the index", &error);
            }
        }
    }

    /// Ends the active segment with a blank record and goes on to the next one.
    fn roll(&self, appender: &mut Appender, segment_end: i64) -> Result<(), AppendError> {
        let rest = segment_end - appender.position;
        if rest >= BLANK_BYTES as i64 {
            let mut blank = Vec::with_capacity(BLANK_BYTES);
            record::encode_blank(&mut blank, u32::try_from(rest).unwrap_or(u32::MAX));
            let written = self
                .log
                .write_at(&appender.active, appender.position, &blank);
            written.map_err(|error| self.refuse_write(appender, blank.len(), &error))?;
        }
        let next = match self.log.roll() {
            Ok(next) => next,
            Err(error) if is_out_of_space(&error) => {
                appender.lacks_segment = true;
                return Err(self.refuse_full(
                    Shortage::Log,
                    "making the next commit log segment",
                    &error,
                ));
            }
            Err(error) => {
                tracing::error!(%error, "cannot make the next commit log segment");
                return Err(AppendError::SegmentNotReady);
            }
        };
        appender.position = next.base();
        appender.active = next;
        appender.next_wanted = false;
        self.marks
            .appended
            .store(appender.position, Ordering::Release);
        Ok(())
    }

    /// The log could not be written: for want of room, or for good.
    fn refuse_write(
        &self,
        appender: &mut Appender,
        wanted_bytes: usize,
        error: &io::Error,
    ) -> AppendError {
        if is_out_of_space(error) {
            self.log_is_full(appender, wanted_bytes, error)
        } else {
            let cause = self.poison.set("writing the commit log", error);
            AppendError::NotWritable(cause.to_owned())
        }
    }

    /// The disks are to be measured at the latest when so much was written.
    fn ask_for_measure(&self, end: i64) {
        let measured_at = &self.marks.measured_at;
        if end - measured_at.load(Ordering::Relaxed) >= MEASURE_BYTES {
            measured_at.store(end, Ordering::Relaxed);
            self.signals.space_wanted();
        }
    }

    fn count_refused(&self, batch: &AppendBatch) {
        let refused = batch
            .results
            .iter()
            .filter_map(|result| result.as_ref().err());
        for refusal in refused {
            let counter = match refusal {
                AppendError::DiskFull(_) => &self.refusals.disk_full,
                AppendError::SegmentNotReady => &self.refusals.segment,
                _ => &self.refusals.not_writable,
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Once for each segment, when half of it is full.
    fn wants_segment(&self, appender: &mut Appender) -> bool {
        let used = appender.position - appender.active.base();
        !appender.next_wanted
            && used > self.log.segment_bytes() / 2
            && !std::mem::replace(&mut appender.next_wanted, true)
    }

    fn refusal(&self) -> Option<AppendError> {
        if self.closed.load(Ordering::Relaxed) {
            return Some(AppendError::NotWritable("the store is closed".to_owned()));
        }
        if let Some(cause) = self.poison.cause() {
            return Some(AppendError::NotWritable(cause.to_owned()));
        }
        if !self.room.is_short() {
            return None;
        }
        self.room.refusal().map(AppendError::DiskFull)
    }

    /// Looks up the queue of every record, outside of the append lock. Neighbours mostly share one.
    fn find_queues(&self, batch: &mut AppendBatch) {
        batch.queues.clear();
        for slot in &batch.records {
            let topic = slot.topic(&batch.buffer);
            let queue = match (batch.queues.last(), slot.queue_type) {
                (Some(queue), queue_type) if queue.is(queue_type, topic, slot.queue_id) => {
                    queue.clone()
                }
                (_, QueueType::Simple) if !self.batch_queues.table().has_topic(topic) => {
                    AnyQueue::Simple(self.queues.find_or_create(topic, slot.queue_id))
                }
                // A topic that has batch queues goes on in them, also when its owner has forgotten
                // that it should: a second beginning beside them would be lost to them after a kill.
                (_, QueueType::Batch | QueueType::Simple) => {
                    let queues = self.batch_queues.table();
                    AnyQueue::Batch(queues.find_or_create(topic, slot.queue_id))
                }
            };
            batch.queues.push(queue);
        }
        for further in &mut batch.further {
            further.queue = Some(self.queues.find_or_create(&further.name, 0));
        }
    }
}

fn entry_of(slot: &Slot, now_ms: i64) -> Entry {
    Entry {
        physical_offset: slot.physical_offset,
        bytes: i32::try_from(slot.bytes).unwrap_or(i32::MAX),
        tags_code: slot.tags.at(now_ms),
    }
}

impl AppendBatch {
    fn let_go_of_queues(&mut self) {
        self.queues.clear();
        for further in &mut self.further {
            further.queue = None;
        }
    }

    /// Gives the records of a unit their offsets, the first at `position`, and notes the result that
    /// stands if the write succeeds.
    fn assign(&mut self, unit: Unit, position: i64, store_ms: i64) {
        let records = unit.first..unit.first + unit.count;
        let slots = self.records.get_mut(records.clone()).unwrap_or_default();
        let queues = self.queues.get(records.clone()).unwrap_or_default();
        assign_further(&mut self.further, records, &mut self.buffer);
        let mut at = position;
        let mut messages = 0;
        for (slot, queue) in slots.iter_mut().zip(queues) {
            slot.queue_offset = if slot.queued {
                queue.assign(i64::from(slot.messages))
            } else {
                0
            };
            messages += u32::from(slot.messages.unsigned_abs());
            slot.physical_offset = at;
            at += slot.bytes as i64;
            let record = self.buffer.get_mut(slot.start..slot.start + slot.bytes);
            let record = record.unwrap_or_default();
            record::fill_holes(
                record,
                Holes {
                    queue_offset: slot.queue_offset,
                    physical_offset: slot.physical_offset,
                    store_ms,
                },
            );
            if slot.is_inner_batch {
                inner::fill_base(record, slot.queue_offset, slot.sealed);
            }
            if slot.sealed {
                record::seal_property_crc(record);
            }
        }
        let queue_offset = slots.first().map_or(0, |slot| slot.queue_offset);
        self.results.push(Ok(Appended {
            queue_offset: QueueOffset(queue_offset),
            physical_offset: PhysicalOffset(position),
            end: PhysicalOffset(at),
            messages,
            store_ms,
        }));
    }

    /// Makes `refusal` the result of every unit from `first` on, and gives back the queue offsets
    /// that they got.
    fn refuse_from(&mut self, first: usize, refusal: &AppendError) {
        // Only units with a result that stands have offsets: a refused one gave its own back already,
        // and those behind it never got any.
        let units = self.units.get(first..).unwrap_or_default().iter();
        let results = self.results.get(first..).unwrap_or_default();
        let assigned = units.zip(results).filter(|(_, result)| result.is_ok());
        for (unit, _) in assigned {
            let records = unit.first..unit.first + unit.count;
            let slots = self.records.get(records.clone()).unwrap_or_default();
            let queues = self.queues.get(records.clone()).unwrap_or_default();
            for (slot, queue) in slots.iter().zip(queues).filter(|(slot, _)| slot.queued) {
                queue.give_back(slot.queue_offset);
            }
            for further in self.further_of(records) {
                if let Some(queue) = &further.queue {
                    queue.give_back(further.queue_offset);
                }
            }
        }
        self.results.truncate(first);
        self.results.resize(self.units.len(), Err(refusal.clone()));
    }
}

/// Gives the records of a range their offsets in further queues, and writes these into the records.
fn assign_further(all: &mut [Further], records: std::ops::Range<usize>, buffer: &mut [u8]) {
    let start = all.partition_point(|further| further.record < records.start);
    let mut of_record = start;
    for index in start..all.len() {
        let (before, rest) = all.split_at_mut(index);
        let Some(further) = rest.first_mut().filter(|it| it.record < records.end) else {
            return;
        };
        if before
            .last()
            .is_none_or(|last| last.record != further.record)
        {
            of_record = index;
        }
        let mut same = before.get(of_record..).unwrap_or_default().iter();
        let twin = same.find(|it| further.again && it.name == further.name);
        further.queue_offset = match (twin, &further.queue) {
            (Some(twin), _) => twin.queue_offset,
            (None, Some(queue)) => queue.assign(1),
            (None, None) => continue,
        };
        let room = further.offset_at..further.offset_at + OFFSET_DIGITS;
        if let Some(room) = buffer.get_mut(room) {
            multi_dispatch::fill(room, further.queue_offset);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use ferrocket_protocol::message::NewMessage;

    use super::*;
    use crate::config::StoreConfig;
    use crate::disk::mem::MemDisk;
    use crate::signals::NoSignals;

    fn batch(store: &Store) -> AppendBatch {
        let message = NewMessage {
            topic: "T",
            queue_id: 0,
            flag: 0,
            sys_flag: 0,
            born_ms: 1,
            born_host: SocketAddr::from(([127, 0, 0, 1], 50000)),
            store_host: SocketAddr::from(([127, 0, 0, 1], 10911)),
            reconsume_times: 0,
            prepared_transaction_offset: 0,
            properties: b"",
            body: b"body",
        };
        let mut batch = AppendBatch::new();
        batch.push(store.config(), &message).unwrap();
        batch
    }

    fn offset_of(batch: &AppendBatch) -> i64 {
        batch.results()[0].clone().unwrap().queue_offset.0
    }

    #[test]
    fn a_topic_deleted_under_an_append_gets_its_message_in_the_new_queue() {
        let config = StoreConfig::new("/store");
        let disk = Arc::new(MemDisk::new());
        let store = Store::open(disk, config, Arc::new(NoSignals), 1).unwrap();
        for _ in 0..3 {
            store.append(1, &mut batch(&store));
        }
        let mut late = batch(&store);
        store.find_queues(&mut late);
        store.delete_topic("T").unwrap();
        let mut early = batch(&store);
        store.append(1, &mut early);
        store.append_found(1, &mut late);
        assert_eq!((offset_of(&early), offset_of(&late)), (0, 1));
        assert_eq!(store.max_offset("T", 0).0, 2);
    }
}
