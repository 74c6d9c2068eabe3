//! `ferrocket-sim`: runs seeds and says which broke a promise.

mod cli;
mod planted;

use std::process::ExitCode;

use clap::Parser;

fn main() -> anyhow::Result<ExitCode> {
    cli::run(&cli::Cli::parse())
}
