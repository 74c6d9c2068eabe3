//! The broker as its owner sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use arc_swap::ArcSwap;
use ferrocket_protocol::bodies::DataVersion;
use ferrocket_protocol::peer::{ConnectionId, Peer};
use ferrocket_store::Store;
use ferrocket_store::disk::Disk;
use parking_lot::Mutex;

use crate::chance::Chance;
use crate::clients::Clients;
use crate::config::BrokerConfig;
use crate::delay::Delay;
use crate::filter::Filters;
use crate::groups::Groups;
use crate::locks::QueueLocks;
use crate::metrics::{Metrics, MetricsSnapshot, Sizes};
use crate::offsets::Offsets;
use crate::pull::PullState;
use crate::send::SendRun;
use crate::send::flush_wait::FlushWait;
use crate::stages::Stages;
use crate::stats::{METER_INTERVAL_MS, Stats};
use crate::surroundings::{ColdRead, RegistrationChange, Surroundings};
use crate::topics::Topics;
use crate::{OpenError, PersistError};

/// How often silent clients are looked for.
const CLIENT_SCAN_INTERVAL_MS: i64 = 10_000;

/// How often the filters of consumers are written, when they changed.
const FILTER_SAVE_INTERVAL_MS: i64 = 10_000;

/// What a broker is made of.
#[derive(Debug)]
pub struct Parts {
    pub store: Arc<Store>,
    /// Where `config/*.json` live, below the store's root.
    pub disk: Arc<dyn Disk>,
    pub surroundings: Arc<dyn Surroundings>,
    /// Feeds the choice of a queue for sends that leave it to the broker, and message ids that the
    /// broker makes for clients which sent none. Any number that differs between starts.
    pub seed: u64,
}

/// The broker; see the crate.
#[derive(Debug)]
pub struct Broker {
    pub(crate) config: ArcSwap<BrokerConfig>,
    pub(crate) config_version: Mutex<DataVersion>,
    pub(crate) store: Arc<Store>,
    pub(crate) surroundings: Arc<dyn Surroundings>,
    pub(crate) topics: Topics,
    pub(crate) groups: Groups,
    pub(crate) offsets: Offsets,
    pub(crate) clients: Clients,
    pub(crate) filters: Filters,
    pub(crate) locks: QueueLocks,
    pub(crate) delay: Delay,
    pub(crate) flush_wait: FlushWait,
    pub(crate) pull_state: PullState,
    pub(crate) spare_runs: Mutex<Vec<SendRun>>,
    pub(crate) chance: Chance,
    pub(crate) stats: Stats,
    pub(crate) metrics: Metrics,
    pub(crate) stages: Stages,
    stopping: AtomicBool,
    next_client_scan_ms: AtomicI64,
    next_meter_sample_ms: AtomicI64,
    next_offset_save_ms: AtomicI64,
    next_delay_save_ms: AtomicI64,
    next_filter_save_ms: AtomicI64,
}

impl Broker {
    /// Loads topics, groups and offsets, creates the system topics, and is ready for frames.
    ///
    /// # Errors
    /// When a table and its backup are both unreadable, or one that had to be corrected cannot be
    /// written.
    pub fn open(config: BrokerConfig, parts: Parts, now_ms: i64) -> Result<Self, OpenError> {
        let Parts {
            store,
            disk,
            surroundings,
            seed,
        } = parts;
        let directory = store.config().below_root("config");
        let light = store.config().enable_lmq;
        let topics = Topics::open(&config, Arc::clone(&disk), &directory, light, now_ms)?;
        let groups = Groups::open(Arc::clone(&disk), &directory, light, now_ms)?;
        let filters = Filters::open(&config, Arc::clone(&disk), &directory, now_ms)?;
        let offsets = Offsets::open(Arc::clone(&disk), &directory, light, now_ms)?;
        offsets.reconcile(&topics, &store)?;
        let delay = Delay::open(Arc::clone(&disk), &directory, &store, now_ms)?;
        let lock_journal = store.config().below_root("ferrocket").join("queueLocks");
        let locks = QueueLocks::open(disk, lock_journal, now_ms);
        let stats = Stats::default();
        stats.start(now_ms);
        Ok(Self {
            topics,
            groups,
            offsets,
            delay,
            clients: Clients::new(),
            filters,
            locks,
            flush_wait: FlushWait::default(),
            pull_state: PullState::new(),
            spare_runs: Mutex::default(),
            chance: Chance::new(seed),
            stats,
            metrics: Metrics::default(),
            stages: Stages::default(),
            stopping: AtomicBool::new(false),
            next_client_scan_ms: AtomicI64::new(now_ms + CLIENT_SCAN_INTERVAL_MS),
            next_meter_sample_ms: AtomicI64::new(now_ms),
            next_offset_save_ms: AtomicI64::new(now_ms + config.flush_consumer_offset_interval_ms),
            next_delay_save_ms: AtomicI64::new(now_ms + config.flush_delay_offset_interval_ms),
            next_filter_save_ms: AtomicI64::new(now_ms + FILTER_SAVE_INTERVAL_MS),
            config_version: Mutex::new(DataVersion {
                timestamp: now_ms,
                ..DataVersion::default()
            }),
            config: ArcSwap::from_pointee(config),
            store,
            surroundings,
        })
    }

    /// The settings in force.
    #[must_use]
    pub fn config(&self) -> Arc<BrokerConfig> {
        self.config.load_full()
    }

    /// What happened when bounds were hit.
    #[must_use]
    pub fn metrics(&self) -> MetricsSnapshot {
        self.metrics.snapshot()
    }

