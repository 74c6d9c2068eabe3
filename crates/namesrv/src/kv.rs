//! The KV configuration (`KVConfigManager`): namespaces of keys and values, kept in one small file
//! that is rewritten on every change.
//!
//! A change is answered after it is in the file; when the file cannot be written, nothing changed.
//! Java answers success in that case and forgets the value with the process.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferrocket_protocol::bodies;
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

use crate::refusal::KvRefused;
use crate::surroundings::Surroundings;

/// The namespace that holds how many ordered queues each broker has of a topic
/// (`NamesrvUtil.NAMESPACE_ORDER_TOPIC_CONFIG`).
pub(crate) const ORDER_TOPIC_CONFIG: &str = "ORDER_TOPIC_CONFIG";

type Namespace = BTreeMap<String, String>;

/// The content of the KV file (`KVConfigSerializeWrapper`).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct KvFile {
    config_table: BTreeMap<String, Namespace>,
}

/// Why the KV file was not taken over.
#[derive(Debug, thiserror::Error)]
#[error(
    "the KV file is not readable JSON ({reason}); repair it, restore its .bak, or remove it to start empty"
)]
pub struct KvUnreadable {
    reason: String,
}

/// The KV configuration.
#[derive(Debug)]
pub(crate) struct Kv {
    /// Held while the file is written, so that the file follows the changes in their order.
    changing: Mutex<()>,
    table: RwLock<Arc<KvFile>>,
    surroundings: Arc<dyn Surroundings>,
}

impl Kv {
    pub(crate) fn open(
        json: Option<&[u8]>,
        surroundings: Arc<dyn Surroundings>,
    ) -> Result<Self, KvUnreadable> {
        let table = match json {
            Some(json) if !json.trim_ascii().is_empty() => {
                bodies::read_file(json).map_err(|error| KvUnreadable {
                    reason: error.to_string(),
                })?
            }
            _ => KvFile::default(),
        };
        Ok(Self {
            changing: Mutex::new(()),
            table: RwLock::new(Arc::new(table)),
            surroundings,
        })
    }

    pub(crate) fn value(&self, namespace: &str, key: &str) -> Option<String> {
        self.table
            .read()
            .config_table
            .get(namespace)?
            .get(key)
            .cloned()
    }

    pub(crate) fn namespace(&self, namespace: &str) -> Option<Namespace> {
        self.table.read().config_table.get(namespace).cloned()
    }

    pub(crate) fn put(&self, namespace: &str, key: &str, value: &str) -> Result<(), KvRefused> {
        if namespace.is_empty() || key.is_empty() {
            return Err(KvRefused::NoKey);
        }
        self.change(|table| {
            let keys = table.config_table.entry(namespace.to_owned()).or_default();
            keys.insert(key.to_owned(), value.to_owned());
        })
    }

    /// Removes a key if it is there; its namespace stays, empty.
    pub(crate) fn delete(&self, namespace: &str, key: &str) -> Result<(), KvRefused> {
        self.change(|table| {
            if let Some(keys) = table.config_table.get_mut(namespace) {
                keys.remove(key);
            }
        })
    }

    fn change(&self, change: impl FnOnce(&mut KvFile)) -> Result<(), KvRefused> {
        let _changing = self.changing.lock();
        let mut changed = KvFile::clone(&self.table.read());
        change(&mut changed);
        self.surroundings.save_kv(&bodies::print(&changed))?;
        *self.table.write() = Arc::new(changed);
        Ok(())
    }
}
