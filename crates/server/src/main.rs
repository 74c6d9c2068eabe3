//! RocketMQ in one small binary: name server, broker, command line.
//!
//! This crate is wiring: it reads configuration, opens ports and files, and gives the cores time,
//! frames and threads. What a request means is theirs.

mod address;
mod cli;
mod clock;
mod commands;
mod config;
mod failure;
mod java;
mod logging;
mod memory;
mod roles;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::failure::Failure;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(failure) => end(&failure),
    }
}

/// A name of Java's scripts may be the program's own or the first word after it.
fn run() -> Result<u8, Failure> {
    let arguments: Vec<String> = std::env::args_os()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let mut words = arguments.as_slice();
    while let Some((word, rest)) = words.split_first() {
        let name = word.rsplit('/').next().unwrap_or_default();
        if let Some(result) = java::commands::run_by_name(name, rest) {
            return result;
        }
        if words.len() < arguments.len() {
            break;
        }
        words = rest;
    }
    commands::run(cli::Cli::parse())
}

fn end(failure: &Failure) -> ExitCode {
    // With closed outputs the code alone must do.
    let _ = std::io::stdout().write_all(failure.stdout.as_bytes());
    let _ = std::io::stderr().write_all(failure.stderr.as_bytes());
    ExitCode::from(failure.code)
}
