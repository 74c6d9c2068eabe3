//! The configuration of one process: what was given, where each value came from, and what is odd
//! about it.
//!
//! Values are bound as Java binds them, so that a file means the same here and there: texts are
//! trimmed, numbers are not, a value that is not of its key's type leaves the default in force.
//! Unlike Java, every such case becomes a [`Finding`] that says key, value, place and remedy. Keys
//! that nobody asked for after the typed structs were filled are reported as having no effect.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::catalog::{self, Class, Key, Kind, LEGACY_SPELLINGS};
use super::properties::{self, BadEscape, Entry};
use super::ranges;

/// Where a value came from, strongest last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    Environment(&'static str),
    File {
        path: PathBuf,
        line: usize,
    },
    Flag(&'static str),
    /// UPDATE_BROKER_CONFIG or UPDATE_NAMESRV_CONFIG, or this process itself.
    Request,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Flag(flag) => f.write_str(flag),
            Self::Request => f.write_str("update request"),
        }
    }
}

/// Something that the operator should know of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    pub(crate) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    Debug,
    Info,
    Warning,
}

/// Why a file gave no settings at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error("cannot read {}: {source}; check the path given with -c", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{}: {source}", path.display())]
    Escape { path: PathBuf, source: BadEscape },
}

#[derive(Debug, Clone)]
struct Given {
    value: String,
    source: Source,
}

/// Settings of the classes that a process binds.
#[derive(Debug)]
pub(crate) struct Settings {
    classes: &'static [Class],
    given: BTreeMap<String, Given>,
    /// Defaults that only this machine knows: addresses, host name, directories.
    ambient: BTreeMap<&'static str, String>,
    findings: Vec<Finding>,
    asked: Mutex<BTreeSet<&'static str>>,
}

impl Clone for Settings {
    fn clone(&self) -> Self {
        Self {
            classes: self.classes,
            given: self.given.clone(),
            ambient: self.ambient.clone(),
            findings: Vec::new(),
            asked: Mutex::new(self.asked.lock().clone()),
        }
    }
}

impl Settings {
    pub(crate) fn new(classes: &'static [Class]) -> Self {
        Self {
            classes,
            given: BTreeMap::new(),
            ambient: BTreeMap::new(),
            findings: Vec::new(),
            asked: Mutex::default(),
        }
    }

    /// Reads a properties file over what is there.
    pub(crate) fn load(&mut self, path: &Path) -> Result<(), LoadError> {
        let bytes = std::fs::read(path).map_err(|source| LoadError::Read {
            path: path.to_owned(),
            source,
        })?;
        let entries = properties::parse(&bytes).map_err(|source| LoadError::Escape {
            path: path.to_owned(),
            source,
        })?;
        self.take_entries(entries, path);
        Ok(())
    }

    pub(crate) fn take_entries(&mut self, entries: Vec<Entry>, path: &Path) {
        let mut junk: Option<(usize, String, usize)> = None;
        for entry in entries {
            let source = Source::File {
                path: path.to_owned(),
                line: entry.line,
            };
            if entry.non_ascii {
                self.warn(format!(
                    "{source}: {} is not written in ASCII and is read as ISO-8859-1, as Java does; write \\uXXXX",
                    entry.key
                ));
            }
            if looks_like_prose(&entry.key) && self.key(&entry.key).is_none() {
                let (_, _, count) = junk.get_or_insert_with(|| (entry.line, entry.key.clone(), 0));
                *count += 1;
            }
            self.give(&entry.key, &entry.value, source);
        }
        if let Some((line, first, count)) = junk {
            self.push(
                Severity::Info,
                format!("{}:{line}: {count} lines are not settings and have no effect, the first is {first:?}", path.display()),
            );
        }
    }

    /// Gives a value; one of an equal or stronger source replaces it.
    pub(crate) fn give(&mut self, key: &str, value: &str, source: Source) {
        let name = self.modern_name(key, &source);
        if let Some(before) = self.given.get(name) {
            if rank(&before.source) > rank(&source) {
                return;
            }
            if rank(&before.source) == rank(&source) && key != name {
                return; // the new spelling wins over the legacy one
            }
            if let (Source::File { line, .. }, Source::File { .. }) = (&before.source, &source)
                && before.value != value
            {
                let text = format!("{source}: {name} replaces the value of line {line}");
                self.warn(text);
            }
        }
        self.judge(name, value, &source);
        self.given.insert(
            name.to_owned(),
            Given {
                value: value.to_owned(),
                source,
            },
        );
    }

