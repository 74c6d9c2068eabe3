//! The commands of `ferrocket`.

mod client;
mod consume;
mod preflight;
mod produce;
mod quickstart;
mod serve;
mod store;
mod topic;
mod watch;

use crate::cli::{Cli, Command};
use crate::failure::Failure;
use crate::logging::Logs;

/// Runs the command and returns its exit code.
pub(crate) fn run(cli: Cli) -> Result<u8, Failure> {
    let level = match &cli.command {
        Command::Server(_) | Command::Namesrv(_) | Command::Broker(_) => "info",
        // They say themselves what the store would log while it is opened in memory.
        Command::Preflight(_) | Command::Store(_) => "off",
        _ => "warn",
    };
    let logs = Logs::start(&cli.logs, level)?;
    match cli.command {
        Command::Server(options) => serve::server(&options, logs),
        Command::Namesrv(options) => serve::namesrv(&options, logs),
        Command::Broker(options) => serve::broker(&options, logs),
        Command::Quickstart(options) => quickstart::run(&options, logs),
        Command::Produce(options) => produce::run(&options),
        Command::Consume(options) => consume::run(&options),
        Command::Topic(options) => topic::run(&options),
        Command::Preflight(options) => preflight::run(&options),
        Command::Store(options) => store::run(&options.command),
    }
}
