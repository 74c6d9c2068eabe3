//! The state of a run: the disk, the store on it, and what is known about it.

use std::collections::VecDeque;
use std::sync::Arc;

use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{FlushMode, NoSignals, OpenError, Planted, Store, StoreConfig};

use super::ledger::Ledger;
use super::meanwhile::Meanwhile;
use super::plan::Plan;
use super::violation::Violation;
use super::{EVENTS_SHOWN, Summary};
use crate::random::Random;

/// When the world begins.
const BEGIN_MS: i64 = 1_700_000_000_000;

#[derive(Debug)]
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) random: Random,
    pub(super) disk: MemDisk,
    pub(super) store: Option<Arc<Store>>,
    pub(super) ledger: Ledger,
    pub(super) meanwhile: Arc<Meanwhile>,
    pub(super) now_ms: i64,
    /// The message that rotted before this start.
    pub(super) rotten_now: Option<usize>,
    /// Where the log begins.
    pub(super) log_start: i64,
    /// Old segments may have been deleted since the last start.
    pub(super) has_cleaned: bool,
    /// The watermarks as they were seen last.
    pub(super) appended: i64,
    pub(super) durable: i64,
    /// Faults that had struck before this life.
    pub(super) struck_before: u64,
    /// The disk had an end in this life.
    pub(super) was_bounded: bool,
    pub(super) summary: Summary,
    events: Option<VecDeque<String>>,
}

impl World {
    pub(super) fn new(
        seed: u64,
        planted: Option<Planted>,
        events: Option<VecDeque<String>>,
    ) -> Self {
        let mut random = Random::new(seed);
        let plan = Plan::draw(&mut random, planted);
        let mut world = Self {
            ledger: Ledger::new(plan.topics, plan.queues),
            random,
            disk: MemDisk::new(),
            store: None,
            meanwhile: Arc::default(),
            now_ms: BEGIN_MS,
            rotten_now: None,
            log_start: 0,
            has_cleaned: false,
            appended: 0,
            durable: 0,
            struck_before: 0,
            was_bounded: false,
            summary: Summary::default(),
            events,
            plan,
        };
        let plan = world.plan.clone();
        world.note(|| format!("{plan:?}"));
        world
    }

    /// Notes an event, when somebody will read it.
    pub(super) fn note(&mut self, event: impl FnOnce() -> String) {
        if let Some(events) = &mut self.events {
            if events.len() == EVENTS_SHOWN {
                // The first one tells the plan.
                events.remove(1);
            }
            events.push_back(event());
        }
    }

    pub(super) fn take_events(&mut self) -> VecDeque<String> {
        self.events.take().unwrap_or_default()
    }

    pub(super) fn config(&self) -> &StoreConfig {
        &self.plan.config
    }

    pub(super) fn mode(&self) -> FlushMode {
        self.plan.config.flush_mode
    }

    pub(super) fn open(&self, disk: &MemDisk) -> Result<Store, OpenError> {
        let config = self.plan.config.clone();
        Store::open(
            Arc::new(disk.clone()),
            config,
            Arc::new(NoSignals),
            self.now_ms,
        )
    }

    /// The store of this life; a step without one has nothing to do.
    pub(super) fn store(&self) -> Result<Arc<Store>, Violation> {
        let store = self.store.as_ref().map(Arc::clone);
        store.ok_or_else(|| Violation::new("the simulator lost its store"))
    }

    /// Whether something went wrong in this life that a store may fail of.
    pub(super) fn is_excused(&self) -> bool {
        self.disk.is_off() || self.was_bounded || self.disk.faults_struck() > self.struck_before
    }
}
