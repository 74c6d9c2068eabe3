//! `mqnamesrv` and `mqbroker`: options, lines and exit codes of the official start-up classes.

use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::options::{self, OptionSpec, Parsed};
use super::shutdown;
use crate::address;
use crate::config::bind::BROKER_CLASSES;
use crate::config::catalog::Class;
use crate::config::settings::Settings;
use crate::config::sources::{self, Given};
use crate::config::{checks, print};
use crate::failure::{EXIT_FAILED, EXIT_USAGE, Failure};
use crate::logging::{LogOptions, Logs};
use crate::roles::broker::config_path;
use crate::roles::log_findings;
use crate::roles::run::{self, Play};

const HELP: OptionSpec = OptionSpec {
    short: "h",
    long: "help",
    takes_value: false,
    help: "Print help",
};
const NAMESRV_ADDR: OptionSpec = OptionSpec {
    short: "n",
    long: "namesrvAddr",
    takes_value: true,
    help: "Name server address list, eg: '192.168.0.1:9876;192.168.0.2:9876'",
};

/// `mqnamesrv`.
pub(crate) const NAMESRV_OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        short: "c",
        long: "configFile",
        takes_value: true,
        help: "Name server config properties file",
    },
    HELP,
    NAMESRV_ADDR,
    OptionSpec {
        short: "p",
        long: "printConfigItem",
        takes_value: false,
        help: "Print all config items",
    },
];

/// `mqbroker`.
pub(crate) const BROKER_OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        short: "c",
        long: "configFile",
        takes_value: true,
        help: "Broker config properties file",
    },
    HELP,
    OptionSpec {
        short: "m",
        long: "printImportantConfig",
        takes_value: false,
        help: "Print important config item",
    },
    NAMESRV_ADDR,
    OptionSpec {
        short: "p",
        long: "printConfigItem",
        takes_value: false,
        help: "Print all config item",
    },
];

/// Runs the command behind one of Java's names; nothing when the name is none of them.
pub(crate) fn run_by_name(name: &str, arguments: &[String]) -> Option<Result<u8, Failure>> {
    match name {
        "mqnamesrv" => Some(namesrv(arguments)),
        "mqbroker" => Some(broker(arguments)),
        "mqshutdown" => {
            let mut out = std::io::stdout().lock();
            Some(shutdown::run(arguments, &mut out).map_err(|error| {
                Failure::new(EXIT_FAILED, format!("cannot look through /proc: {error}"))
            }))
        }
        _ => None,
    }
}

fn namesrv(arguments: &[String]) -> Result<u8, Failure> {
    let parsed = parsed("mqnamesrv", NAMESRV_OPTIONS, arguments)?;
    let Some(parsed) = parsed else { return Ok(0) };
    let file = parsed.value("c").map(PathBuf::from);
    let mut settings = sources::namesrv(&given(&parsed, file.as_deref()))?;
    if let Some(file) = &file {
        run::say(&format!(
            "load config properties file OK, {}",
            file.display()
        ));
    }
    if parsed.has("p") {
        return print(
            &settings,
            &[Class::Namesrv, Class::Server, Class::Client],
            false,
        );
    }
    checks::namesrv(&mut settings)?;
    let logs = Logs::start(&LogOptions::default(), "info")?;
    log_findings(&settings);
    serve(
        Play {
            namesrv: Some(settings),
            broker: None,
        },
        logs,
    )
}

fn broker(arguments: &[String]) -> Result<u8, Failure> {
    if arguments
        .iter()
        .any(|argument| argument == "--enable-proxy")
    {
        return Err(Failure::new(
            EXIT_USAGE,
            "--enable-proxy: there is no proxy in this version, start without it",
        ));
    }
    let parsed = parsed("mqbroker", BROKER_OPTIONS, arguments)?;
    let Some(parsed) = parsed else { return Ok(0) };
    let file = parsed.value("c").map(PathBuf::from);
    let mut settings = sources::broker(&given(&parsed, file.as_deref()))?;
    if parsed.has("p") || parsed.has("m") {
        let seen = address::Surroundings::look(&[]);
        if let Ok(address) = address::choose(&seen).0 {
            settings.ambient("brokerIP1", address::text(address));
            settings.ambient("brokerIP2", address::text(address));
        }
        let (classes, important): (&[Class], _) = if parsed.has("p") {
            (
                &[Class::Broker, Class::Server, Class::Client, Class::Auth],
                false,
            )
        } else {
            (BROKER_CLASSES, true)
        };
        return print(&settings, classes, important);
    }
    checks::broker(&mut settings)?;
    let logs = Logs::start(&LogOptions::default(), "info")?;
    log_findings(&settings);
    let path = config_path(file.as_ref());
    serve(
        Play {
            namesrv: None,
            broker: Some((settings, path)),
        },
        logs,
    )
}

/// Nothing when help was asked for, and printed.
fn parsed(
    command: &str,
    specs: &[OptionSpec],
    arguments: &[String],
) -> Result<Option<Parsed>, Failure> {
    let help = || options::help(command, specs);
    let parsed = options::parse(specs, arguments).map_err(|text| Failure {
        code: EXIT_USAGE,
        stdout: help(),
        stderr: format!("{text}\n"),
    })?;
    if parsed.has("h") {
        run::say(help().trim_end_matches('\n'));
        return Ok(None);
    }
    Ok(Some(parsed))
}

fn given<'a>(parsed: &Parsed, file: Option<&'a Path>) -> Given<'a> {
    let mut given = Given {
        file,
        ..Given::default()
    };
    given.flag("namesrvAddr", parsed.value("n").map(str::to_owned), "-n");
    given
}

fn print(settings: &Settings, classes: &[Class], important: bool) -> Result<u8, Failure> {
    let mut text = Vec::new();
    print::print(&mut text, settings, classes, important, Timestamp::now())
        .and_then(|()| std::io::stdout().write_all(&text))
        .map_err(|error| Failure::new(EXIT_FAILED, format!("cannot print: {error}")))?;
    Ok(0)
}

fn serve(play: Play, logs: Logs) -> Result<u8, Failure> {
    let stop = run::block_on(run::until_signal(play, logs))?;
    Ok(stop.java_exit_code())
}
