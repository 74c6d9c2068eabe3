//! Every configuration key that a RocketMQ server of 4.9 or 5.5 knows: its class, type and default.
//!
//! The table (`keys.tsv`) was taken from the releases themselves. It serves four purposes: printing
//! (`-p`, `-m`, GET_BROKER_CONFIG), judging values, telling an unknown key from one that has no
//! meaning here, and suggesting the nearest name for a misspelt one.

use std::sync::LazyLock;

/// Java's class behind a key; a process binds several of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    Broker,
    Store,
    Server,
    Client,
    Namesrv,
    Auth,
    Controller,
}

/// The type of a key's setter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Long,
    Double,
    Bool,
    Text,
    OneOf(&'static [&'static str]),
}

/// One key of the table.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) class: Class,
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// `None` is Java's null.
    pub(crate) default: Option<&'static str>,
    /// Printed by `-m`.
    pub(crate) important: bool,
    /// Tunes the JVM's machinery, or is read by nothing in Java either.
    pub(crate) meaningless: bool,
    /// Left out by `-p`: inherited or not a field.
    pub(crate) hidden: bool,
    /// Shown by GET_BROKER_CONFIG but not settable.
    pub(crate) read_only: bool,
    /// Known to 4.x only.
    pub(crate) old: bool,
}

static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    include_str!("keys.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(key)
        .collect()
});

/// Spellings of 4.x before 4.6, each with the name that replaced it.
pub(crate) const LEGACY_SPELLINGS: [(&str, &str); 2] = [
    ("mapedFileSizeCommitLog", "mappedFileSizeCommitLog"),
    ("mapedFileSizeConsumeQueue", "mappedFileSizeConsumeQueue"),
];

fn key(line: &'static str) -> Option<Key> {
    let mut fields = line.split('\t');
    let class = match fields.next()? {
        "broker" => Class::Broker,
        "store" => Class::Store,
        "server" => Class::Server,
        "client" => Class::Client,
        "namesrv" => Class::Namesrv,
        "auth" => Class::Auth,
        "controller" => Class::Controller,
        _ => return None,
    };
    let kind = match fields.next()? {
        "int" => Kind::Int,
        "long" => Kind::Long,
        "double" => Kind::Double,
        "boolean" => Kind::Bool,
        "BrokerRole" => Kind::OneOf(&["ASYNC_MASTER", "SYNC_MASTER", "SLAVE"]),
        "FlushDiskType" => Kind::OneOf(&["ASYNC_FLUSH", "SYNC_FLUSH"]),
        "MessageRequestMode" => Kind::OneOf(&["PULL", "POP"]),
        "MetricsExporterType" => {
            Kind::OneOf(&["DISABLE", "OTLP_GRPC", "PROM", "LOG", "0", "1", "2", "3"])
        }
        _ => Kind::Text,
    };
    let name = fields.next()?;
    let default = fields.next().filter(|text| *text != "\\N");
    let marks = fields.next()?;
    if marks.contains('l') {
        return None;
    }
    Some(Key {
        class,
        name,
        kind,
        default,
        important: marks.contains('i'),
        meaningless: marks.contains('j'),
        hidden: marks.contains('h'),
        read_only: marks.contains('r'),
        old: marks.contains('4'),
    })
}

/// The keys of a class, in Java's order of declaration where `-p` prints them.
pub(crate) fn of(class: Class) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.class == class)
}

/// A key of a class by name.
pub(crate) fn find(class: Class, name: &str) -> Option<&'static Key> {
    of(class).find(|key| key.name == name)
}

/// The known key of these classes that is nearest to `name`, if one is near enough to be meant.
pub(crate) fn nearest(classes: &[Class], name: &str) -> Option<&'static str> {
    let limit = (name.chars().count() / 4).clamp(1, 4);
    KEYS.iter()
        .filter(|key| classes.contains(&key.class) && !key.read_only)
        .map(|key| (distance(name, key.name), key.name))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, name)| name)
}

/// Edits (insert, delete, replace, swap of neighbours) between two names, letter case being half
/// forgiven: it counts one edit for the whole word.
fn distance(a: &str, b: &str) -> usize {
    let (lower_a, lower_b) = (a.to_lowercase(), b.to_lowercase());
    if lower_a == lower_b {
        return usize::from(a != b);
    }
    let a: Vec<char> = lower_a.chars().collect();
    let b: Vec<char> = lower_b.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, cb) in b.iter().enumerate() {
            let at =
                |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
            let replaced = at(&last, j) + usize::from(ca != cb);
            let mut best = replaced.min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(cb) && b.get(j - 1) == Some(ca);
            if swapped {
                best = best.min(at(&before_last, j - 1) + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

impl Kind {
    /// Whether Java's setter would take the text. Numbers are not trimmed there.
    pub(crate) fn accepts(self, value: &str) -> bool {
        match self {
            Self::Int => value.parse::<i32>().is_ok(),
            Self::Long => value.parse::<i64>().is_ok(),
            Self::Double => value.trim().parse::<f64>().is_ok(),
            Self::Bool => value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false"),
            Self::Text => true,
            Self::OneOf(names) => names.contains(&value.trim()),
        }
    }

    /// What to write instead of a value that was not accepted.
    pub(crate) fn expected(self) -> String {
        match self {
            Self::Int => "a whole number between -2147483648 and 2147483647".to_owned(),
            Self::Long => "a whole number".to_owned(),
            Self::Double => "a number".to_owned(),
            Self::Bool => "true or false".to_owned(),
            Self::Text => "a text".to_owned(),
            Self::OneOf(names) => format!("one of {}", names.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        assert_eq!(of(Class::Namesrv).count(), 22);
        assert!(of(Class::Broker).count() > 240);
        assert!(of(Class::Store).count() > 215);
        let port = find(Class::Server, "listenPort").unwrap();
        assert_eq!((port.kind, port.default), (Kind::Int, Some("10911")));
        assert_eq!(find(Class::Broker, "namesrvAddr").unwrap().default, None);
        assert!(
            find(Class::Broker, "sendMessageThreadPoolNums")
                .unwrap()
                .meaningless
        );
    }

    #[test]
    fn defaults_are_values_of_their_own_type() {
        for key in KEYS.iter() {
            if let Some(default) = key.default {
                assert!(key.kind.accepts(default), "{} = {default}", key.name);
            }
        }
    }

    #[test]
    fn misspelt_keys_have_a_nearest_one_and_strange_ones_do_not() {
        let classes = [Class::Broker, Class::Store, Class::Server, Class::Client];
        assert_eq!(nearest(&classes, "brokerNmae"), Some("brokerName"));
        assert_eq!(nearest(&classes, "brokername"), Some("brokerName"));
        assert_eq!(
            nearest(&classes, "fileReserveTime"),
            Some("fileReservedTime")
        );
        assert_eq!(
            nearest(&classes, "enableDLedgerCommitLog"),
            Some("enableDLegerCommitLog")
        );
        assert_eq!(nearest(&classes, "Licensed"), None);
        assert_eq!(nearest(&classes, "<!--"), None);
    }
}
