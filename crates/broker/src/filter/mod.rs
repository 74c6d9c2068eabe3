//! What groups filter by beside tags: SQL92 expressions, as heartbeats bring them
//! (`ConsumerFilterManager`), and `consumerFilter.json`.
//!
//! A filter is compiled once for each version of a subscription. One whose group went, or does not want
//! the topic any more, is *dead*: it is kept for `filterDataCleanTimeSpan`, since its messages may
//! carry its bits. The bits of a message are believed only from the place in the log on where the
//! filter was in force, which ends with the process: bits of an earlier life are not.
//!
//! Deliberately absent: the expression itself (`ferrocket_filter`), and expressions that come with
//! pulls (`clients::compensation`).

pub(crate) mod bloom;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use ferrocket_filter::Expression;
use ferrocket_protocol::bodies::{
    self, BloomFilterData, ConsumerFilterData, ConsumerFilterWrapper, EXPRESSION_TYPE_SQL92,
    FilterDataMapByTopic, SubscriptionData,
};
use ferrocket_protocol::message::{properties, property};
use ferrocket_store::disk::Disk;
use ferrocket_store::{AppendBatch, PhysicalOffset, Store};
use parking_lot::Mutex;

use self::bloom::BloomShape;
use crate::clients::subscription::is_tag_type;
use crate::config::BrokerConfig;
use crate::ledger::Ledger;
use crate::read_mostly::ReadMostly;
use crate::topics::Topic;
use crate::{Broker, OpenError, PersistError};

/// Filters of all groups; those beyond it are refused when they pull.
const FILTERS_MAX: usize = 100_000;

const FILE: &str = "consumerFilter.json";
/// The groups of a file are taken to have gone so long before the start.
const GONE_BEFORE_START_MS: i64 = 30_000;

/// The filter of one group for one topic.
#[derive(Debug)]
pub(crate) struct Filter {
    group: Box<str>,
    text: Box<str>,
    expression: Expression,
    bits: BloomFilterData,
    born_ms: i64,
    /// Of the subscription, as the client counts.
    version: AtomicI64,
    /// 0 while the group is there.
    dead_ms: AtomicI64,
    /// Records from here on have its bits, or none at all.
    bits_from: AtomicI64,
}

impl Filter {
    pub(crate) fn version(&self) -> i64 {
        self.version.load(Ordering::Relaxed)
    }

    /// Whether the bits of a record say that it does not match.
    pub(crate) fn is_excluded_by(&self, bits: &[u8], at: PhysicalOffset) -> bool {
        at.0 >= self.bits_from.load(Ordering::Acquire) && bloom::excludes(bits, &self.bits)
    }

    /// Whether a message with these properties matches.
    pub(crate) fn matches(&self, text: &[u8]) -> bool {
        matches(&self.expression, text)
    }

    fn is_dead(&self) -> bool {
        self.dead_ms.load(Ordering::Relaxed) >= self.born_ms
    }

    fn die(&self, now_ms: i64) {
        // A clock that went back would leave it alive.
        self.dead_ms
            .store(now_ms.max(self.born_ms), Ordering::Relaxed);
    }

    fn body(&self, topic: &str) -> ConsumerFilterData {
        ConsumerFilterData {
            bloom_filter_data: Some(self.bits.clone()),
            born_time: self.born_ms,
            client_version: self.version(),
            consumer_group: self.group.to_string(),
            dead: self.is_dead(),
            dead_time: self.dead_ms.load(Ordering::Relaxed),
            expression: self.text.to_string(),
            expression_type: EXPRESSION_TYPE_SQL92.to_owned(),
            topic: topic.to_owned(),
        }
    }
}

/// Whether a message with these properties matches an expression.
pub(crate) fn matches(expression: &Expression, text: &[u8]) -> bool {
    expression.matches(|name| properties::find(text, name))
}

