//! The configuration while the process runs: what GET_BROKER_CONFIG and GET_NAMESRV_CONFIG show,
//! and what the update requests change and write back (Java's `Configuration`).

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::catalog::{self, Class};
use super::properties::{self, Entry};
use super::settings::{Settings, Severity, Source};
use crate::failure::Failure;

/// Why an update was refused as a whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpdateError {
    #[error("Can not update config in black list.")]
    BlackList,
    #[error("cannot read the update: {0}")]
    Malformed(#[from] properties::BadEscape),
    #[error("{0}; nothing was changed")]
    Refused(String),
    #[error("cannot write {}, nothing was changed: {source}", path.display())]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
}

/// Keys that no `configBlackList` can free (`DefaultRequestProcessor#initConfigBlackList` and
/// `AdminBrokerProcessor#initConfigBlackList`).
const FIXED_BLACK_LIST: [&str; 5] = [
    "configBlackList",
    "configStorePath",
    "kvConfigPath",
    "brokerConfigPath",
    "rocketmqHome",
];

/// What a role's configuration may become while it runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// Classes that the requests show; AuthConfig keys are loaded but not shown.
    pub(crate) shown: &'static [Class],
    /// The checks that the start makes too.
    pub(crate) check: fn(&mut Settings) -> Result<(), Failure>,
    /// Keys that the role takes over while it runs. What it reads of the others it reads at the
    /// start, so that a change could not be kept.
    pub(crate) is_live: fn(&str) -> bool,
}

/// The settings of a role, changeable.
#[derive(Debug)]
pub(crate) struct LiveSettings {
    settings: Mutex<Settings>,
    /// Held by an update from its first look to the last, so that readers never wait for a disk.
    updating: Mutex<()>,
    rules: Rules,
    black_list: Vec<String>,
    /// Where updates are written back to.
    path: PathBuf,
}

impl LiveSettings {
    pub(crate) fn new(settings: Settings, rules: Rules, path: PathBuf) -> Self {
        let class = rules.shown.first().copied().unwrap_or(Class::Broker);
        let black_list = settings.text(class, "configBlackList").unwrap_or_default();
        let black_list = black_list.split(';').chain(FIXED_BLACK_LIST);
        let black_list = black_list.map(|key| key.trim().to_owned()).collect();
        Self {
            settings: Mutex::new(settings),
            updating: Mutex::new(()),
            rules,
            black_list,
            path,
        }
    }

    /// Sorted `key=value` lines: every field that is not null, and every key of the file.
    pub(crate) fn text(&self) -> String {
        self.lines(&self.settings.lock(), |key, value| {
            format!("{key}={value}\n")
        })
    }

    fn lines(&self, settings: &Settings, line: impl Fn(&str, &str) -> String) -> String {
        let mut all: BTreeMap<&str, String> = settings
            .given()
            .map(|(key, value)| (key, value.to_owned()))
            .collect();
        for class in self.rules.shown.iter().rev() {
            for key in catalog::of(*class).filter(|key| !key.old && !is_setter_only(key.name)) {
                if let Some(value) = settings.in_force(key) {
                    all.insert(key.name, value);
                }
            }
        }
        all.iter().map(|(key, value)| line(key, value)).collect()
    }

    /// Takes the keys of an update that are known, writes the whole configuration back and returns
    /// the settings now in force. Unknown keys beside known ones are ignored, as in Java.
    ///
    /// # Errors
    /// When nothing was changed, neither here nor in the file.
    pub(crate) fn update(&self, body: &[u8]) -> Result<Settings, UpdateError> {
        let entries = properties::parse(body)?;
        if entries
            .iter()
            .any(|entry| self.black_list.contains(&entry.key))
        {
            return Err(UpdateError::BlackList);
        }
        let _updating = self.updating.lock();
        let mut candidate = self.settings.lock().clone();
        let changed = self.changes(&mut candidate, &entries)?;
        (self.rules.check)(&mut candidate).map_err(|failure| {
            let text = failure.stderr + &failure.stdout;
            let text = text.trim().trim_start_matches("ferrocket: ");
            UpdateError::Refused(text.to_owned())
        })?;
        let text = self.lines(&candidate, properties::line_of);
        replace(&self.path, text.as_bytes()).map_err(|source| UpdateError::Write {
            path: self.path.clone(),
            source,
        })?;
        for change in changed {
            tracing::info!("configuration changed: {change}");
        }
        let now = candidate.clone();
        *self.settings.lock() = candidate;
        Ok(now)
    }

