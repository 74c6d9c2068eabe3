//! The price of an answer that waits for the disk.

use std::time::Duration;

use super::{Findings, filling, with_settings};
use crate::compare::settle_disk;
use crate::send::SendWork;

const TOPIC: &str = "bench_flush";
const QUEUES: u32 = 8;
/// Connections, and sends in flight on each.
const LOADS: [(usize, usize); 3] = [(1, 1), (4, 16), (16, 64)];

pub(super) fn measure(findings: &mut Findings<'_>) -> anyhow::Result<()> {
    let mut rates: Vec<Vec<f64>> = Vec::new();
    for mode in ["ASYNC_FLUSH", "SYNC_FLUSH"] {
        let setting = format!("flushDiskType={mode}");
        let servers = with_settings(&findings.plan.servers, &[&setting]);
        let running = servers.start(findings.side)?;
        let measured = of_mode(findings, mode);
        servers.stop(running)?;
        rates.push(measured?);
    }
    let [without, with] = rates.as_slice() else {
        return Ok(());
    };
    for ((slow, fast), load) in with.iter().zip(without).zip(LOADS) {
        let row = row(load);
        findings.add(&row, "SYNC_FLUSH / ASYNC_FLUSH", slow / fast)?;
    }
    Ok(())
}

fn row((connections, in_flight): (usize, usize)) -> String {
    format!("flush-{}", connections * in_flight)
}

fn of_mode(findings: &mut Findings<'_>, mode: &str) -> anyhow::Result<Vec<f64>> {
    let plan = findings.plan;
    let work = filling(plan, vec![TOPIC.to_owned()], QUEUES)?;
    let warm_up = SendWork {
        length: plan.warm_up,
        ..work.clone()
    };
    if plan.warm_up > Duration::ZERO {
        warm_up.run()?;
    }
    let mut rates = Vec::new();
    for load in LOADS {
        settle_disk()?;
        let (connections, in_flight) = load;
        let outcome = SendWork {
            connections,
            in_flight,
            warm_up: plan.length / 5,
            ..work.clone()
        }
        .run()?;
        let row = row(load);
        let rate = outcome.messages_per_second;
        findings.add(&row, &format!("{mode}, messages/s"), rate)?;
        if let Some(latency) = outcome.latency {
            findings.add(&row, &format!("{mode}, p99 us"), latency.p99_us)?;
        }
        let refused: u64 = outcome.refused.values().sum();
        if refused > 0 {
            findings.add(&row, &format!("{mode}, refused"), refused as f64)?;
        }
        rates.push(rate);
    }
    Ok(rates)
}
