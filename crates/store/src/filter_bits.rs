//! Bits of filters: what the owner computed of messages before their append, for the extension of
//! their queue (`CommitLogDispatcherCalcBitMap` of Java computes them behind it).
//!
//! Bits say nothing of a filter that came after they were computed. So every change of the filters
//! begins an *epoch*: bits of an older one are dropped by the append, and a filter may trust those of
//! records from the place on that [`Store::begin_filter_epoch`] answered.

use std::sync::atomic::Ordering;

use crate::batch::AppendBatch;
use crate::offsets::PhysicalOffset;
use crate::store::Store;

/// The bits of the messages of a batch.
#[derive(Debug, Default)]
pub(crate) struct FilterBits {
    /// By record, ascending; records without bits are left out.
    of_records: Vec<(usize, Box<[u8]>)>,
    /// The oldest that any of them was computed in.
    epoch: u64,
}

impl FilterBits {
    pub(crate) fn clear(&mut self) {
        self.of_records.clear();
    }

    /// The bits of a record, if they are of this epoch.
    pub(crate) fn of_record(&self, record: usize, epoch: u64) -> &[u8] {
        if self.of_records.is_empty() || self.epoch != epoch {
            return &[];
        }
        let at = self.of_records.binary_search_by_key(&record, |(of, _)| *of);
        at.ok()
            .and_then(|at| self.of_records.get(at))
            .map_or(&[], |(_, bits)| bits)
    }
}

impl AppendBatch {
    /// Adds the bits of a message that was just pushed, the `nth` of its group, computed in an epoch
    /// of [`Store::filter_epoch`] that was read before the filters were looked at.
    pub fn push_filter_bits(&mut self, nth: usize, bits: &[u8], epoch: u64) {
        let Some(record) = self.units.last().map(|unit| unit.first + nth) else {
            return;
        };
        let all = &mut self.filter_bits;
        all.epoch = if all.of_records.is_empty() {
            epoch
        } else {
            all.epoch.min(epoch)
        };
        all.of_records.push((record, bits.into()));
    }
}

impl Store {
    /// Changes with every change of the filters.
    #[must_use]
    pub fn filter_epoch(&self) -> u64 {
        self.filter_epoch.load(Ordering::Acquire)
    }

    /// The filters changed, which everybody can see already. Records from the answered place on have
    /// bits of the new filters, or none.
    pub fn begin_filter_epoch(&self) -> PhysicalOffset {
        // No append is under way while this is held.
        let appender = self.appender.lock();
        self.filter_epoch.fetch_add(1, Ordering::AcqRel);
        PhysicalOffset(appender.position)
    }
}
