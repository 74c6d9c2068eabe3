//! The configuration while the process runs: what GET_BROKER_CONFIG and GET_NAMESRV_CONFIG show,
//! and what the update requests change and write back (Java's `Configuration`).

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::catalog::{self, Class};
use super::properties;
use super::settings::{Settings, Source};

/// Why an update was refused as a whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpdateError {
    #[error("Can not update config in black list.")]
    BlackList,
    #[error("cannot read the update: {0}")]
    Malformed(#[from] properties::BadEscape),
    #[error("cannot write {}: {source}", path.display())]
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

/// The settings of a role, changeable.
#[derive(Debug)]
pub(crate) struct LiveSettings {
    settings: Mutex<Settings>,
    /// Classes that the requests show; AuthConfig keys are loaded but not shown.
    shown: &'static [Class],
    black_list: Vec<String>,
    /// Where updates are written back to.
    path: PathBuf,
}

impl LiveSettings {
    pub(crate) fn new(settings: Settings, shown: &'static [Class], path: PathBuf) -> Self {
        let class = shown.first().copied().unwrap_or(Class::Broker);
        let black_list = settings.text(class, "configBlackList").unwrap_or_default();
        let black_list = black_list.split(';').chain(FIXED_BLACK_LIST);
        let black_list = black_list.map(|key| key.trim().to_owned()).collect();
        Self {
            settings: Mutex::new(settings),
            shown,
            black_list,
            path,
        }
    }

    /// Sorted `key=value` lines: every field that is not null, and every key of the file.
    pub(crate) fn text(&self) -> String {
        self.lines(|key, value| format!("{key}={value}\n"))
    }

    fn lines(&self, line: impl Fn(&str, &str) -> String) -> String {
        let settings = self.settings.lock();
        let mut all: BTreeMap<&str, String> = settings
            .given()
            .map(|(key, value)| (key, value.to_owned()))
            .collect();
        for class in self.shown.iter().rev() {
            for key in catalog::of(*class).filter(|key| !key.old && !is_setter_only(key.name)) {
                if let Some(value) = settings.in_force(key) {
                    all.insert(key.name, value);
                }
            }
        }
        all.iter().map(|(key, value)| line(key, value)).collect()
    }

    /// Takes the keys of an update that are known, writes the whole configuration back and returns
    /// the settings now in force. Unknown keys are ignored, as in Java.
    pub(crate) fn update(&self, body: &[u8]) -> Result<Settings, UpdateError> {
        let entries = properties::parse(body)?;
        if entries
            .iter()
            .any(|entry| self.black_list.contains(&entry.key))
        {
            return Err(UpdateError::BlackList);
        }
        let now = {
            let mut settings = self.settings.lock();
            for entry in &entries {
                if settings.key(&entry.key).is_some() {
                    settings.give(&entry.key, &entry.value, Source::Request);
                }
            }
            settings.clone()
        };
        let text = self.lines(properties::line_of);
        replace(&self.path, text.as_bytes()).map_err(|source| UpdateError::Write {
            path: self.path.clone(),
            source,
        })?;
        Ok(now)
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
    use super::*;

    const SHOWN: &[Class] = &[Class::Broker, Class::Server, Class::Client, Class::Store];

    fn live(path: &Path) -> LiveSettings {
        std::fs::write(
            path,
            "brokerName = broker-a\n# mine\nstrange.key=1\nlistenPort=23110\n",
        )
        .unwrap();
        let mut settings = Settings::new(SHOWN);
        settings.load(path).unwrap();
        LiveSettings::new(settings, SHOWN, path.to_owned())
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
            .update(b"flushDiskType=SYNC_FLUSH\nnoSuchKey=1\nregionId=a\\\\b\n")
            .unwrap();
        assert_eq!(
            now.text(Class::Store, "flushDiskType").unwrap(),
            "SYNC_FLUSH"
        );
        assert!(!live.text().contains("noSuchKey"));
        let mut again = Settings::new(SHOWN);
        again.load(&path).unwrap();
        assert_eq!(
            again.text(Class::Store, "flushDiskType").unwrap(),
            "SYNC_FLUSH"
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
}