/// The filters for one topic, by group.
#[derive(Debug, Clone)]
struct OfTopic {
    topic: Box<str>,
    groups: BTreeMap<Box<str>, Arc<Filter>>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Filters {
    shape: BloomShape,
    topics: ReadMostly<OfTopic>,
    count: AtomicUsize,
    /// Serialises changes.
    change: Mutex<()>,
    ledger: Ledger,
}

impl Broker {
    /// Adds to messages that were just put into a batch which filters of their topic want them, where
    /// that is kept (`enableCalcFilterBitMap`).
    pub(crate) fn push_filter_bits<'a>(
        &self,
        config: &BrokerConfig,
        topic: &Topic,
        texts: impl Iterator<Item = &'a [u8]>,
        batch: &mut AppendBatch,
    ) {
        if !config.enable_calc_filter_bit_map
            || !self.store.config().queue_ext_enable
            || topic.batch_queues
        {
            return;
        }
        // Before the filters are looked at: bits that lack a new one are then known as such.
        let epoch = self.store.filter_epoch();
        for (nth, text) in texts.enumerate() {
            // The append adds the offsets in light queues to the properties.
            if properties::find(text, property::INNER_MULTI_DISPATCH).is_none()
                && let Some(bits) = self.filters.bits_of(topic.name(), text)
            {
                batch.push_filter_bits(nth, &bits, epoch);
            }
        }
    }
}

impl Filters {
    pub(crate) fn open(
        config: &BrokerConfig,
        disk: Arc<dyn Disk>,
        directory: &Path,
        now_ms: i64,
    ) -> Result<Self, OpenError> {
        let filters = Self {
            shape: BloomShape::of(config),
            topics: ReadMostly::new(),
            count: AtomicUsize::new(0),
            change: Mutex::new(()),
            ledger: Ledger::new(disk, directory.join(FILE)),
        };
        let saved = filters
            .ledger
            .read(bodies::read_file::<ConsumerFilterWrapper>)?;
        if let Some(saved) = saved {
            filters.take_over(saved, now_ms);
        }
        Ok(filters)
    }

    fn take_over(&self, saved: ConsumerFilterWrapper, now_ms: i64) {
        let topics = saved.filter_data_by_topic;
        let mut all = topics.values().flat_map(|of| of.group_filter_data.values());
        let fits = |data: &BloomFilterData| self.shape.fits(data);
        if !all.all(|data| data.bloom_filter_data.as_ref().is_none_or(fits)) {
            tracing::warn!(
                file = FILE,
                "the parameters of Bloom filters changed: filters are kept when consumers bring them again"
            );
            return;
        }
        for (topic, of) in topics {
            for (group, data) in of.group_filter_data {
                let Ok(expression) = Expression::compile(&data.expression) else {
                    tracing::warn!(%topic, %group, "a saved filter is no expression, its consumers bring it again");
                    continue;
                };
                let gone_ms = (now_ms - GONE_BEFORE_START_MS).max(data.born_time);
                let dead_ms = if data.dead_time == 0 {
                    gone_ms
                } else {
                    data.dead_time
                };
                self.put(
                    &topic,
                    Filter {
                        bits: self.shape.positions_of(&group, &topic),
                        group: group.into(),
                        text: data.expression.into(),
                        expression,
                        born_ms: data.born_time,
                        version: AtomicI64::new(data.client_version),
                        dead_ms: AtomicI64::new(dead_ms),
                        bits_from: AtomicI64::new(i64::MAX),
                    },
                );
            }
        }
    }

    pub(crate) fn get(&self, topic: &str, group: &str) -> Option<Arc<Filter>> {
        self.topics.get(topic)?.groups.get(group).cloned()
    }

    /// Takes over what a heartbeat of a group says.
    pub(crate) fn register(
        &self,
        store: &Store,
        group: &str,
        subscriptions: &[SubscriptionData],
        now_ms: i64,
    ) {
        for wanted in subscriptions {
            if !is_tag_type(&wanted.expression_type) && !wanted.class_filter_mode {
                self.register_one(store, group, wanted, now_ms);
            }
        }
        self.let_die(group, now_ms, |topic| {
            !subscriptions.iter().any(|wanted| wanted.topic == topic)
        });
    }

    /// Nobody of the group is there any more.
    pub(crate) fn unregister(&self, group: &str, now_ms: i64) {
        self.let_die(group, now_ms, |_| true);
    }