    /// How much there is, and was.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        Sizes {
            topics: self.topics.len(),
            groups: self.groups.all().len(),
            conflicting_groups: self.clients.consumers.conflicts(),
            messages_put: self.stats.put_messages.total(),
            messages_got: self.stats.get_messages.total(),
            sends_failed: self.stats.put_failed.total(),
        }
    }

    /// Takes over new settings. What is only read at the start stays as it was.
    pub(crate) fn reconfigure(&self, now_ms: i64, config: BrokerConfig) {
        let permission_changed = config.broker_permission != self.config.load().broker_permission;
        self.config.store(Arc::new(config));
        self.config_version.lock().advance(0, now_ms);
        if permission_changed {
            self.topics.bump_version(now_ms);
            self.surroundings
                .registration_changed(RegistrationChange::All);
        }
    }

    /// A connection was made. Nothing is known of it before its first frame.
    pub fn connected(&self, _now_ms: i64, peer: &Arc<dyn Peer>) {
        tracing::debug!(remote = %peer.remote(), "connected");
    }

    /// A connection is gone: its clients leave their groups.
    pub fn disconnected(&self, now_ms: i64, id: ConnectionId) {
        self.connection_gone(now_ms, id);
    }

    /// Serves a pull that may wait for the disk; called on a thread that may.
    pub fn read_cold(&self, now_ms: i64, job: ColdRead) {
        self.serve_cold_read(now_ms, job);
    }

    /// Refuses a pull that was to be read later, such as those that wait when the broker stops.
    pub fn refuse_cold(&self, job: &ColdRead) {
        self.refuse_cold_read(job);
    }

    /// Called by the flusher after each flush: completes synchronous sends, wakes waiting pulls.
    pub fn durable_advanced(&self, now_ms: i64) {
        self.complete_durable(now_ms);
    }

    /// Time-driven work that never waits for a disk (long-polling timeouts, flush timeouts, client
    /// expiry); the shell calls it at least every 100 ms.
    pub fn tick(&self, now_ms: i64) {
        self.expire_flush_waits(now_ms);
        self.expire_pulls(now_ms);
        self.stats.sample(now_ms);
        self.send_collected_notifications(now_ms);
        self.expire_calls(now_ms);
        if is_due(&self.next_client_scan_ms, CLIENT_SCAN_INTERVAL_MS, now_ms) {
            self.expire_clients(now_ms);
            self.locks.expire(now_ms);
        }
        if is_due(&self.next_meter_sample_ms, METER_INTERVAL_MS, now_ms) {
            self.topics
                .each(|topic| topic.live.put_messages.sample(now_ms));
            self.offsets.sample(now_ms);
        }
    }

    /// Writes the offsets of consumers and delay levels (`flushConsumerOffsetInterval`,
    /// `flushDelayOffsetInterval`) and the filters of consumers when they are due. Blocking; the shell calls it about
    /// once a second on a thread that may wait.
    ///
    /// # Errors
    /// When the disk refuses; a later call tries again.
    pub fn persist(&self, now_ms: i64) -> Result<(), PersistError> {
        self.locks.save(now_ms);
        let config = self.config.load();
        let interval_ms = config.flush_consumer_offset_interval_ms;
        let mut saved = Ok(());
        if is_due(&self.next_offset_save_ms, interval_ms, now_ms) {
            saved = self.offsets.save();
        }
        let interval_ms = config.flush_delay_offset_interval_ms;
        if is_due(&self.next_delay_save_ms, interval_ms, now_ms) {
            saved = saved.and(self.delay.save(&self.store, now_ms));
        }
        if is_due(&self.next_filter_save_ms, FILTER_SAVE_INTERVAL_MS, now_ms) {
            saved = saved.and(self.save_filters(now_ms));
        }
        saved
    }

    /// Clean stop: refuses new work, flushes the store and answers every parked request, and writes
    /// all tables. Blocking. Older clients are served until the ports are closed; then
    /// [`Self::persist_final`] writes what they still changed, and the caller closes the store.
    ///
    /// # Errors
    /// When the disk refuses a table; the others are written.
    pub fn shutdown(&self, now_ms: i64) -> Result<(), PersistError> {
        self.stopping.store(true, Ordering::Release);
        if let Err(error) = self.store.flush(now_ms) {
            tracing::error!(%error, "the log is not flushed, whoever waits for it is told so");
        }
        self.complete_durable(now_ms);
        self.expire_flush_waits(i64::MAX);
        self.answer_waiters(now_ms);
        // Older clients may still bring filters; what they bring they bring again.
        let filters = self.save_filters(now_ms);
        self.persist_final(now_ms).and(filters)
    }

    fn save_filters(&self, now_ms: i64) -> Result<(), PersistError> {
        let kept_ms = self.config.load().filter_data_clean_time_span_ms;
        self.filters.save(now_ms, kept_ms)
    }

    /// Writes every table that changed since it was written last, whether it is due or not.
    /// Blocking; after the last frame was handed over, nothing that was accepted is lost.
    ///
    /// # Errors
    /// When the disk refuses a table; the others are written.
    pub fn persist_final(&self, now_ms: i64) -> Result<(), PersistError> {
        self.locks.save(now_ms);
        let saved = [
            self.topics.save(),
            self.groups.save(),
            self.offsets.save(),
            self.delay.save(&self.store, now_ms),
        ];
        saved.into_iter().collect()
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

/// Whether work is due that is done every `interval_ms`; once for each time that it is.
fn is_due(next_ms: &AtomicI64, interval_ms: i64, now_ms: i64) -> bool {
    let planned_ms = next_ms.load(Ordering::Relaxed);
    now_ms >= planned_ms
        && next_ms
            .compare_exchange(
                planned_ms,
                now_ms + interval_ms,
                Ordering::Relaxed,
                Ordering::Relaxed,
            )
            .is_ok()
}