    /// Enters the known keys and returns a line for each that changes something.
    fn changes(
        &self,
        candidate: &mut Settings,
        entries: &[Entry],
    ) -> Result<Vec<String>, UpdateError> {
        let mut unknown = Vec::new();
        let mut changed = Vec::new();
        for entry in entries {
            let Some(key) = candidate.key(&entry.key) else {
                let near = catalog::nearest(candidate.classes(), &entry.key)
                    .map_or_else(String::new, |near| format!("; did you mean {near}?"));
                unknown.push(format!("unknown key {}{near}", entry.key));
                continue;
            };
            let (name, value) = (key.name, entry.value.as_str());
            if key.read_only {
                return Err(UpdateError::Refused(format!("{name} cannot be set")));
            }
            if !key.kind.accepts(value) {
                return Err(UpdateError::Refused(format!(
                    "{name} = {value:?} cannot be, give {}",
                    key.kind.expected()
                )));
            }
            if self.is_in_force(candidate, name, value) {
                continue;
            }
            let is_read = candidate.is_asked(name);
            if is_read && !(self.rules.is_live)(name) {
                return Err(UpdateError::Refused(format!(
                    "{name} is read at the start only; write {name}={value} into {} and start again",
                    self.path.display()
                )));
            }
            let note = if is_read {
                ""
            } else {
                ", which has no effect in this version"
            };
            let before = candidate.in_force(key).unwrap_or_default();
            changed.push(if self.rules.shown.contains(&key.class) {
                format!("{name} from {before:?} to {value:?}{note}")
            } else {
                format!("{name}{note}")
            });
            candidate.give(&entry.key, value, Source::Request);
        }
        let findings = candidate.findings().iter();
        for finding in findings.filter(|finding| finding.severity == Severity::Warning) {
            tracing::warn!("{}", finding.text);
        }
        if let (Some(first), true) = (unknown.first(), unknown.len() == entries.len()) {
            return Err(UpdateError::Refused(first.clone()));
        }
        for text in unknown {
            tracing::warn!("update request: {text}");
        }
        Ok(changed)
    }

    /// Tools send whole configurations back: what is as it was is no change.
    fn is_in_force(&self, settings: &Settings, name: &str, value: &str) -> bool {
        let classes = settings.classes().iter();
        let mut keys = classes.filter_map(|class| catalog::find(*class, name));
        keys.any(|key| settings.in_force(key).as_deref() == Some(value.trim()))
    }
}

/// Has a setter but no field of that name: Java's reflection never prints it.
fn is_setter_only(name: &str) -> bool {
    matches!(name, "inBrokerContainer" | "scanAvailableNameSrv")
}

