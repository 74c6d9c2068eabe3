//! Memory after a start with many queues that have one message each.
//!
//! Ours makes the store; the Apache broker opens the same one, because it would take very long to
//! make it.

use std::fs;
use std::time::Instant;

use anyhow::Context;

use super::{Findings, fill, filling};
use crate::compare::Side;
use crate::process::rss_mib;
use crate::say;
use crate::send::SendWork;

const QUEUES_PER_TOPIC: u32 = 10_000;

pub(super) fn measure(findings: &mut Findings<'_>) -> anyhow::Result<()> {
    for queues in findings.plan.many.clone() {
        if findings.side == Side::Apache && queues > findings.plan.many_apache_max {
            say(&format!("  {queues} queues are not asked of it\n"))?;
            continue;
        }
        with(findings, queues)?;
    }
    Ok(())
}

fn with(findings: &mut Findings<'_>, queues: u32) -> anyhow::Result<()> {
    let servers = &findings.plan.servers;
    let row = format!("{queues} queues");
    make(findings, &row, queues)?;
    if findings.side == Side::Apache {
        servers.remove(Side::Apache)?;
        fs::create_dir_all(servers.directory_of(Side::Apache))?;
        fs::rename(
            servers.store_of(Side::Ferrocket),
            servers.store_of(Side::Apache),
        )
        .context("cannot hand the store over")?;
    }
    let running = servers.restart(findings.side)?;
    // The write-behind and the index have had their turn then.
    std::thread::sleep(findings.plan.length);
    let memory = rss_mib(running.pid)?;
    let first_send = running.first_send;
    servers.kill(running)?;
    servers.remove(findings.side)?;
    findings.add(&row, "exec to first send, s", first_send.as_secs_f64())?;
    findings.add(&row, "resident after a start, MiB", memory)
}

/// Makes the store with ours and stops it.
fn make(findings: &mut Findings<'_>, row: &str, queues: u32) -> anyhow::Result<()> {
    let plan = findings.plan;
    let running = plan.servers.start(Side::Ferrocket)?;
    let since = Instant::now();
    let per_topic = queues.min(QUEUES_PER_TOPIC);
    for number in 0..queues / per_topic {
        let topics = vec![format!("bench_many_{number}")];
        // One connection goes through all queues of a topic in turn.
        let work = SendWork {
            connections: 1,
            in_flight: 256,
            body_bytes: 16,
            ..filling(plan, topics, per_topic)?
        };
        fill(&work, u64::from(per_topic))?;
    }
    let stored = since.elapsed();
    let memory = rss_mib(running.pid)?;
    let since = Instant::now();
    plan.servers.stop_slowly(running)?;
    let stopped = since.elapsed();
    if findings.side == Side::Ferrocket {
        findings.add(row, "seconds to send one to each", stored.as_secs_f64())?;
        findings.add(row, "resident then, MiB", memory)?;
        findings.add(row, "seconds to stop", stopped.as_secs_f64())?;
    }
    Ok(())
}
