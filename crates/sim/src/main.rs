//! `ferrocket-sim`: runs seeds and says which broke a promise.

mod cli;

use std::process::ExitCode;

use clap::Parser;

fn main() -> anyhow::Result<ExitCode> {
    cli::run(&cli::Cli::parse())
}
