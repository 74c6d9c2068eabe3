//! Delay levels (`ScheduleMessageService`): a message with the property `DELAY` waits in the queue of
//! its level, a queue of `SCHEDULE_TOPIC_XXXX`, and is stored in its own topic when its time has come.
//!
//! Each level is a small state machine: the place of the next message that is not delivered, and the
//! time at which to look again. [`Broker::deliver_delayed`] looks at the levels that are due and says
//! when it wants to be called next; a message that arrives in an empty level asks for a call. Within
//! a level messages keep their order; a level that cannot go on holds up no other.
//!
//! Places reach `delayOffset.json` every `flushDelayOffsetInterval`, after what was delivered is on
//! the disk, and at a clean stop: a crash may deliver a message once more, never less than once.

mod deliver;
mod put;

pub(crate) use put::level;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ferrocket_protocol::bodies::{self, DataVersion, DelayOffsetSerializeWrapper};
use ferrocket_protocol::outbox::Outbox;
use ferrocket_store::disk::Disk;
use ferrocket_store::{Store, StoreConfig};
use parking_lot::Mutex;

use crate::ledger::Ledger;
use crate::request::Request;
use crate::send::SendRun;
use crate::topics::names::SCHEDULE_TOPIC;
use crate::{Broker, OpenError, PersistError};

const FILE: &str = "delayOffset.json";
/// Queues of the schedule topic that are looked at for messages of levels that are gone.
const LEVELS_MAX: i32 = 1_024;
/// So much the clock may go back while messages wait. Without any slack, as in Java, the smallest step
/// delivers what was sent just before it, early by its whole delay.
const CLOCK_SLACK_MS: i64 = 60_000;
/// Nothing waits in the level.
const IDLE: i64 = i64::MAX;

/// See the module.
#[derive(Debug)]
pub(crate) struct Delay {
    /// Those of `messageDelayLevel`, and behind them those that it has no longer and in which messages
    /// wait. Java leaves these where they are.
    levels: Box<[Level]>,
    /// Places of other levels; kept for the day when there are such.
    others: BTreeMap<i32, i64>,
    version: Mutex<DataVersion>,
    /// Deliveries, for steps of the version.
    delivered: AtomicI64,
    /// Held by the one turn of deliveries that is under way.
    turn: Mutex<SendRun>,
    /// What was stored once can be stored again, whatever `maxMessageSize` says by now.
    limits: StoreConfig,
    ledger: Ledger,
}

/// A level, which is a queue of the schedule topic.
#[derive(Debug)]
struct Level {
    queue_id: i32,
    /// The longest that a message waits here; without a limit when `messageDelayLevel` does not say.
    delay_ms: i64,
    /// The first message that is not delivered.
    offset: AtomicI64,
    /// When to look again, or [`IDLE`].
    wake_ms: AtomicI64,
}

impl Level {
    /// Java's number of it.
    fn number(&self) -> i32 {
        self.queue_id + 1
    }

    /// Whether a time was planned by a clock that went far back since, or for a longer level.
    fn is_too_far(&self, at_ms: i64, now_ms: i64) -> bool {
        let longest_ms = self.delay_ms.saturating_add(CLOCK_SLACK_MS);
        at_ms > now_ms.saturating_add(longest_ms)
    }

    fn is_due(&self, now_ms: i64) -> bool {
        let wake_ms = self.wake_ms.load(Ordering::Acquire);
        wake_ms != IDLE && (wake_ms <= now_ms || self.is_too_far(wake_ms, now_ms))
    }
}

