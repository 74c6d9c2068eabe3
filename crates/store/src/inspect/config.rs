//! The broker's files below `config/`: which can be read, which only from their `.bak`.

use std::io;
use std::path::{Path, PathBuf};

use ferrocket_protocol::json;
use serde_json::Value;

use super::state::content;
use crate::disk::Disk;

/// Files that a broker may have (`BrokerPathConfigHelper`); all are JSON.
const NAMES: [&str; 12] = [
    "topics.json",
    "subscriptionGroup.json",
    "consumerOffset.json",
    "lmqConsumerOffset.json",
    "consumerFilter.json",
    "consumerOrderInfo.json",
    "delayOffset.json",
    "topicQueueMapping.json",
    "messageRequestMode.json",
    "timermetrics",
    "transactionMetrics",
    "tieredStoreMetadata.json",
];

/// Objects and arrays that a file may hold: these are the operator's own files, which he may have
/// large.
const CONTAINERS_MAX: usize = 1 << 26;

/// How a file can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigState {
    Good,
    /// The file itself is missing, empty or damaged; the text says which. Its `.bak` is good.
    BackupOnly(String),
    /// There is something, but nothing of it can be read.
    Unreadable(String),
}

/// A file of `config/` that is there in one form or the other.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigView {
    pub name: &'static str,
    pub path: PathBuf,
    pub state: ConfigState,
    /// What it says.
    pub value: Option<Value>,
    /// The text that was read.
    pub text: Vec<u8>,
}

/// All files that are there.
pub(super) fn list(disk: &dyn Disk, root: &Path) -> io::Result<Vec<ConfigView>> {
    let mut found = Vec::new();
    for name in NAMES {
        let path = root.join("config").join(name);
        let main = content(disk, &path)?;
        let backup = content(disk, &root.join("config").join(format!("{name}.bak")))?;
        if main.is_none() && backup.is_none() {
            continue;
        }
        let why = match &main {
            None => "it is missing".to_owned(),
            Some(text) if text.is_empty() => "it is empty".to_owned(),
            Some(text) => match parse(text) {
                Ok(value) => {
                    found.push(view(
                        name,
                        path,
                        ConfigState::Good,
                        Some(value),
                        text.clone(),
                    ));
                    continue;
                }
                Err(error) => error,
            },
        };
        let backup = backup.unwrap_or_default();
        let (state, value) = match parse(&backup) {
            Ok(value) => (ConfigState::BackupOnly(why), Some(value)),
            Err(_) if main.as_ref().is_none_or(Vec::is_empty) && backup.is_empty() => continue,
            Err(_) => (ConfigState::Unreadable(why), None),
        };
        found.push(view(name, path, state, value, backup));
    }
    Ok(found)
}

fn view(
    name: &'static str,
    path: PathBuf,
    state: ConfigState,
    value: Option<Value>,
    text: Vec<u8>,
) -> ConfigView {
    ConfigView {
        name,
        path,
        state,
        value,
        text,
    }
}

fn parse(text: &[u8]) -> Result<Value, String> {
    let value: Value =
        json::from_slice_bounded(text, CONTAINERS_MAX).map_err(|error| error.to_string())?;
    if value.is_object() {
        Ok(value)
    } else {
        Err("it is no object".to_owned())
    }
}

impl ConfigView {
    /// How many members a table of it has.
    #[must_use]
    pub fn members(&self, table: &str) -> usize {
        let table = self.value.as_ref().and_then(|value| value.get(table));
        table
            .and_then(Value::as_object)
            .map_or(0, serde_json::Map::len)
    }
}
