//! The commands of `ferrocket`.

mod serve;

use crate::cli::{Cli, Command};
use crate::failure::{EXIT_FAILED, Failure};
use crate::logging::Logs;

/// Runs the command and returns its exit code.
pub(crate) fn run(cli: Cli) -> Result<u8, Failure> {
    let level = match &cli.command {
        Command::Server(_) | Command::Namesrv(_) | Command::Broker(_) => "info",
        _ => "warn",
    };
    let logs = Logs::start(&cli.logs, level)?;
    match cli.command {
        Command::Server(options) => serve::server(&options, logs),
        Command::Namesrv(options) => serve::namesrv(&options, logs),
        Command::Broker(options) => serve::broker(&options, logs),
        Command::Quickstart(_) | Command::Produce(_) | Command::Consume(_) | Command::Topic(_) => {
            Err(Failure::new(EXIT_FAILED, "this command is not wired yet"))
        }
    }
}
