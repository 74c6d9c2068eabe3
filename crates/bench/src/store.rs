//! What the store alone decides, measured for the Apache broker and ours in one run: the price of
//! SYNC_FLUSH, the time to recover, the memory of many queues, sends beside cold reads.
//!
//! One server runs at a time. What a broker cannot do is said in its place instead of a figure.

pub(crate) mod cold_read;
mod many_queues;
pub(crate) mod recovery;
mod sync_flush;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::ValueEnum;

use crate::compare::{Measures, Servers, Side, machine};
use crate::measure::Outcome;
use crate::send::SendWork;
use crate::{say, topic};

/// The rows that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Row {
    /// SYNC_FLUSH as a share of ASYNC_FLUSH at 1, 64 and 1,024 sends in flight.
    SyncFlush,
    /// Seconds from exec to sends and to reads after kill -9 with a large log.
    Recovery,
    /// Resident memory after a start with many queues.
    ManyQueues,
    /// Latency of sends, alone and while stored messages are read from the disk.
    ColdRead,
}

/// What to measure, and how large.
#[derive(Debug, Clone)]
pub(crate) struct StorePlan {
    /// Empty: all.
    pub(crate) rows: Vec<Row>,
    /// Empty: both, the Apache broker first.
    pub(crate) sides: Vec<Side>,
    pub(crate) length: Duration,
    pub(crate) warm_up: Duration,
    pub(crate) log_gib: u64,
    pub(crate) log_queues: u32,
    pub(crate) log_body_bytes: usize,
    /// Numbers of queues.
    pub(crate) many: Vec<u32>,
    /// No more for the Apache broker, which has a mapping for each.
    pub(crate) many_apache_max: u32,
    pub(crate) cold_messages: u64,
    pub(crate) cold_body_bytes: usize,
    pub(crate) rate: f64,
    pub(crate) servers: Servers,
    pub(crate) json: Option<PathBuf>,
}

impl StorePlan {
    /// The brokers to measure, the Apache broker first.
    pub(crate) fn sides(&self) -> &[Side] {
        if self.sides.is_empty() {
            &[Side::Apache, Side::Ferrocket]
        } else {
            &self.sides
        }
    }
}

/// What is measured now, for one server.
#[derive(Debug)]
pub(crate) struct Findings<'a> {
    pub(crate) plan: &'a StorePlan,
    pub(crate) side: Side,
    pub(crate) measures: &'a mut Measures,
}

impl Findings<'_> {
    pub(crate) fn add_outcome(&mut self, work: &str, outcome: &Outcome) {
        self.measures.add_outcome(work, self.side, outcome);
    }

    pub(crate) fn add(&mut self, row: &str, measure: &str, value: f64) -> anyhow::Result<()> {
        say(&format!("  {}: {row}, {measure}: {value:.3}\n", self.side))?;
        self.measures.add(row, measure, self.side, value);
        Ok(())
    }
}

pub(crate) fn run(plan: &StorePlan) -> anyhow::Result<()> {
    say(&format!("machine: {}\n", machine()))?;
    say(&format!(
        "Apache {} with JVM options {}\n\n",
        plan.servers.release,
        plan.servers.jvm_text()
    ))?;
    let rows: &[Row] = if plan.rows.is_empty() {
        Row::value_variants()
    } else {
        &plan.rows
    };
    let mut measures = Measures::default();
    for row in rows {
        for side in plan.sides() {
            say(&format!("{row:?}, {side}\n"))?;
            let mut findings = Findings {
                plan,
                side: *side,
                measures: &mut measures,
            };
            let measured = match row {
                Row::SyncFlush => sync_flush::measure(&mut findings),
                Row::Recovery => recovery::measure(&mut findings),
                Row::ManyQueues => many_queues::measure(&mut findings),
                Row::ColdRead => cold_read::measure(&mut findings),
            };
            if let Err(error) = measured {
                // One broker that fails is a finding; the others are still measured.
                say(&format!("  {side} FAILED: {error:#}\n"))?;
            }
            plan.servers.kill_leftover(*side)?;
            plan.servers.remove(*side)?;
        }
    }
    let table = measures.table();
    say(&format!("\n{}", table.text()))?;
    if let Some(path) = &plan.json {
        fs::write(path, serde_json::to_vec_pretty(&table)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The servers with more lines in their broker.conf.
pub(crate) fn with_settings(servers: &Servers, more: &[&str]) -> Servers {
    let mut servers = servers.clone();
    let more = more.iter().map(|line| (*line).to_owned());
    servers.settings.extend(more);
    servers
}

/// A closed loop that fills topics with a number of messages.
pub(crate) fn filling(
    plan: &StorePlan,
    topics: Vec<String>,
    queues: u32,
) -> anyhow::Result<SendWork> {
    for name in &topics {
        topic::create(plan.servers.address(), name, queues)?;
    }
    Ok(filling_existing(plan, topics, queues))
}

/// The same with topics that are there.
pub(crate) fn filling_existing(plan: &StorePlan, topics: Vec<String>, queues: u32) -> SendWork {
    SendWork {
        address: plan.servers.address(),
        topics,
        queues,
        connections: 8,
        in_flight: 32,
        body_bytes: 1024,
        batch: 1,
        tag_every: 0,
        rate: None,
        warm_up: Duration::ZERO,
        length: plan.length,
        messages: None,
        server: None,
    }
}

/// Sends so many messages and fails when one was refused for good.
pub(crate) fn fill(work: &SendWork, messages: u64) -> anyhow::Result<f64> {
    let work = SendWork {
        messages: Some(messages),
        ..work.clone()
    };
    let outcome = work.run()?;
    ensure!(
        outcome.messages >= messages,
        "only {} of {messages} messages were stored",
        outcome.messages
    );
    Ok(outcome.seconds)
}

/// Forgets what the page cache has of all files, as far as nobody has mapped it: needs root.
fn drop_page_cache() -> anyhow::Result<()> {
    let synced = Command::new("sync").status().context("cannot run sync")?;
    ensure!(synced.success(), "sync failed");
    fs::write("/proc/sys/vm/drop_caches", "3").context("cannot drop the page cache: run as root")
}
