//! Latency of sends while somebody reads from the disk what was stored before.
//!
//! The broker is started anew in between: what it has mapped stays in memory otherwise.

use std::thread;
use std::time::Duration;

use anyhow::anyhow;

use super::{Findings, drop_page_cache, fill, filling};
use crate::observed::Observed;
use crate::pull::PullWork;
use crate::send::SendWork;

const ROW: &str = "cold read";
const STORED: &str = "bench_cold";
const SENT: &str = "bench_beside";
const QUEUES: u32 = 8;

pub(crate) fn measure(findings: &mut Findings<'_>) -> anyhow::Result<()> {
    let plan = findings.plan;
    let running = plan.servers.start(findings.side)?;
    let work = SendWork {
        body_bytes: plan.cold_body_bytes,
        connections: 4,
        in_flight: 16,
        ..filling(plan, vec![STORED.to_owned()], QUEUES)?
    };
    fill(&work, plan.cold_messages)?;
    plan.servers.stop_slowly(running)?;
    drop_page_cache()?;
    let running = plan.servers.restart(findings.side)?;
    let measured = beside(findings, running.observed());
    plan.servers.kill(running)?;
    measured
}

fn beside(findings: &mut Findings<'_>, server: Observed) -> anyhow::Result<()> {
    let plan = findings.plan;
    let send = SendWork {
        rate: Some(plan.rate),
        connections: 4,
        warm_up: Duration::from_secs(1),
        server: Some(server),
        ..filling(plan, vec![SENT.to_owned()], QUEUES)?
    };
    let warm_up = SendWork {
        length: plan.warm_up.max(Duration::from_secs(1)),
        ..send.clone()
    };
    warm_up.run()?;
    let quiet = send.run()?;
    drop_page_cache()?;
    let pull = PullWork {
        address: send.address,
        topic: STORED.to_owned(),
        queues: QUEUES,
        messages_max: 32,
        tag: None,
        passes: 1,
        server: None,
    };
    let reading = thread::spawn(move || pull.run());
    let during = send.run()?;
    let still_reading = !reading.is_finished();
    let read = reading
        .join()
        .map_err(|_| anyhow!("the reader panicked"))??;
    for (when, outcome) in [("quiet", &quiet), ("during the read", &during)] {
        if let Some(latency) = outcome.latency {
            findings.add(ROW, &format!("p50 of sends {when}, us"), latency.p50_us)?;
            findings.add(ROW, &format!("p99 of sends {when}, us"), latency.p99_us)?;
            findings.add(ROW, &format!("p99.9 of sends {when}, us"), latency.p999_us)?;
        }
        let refused: u64 = outcome.refused.values().sum();
        findings.add(ROW, &format!("refused {when}"), refused as f64)?;
    }
    findings.add(ROW, "messages read", read.messages as f64)?;
    findings.add(ROW, "messages read per second", read.messages_per_second)?;
    findings.add(ROW, "MiB read per second", read.body_mib_per_second)?;
    let share = (read.seconds / (plan.length.as_secs_f64() + 1.0)).min(1.0);
    let share = if still_reading { 1.0 } else { share };
    findings.add(ROW, "part of the sends beside the read", share)
}
