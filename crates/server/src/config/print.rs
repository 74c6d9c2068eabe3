//! What `-p` and `-m` print: one line per field as Java's console logger writes it, in GMT+8
//! whatever the host's zone (spec 06 §1.13).

use std::io::{self, Write};

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use super::catalog::{self, Class};
use super::settings::Settings;

/// Prints the fields of these classes; `important` keeps those that `-m` shows.
pub(crate) fn print(
    out: &mut impl Write,
    settings: &Settings,
    classes: &[Class],
    important: bool,
    now: Timestamp,
) -> io::Result<()> {
    let zone = TimeZone::fixed(Offset::constant(8));
    let time = now
        .to_zoned_datetime(zone)
        .strftime("%Y-%m-%d %H:%M:%S")
        .to_string();
    for class in classes {
        for key in catalog::of(*class).filter(|key| !key.hidden && !key.old) {
            if important && !key.important {
                continue;
            }
            let value = settings.in_force(key).unwrap_or_default();
            writeln!(out, "{time} INFO main - {}={value}", key.name)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(classes: &'static [Class], important: bool) -> Vec<String> {
        let mut settings = Settings::new(classes);
        settings.ambient("brokerIP1", "10.0.0.1");
        settings.ambient("brokerIP2", "10.0.0.1");
        let mut out = Vec::new();
        let now = "2024-05-01T10:20:30Z".parse().unwrap();
        print(&mut out, &settings, classes, important, now).unwrap();
        String::from_utf8(out)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn important_fields_of_the_broker_are_those_of_java() {
        let lines = printed(&[Class::Broker], true);
        assert_eq!(lines.len(), 15);
        assert_eq!(lines[0], "2024-05-01 18:20:30 INFO main - namesrvAddr=");
        assert_eq!(lines[1], "2024-05-01 18:20:30 INFO main - listenPort=6888");
        assert_eq!(lines[14], "2024-05-01 18:20:30 INFO main - aclEnable=false");
    }

    #[test]
    fn the_whole_print_has_the_fields_of_the_recorded_one_in_its_order() {
        let golden = include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../testdata/startup/broker.txt"
        ));
        let block = golden
            .split("$ broker -p\n")
            .nth(1)
            .unwrap()
            .split("--- exit")
            .next()
            .unwrap();
        let fields = |line: &str| line.split(" main - ").nth(1).unwrap().to_owned();
        let wanted: Vec<String> = block.lines().map(fields).collect();
        let classes = &[Class::Broker, Class::Server, Class::Client, Class::Auth];
        let ours: Vec<String> = printed(classes, false).iter().map(|l| fields(l)).collect();
        assert_eq!(ours.len(), wanted.len());
        for (ours, wanted) in ours.iter().zip(&wanted) {
            let masked = ["<n>", "<path>", "<of this machine>"]
                .iter()
                .any(|m| wanted.ends_with(m));
            let key = |text: &str| text.split('=').next().unwrap().to_owned();
            if masked {
                assert_eq!(key(ours), key(wanted));
            } else {
                assert_eq!(ours, wanted);
            }
        }
    }
}