impl Delay {
    /// Reads the places and puts those right that point past their queue, as Java does.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        directory: &Path,
        store: &Store,
        now_ms: i64,
    ) -> Result<Self, OpenError> {
        let ledger = Ledger::new(disk, directory.join(FILE));
        let saved = ledger
            .read(bodies::read_file::<DelayOffsetSerializeWrapper>)?
            .unwrap_or_default();
        let mut others = saved.offset_table;
        let table = &store.config().delay_levels_ms;
        let known = i32::try_from(table.len()).unwrap_or(i32::MAX);
        let gone = (known..LEVELS_MAX)
            .filter(|queue_id| store.max_offset(SCHEDULE_TOPIC, *queue_id).0 > 0)
            .map(|queue_id| (queue_id, i64::MAX));
        let levels: Box<[Level]> = (0..)
            .zip(table.iter().copied())
            .chain(gone)
            .map(|(queue_id, delay_ms)| {
                let min = store.min_offset(SCHEDULE_TOPIC, queue_id).0;
                let max = store.max_offset(SCHEDULE_TOPIC, queue_id).0;
                let offset = others.remove(&(queue_id + 1)).unwrap_or(0);
                let placed = offset.clamp(min, max.max(min));
                if placed != offset {
                    let level = queue_id + 1;
                    tracing::warn!(
                        level,
                        offset,
                        placed,
                        "a delay offset pointed past its queue"
                    );
                    ledger.touch();
                }
                Level {
                    queue_id,
                    delay_ms,
                    offset: AtomicI64::new(placed),
                    wake_ms: AtomicI64::new(0),
                }
            })
            .collect();
        let fresh = DataVersion {
            timestamp: now_ms,
            ..DataVersion::default()
        };
        Ok(Self {
            levels,
            others,
            version: Mutex::new(saved.data_version.unwrap_or(fresh)),
            delivered: AtomicI64::new(0),
            turn: Mutex::default(),
            limits: StoreConfig {
                body_bytes_max: usize::MAX,
                ..store.config().clone()
            },
            ledger,
        })
    }

    /// A message arrived in a queue of the schedule topic; whether that makes a call of
    /// [`Broker::deliver_delayed`] due before the time it named. Call it between
    /// [`before_arrivals`](crate::pull::waiting::before_arrivals) and the next append.
    pub(crate) fn arrived(&self, queue_id: i32) -> bool {
        let level = usize::try_from(queue_id).ok();
        let level = level.and_then(|index| self.levels.get(index));
        level.is_some_and(|level| {
            level
                .wake_ms
                .compare_exchange(IDLE, 0, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
        })
    }

    fn wrapper(&self) -> DelayOffsetSerializeWrapper {
        let begun = |level: &&Level| level.offset.load(Ordering::Acquire) > 0;
        let mut offset_table = self.others.clone();
        for level in self.levels.iter().filter(begun) {
            offset_table.insert(level.number(), level.offset.load(Ordering::Acquire));
        }
        DelayOffsetSerializeWrapper {
            data_version: Some(*self.version.lock()),
            offset_table,
        }
    }

    /// Writes the places if any changed. What they say is delivered is on the disk before.
    pub(crate) fn save(&self, store: &Store, now_ms: i64) -> Result<(), PersistError> {
        let Some(unsaved) = self.ledger.unsaved() else {
            return Ok(());
        };
        let text = bodies::print_file(&self.wrapper());
        if store.durable() < store.appended()
            && let Err(error) = store.flush(now_ms)
        {
            // Nobody may pass over messages that were delivered into a log that loses them.
            return Err(PersistError::Io {
                file: FILE.to_owned(),
                source: std::io::Error::other(error),
            });
        }
        self.ledger.write_as_of(unsaved, &text)
    }

    /// `scheduleMessageOffset_N`, by level: how far it is delivered, and how far it goes.
    pub(crate) fn progress(&self, store: &Store) -> Vec<(i32, i64, i64)> {
        let table = self.wrapper().offset_table;
        table
            .into_iter()
            .map(|(level, offset)| {
                let max = store.max_offset(SCHEDULE_TOPIC, level - 1);
                (level, offset, max.0)
            })
            .collect()
    }
}

impl Broker {
    /// GET_ALL_DELAY_OFFSET.
    pub(crate) fn all_delay_offsets(&self, request: &Request<'_>, out: &mut Outbox) {
        crate::admin::reply_body(request, &self.delay.wrapper(), out);
    }
}