    fn modern_name<'a>(&mut self, key: &'a str, source: &Source) -> &'a str {
        let Some((old, new)) = LEGACY_SPELLINGS.iter().find(|(old, _)| *old == key) else {
            return key;
        };
        if self.classes.contains(&Class::Store) {
            self.push(
                Severity::Info,
                format!("{source}: {old} is the spelling of 4.5 and older, taken as {new}"),
            );
        }
        new
    }

    fn judge(&mut self, name: &str, value: &str, source: &Source) {
        let Some(key) = self.key(name) else {
            if !looks_like_prose(name) && name != "configFile" {
                let hint = catalog::nearest(self.classes, name)
                    .map_or_else(String::new, |near| format!("; did you mean {near}?"));
                self.warn(format!("{source}: unknown key {name} has no effect{hint}"));
            }
            return;
        };
        if key.read_only {
            self.warn(format!("{source}: {name} cannot be set"));
        } else if !key.kind.accepts(value) {
            let remedy = if key.kind.accepts(value.trim()) {
                "remove the blanks around it".to_owned()
            } else {
                format!("expected {}", key.kind.expected())
            };
            // Java's Boolean.parseBoolean knows no mistakes.
            self.warn(if key.kind == Kind::Bool {
                format!("{source}: {name} = {value:?} counts as false, as with Java; {remedy}")
            } else {
                let in_force = self.default_of(key).unwrap_or_default();
                format!(
                    "{source}: {name} = {value:?} is ignored, {remedy}; {in_force:?} stays in force"
                )
            });
        } else if name == "namesrvAddr" && value.contains(',') {
            self.warn(format!(
                "{source}: namesrvAddr = {value:?}: addresses are separated by ';', not by ','"
            ));
        }
    }

    /// Replaces what was given, in memory alone.
    pub(crate) fn overrule(&mut self, key: &str, value: &str) {
        if let Some(given) = self.given.get_mut(key) {
            value.clone_into(&mut given.value);
        }
    }

    /// Drops what was given for a key.
    pub(crate) fn forget(&mut self, key: &str) {
        self.given.remove(key);
    }

    /// Sets a default that depends on this machine.
    pub(crate) fn ambient(&mut self, key: &'static str, value: impl Into<String>) {
        self.ambient.insert(key, value.into());
    }

    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.classes
            .iter()
            .find_map(|class| catalog::find(*class, name))
    }

    fn default_of(&self, key: &Key) -> Option<String> {
        if let Some(value) = self.ambient.get(key.name) {
            return Some(value.clone());
        }
        let text = key.default?;
        match text.strip_prefix("${user.home}") {
            Some(rest) => Some(format!("{}{rest}", home())),
            None if text.starts_with(['(', '$']) => None,
            None => Some(text.to_owned()),
        }
    }

    /// The value in force for a key of a class, as Java would have bound it.
    pub(crate) fn value(&self, class: Class, name: &str) -> Option<String> {
        let key = catalog::find(class, name)?;
        self.asked.lock().insert(key.name);
        self.in_force(key)
    }

    pub(crate) fn in_force(&self, key: &Key) -> Option<String> {
        let given = self.given.get(key.name).filter(|_| !key.read_only);
        match (given, key.kind) {
            (Some(given), Kind::Bool) => Some(given.value.eq_ignore_ascii_case("true").to_string()),
            (Some(given), Kind::Text | Kind::OneOf(_)) if key.kind.accepts(&given.value) => {
                Some(given.value.trim().to_owned())
            }
            (Some(given), _) if key.kind.accepts(&given.value) => Some(given.value.clone()),
            _ => self.default_of(key),
        }
    }

    /// A text; empty counts as not given.
    pub(crate) fn text(&self, class: Class, name: &str) -> Option<String> {
        self.value(class, name).filter(|text| !text.is_empty())
    }

    pub(crate) fn boolean(&self, class: Class, name: &str) -> bool {
        self.value(class, name).is_some_and(|text| text == "true")
    }

    /// A number; the type that the caller keeps it in has room for the key's range, which is checked
    /// before anything is bound.
    pub(crate) fn number<N: TryFrom<i64> + Default>(&self, class: Class, name: &str) -> N {
        let number = self
            .value(class, name)
            .and_then(|text| text.trim().parse::<i64>().ok());
        number
            .and_then(|number| N::try_from(number).ok())
            .unwrap_or_default()
    }

    /// A line for each given value that is of its key's type but that nothing can run with.
    pub(crate) fn out_of_range(&self) -> Vec<String> {
        let refused = self.given.iter().filter_map(|(name, given)| {
            let key = self.key(name).filter(|key| !key.read_only)?;
            let expected = ranges::expected_instead(key, &given.value)?;
            Some(format!(
                "{}: {name} = {:?} cannot be, give {expected}",
                given.source, given.value
            ))
        });
        refused.collect()
    }

    /// Whether a typed struct was filled from the key: it has an effect.
    pub(crate) fn is_asked(&self, name: &str) -> bool {
        self.asked.lock().contains(name)
    }

    pub(crate) fn source(&self, name: &str) -> Option<&Source> {
        self.given.get(name).map(|given| &given.source)
    }

    /// Everything given, known or not.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&str, &str)> {
        self.given
            .iter()
            .map(|(key, given)| (key.as_str(), given.value.as_str()))
    }

    pub(crate) fn classes(&self) -> &'static [Class] {
        self.classes
    }

    pub(crate) fn warn(&mut self, text: String) {
        self.push(Severity::Warning, text);
    }

    fn push(&mut self, severity: Severity, text: String) {
        self.findings.push(Finding { severity, text });
    }

    pub(crate) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Known keys that were given but that nothing here has read.
    pub(crate) fn without_effect(&self) -> Vec<Finding> {
        let asked = self.asked.lock();
        let mut findings = Vec::new();
        for (name, given) in &self.given {
            let Some(key) = self.key(name) else { continue };
            let same = self
                .default_of(key)
                .is_some_and(|default| default == given.value.trim());
            if asked.contains(key.name) || key.read_only {
                continue;
            }
            let (severity, why) = if key.meaningless || same {
                (Severity::Debug, "has no meaning here")
            } else {
                (Severity::Info, "has no effect in this version")
            };
            findings.push(Finding {
                severity,
                text: format!("{}: {name} {why}", given.source),
            });
        }
        findings
    }
}

fn rank(source: &Source) -> u8 {
    match source {
        Source::Environment(_) => 0,
        Source::File { .. } => 1,
        Source::Flag(_) => 2,
        Source::Request => 3,
    }
}

/// A licence text or an XML comment at the head of a file makes keys like these.
fn looks_like_prose(key: &str) -> bool {
    let identifier = key
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    !identifier
        || !key.starts_with(|c: char| c.is_ascii_lowercase())
        || !key.contains(|c: char| c.is_ascii_uppercase() || c == '.')
}

pub(crate) fn home() -> String {
    std::env::var("HOME").unwrap_or_else(|_| "/root".to_owned())
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
