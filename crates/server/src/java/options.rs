//! Java's option parsing (commons-cli, `ServerUtil#parseCmdLine`): spellings, error texts, help.

/// One option of a command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OptionSpec {
    pub(crate) short: &'static str,
    pub(crate) long: &'static str,
    pub(crate) takes_value: bool,
    pub(crate) help: &'static str,
}

/// What a command line said; the first value of a repeated option counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Parsed {
    given: Vec<(&'static str, String)>,
}

impl Parsed {
    pub(crate) fn has(&self, short: &str) -> bool {
        self.given.iter().any(|(name, _)| *name == short)
    }

    pub(crate) fn value(&self, short: &str) -> Option<&str> {
        self.given
            .iter()
            .find(|(name, _)| *name == short)
            .map(|(_, value)| value.as_str())
    }
}

/// Parses arguments; surplus positional ones are ignored.
///
/// # Errors
/// With the text that Java prints on stderr.
pub(crate) fn parse(specs: &[OptionSpec], arguments: &[String]) -> Result<Parsed, String> {
    let mut parsed = Parsed::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            break;
        }
        if !argument.starts_with('-') || argument == "-" {
            continue;
        }
        let (spec, attached) = lookup(specs, argument)?;
        let value = match (spec.takes_value, attached) {
            (false, _) => String::new(),
            (true, Some(value)) => value.to_owned(),
            (true, None) => match rest.next() {
                Some(next) if !is_known(specs, next) => next.clone(),
                _ => return Err(format!("Missing argument for option: {}", spec.short)),
            },
        };
        parsed.given.push((spec.short, unquoted(&value).to_owned()));
    }
    Ok(parsed)
}

/// The option that an argument names, and a value written into the same argument.
fn lookup<'s, 'a>(
    specs: &'s [OptionSpec],
    argument: &'a str,
) -> Result<(&'s OptionSpec, Option<&'a str>), String> {
    let unknown = || format!("Unrecognized option: {argument}");
    let name = argument.trim_start_matches('-');
    let (name, attached) = match name.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (name, None),
    };
    let exact = specs
        .iter()
        .find(|spec| spec.long == name || spec.short == name);
    if let Some(spec) = exact {
        return if attached.is_some() && !spec.takes_value {
            Err(unknown())
        } else {
            Ok((spec, attached))
        };
    }
    let begun: Vec<&OptionSpec> = specs
        .iter()
        .filter(|spec| spec.long.starts_with(name))
        .collect();
    match begun.as_slice() {
        [spec] if !name.is_empty() => return Ok((*spec, attached)),
        [] => {}
        several if argument.starts_with("--") => {
            let names: Vec<String> = several.iter().map(|s| format!("'{}'", s.long)).collect();
            return Err(format!(
                "Ambiguous option: '{argument}'  (could be: {})",
                names.join(", ")
            ));
        }
        _ => {}
    }
    // -nVALUE
    if !argument.starts_with("--")
        && let Some(body) = argument.strip_prefix('-')
        && let Some(spec) = specs
            .iter()
            .find(|s| s.takes_value && body.starts_with(s.short))
    {
        return Ok((spec, body.strip_prefix(spec.short)));
    }
    Err(unknown())
}

fn is_known(specs: &[OptionSpec], argument: &str) -> bool {
    argument.starts_with('-') && lookup(specs, argument).is_ok()
}

fn unquoted(value: &str) -> &str {
    value
        .strip_prefix('"')
        .and_then(|v| v.strip_suffix('"'))
        .unwrap_or(value)
}

/// The help text, as Java's formatter lays it out for options that fit its width.
pub(crate) fn help(command: &str, specs: &[OptionSpec]) -> String {
    let mut sorted: Vec<&OptionSpec> = specs.iter().collect();
    sorted.sort_by_key(|spec| spec.short.to_lowercase());
    let argument = |spec: &OptionSpec| if spec.takes_value { " <arg>" } else { "" };
    let mut text = format!("usage: {command}");
    for spec in &sorted {
        text.push_str(&format!(" [-{}{}]", spec.short, argument(spec)));
    }
    text.push('\n');
    let left: Vec<String> = sorted
        .iter()
        .map(|spec| format!(" -{},--{}{}", spec.short, spec.long, argument(spec)))
        .collect();
    let width = left.iter().map(String::len).max().unwrap_or_default() + 3;
    for (spec, left) in sorted.iter().zip(&left) {
        text.push_str(&format!("{left:<width$}{}\n", spec.help));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::java::commands::{BROKER_OPTIONS, NAMESRV_OPTIONS};

    fn parsed(arguments: &[&str]) -> Result<Parsed, String> {
        let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
        parse(BROKER_OPTIONS, &arguments)
    }

    #[test]
    fn every_spelling_that_java_takes() {
        for spelling in [
            &["-n", "a:1"][..],
            &["-na:1"],
            &["-n=a:1"],
            &["--namesrvAddr", "a:1"],
            &["--namesrvAddr=a:1"],
            &["--names", "a:1"],
            &["-n", "\"a:1\""],
            &["stray", "-n", "a:1", "-n", "b:1"],
        ] {
            assert_eq!(
                parsed(spelling).unwrap().value("n"),
                Some("a:1"),
                "{spelling:?}"
            );
        }
        assert!(parsed(&["-p"]).unwrap().has("p"));
        assert_eq!(parsed(&["-n", "-1"]).unwrap().value("n"), Some("-1"));
    }

    #[test]
    fn mistakes_have_java_words() {
        assert_eq!(
            parsed(&["--nosuch"]).unwrap_err(),
            "Unrecognized option: --nosuch"
        );
        assert_eq!(parsed(&["-z"]).unwrap_err(), "Unrecognized option: -z");
        assert_eq!(
            parsed(&["-c"]).unwrap_err(),
            "Missing argument for option: c"
        );
        assert_eq!(
            parsed(&["-c", "-p"]).unwrap_err(),
            "Missing argument for option: c"
        );
    }

    #[test]
    fn help_is_the_recorded_one() {
        for (command, specs, golden) in [
            (
                "mqbroker",
                BROKER_OPTIONS,
                include_str!(concat!(
                    env!("CARGO_MANIFEST_DIR"),
                    "/../../testdata/startup/broker.txt"
                )),
            ),
            (
                "mqnamesrv",
                NAMESRV_OPTIONS,
                include_str!(concat!(
                    env!("CARGO_MANIFEST_DIR"),
                    "/../../testdata/startup/namesrv.txt"
                )),
            ),
        ] {
            let wanted = golden
                .split(" -h\n")
                .nth(1)
                .unwrap()
                .split("---")
                .next()
                .unwrap();
            assert_eq!(help(command, specs), wanted);
        }
    }
}
