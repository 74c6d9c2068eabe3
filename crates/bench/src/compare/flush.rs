//! Sends that wait for the disk, one at a time and many in flight.

use std::time::Duration;

use super::{Scale, settle_disk, works};
use crate::report;
use crate::say;
use crate::send::SendWork;
use crate::store::{Findings, with_settings};

/// Work, connections, requests in flight on each.
const LOADS: [(&str, usize, usize); 2] = [("flush-1", 1, 1), ("flush-64x16", 64, 16)];

pub(super) fn measure(scale: &Scale, findings: &mut Findings<'_>) -> anyhow::Result<()> {
    let servers = with_settings(&findings.plan.servers, &["flushDiskType=SYNC_FLUSH"]);
    let running = servers.start(findings.side)?;
    let work = works::send(scale, &running, works::TOPIC);
    let measured = loads(scale, findings, &work);
    let ended = servers.stop(running);
    measured.and(ended)
}

fn loads(scale: &Scale, findings: &mut Findings<'_>, work: &SendWork) -> anyhow::Result<()> {
    works::create_topics(work.address)?;
    if !scale.warm_up.is_zero() {
        SendWork {
            warm_up: Duration::ZERO,
            length: scale.warm_up,
            ..work.clone()
        }
        .run()?;
    }
    for (name, connections, in_flight) in LOADS {
        settle_disk()?;
        let outcome = SendWork {
            connections,
            in_flight,
            ..work.clone()
        }
        .run()?;
        say(&report::outcome(&outcome))?;
        findings.add_outcome(name, &outcome);
    }
    Ok(())
}
