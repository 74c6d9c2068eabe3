//! Puts a process's settings together: environment, file, flags.

use std::path::{Path, PathBuf};

use super::bind::{BROKER_CLASSES, NAMESRV_CLASSES};
use super::settings::{Settings, Source, home};
use super::{catalog, ranges};
use crate::failure::{EXIT_FAILED, EXIT_USAGE, Failure};

/// What the command line says of the configuration.
#[derive(Debug, Default)]
pub(crate) struct Given<'a> {
    pub(crate) file: Option<&'a Path>,
    /// Key, value and the flag that gave it.
    pub(crate) flags: Vec<(&'static str, String, &'static str)>,
    /// `--set KEY=VALUE`, any number of them.
    pub(crate) set: &'a [String],
}

impl Given<'_> {
    /// Adds a flag that was given.
    pub(crate) fn flag(&mut self, key: &'static str, value: Option<String>, flag: &'static str) {
        if let Some(value) = value {
            self.flags.push((key, value, flag));
        }
    }
}

/// Settings of a broker.
pub(crate) fn broker(given: &Given<'_>) -> Result<Settings, Failure> {
    let mut settings = Settings::new(BROKER_CLASSES);
    settings.ambient("brokerName", host_name());
    if let Ok(name_servers) = std::env::var("NAMESRV_ADDR") {
        settings.give(
            "namesrvAddr",
            &name_servers,
            Source::Environment("NAMESRV_ADDR"),
        );
    }
    fill(&mut settings, given)?;
    let path = given.file.map(|path| path.display().to_string());
    settings.ambient("brokerConfigPath", path.unwrap_or_default());
    Ok(settings)
}

/// Settings of a name server.
pub(crate) fn namesrv(given: &Given<'_>) -> Result<Settings, Failure> {
    let mut settings = Settings::new(NAMESRV_CLASSES);
    fill(&mut settings, given)?;
    settings.ambient("listenPort", "9876");
    if let Some(path) = given.file {
        settings.ambient("configStorePath", path.display().to_string());
        settings.forget("configStorePath");
    }
    Ok(settings)
}

fn fill(settings: &mut Settings, given: &Given<'_>) -> Result<(), Failure> {
    settings.ambient("rocketmqHome", rocketmq_home());
    if let Some(path) = given.file {
        settings
            .load(path)
            .map_err(|error| Failure::new(EXIT_FAILED, error))?;
    }
    for (key, value, flag) in &given.flags {
        settings.give(key, value, Source::Flag(flag));
    }
    for pair in given.set {
        set(settings, pair)?;
    }
    Ok(())
}

/// A mistake on the command line is an error, unlike one in a file.
fn set(settings: &mut Settings, pair: &str) -> Result<(), Failure> {
    let Some((key, value)) = pair.split_once('=') else {
        return Err(Failure::new(
            EXIT_USAGE,
            format!("--set {pair}: write KEY=VALUE"),
        ));
    };
    let (key, value) = (key.trim(), value.trim());
    let Some(known) = settings.key(key) else {
        let near = catalog::nearest(settings.classes(), key)
            .map_or_else(String::new, |near| format!("; did you mean {near}?"));
        return Err(Failure::new(
            EXIT_USAGE,
            format!("--set {pair}: unknown key {key}{near}"),
        ));
    };
    if !known.kind.accepts(value) {
        let expected = known.kind.expected();
        return Err(Failure::new(
            EXIT_USAGE,
            format!("--set {pair}: expected {expected}"),
        ));
    }
    if let Some(expected) = ranges::expected_instead(known, value) {
        return Err(Failure::new(
            EXIT_USAGE,
            format!("--set {pair}: expected {expected}"),
        ));
    }
    settings.give(key, value, Source::Flag("--set"));
    Ok(())
}

/// The installation's directory as the official scripts find it: `ROCKETMQ_HOME`, or the parent of
/// the directory that holds the program.
fn rocketmq_home() -> String {
    if let Ok(given) = std::env::var("ROCKETMQ_HOME") {
        return given;
    }
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from(home()));
    let parent = program
        .parent()
        .and_then(Path::parent)
        .map(Path::to_path_buf);
    parent.unwrap_or(program).display().to_string()
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => "DEFAULT_BROKER".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::catalog::Class;

    #[test]
    fn a_mistake_on_the_command_line_is_an_error() {
        let broker = |set: &str| {
            broker(&Given {
                set: &[set.to_owned()],
                ..Given::default()
            })
        };
        assert_eq!(
            broker("brokerNmae=x").unwrap_err().stderr,
            "ferrocket: --set brokerNmae=x: unknown key brokerNmae; did you mean brokerName?\n"
        );
        assert!(
            broker("listenPort=x")
                .unwrap_err()
                .stderr
                .contains("expected a whole number")
        );
        assert!(
            broker("listenPort")
                .unwrap_err()
                .stderr
                .contains("write KEY=VALUE")
        );
        let settings = broker("brokerName=x").unwrap();
        assert_eq!(settings.text(Class::Broker, "brokerName").unwrap(), "x");
    }

    #[test]
    fn a_name_server_listens_on_its_own_port_and_writes_back_to_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("namesrv.conf");
        std::fs::write(&path, "configStorePath=/elsewhere\n").unwrap();
        let given = Given {
            file: Some(&path),
            ..Given::default()
        };
        let settings = namesrv(&given).unwrap();
        assert_eq!(settings.number::<u16>(Class::Server, "listenPort"), 9876);
        let stored = settings.text(Class::Namesrv, "configStorePath").unwrap();
        assert_eq!(stored, path.display().to_string());
    }
}
