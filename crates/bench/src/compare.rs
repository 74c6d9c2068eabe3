//! The same works against the Apache broker and against ours, in turns, in one run.
//!
//! Only one server runs at a time, each round begins with an empty store, and the order within a
//! round changes from round to round. Of each measure the median over the rounds counts; the
//! spread is printed beside it, because a machine with neighbours is never quiet.

mod servers;
mod table;
mod works;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

pub(crate) use self::servers::{Running, Servers, Side};
pub(crate) use self::table::Measures;
use self::table::Table;
pub(crate) use self::works::Scale;
use self::works::Work;
use crate::measure::Outcome;
use crate::process::AtRest;
use crate::say;

/// How to compare.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) scale: Scale,
    /// Names of the works to run; empty: all.
    pub(crate) only: Vec<String>,
    pub(crate) servers: Servers,
    /// Where all results go as JSON.
    pub(crate) json: Option<PathBuf>,
}

/// Everything that a round brought for one server.
#[derive(Debug, Clone, Serialize)]
struct Round {
    side: Side,
    number: usize,
    start_to_first_send_ms: f64,
    /// Soon after the start, before any load but the first send.
    at_rest: AtRest,
    /// In the order in which they ran.
    outcomes: Vec<Measured>,
    /// After all works.
    at_rest_after: AtRest,
}

/// A work's outcome under its short name.
#[derive(Debug, Clone, Serialize)]
struct Measured {
    name: &'static str,
    outcome: Outcome,
}

/// The file that `--json` names.
#[derive(Debug, Serialize)]
struct Written<'a> {
    machine: String,
    apache_jvm: String,
    plan: String,
    rounds: &'a [Round],
    table: &'a Table,
}

pub(crate) fn run(plan: &Plan) -> anyhow::Result<()> {
    let works: Vec<Work> = works::all(&plan.scale)
        .into_iter()
        .filter(|work| plan.only.is_empty() || plan.only.iter().any(|name| name == work.name))
        .collect();
    say(&format!("machine: {}\n", machine()))?;
    say(&format!(
        "Apache {} with JVM options {}\n",
        plan.servers.release,
        plan.servers.jvm_text()
    ))?;
    say(&format!("plan: {} rounds, {}\n\n", plan.rounds, plan.scale))?;
    let mut rounds = Vec::new();
    for number in 0..plan.rounds {
        let order = if number % 2 == 0 {
            [Side::Apache, Side::Ferrocket]
        } else {
            [Side::Ferrocket, Side::Apache]
        };
        for side in order {
            let running = plan.servers.start(side)?;
            let round = round(side, number, plan, &works, &running)
                .with_context(|| format!("round {} against {side}", number + 1));
            // The server is ended before an error ends us.
            let ended = plan.servers.stop(running);
            rounds.push(round?);
            ended?;
        }
    }
    let table = Table::new(&rounds);
    say(&table.text())?;
    if let Some(path) = &plan.json {
        let written = Written {
            machine: machine(),
            apache_jvm: plan.servers.jvm_text(),
            plan: plan.scale.to_string(),
            rounds: &rounds,
            table: &table,
        };
        fs::write(path, serde_json::to_vec_pretty(&written)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn round(
    side: Side,
    number: usize,
    plan: &Plan,
    works: &[Work],
    running: &Running,
) -> anyhow::Result<Round> {
    say(&format!(
        "round {} of {}, {side}\n",
        number + 1,
        plan.rounds
    ))?;
    std::thread::sleep(plan.scale.settle);
    let at_rest = AtRest::measure(running.pid, plan.scale.rest)?;
    works::warm_up(&plan.scale, running)?;
    let mut outcomes = Vec::new();
    for work in works {
        settle_disk()?;
        let outcome = work.run(&plan.scale, running)?;
        say(&crate::report::outcome(&outcome))?;
        outcomes.push(Measured {
            name: work.name,
            outcome,
        });
    }
    std::thread::sleep(plan.scale.settle);
    let at_rest_after = AtRest::measure(running.pid, plan.scale.rest)?;
    Ok(Round {
        side,
        number,
        start_to_first_send_ms: running.first_send.as_secs_f64() * 1000.0,
        at_rest,
        outcomes,
        at_rest_after,
    })
}

/// Writes the page cache back, so that a work does not pay for what the one before it wrote: the
/// faster server would pay more.
pub(crate) fn settle_disk() -> anyhow::Result<()> {
    let synced = Command::new("sync").status().context("cannot run sync")?;
    anyhow::ensure!(synced.success(), "sync failed");
    std::thread::sleep(Duration::from_secs(1));
    Ok(())
}

/// The processor and how many of it there are.
pub(crate) fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model
        .and_then(|rest| rest.split_once(':'))
        .map_or("unknown", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} x {}, Linux {}", model.trim(), kernel.trim())
}