    fn register_one(&self, store: &Store, group: &str, wanted: &SubscriptionData, now_ms: i64) {
        let change = self.change.lock();
        if let Some(present) = self.get(&wanted.topic, group) {
            let version = wanted.sub_version;
            let same = *present.text == *wanted.sub_string;
            // Who comes after all others have gone is believed, whatever its clock says.
            if version < present.version() && !present.is_dead() {
                return;
            }
            if same {
                let changed = present.version.swap(version, Ordering::Relaxed) != version;
                if changed | (present.dead_ms.swap(0, Ordering::Relaxed) != 0) {
                    self.ledger.touch();
                }
                return;
            }
            if version == present.version() && !present.is_dead() {
                return;
            }
        }
        let expression = match Expression::compile(&wanted.sub_string) {
            Ok(expression) if wanted.expression_type == EXPRESSION_TYPE_SQL92 => expression,
            refused => {
                let error = refused.err().map(|error| error.to_string());
                tracing::warn!(topic = %wanted.topic, %group, kind = %wanted.expression_type, error, "a filter that is none: its pulls are refused");
                self.remove(&wanted.topic, group);
                return;
            }
        };
        let filter = self.put(
            &wanted.topic,
            Filter {
                group: group.into(),
                text: wanted.sub_string.as_str().into(),
                expression,
                bits: self.shape.positions_of(group, &wanted.topic),
                born_ms: now_ms,
                version: AtomicI64::new(wanted.sub_version),
                dead_ms: AtomicI64::new(0),
                bits_from: AtomicI64::new(i64::MAX),
            },
        );
        drop(change);
        if let Some(filter) = filter {
            let from = store.begin_filter_epoch();
            filter.bits_from.store(from.0, Ordering::Release);
        }
    }

    fn put(&self, topic: &str, filter: Filter) -> Option<Arc<Filter>> {
        let filter = Arc::new(filter);
        let is_new = self.get(topic, &filter.group).is_none();
        if is_new && self.count.load(Ordering::Relaxed) >= FILTERS_MAX {
            tracing::warn!(topic, group = %filter.group, max = FILTERS_MAX, "too many filters, pulls with this one are refused");
            return None;
        }
        self.topics.update(topic, |present| {
            let mut of = present.map_or_else(
                || OfTopic {
                    topic: topic.into(),
                    groups: BTreeMap::new(),
                },
                |present| (**present).clone(),
            );
            of.groups.insert(filter.group.clone(), Arc::clone(&filter));
            Some(Arc::new(of))
        });
        self.count.fetch_add(usize::from(is_new), Ordering::Relaxed);
        self.ledger.touch();
        Some(filter)
    }

    fn remove(&self, topic: &str, group: &str) {
        self.retain(topic, |filter| *filter.group != *group);
    }

    fn retain(&self, topic: &str, keep: impl Fn(&Filter) -> bool) {
        let mut removed = 0;
        self.topics.update(topic, |present| {
            let present = present?;
            let mut of = (**present).clone();
            of.groups.retain(|_, filter| keep(filter));
            removed = present.groups.len() - of.groups.len();
            if removed == 0 {
                return Some(Arc::clone(present));
            }
            (!of.groups.is_empty()).then(|| Arc::new(of))
        });
        if removed > 0 {
            self.count.fetch_sub(removed, Ordering::Relaxed);
            self.ledger.touch();
        }
    }

    fn let_die(&self, group: &str, now_ms: i64, gone: impl Fn(&str) -> bool) {
        if self.topics.len() == 0 {
            return;
        }
        for of in self.topics.values() {
            if let Some(filter) = of.groups.get(group)
                && !filter.is_dead()
                && gone(&of.topic)
            {
                filter.die(now_ms);
                self.ledger.touch();
            }
        }
    }

    /// The map of a message: the bits of every filter of its topic that wants it. `None` when there
    /// are no filters.
    pub(crate) fn bits_of(&self, topic: &str, text: &[u8]) -> Option<Vec<u8>> {
        let of = self.topics.get(topic)?;
        let mut map = self.shape.empty_map();
        for filter in of.groups.values().filter(|filter| filter.matches(text)) {
            bloom::set(&mut map, &filter.bits);
        }
        Some(map)
    }

    /// Drops what has been dead for longer than `kept_ms`, and writes the file if anything changed.
    pub(crate) fn save(&self, now_ms: i64, kept_ms: i64) -> Result<(), PersistError> {
        {
            let _change = self.change.lock();
            for of in self.topics.values() {
                self.retain(&of.topic, |filter| {
                    let dead_ms = filter.dead_ms.load(Ordering::Relaxed);
                    !filter.is_dead() || now_ms - dead_ms <= kept_ms
                });
            }
        }
        self.ledger.write(|| bodies::print_file(&self.wrapper()))
    }

    fn wrapper(&self) -> ConsumerFilterWrapper {
        let topics = self.topics.values().into_iter().map(|of| {
            let groups = of.groups.values();
            let groups = groups.map(|filter| (filter.group.to_string(), filter.body(&of.topic)));
            let body = FilterDataMapByTopic {
                group_filter_data: groups.collect(),
                topic: of.topic.to_string(),
            };
            (of.topic.to_string(), body)
        });
        ConsumerFilterWrapper {
            filter_data_by_topic: topics.collect(),
        }
    }
}