/// Writes a file as a whole: the old content goes to `<file>.bak`, the new one replaces it with a
/// rename, so that a crash leaves one of the two.
pub(crate) fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let with_suffix = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    if let Some(directory) = directory {
        std::fs::create_dir_all(directory)?;
    }
    let fresh = with_suffix(".tmp");
    let mut file = std::fs::File::create(&fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    if path.exists() {
        std::fs::copy(path, with_suffix(".bak"))?;
    }
    std::fs::rename(&fresh, path)?;
    std::fs::File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use ferrocket_broker::BrokerConfig;

    use super::*;
    use crate::config::checks;

    const SHOWN: &[Class] = &[Class::Broker, Class::Server, Class::Client, Class::Store];

    fn live(path: &Path) -> LiveSettings {
        std::fs::write(
            path,
            "brokerName = broker-a\n# mine\nstrange.key=1\nlistenPort=23110\n",
        )
        .unwrap();
        let mut settings = Settings::new(SHOWN);
        settings.load(path).unwrap();
        settings.boolean(Class::Store, "checkCRCOnRecover");
        settings.text(Class::Store, "flushDiskType");
        settings.number::<i64>(Class::Broker, "flushConsumerOffsetInterval");
        settings.text(Class::Broker, "regionId");
        let rules = Rules {
            shown: SHOWN,
            check: checks::broker,
            is_live: |key| BrokerConfig::KEYS.contains(&key),
        };
        LiveSettings::new(settings, rules, path.to_owned())
    }

    #[test]
    fn the_text_has_the_keys_of_the_recorded_one_and_those_of_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let text = live(&directory.path().join("broker.conf")).text();
        let golden = include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../testdata/json/properties-broker/5.5.0.properties"
        ));
        let keys = |text: &str| -> Vec<String> {
            text.lines()
                .map(|l| l.split('=').next().unwrap().to_owned())
                .collect()
        };
        let mut wanted = keys(golden);
        // Known from the machine or from a file in the recording.
        wanted.retain(|key| {
            !matches!(
                key.as_str(),
                "brokerIP1" | "brokerIP2" | "rocketmqHome" | "namesrvAddr" | "storePathCommitLog"
            )
        });
        wanted.push("strange.key".to_owned());
        // Ours alone.
        wanted.push("diskReservedBytes".to_owned());
        wanted.push("rejectConflictingSubscriptions".to_owned());
        wanted.sort();
        let ours = keys(&text);
        let missing: Vec<_> = wanted.iter().filter(|key| !ours.contains(key)).collect();
        let extra: Vec<_> = ours.iter().filter(|key| !wanted.contains(key)).collect();
        assert!(
            missing.is_empty() && extra.is_empty(),
            "missing {missing:?}, extra {extra:?}"
        );
        assert!(text.contains("\nlistenPort=23110\n") && text.contains("brokerName=broker-a\n"));
    }

    #[test]
    fn an_update_changes_known_keys_and_writes_the_file_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("broker.conf");
        let live = live(&path);
        let now = live
            .update(b"flushConsumerOffsetInterval=700\nnoSuchKey=1\nregionId=a\\\\b\n")
            .unwrap();
        assert_eq!(
            now.number::<i64>(Class::Broker, "flushConsumerOffsetInterval"),
            700
        );
        assert!(!live.text().contains("noSuchKey"));
        let mut again = Settings::new(SHOWN);
        again.load(&path).unwrap();
        assert_eq!(
            again.number::<i64>(Class::Broker, "flushConsumerOffsetInterval"),
            700
        );
        assert_eq!(again.text(Class::Broker, "regionId").unwrap(), "a\\b");
        let before = std::fs::read_to_string(directory.path().join("broker.conf.bak")).unwrap();
        assert!(before.contains("# mine"));
    }

    #[test]
    fn the_black_list_refuses_the_whole_update() {
        let directory = tempfile::tempdir().unwrap();
        let live = live(&directory.path().join("broker.conf"));
        let refused = live.update(b"regionId=x\nbrokerConfigPath=/etc/passwd\n");
        assert!(matches!(refused, Err(UpdateError::BlackList)));
        assert!(live.text().contains("regionId=DefaultRegion"));
        let refused = live.update(b"rocketmqHome=/tmp\n");
        assert!(matches!(refused, Err(UpdateError::BlackList)));
    }

    #[test]
    fn what_cannot_be_kept_is_refused_and_changes_neither_memory_nor_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("broker.conf");
        let live = live(&path);
        let (file, text) = (std::fs::read(&path).unwrap(), live.text());
        for (body, told) in [
            (
                "maxMessageSize=-5",
                "maxMessageSize = \"-5\" cannot be, give a whole number of at least 1",
            ),
            (
                "maxMessageSize=abc",
                "maxMessageSize = \"abc\" cannot be, give a whole number",
            ),
            (
                "regionId=x\nbrokerPermission=77",
                "brokerPermission = \"77\" cannot be, give a whole number from 0 to 7",
            ),
            ("autoCreateTopicEnable=yes", "give true or false"),
            (
                "flushDiskType=SYNC_FLUSH",
                "flushDiskType is read at the start only; write flushDiskType=SYNC_FLUSH into ",
            ),
            ("brokerRole=SLAVE", "Slave's brokerId must be > 0"),
            (
                "brokerNmae=x",
                "unknown key brokerNmae; did you mean brokerName?",
            ),
        ] {
            let refused = live.update(body.as_bytes()).unwrap_err().to_string();
            assert!(refused.contains(told), "{refused}");
            assert!(refused.ends_with("; nothing was changed"), "{refused}");
        }
        assert_eq!(std::fs::read(&path).unwrap(), file);
        assert_eq!(live.text(), text);
    }

    #[test]
    fn the_values_in_force_may_be_sent_back() {
        let directory = tempfile::tempdir().unwrap();
        let live = live(&directory.path().join("broker.conf"));
        live.update(b"flushDiskType=ASYNC_FLUSH\nlistenPort=23110\nregionId=y\n")
            .unwrap();
        assert!(live.text().contains("\nregionId=y\n"));
    }

    #[test]
    fn an_update_that_cannot_be_written_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let in_the_way = directory.path().join("file");
        let mut live = live(&directory.path().join("broker.conf"));
        std::fs::write(&in_the_way, "").unwrap();
        live.path = in_the_way.join("broker.conf");
        let before = live.text();
        let refused = live.update(b"regionId=x\n").unwrap_err().to_string();
        assert!(refused.contains("nothing was changed"), "{refused}");
        assert_eq!(live.text(), before);
    }
}
