//! From exec to the first send and the first reads, after SIGKILL under load.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};

use super::{Findings, fill, filling};
use crate::pull::PullWork;
use crate::send::SendWork;
use crate::topic::max_offset;

const ROW: &str = "recovery";
const TOPICS: u32 = 10;
const READ_LIMIT: Duration = Duration::from_secs(600);
const PAUSE: Duration = Duration::from_millis(2);

pub(crate) fn measure(findings: &mut Findings<'_>) -> anyhow::Result<()> {
    let plan = findings.plan;
    let queues = plan.log_queues.div_ceil(TOPICS).max(1);
    let topics: Vec<String> = (0..TOPICS).map(|n| format!("bench_log_{n}")).collect();
    let running = plan.servers.start(findings.side)?;
    let work = SendWork {
        body_bytes: plan.log_body_bytes,
        connections: 4,
        in_flight: 16,
        ..filling(plan, topics.clone(), queues)?
    };
    let messages = plan.log_gib * (1 << 30) / plan.log_body_bytes as u64;
    let seconds = fill(&work, messages)?;
    findings.add(ROW, "messages before the kill", messages as f64)?;
    findings.add(ROW, "seconds to store them", seconds)?;
    let last = topics.last().cloned().unwrap_or_default();
    let ends: Vec<(u32, i64)> = [0, queues - 1]
        .into_iter()
        .map(|queue| Ok((queue, max_offset(running.address, &last, queue)?)))
        .collect::<anyhow::Result<_>>()?;
    // It dies with requests under way; a counted run ends when its connections do.
    let load = SendWork {
        messages: Some(1 << 40),
        ..work
    };
    let loading = thread::spawn(move || load.run());
    thread::sleep(Duration::from_secs(2));
    plan.servers.kill(running)?;
    drop(loading.join());

    let reads = PullWork {
        address: plan.servers.address(),
        topic: last,
        queues,
        messages_max: 1,
        tag: None,
        passes: 1,
        server: None,
    };
    let reading = thread::spawn(move || all_read_at(&reads, &ends));
    let running = plan.servers.restart(findings.side)?;
    let first_read = reading
        .join()
        .map_err(|_| anyhow!("the reader panicked"))?
        .map(|at| at.saturating_duration_since(running.exec));
    let first_send = running.first_send;
    let memory = crate::process::rss_mib(running.pid)?;
    plan.servers.kill(running)?;
    findings.add(ROW, "exec to first send, s", first_send.as_secs_f64())?;
    findings.add(ROW, "exec to reads, s", first_read?.as_secs_f64())?;
    findings.add(ROW, "resident then, MiB", memory)
}

/// When the first and the last message of both queues could be read, trying from now on.
fn all_read_at(work: &PullWork, ends: &[(u32, i64)]) -> anyhow::Result<Instant> {
    let since = Instant::now();
    let mut wanted: Vec<(u32, i64)> = ends
        .iter()
        .flat_map(|(queue, end)| [(*queue, 0), (*queue, end - 1)])
        .collect();
    while since.elapsed() < READ_LIMIT {
        wanted.retain(|(queue, offset)| !work.has(*queue, *offset).unwrap_or(false));
        if wanted.is_empty() {
            return Ok(Instant::now());
        }
        thread::sleep(PAUSE);
    }
    ensure!(
        wanted.is_empty(),
        "queue and offset {wanted:?} cannot be read {READ_LIMIT:?} after the kill"
    );
    Ok(Instant::now())
}
