//! The subscription groups of this broker (`SubscriptionGroupManager`): settings, creation on first
//! use, who is forbidden to read what, and `subscriptionGroup.json`.
//!
//! Readers look into a snapshot and take no lock. As with topics, a change is in the file before the
//! caller goes on, or the failure is logged and the next change tries again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ferrocket_protocol::bodies::{
    self, DataVersion, SubscriptionGroupConfig, SubscriptionGroupWrapper,
};
use ferrocket_store::disk::Disk;
use parking_lot::Mutex;

use crate::config::BrokerConfig;
use crate::ledger::Ledger;
use crate::read_mostly::ReadMostly;
use crate::topics::{attributes, names};
use crate::{OpenError, PersistError};

/// Groups that this broker keeps at most; creation beyond it fails.
pub(crate) const GROUPS_MAX: usize = 1_000_000;

const FILE: &str = "subscriptionGroup.json";
/// Groups of the system (`MixAll#CID_SYS_RMQ_TRANS` and others) by their prefix.
const SYSTEM_PREFIX: &str = "CID_RMQ_SYS_";
/// Bit of the forbidden mask that stops reading.
const FORBIDDEN_READ: i32 = 1 << 2;

const SYSTEM_GROUPS: [&str; 8] = [
    "TOOLS_CONSUMER",
    "FILTERSRV_CONSUMER",
    "SELF_TEST_C_GROUP",
    "CID_ONS-HTTP-PROXY",
    "CID_ONSAPI_PULL",
    "CID_ONSAPI_PERMISSION",
    "CID_ONSAPI_OWNER",
    "CID_RMQ_SYS_TRANS",
];

/// A group's settings at one moment.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) config: SubscriptionGroupConfig,
    pub(crate) name: Arc<str>,
}

impl Group {
    /// Whether the group begins at the end of every queue when its consumers ask for the end
    /// (`startFrom=strict-last`), not at the beginning of a young one as Java has it.
    pub(crate) fn starts_strictly(&self) -> bool {
        let start = self.config.attributes.get(attributes::START_FROM);
        start.is_some_and(|start| start == attributes::STRICT_LAST)
    }
}

/// Per topic: bits of what a group may not do there.
type Forbidden = BTreeMap<String, i32>;

/// See the module.
#[derive(Debug)]
pub(crate) struct Groups {
    table: ReadMostly<Group>,
    /// `enableLmq`: any group with the prefix of light queues is there, with default settings.
    light: bool,
    forbidden: ReadMostly<Forbidden>,
    version: Mutex<DataVersion>,
    /// Serialises changes; taken before the table's own lock and the version's.
    change: Mutex<()>,
    ledger: Ledger,
}

/// Whether `group` belongs to the system, so that limits for users do not apply.
pub(crate) fn is_system_group(group: &str) -> bool {
    group.starts_with(SYSTEM_PREFIX)
        || SYSTEM_GROUPS.contains(&group)
        || matches!(
            group,
            "DEFAULT_CONSUMER" | "SCHEDULE_CONSUMER" | "__MONITOR_CONSUMER"
        )
}

