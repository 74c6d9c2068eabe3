//! What the scripts of `interop/store` need beside Apache's own classes: golden stores in real
//! directories, our store going on with them, and comparisons.

mod go_on;
mod questions;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};
use ferrocket_golden::{Archive, Listing, Looser, archive_names, differences};

/// Differences that are printed; the rest is counted.
const SHOWN_MAX: usize = 5;

/// `maxMsgsNumBatch`.
const ANSWER_MESSAGES_MAX: usize = 64;

/// Of each so much.
const SHOWN_CHARS_MAX: usize = 240;

#[derive(Debug, Parser)]
#[command(about = "Golden stores for interop runs")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Prints the names of all archives.
    Names,
    /// Unpacks one into a directory: `store/`, `broker.conf`, and Apache's `manifest.json`.
    Unpack { name: String, directory: PathBuf },
    /// Opens `store/` of a directory with our store, appends to every queue and to new ones, writes
    /// what it shows to `ours.json`, and stops.
    GoOn {
        directory: PathBuf,
        #[arg(long)]
        stop: Stop,
    },
    /// Turns a listing into the questions that somebody else shall answer.
    Questions { listing: PathBuf, out: PathBuf },
    /// Says where two listings differ; fails when they do.
    Compare {
        name: String,
        /// What Apache's classes show.
        apache: PathBuf,
        /// What our store shows.
        ours: PathBuf,
        /// Apache may have lost keys (after a kill it does).
        #[arg(long)]
        keys_may_be_lost: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Stop {
    Clean,
    /// By SIGKILL, with whatever has not been written behind.
    Kill,
}

fn main() -> Result<ExitCode> {
    match Arguments::parse().command {
        Command::Names => {
            let mut out = io::stdout().lock();
            for name in archive_names()? {
                writeln!(out, "{name}")?;
            }
        }
        Command::Unpack { name, directory } => unpack(&name, &directory)?,
        Command::GoOn { directory, stop } => go_on::run(&directory, stop)?,
        Command::Questions { listing, out } => {
            fs::write(out, questions::of(&read(&listing)?)?)?;
        }
        Command::Compare {
            name,
            apache,
            ours,
            keys_may_be_lost,
        } => return compare(&name, &apache, &ours, keys_may_be_lost),
    }
    Ok(ExitCode::SUCCESS)
}

fn unpack(name: &str, directory: &Path) -> Result<()> {
    let archive = Archive::open(name)?;
    archive.unpack(&directory.join("store"))?;
    for (from, to) in [
        ("broker.conf", "broker.conf"),
        ("apache-5.5.0.json", "manifest.json"),
    ] {
        let content = archive.file(from).with_context(|| from.to_owned())?;
        fs::write(directory.join(to), content)?;
    }
    Ok(())
}

fn read(listing: &Path) -> Result<Listing> {
    let about = || listing.display().to_string();
    let content = fs::read(listing).with_context(about)?;
    serde_json::from_slice(&content).with_context(about)
}

fn compare(name: &str, apache: &Path, ours: &Path, keys_may_be_lost: bool) -> Result<ExitCode> {
    let mut out = io::stdout().lock();
    let (mut apache, mut ours) = (read(apache)?, read(ours)?);
    if !apache.opened && !ours.opened {
        writeln!(out, "ok {name} both refuse")?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(error) = apache.error {
        writeln!(out, "FAIL {name} Apache refuses: {error}")?;
        return Ok(ExitCode::FAILURE);
    }
    for listing in [&mut apache, &mut ours] {
        // Apache says −1 for a log without files, and may index a record twice.
        listing.min_phy = listing.min_phy.max(0);
        let answers = listing.index.values_mut();
        answers
            .chain(listing.tag_index.values_mut())
            .for_each(Vec::dedup);
        // A queue that lost all it had may be there or not.
        listing
            .queues
            .retain(|queue| queue.max > 0 || !queue.entries.is_empty());
    }
    let keys = answered(&ours);
    if keys_may_be_lost {
        forget_unanswered(&mut apache, &mut ours);
    }
    let left = answered(&ours);
    let looser = Looser {
        queue_file_entries: Some(QUEUE_FILE_ENTRIES),
        ..Looser::default()
    };
    let found = differences(&apache, &ours, &looser);
    let records = apache.records.len();
    let entries: usize = apache.queues.iter().map(|queue| queue.entries.len()).sum();
    let seen = format!("Apache sees {records} records, {entries} entries, {left} of {keys} keys");
    if found.is_empty() {
        writeln!(out, "ok {name} {seen}, equal")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "FAIL {name} {seen}, {} differences", found.len())?;
    for line in found.iter().take(SHOWN_MAX) {
        let line: String = line.chars().take(SHOWN_CHARS_MAX).collect();
        writeln!(out, "  {line}")?;
    }
    Ok(ExitCode::FAILURE)
}

/// Every golden store has `mappedFileSizeConsumeQueue=600`.
const QUEUE_FILE_ENTRIES: i64 = 30;

/// Drops what Apache does not find. Of more than an answer can hold it then finds older messages,
/// which we leave out.
fn forget_unanswered(apache: &mut Listing, ours: &mut Listing) {
    for (answers, theirs) in [
        (&mut ours.index, &mut apache.index),
        (&mut ours.tag_index, &mut apache.tag_index),
    ] {
        for (key, places) in answers.iter_mut() {
            let found = theirs.entry(key.clone()).or_default();
            if places.len() >= ANSWER_MESSAGES_MAX {
                found.retain(|place| places.contains(place));
            }
            places.retain(|place| found.contains(place));
        }
    }
}

fn answered(listing: &Listing) -> usize {
    let answers = listing.index.values().chain(listing.tag_index.values());
    answers.filter(|places| !places.is_empty()).count()
}
