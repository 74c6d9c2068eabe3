//! Load generator for RocketMQ brokers, ours and Apache's, over raw frames.
//!
//! `send`, `pull` and `e2e` load a broker that runs already; `start` and `rest` measure a server
//! from outside; `echo` is the floor, our sockets with no broker behind; `compare` starts both
//! brokers in turns and prints ratios, and `store` does so with what only the store decides.

mod cli;
mod compare;
mod e2e;
mod echo;
#[cfg(test)]
mod guard;
mod measure;
mod observed;
mod process;
mod pull;
mod report;
mod send;
mod start;
mod store;
mod template;
mod topic;
mod wire;

use std::io::{self, Write};

use clap::Parser;

fn main() -> anyhow::Result<()> {
    cli::run(cli::Cli::parse())
}

/// Prints at once: runs are long, and their output is often watched through a pipe.
fn say(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