impl Groups {
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        directory: &Path,
        light: bool,
        now_ms: i64,
    ) -> Result<Self, OpenError> {
        let groups = Self {
            table: ReadMostly::new(),
            light,
            forbidden: ReadMostly::new(),
            version: Mutex::new(DataVersion {
                timestamp: now_ms,
                ..DataVersion::default()
            }),
            change: Mutex::new(()),
            ledger: Ledger::new(disk, directory.join(FILE)),
        };
        for group in SYSTEM_GROUPS {
            groups.put(named(group));
        }
        let saved = groups
            .ledger
            .read(bodies::read_file::<SubscriptionGroupWrapper>)?;
        if let Some(saved) = saved {
            for (name, mut group) in saved.subscription_group_table {
                group.group_name = name;
                groups.put(group);
            }
            for (group, topics) in saved.forbidden_table {
                groups.forbidden.insert(&group, Arc::new(topics));
            }
            *groups.version.lock() = saved.data_version;
        }
        Ok(groups)
    }

    pub(crate) fn get(&self, group: &str) -> Option<Arc<Group>> {
        self.table.get(group).or_else(|| {
            self.is_light(group).then(|| {
                Arc::new(Group {
                    config: named(group),
                    name: group.into(),
                })
            })
        })
    }

    pub(crate) fn contains(&self, group: &str) -> bool {
        self.table.contains(group) || self.is_light(group)
    }

    /// Whether the group is one that nobody makes (`LmqSubscriptionGroupManager`).
    pub(crate) fn is_light(&self, group: &str) -> bool {
        self.light && group.starts_with(names::LIGHT_PREFIX)
    }

    /// All groups in the order of their names.
    pub(crate) fn all(&self) -> Vec<Arc<Group>> {
        self.table.values()
    }

    /// The group, made if it may be (`findSubscriptionGroupConfig`).
    pub(crate) fn find(
        &self,
        config: &BrokerConfig,
        group: &str,
        now_ms: i64,
    ) -> Option<Arc<Group>> {
        if let Some(found) = self.get(group) {
            return Some(found);
        }
        let system = config.enable_create_sys_group && group.starts_with(SYSTEM_PREFIX);
        if !(config.auto_create_subscription_group || system)
            || names::validate_group(group).is_err()
        {
            return None;
        }
        let _change = self.change.lock();
        if let Some(found) = self.get(group) {
            return Some(found);
        }
        if self.table.len() >= GROUPS_MAX {
            tracing::warn!(group, "no group made: there are {GROUPS_MAX} already");
            return None;
        }
        tracing::info!(group, "group made on its first use");
        let made = self.put(named(group));
        self.changed(now_ms);
        if let Err(error) = self.save() {
            tracing::error!(%error, "the groups are not saved; the next change tries again");
        }
        Some(made)
    }

    /// Creates or replaces groups as an administrator wants them, with one write of the file.
    pub(crate) fn update(
        &self,
        wanted: Vec<SubscriptionGroupConfig>,
        now_ms: i64,
    ) -> Result<(), PersistError> {
        let _change = self.change.lock();
        for config in wanted {
            self.put(config);
        }
        self.changed(now_ms);
        self.save()
    }

    /// Forgets a group and what it was forbidden. A repetition writes the file that could not be
    /// written.
    pub(crate) fn delete(&self, group: &str, now_ms: i64) -> Result<(), PersistError> {
        let _change = self.change.lock();
        self.forbidden.remove(group);
        if self.table.remove(group).is_some() {
            self.changed(now_ms);
        }
        self.save()
    }

    /// Whether the group may not read the topic (`SubscriptionGroupManager#getForbidden`).
    pub(crate) fn is_forbidden_to_read(&self, group: &str, topic: &str) -> bool {
        self.forbidden
            .get(group)
            .and_then(|topics| topics.get(topic).copied())
            .is_some_and(|bits| bits & FORBIDDEN_READ != 0)
    }

    /// Forbids a group to read a topic, or allows it again. Java forgets what else the group is
    /// forbidden when it allows one topic; here that stays.
    pub(crate) fn forbid(
        &self,
        group: &str,
        topic: &str,
        forbidden: bool,
        now_ms: i64,
    ) -> Result<(), PersistError> {
        let _change = self.change.lock();
        let mut changed = false;
        self.forbidden.update(group, |present| {
            let before = present
                .and_then(|topics| topics.get(topic).copied())
                .unwrap_or(0);
            let after = if forbidden {
                before | FORBIDDEN_READ
            } else {
                before & !FORBIDDEN_READ
            };
            if after == before {
                return present.cloned();
            }
            changed = true;
            let mut topics = present
                .map(|topics| topics.as_ref().clone())
                .unwrap_or_default();
            if after == 0 {
                topics.remove(topic);
            } else {
                topics.insert(topic.to_owned(), after);
            }
            (!topics.is_empty()).then(|| Arc::new(topics))
        });
        if changed {
            self.changed(now_ms);
        }
        self.save()
    }

    /// The body of GET_ALL_SUBSCRIPTIONGROUP_CONFIG and of the file.
    pub(crate) fn wrapper(&self) -> SubscriptionGroupWrapper {
        let mut forbidden_table = BTreeMap::new();
        let groups = self.all();
        for group in &groups {
            if let Some(topics) = self.forbidden.get(&group.name) {
                forbidden_table.insert(group.name.to_string(), topics.as_ref().clone());
            }
        }
        SubscriptionGroupWrapper {
            subscription_group_table: groups
                .iter()
                .map(|group| (group.name.to_string(), group.config.clone()))
                .collect(),
            forbidden_table,
            data_version: *self.version.lock(),
        }
    }

    pub(crate) fn save(&self) -> Result<(), PersistError> {
        self.ledger.write(|| bodies::print_file(&self.wrapper()))
    }

    fn changed(&self, now_ms: i64) {
        self.version.lock().advance(0, now_ms);
        self.ledger.touch();
    }

    fn put(&self, config: SubscriptionGroupConfig) -> Arc<Group> {
        let name: Arc<str> = config.group_name.as_str().into();
        let group = Arc::new(Group {
            config,
            name: Arc::clone(&name),
        });
        self.table.insert(&name, Arc::clone(&group));
        group
    }
}

fn named(group: &str) -> SubscriptionGroupConfig {
    SubscriptionGroupConfig {
        group_name: group.to_owned(),
        ..SubscriptionGroupConfig::default()
    }
}
