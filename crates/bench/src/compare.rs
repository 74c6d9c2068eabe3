//! The same works against the Apache broker and against ours, in turns, in one run.
//!
//! Only one server runs at a time, each part begins with an empty store, and the order within a
//! round changes from round to round. Of each measure the median over the rounds counts; the
//! spread is printed beside it, because a machine with neighbours is never quiet. Parts that take
//! minutes are measured once.

mod document;
mod floors;
mod flush;
mod goals;
mod growth;
mod idle;
mod many_topics;
mod overload;
mod parts;
mod rounds;
mod rows;
mod servers;
mod soak;
mod table;
mod works;

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::{Deserialize, Serialize};

pub(crate) use self::document::Documents;
use self::floors::Floor;
use self::goals::Verdict;
use self::parts::Part;
pub(crate) use self::rows::{Row, Selection};
pub(crate) use self::servers::{Running, Servers, Side};
pub(crate) use self::table::Measures;
use self::table::Table;
pub(crate) use self::works::Scale;
use crate::say;
use crate::store::{Findings, StorePlan};

/// How to compare.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) scale: Scale,
    pub(crate) selection: Selection,
    /// Sizes of what the store alone decides, the servers, and where the result goes as JSON.
    pub(crate) store: StorePlan,
}

/// The file that `--json` names, and that `report` makes documents of.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Comparison {
    machine: String,
    date: String,
    apache: String,
    plan: String,
    minutes: f64,
    verdicts: Vec<Verdict>,
    floors: Vec<Floor>,
    table: Table,
    /// What could not be measured, and why.
    failures: Vec<String>,
}

pub(crate) fn run(plan: &Plan) -> anyhow::Result<()> {
    let (since, servers) = (Instant::now(), &plan.store.servers);
    let apache = format!(
        "{} with JVM options {}",
        servers.release,
        servers.jvm_text()
    );
    let planned = format!("{} rounds, {}", plan.rounds, plan.scale);
    say(&format!("machine: {}\nApache {apache}\n", machine()))?;
    say(&format!("plan: {planned}\n\n"))?;
    let mut measures = Measures::default();
    let mut failures = Vec::new();
    let floors = if plan.selection.wants(&[Row::P1, Row::P5]) {
        floors::measure(&plan.scale, servers)?
    } else {
        Vec::new()
    };
    for round in 0..plan.rounds {
        for part in Part::ALL {
            if part.is_wanted(&plan.selection, &plan.scale) && (round == 0 || part.is_repeated()) {
                failures.extend(in_turns(plan, part, round, &mut measures)?);
            }
        }
    }
    let table = measures.table();
    let verdicts = goals::judge(&plan.scale, &table, &floors);
    let minutes = since.elapsed().as_secs_f64() / 60.0;
    say(&format!("\n{}{}", table.text(), goals::text(&verdicts)))?;
    say(&format!("\nfloors\n{}", floors::text(&floors)))?;
    for failure in &failures {
        say(&format!("FAILED: {failure}\n"))?;
    }
    say(&format!("{minutes:.1} minutes\n"))?;
    if let Some(path) = &plan.store.json {
        let comparison = Comparison {
            machine: machine(),
            date: date()?,
            apache,
            plan: planned,
            minutes,
            verdicts,
            floors,
            table,
            failures,
        };
        fs::write(path, serde_json::to_vec_pretty(&comparison)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// One part with both servers, one after the other; says what failed.
fn in_turns(
    plan: &Plan,
    part: Part,
    round: usize,
    measures: &mut Measures,
) -> anyhow::Result<Vec<String>> {
    let mut order = plan.store.sides().to_vec();
    if round % 2 == 1 {
        order.reverse();
    }
    let mut failures = Vec::new();
    for side in order {
        let since = Instant::now();
        say(&format!(
            "{part:?}, {side}, round {} of {}\n",
            round + 1,
            plan.rounds
        ))?;
        let mut findings = Findings {
            plan: &plan.store,
            side,
            measures,
        };
        // One server that fails is a finding; everything else is still measured.
        if let Err(error) = part.measure(&plan.selection, &plan.scale, &mut findings) {
            let failure = format!("{part:?}, {side}, round {}: {error:#}", round + 1);
            say(&format!("  FAILED: {failure}\n"))?;
            failures.push(failure);
        }
        plan.store.servers.kill_leftover(side)?;
        plan.store.servers.remove(side)?;
        say(&format!("  {:.0} s\n", since.elapsed().as_secs_f64()))?;
    }
    Ok(failures)
}

/// Writes the page cache back, so that a work does not pay for what the one before it wrote: the
/// faster server would pay more.
pub(crate) fn settle_disk() -> anyhow::Result<()> {
    let synced = Command::new("sync").status().context("cannot run sync")?;
    anyhow::ensure!(synced.success(), "sync failed");
    std::thread::sleep(Duration::from_secs(1));
    Ok(())
}

/// The day, as documents name it.
fn date() -> anyhow::Result<String> {
    let printed = Command::new("date")
        .args(["-u", "+%-d %B %Y"])
        .env("LC_ALL", "C")
        .output()
        .context("cannot run date")?;
    Ok(String::from_utf8_lossy(&printed.stdout).trim().to_owned())
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
