//! Memory after a start with many topics of eight queues, one message in each queue.
//!
//! Ours makes the store; the Apache broker opens the same one, because it would take very long to
//! make it.

use std::fs;
use std::thread;

use anyhow::{Context, ensure};

use super::Scale;
use crate::compare::Side;
use crate::process::AtRest;
use crate::send::SendWork;
use crate::store::{Findings, fill, filling_existing};
use crate::topic;

const WORK: &str = "topics";
const QUEUES: u32 = 8;
/// Mappings that a JVM has besides those of its store.
const OTHER_MAPPINGS: u64 = 4096;
const MAPPINGS_MAX: &str = "/proc/sys/vm/max_map_count";

pub(super) fn measure(scale: &Scale, findings: &mut Findings<'_>) -> anyhow::Result<()> {
    let servers = &findings.plan.servers;
    if findings.side == Side::Apache {
        ensure_mappings(scale.many_topics as u64 * u64::from(QUEUES))?;
    }
    make(scale, findings)?;
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
    thread::sleep(scale.settle);
    let rest = AtRest::measure(running.pid, scale.rest)?;
    let first_send = running.first_send;
    servers.kill(running)?;
    servers.remove(findings.side)?;
    findings.add(WORK, "topics of 8 queues", scale.many_topics as f64)?;
    findings.add(
        WORK,
        "exec to first accepted send, s",
        first_send.as_secs_f64(),
    )?;
    findings.add(WORK, "resident, MiB", rest.rss_mib)?;
    findings.add(WORK, "CPU at rest, % of a core", rest.cpu_percent)
}

/// The Apache broker maps a file for each queue.
fn ensure_mappings(queues: u64) -> anyhow::Result<()> {
    let text = fs::read_to_string(MAPPINGS_MAX)?;
    let max: u64 = text.trim().parse()?;
    let wanted = queues + OTHER_MAPPINGS;
    ensure!(
        max >= wanted,
        "it maps a file for each of {queues} queues, vm.max_map_count is {max}: \
         run sysctl -w vm.max_map_count={wanted} for the comparison"
    );
    Ok(())
}

fn make(scale: &Scale, findings: &Findings<'_>) -> anyhow::Result<()> {
    let servers = &findings.plan.servers;
    let running = servers.start(Side::Ferrocket)?;
    let topics: Vec<String> = (0..scale.many_topics)
        .map(|n| format!("bench_topic_{n}"))
        .collect();
    topic::create_all(running.address, &topics, QUEUES)?;
    let messages = topics.len() as u64 * u64::from(QUEUES);
    // One connection goes through all queues of all topics in turn.
    let work = SendWork {
        connections: 1,
        in_flight: 256,
        body_bytes: 16,
        ..filling_existing(findings.plan, topics, QUEUES)
    };
    let filled = fill(&work, messages);
    let ended = servers.stop_slowly(running);
    filled?;
    ended
}
