//! `ferrocket server`, `namesrv`, `broker`.

use std::path::Path;

use crate::cli;
use crate::config::checks;
use crate::config::settings::Settings;
use crate::config::sources::{self, Given};
use crate::failure::Failure;
use crate::logging::Logs;
use crate::roles::broker::config_path;
use crate::roles::log_findings;
use crate::roles::run::{self, Play};

pub(crate) fn namesrv(options: &cli::Namesrv, logs: Logs) -> Result<u8, Failure> {
    let mut given = Given {
        file: options.config.as_deref(),
        set: &options.set,
        ..Given::default()
    };
    given.flag("listenPort", text(options.port), "--port");
    let mut settings = sources::namesrv(&given)?;
    checks::namesrv(&mut settings)?;
    log_findings(&settings);
    serve(
        Play {
            namesrv: Some(settings),
            broker: None,
        },
        logs,
    )
}

pub(crate) fn broker(options: &cli::Broker, logs: Logs) -> Result<u8, Failure> {
    let mut given = Given {
        file: options.config.as_deref(),
        set: &options.set,
        ..Given::default()
    };
    given.flag("listenPort", text(options.port), "--port");
    given.flag("storePathRootDir", path(options.data.as_deref()), "--data");
    given.flag("namesrvAddr", options.namesrv.clone(), "-n");
    let settings = checked(&given)?;
    let path = config_path(options.config.as_ref());
    serve(
        Play {
            namesrv: None,
            broker: Some((settings, path)),
        },
        logs,
    )
}

/// Name server and broker; the broker registers at the name server beside it, and at others that
/// were given.
pub(crate) fn server(options: &cli::Server, logs: Logs) -> Result<u8, Failure> {
    let mut of_namesrv = Given {
        file: options.namesrv_config.as_deref(),
        ..Given::default()
    };
    of_namesrv.flag("listenPort", text(options.namesrv_port), "--namesrv-port");
    let mut namesrv = sources::namesrv(&of_namesrv)?;
    checks::namesrv(&mut namesrv)?;
    log_findings(&namesrv);

    let mut given = Given {
        file: options.config.as_deref(),
        set: &options.set,
        ..Given::default()
    };
    given.flag("listenPort", text(options.port), "--port");
    given.flag("storePathRootDir", path(options.data.as_deref()), "--data");
    given.flag("namesrvAddr", options.namesrv.clone(), "-n");
    let broker = checked(&given)?;
    let path = config_path(options.config.as_ref());
    serve(
        Play {
            namesrv: Some(namesrv),
            broker: Some((broker, path)),
        },
        logs,
    )
}

fn checked(given: &Given<'_>) -> Result<Settings, Failure> {
    let mut settings = sources::broker(given)?;
    checks::broker(&mut settings)?;
    log_findings(&settings);
    Ok(settings)
}

fn text(port: Option<u16>) -> Option<String> {
    port.map(|port| port.to_string())
}

fn path(path: Option<&Path>) -> Option<String> {
    path.map(|path| path.display().to_string())
}

fn serve(play: Play, logs: Logs) -> Result<u8, Failure> {
    run::block_on(run::until_signal(play, logs))?;
    Ok(0)
}
