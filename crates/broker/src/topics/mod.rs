//! The topics of this broker (`TopicConfigManager`): settings, auto-creation, and `topics.json`.
//!
//! Readers look into a snapshot and take no lock. A change is in memory first and in the file before
//! the caller goes on; when the file cannot be written the change stays in memory, the failure is
//! logged, and the next change tries again. Telling the name servers is the caller's business.

pub(crate) mod attributes;
mod light;
pub(crate) mod names;
mod system;
mod topic;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use ferrocket_protocol::bodies::{self, DataVersion, TopicConfig, TopicConfigSerializeWrapper};
use ferrocket_store::disk::Disk;
use parking_lot::{Mutex, RwLock};

use crate::config::{BrokerConfig, PERM_READ, PERM_WRITE};
use crate::ledger::Ledger;
use crate::read_mostly::ReadMostly;
use crate::topics::light::LightTopics;
use crate::{OpenError, PersistError};

pub(crate) use topic::{Topic, TopicKind};

/// Topics that this broker keeps at most; creation beyond it fails.
pub(crate) const TOPICS_MAX: usize = 1_000_000;

/// Queues that an administrator may give to a topic for reading, and as many for writing.
pub(crate) const QUEUES_MAX: i32 = 65_535;

const FILE: &str = "topics.json";
/// `TopicSysFlag#FLAG_UNIT`.
const SYS_FLAG_UNIT: i32 = 0x1;
/// `TopicSysFlag#FLAG_UNIT_SUB`.
pub(crate) const SYS_FLAG_UNIT_SUB: i32 = 0x2;

/// See the module.
#[derive(Debug)]
pub(crate) struct Topics {
    table: ReadMostly<Topic>,
    /// `enableLmq`: any topic with the prefix of light queues is there.
    light: Option<LightTopics>,
    version: Mutex<DataVersion>,
    /// Names of the system's topics that depend on the broker's or the cluster's name.
    system: RwLock<BTreeSet<String>>,
    /// Serialises changes, so that two creators of one topic make one. Taken before the table's own
    /// lock and the version's.
    change: Mutex<()>,
    ledger: Ledger,
}

/// What a send says of a topic that may have to be made for it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) topic: &'a str,
    /// The topic whose settings are inherited, normally `TBW102`.
    pub(crate) template: &'a str,
    pub(crate) queues: i32,
    pub(crate) unit_mode: bool,
}

/// Names of the topics whose `queue.type` is `BatchCQ`, as `topics.json` below the root of a store
/// says: the store wants to know them before it is opened.
///
/// # Errors
/// When neither the file nor its `.bak` can be read.
pub fn batch_topics(disk: Arc<dyn Disk>, root: &Path) -> Result<BTreeSet<String>, OpenError> {
    let ledger = Ledger::new(disk, root.join("config").join(FILE));
    let saved = ledger.read(bodies::read_file::<TopicConfigSerializeWrapper>)?;
    let topics = saved.map(|saved| saved.topic_config_table);
    let topics = topics.into_iter().flatten();
    let batch = topics.filter(|(_, topic)| topic::has_batch_queues(topic));
    Ok(batch.map(|(name, _)| name).collect())
}

impl Topics {
    pub(crate) fn open(
        config: &BrokerConfig,
        disk: Arc<dyn Disk>,
        directory: &Path,
        light: bool,
        now_ms: i64,
    ) -> Result<Self, OpenError> {
        let topics = Self {
            table: ReadMostly::new(),
            light: light.then(LightTopics::default),
            version: Mutex::new(DataVersion {
                timestamp: now_ms,
                ..DataVersion::default()
            }),
            system: RwLock::default(),
            change: Mutex::new(()),
            ledger: Ledger::new(disk, directory.join(FILE)),
        };
        for topic in system::topics(config) {
            topics.system.write().insert(topic.topic_name.clone());
            topics.put(topic);
        }
        let saved = topics
            .ledger
            .read(bodies::read_file::<TopicConfigSerializeWrapper>)?;
        if let Some(saved) = saved {
            for (name, mut topic) in saved.topic_config_table {
                topic.topic_name = name;
                topics.put(topic);
            }
            *topics.version.lock() = saved.data_version;
        }
        Ok(topics)
    }

