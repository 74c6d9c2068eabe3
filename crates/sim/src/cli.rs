//! The command line.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand};
use ferrocket_sim::store::{self, Failure, Summary};
use ferrocket_store::Planted;

use crate::planted;

/// A seed takes milliseconds; one that takes so long hangs.
const HANG: Duration = Duration::from_secs(60);
const SEEDS_PER_REPORT: u64 = 64;

/// Runs the real cores of Ferrocket in a simulated world.
///
/// Everything that happens in a run is decided by its seed, so a seed that fails here fails
/// everywhere. The exit code is 1 when a promise was broken.
#[derive(Debug, Parser)]
#[command(name = "ferrocket-sim", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The message store over a disk that loses power, fails, fills up and rots.
    Store(StoreArgs),
}

#[derive(Debug, Args)]
struct StoreArgs {
    /// Runs this seed alone, and shows its last events if it fails.
    #[arg(long, conflicts_with_all = ["seeds", "start", "jobs"])]
    seed: Option<u64>,
    /// How many seeds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    start: u64,
    /// Threads, each with seeds of its own.
    #[arg(long, default_value_t = 1)]
    jobs: u64,
    /// Goes on after failures, and lists them.
    #[arg(long)]
    keep_going: bool,
    /// Plants a mistake into the store and says after how many seeds it is found; `all` does so with
    /// every one. The exit code is 1 when one is not found.
    #[arg(long, value_name = "NAME", value_parser = planted::names(), conflicts_with_all = ["jobs", "keep_going"])]
    planted: Option<String>,
}

pub(crate) fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    match &cli.command {
        Command::Store(args) => match (args.seed, &args.planted) {
            (Some(seed), planted) => one(seed, planted::named(planted.as_deref())?),
            (None, Some(name)) => planted::hunt(name, args.start, args.seeds),
            (None, None) => many(args),
        },
    }
}

fn one(seed: u64, planted: Option<Planted>) -> anyhow::Result<ExitCode> {
    match guarded(seed, planted) {
        Ok(summary) => {
            say(&format!("seed {seed} is fine: {summary:?}\n"))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(failure) => {
            say(&show(&failure))?;
            Ok(ExitCode::FAILURE)
        }
    }
}

fn show(failure: &Failure) -> String {
    let mut text = String::new();
    for event in &failure.events {
        text.push_str(event);
        text.push('\n');
    }
    text.push_str(&summary_of(failure));
    text
}

fn summary_of(failure: &Failure) -> String {
    let Failure {
        seed,
        planted,
        violation,
        ..
    } = failure;
    let planted = planted.map_or(String::new(), |it| format!(" --planted {}", it.name()));
    format!(
        "seed {seed}: {violation}\n  \
         cargo run --release -p ferrocket-sim -- store --seed {seed}{planted}\n"
    )
}

/// What the threads share.
#[derive(Debug, Default)]
struct Progress {
    next: AtomicU64,
    stop: AtomicBool,
}

enum Report {
    Done { seeds: u64, summary: Summary },
    Failed(Box<Failure>),
}

#[expect(
    clippy::disallowed_methods,
    reason = "the command line measures its own speed"
)]
fn many(args: &StoreArgs) -> anyhow::Result<ExitCode> {
    let progress = Progress::default();
    let begin = Instant::now();
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..args.jobs.max(1) {
            let sender = sender.clone();
            let progress = &progress;
            scope.spawn(move || work(args, progress, &sender));
        }
        drop(sender);
        loop {
            match receiver.recv_timeout(HANG) {
                Ok(report) => tally.take(report, args, begin.elapsed())?,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    let next = args.start + progress.next.load(Ordering::Relaxed);
                    say(&format!("a seed before {next} hangs\n"))?;
                    std::process::exit(2);
                }
            }
            if !tally.failed.is_empty() && !args.keep_going {
                progress.stop.store(true, Ordering::Relaxed);
            }
        }
        anyhow::Ok(())
    })?;
    tally.end(begin.elapsed())
}

fn work(args: &StoreArgs, progress: &Progress, reports: &mpsc::Sender<Report>) {
    let mut seeds = 0;
    let mut total = Summary::default();
    while !progress.stop.load(Ordering::Relaxed) {
        let index = progress.next.fetch_add(1, Ordering::Relaxed);
        if index >= args.seeds {
            break;
        }
        match guarded(args.start + index, None) {
            Ok(summary) => {
                seeds += 1;
                total.add(summary);
            }
            Err(failure) => {
                seeds += 1;
                // Nobody listens any more when printing failed.
                let _ = reports.send(Report::Failed(failure));
            }
        }
        if seeds == SEEDS_PER_REPORT {
            let summary = std::mem::take(&mut total);
            let _ = reports.send(Report::Done { seeds, summary });
            seeds = 0;
        }
    }
    let _ = reports.send(Report::Done {
        seeds,
        summary: total,
    });
}

/// Runs a seed; a panic is a broken promise too.
fn guarded(seed: u64, planted: Option<Planted>) -> Result<Summary, Box<Failure>> {
    catch_unwind(AssertUnwindSafe(|| store::run_with(seed, planted)))
        .unwrap_or_else(|_| Err(Box::new(Failure::of_panic(seed, planted))))
}

#[derive(Debug, Default)]
struct Tally {
    seeds: u64,
    summary: Summary,
    failed: Vec<u64>,
    told_s: u64,
}

impl Tally {
    fn take(&mut self, report: Report, args: &StoreArgs, elapsed: Duration) -> anyhow::Result<()> {
        match report {
            Report::Failed(failure) => {
                self.failed.push(failure.seed);
                let text = if args.keep_going {
                    summary_of(&failure)
                } else {
                    show(&failure)
                };
                say(&text)
            }
            Report::Done { seeds, summary } => {
                self.seeds += seeds;
                self.summary.add(summary);
                if elapsed.as_secs() >= self.told_s + 5 {
                    self.told_s = elapsed.as_secs();
                    say(&format!("{} of {} seeds\n", self.seeds, args.seeds))?;
                }
                Ok(())
            }
        }
    }

    fn end(&self, elapsed: Duration) -> anyhow::Result<ExitCode> {
        let Summary {
            messages,
            starts,
            power_losses,
            faults,
        } = self.summary;
        let seconds = elapsed.as_secs_f64();
        say(&format!(
            "{} seeds in {seconds:.1} s, {:.0} seeds/s: {messages} messages, {starts} starts, \
             {power_losses} power losses, {faults} faults; {} failed\n",
            self.seeds,
            self.seeds as f64 / seconds.max(0.001),
            self.failed.len(),
        ))?;
        if self.failed.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        say(&format!("failed: {:?}\n", self.failed))?;
        Ok(ExitCode::FAILURE)
    }
}

pub(crate) fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