    /// A topic of the table, or a light queue where those are.
    pub(crate) fn get(&self, topic: &str) -> Option<Arc<Topic>> {
        self.table
            .get(topic)
            .or_else(|| self.light.as_ref()?.find(topic))
    }

    /// Whether the name is that of a light queue, and such are served.
    pub(crate) fn is_light(&self, topic: &str) -> bool {
        self.light.is_some() && topic.starts_with(names::LIGHT_PREFIX)
    }

    /// A topic that somebody may wait for: as [`Self::get`], without making a light one.
    pub(crate) fn in_use(&self, topic: &str) -> Option<Arc<Topic>> {
        self.table
            .get(topic)
            .or_else(|| self.light.as_ref()?.in_use(topic))
    }

    /// Visits every topic that pulls may wait for.
    pub(crate) fn each_with_light(&self, mut visit: impl FnMut(&Arc<Topic>)) {
        self.table.each(&mut visit);
        if let Some(light) = &self.light {
            light.all_in_use().iter().for_each(visit);
        }
    }

    /// Whether the topic has settings of its own, which light queues have not.
    pub(crate) fn contains(&self, topic: &str) -> bool {
        self.table.contains(topic)
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// All topics in the order of their names.
    pub(crate) fn all(&self) -> Vec<Arc<Topic>> {
        self.table.values()
    }

    pub(crate) fn each(&self, visit: impl FnMut(&Arc<Topic>)) {
        self.table.each(visit);
    }

    pub(crate) fn version(&self) -> DataVersion {
        *self.version.lock()
    }

    /// Makes the version newer although no topic changed (`brokerPermission` did).
    pub(crate) fn bump_version(&self, now_ms: i64) {
        let _change = self.change.lock();
        self.changed(now_ms);
        self.save_logged();
    }

    pub(crate) fn is_system(&self, topic: &str) -> bool {
        names::is_static_system_topic(topic) || self.system.read().contains(topic)
    }

    /// Every name of a system topic (GET_SYSTEM_TOPIC_LIST_FROM_BROKER).
    pub(crate) fn system_names(&self) -> BTreeSet<String> {
        let mut all = self.system.read().clone();
        all.extend(names::static_system_topics().map(str::to_owned));
        all
    }

    /// The topic of a send, made if it may be (`createTopicInSendMessageMethod`): from the template
    /// when that can be inherited, and retry topics always. The flag says whether it was made.
    pub(crate) fn for_send(
        &self,
        config: &BrokerConfig,
        wanted: &Wanted<'_>,
        now_ms: i64,
    ) -> Option<(Arc<Topic>, bool)> {
        if let Some(topic) = self.get(wanted.topic) {
            return Some((topic, false));
        }
        let _change = self.change.lock();
        if let Some(topic) = self.get(wanted.topic) {
            return Some((topic, false));
        }
        if self.len() >= TOPICS_MAX {
            tracing::warn!(
                topic = wanted.topic,
                "no topic made: there are {TOPICS_MAX} already"
            );
            return None;
        }
        let is_retry = wanted.topic.starts_with(names::RETRY_PREFIX);
        let unit_flag = if is_retry {
            SYS_FLAG_UNIT_SUB
        } else {
            SYS_FLAG_UNIT
        };
        let topic_sys_flag = if wanted.unit_mode { unit_flag } else { 0 };
        let mut made = self.inherited(config, wanted);
        if made.is_none() && is_retry {
            made = Some(TopicConfig {
                read_queue_nums: 1,
                write_queue_nums: 1,
                perm: PERM_READ | PERM_WRITE,
                ..TopicConfig::default()
            });
        }
        let mut made = made?;
        made.topic_name = wanted.topic.to_owned();
        made.topic_sys_flag = topic_sys_flag;
        tracing::info!(
            topic = wanted.topic,
            queues = made.write_queue_nums,
            "topic made for a send"
        );
        let topic = self.put(made);
        self.changed(now_ms);
        self.save_logged();
        Some((topic, true))
    }

    /// What a topic inherits from its template, if it may.
    fn inherited(&self, config: &BrokerConfig, wanted: &Wanted<'_>) -> Option<TopicConfig> {
        let template = self.get(wanted.template)?;
        if wanted.template == names::AUTO_CREATE_TOPIC && !config.auto_create_topic_enable {
            // Java takes the right to be inherited away from a TBW102 that an earlier start left.
            if template.inheritable() {
                let mut config = template.config.clone();
                config.perm = PERM_READ | PERM_WRITE;
                self.put(config);
            }
            return None;
        }
        if !template.inheritable() {
            return None;
        }
        let queues = wanted.queues.min(template.config.write_queue_nums).max(0);
        Some(TopicConfig {
            read_queue_nums: queues,
            write_queue_nums: queues,
            perm: template.config.perm & !crate::config::PERM_INHERIT,
            topic_filter_type: template.config.topic_filter_type,
            ..TopicConfig::default()
        })
    }

    /// The retry or dead-letter topic of a group: the present one, of which only the order flag is
    /// brought up to date, or a new one with exactly these settings
    /// (`createTopicInSendMessageBackMethod`). The flag says whether anything changed.
    pub(crate) fn for_group(&self, wanted: TopicConfig, now_ms: i64) -> (Arc<Topic>, bool) {
        let matches = |topic: &Topic| topic.config.order == wanted.order;
        if let Some(topic) = self.get(&wanted.topic_name).filter(|topic| matches(topic)) {
            return (topic, false);
        }
        let _change = self.change.lock();
        let topic = match self.get(&wanted.topic_name) {
            Some(topic) if matches(&topic) => return (topic, false),
            Some(topic) => {
                let config = TopicConfig {
                    order: wanted.order,
                    ..topic.config.clone()
                };
                self.put(config)
            }
            None => self.put(wanted),
        };
        self.changed(now_ms);
        self.save_logged();
        (topic, true)
    }

    /// Creates or replaces topics as an administrator wants them, with one write of the file.
    pub(crate) fn update(&self, wanted: Vec<TopicConfig>, now_ms: i64) -> Result<(), PersistError> {
        let _change = self.change.lock();
        for config in wanted {
            self.put(config);
        }
        self.changed(now_ms);
        self.save()
    }

    /// Sets the order flag of the topics that a name server says are ordered
    /// (`updateOrderTopicConfig`, which takes it from no topic any more). Answers whose changed.
    pub(crate) fn set_ordered(&self, ordered: &[String], now_ms: i64) -> Vec<String> {
        let _change = self.change.lock();
        let mut changed = Vec::new();
        for name in ordered {
            if let Some(topic) = self.get(name).filter(|topic| !topic.config.order) {
                self.put(TopicConfig {
                    order: true,
                    ..topic.config.clone()
                });
                changed.push(name.clone());
            }
        }
        if !changed.is_empty() {
            self.changed(now_ms);
            self.save_logged();
        }
        changed
    }

    /// Forgets a topic; answers what it was. A repetition writes the file that could not be written.
    pub(crate) fn delete(
        &self,
        topic: &str,
        now_ms: i64,
    ) -> Result<Option<Arc<Topic>>, PersistError> {
        let _change = self.change.lock();
        let removed = self.table.remove(topic);
        if removed.is_some() {
            self.changed(now_ms);
        }
        self.save()?;
        Ok(removed)
    }

    pub(crate) fn save(&self) -> Result<(), PersistError> {
        self.ledger.write(|| {
            let topic_config_table = self
                .all()
                .iter()
                .map(|topic| (topic.config.topic_name.clone(), topic.config.clone()))
                .collect();
            bodies::print_file(&TopicConfigSerializeWrapper {
                topic_config_table,
                data_version: self.version(),
            })
        })
    }

    fn save_logged(&self) {
        if let Err(error) = self.save() {
            tracing::error!(%error, "the topics are not saved; the next change tries again");
        }
    }

    fn changed(&self, now_ms: i64) {
        self.version.lock().advance(0, now_ms);
        self.ledger.touch();
    }

    fn put(&self, config: TopicConfig) -> Arc<Topic> {
        let live = self
            .get(&config.topic_name)
            .map(|topic| Arc::clone(&topic.live));
        let name = config.topic_name.clone();
        let topic = Arc::new(Topic::new(config, live));
        self.table.insert(&name, Arc::clone(&topic));
        topic
    }
}
