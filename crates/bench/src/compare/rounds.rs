//! One round of the works in time: a server with an empty store, idle first, then under every load.

use super::rows::{Row, Selection};
use super::{Scale, settle_disk, works};
use crate::compare::Running;
use crate::process::AtRest;
use crate::report;
use crate::say;
use crate::store::Findings;

/// Rows that the start and the rest of a server tell of.
const OF_THE_SERVER: [Row; 2] = [Row::P10, Row::P11];

pub(super) fn is_wanted(selection: &Selection, scale: &Scale) -> bool {
    let mut works = works::all(scale).into_iter();
    selection.wants(&OF_THE_SERVER) || works.any(|work| selection.wants_work(work.name, work.rows))
}

pub(super) fn measure(
    selection: &Selection,
    scale: &Scale,
    findings: &mut Findings<'_>,
) -> anyhow::Result<()> {
    let servers = &findings.plan.servers;
    let running = servers.start(findings.side)?;
    let measured = round(selection, scale, findings, &running);
    // The server is ended before an error ends us.
    let ended = servers.stop(running);
    measured.and(ended)
}

fn round(
    selection: &Selection,
    scale: &Scale,
    findings: &mut Findings<'_>,
    running: &Running,
) -> anyhow::Result<()> {
    let first_send_ms = running.first_send.as_secs_f64() * 1000.0;
    findings.add("start", "exec to first accepted send, ms", first_send_ms)?;
    std::thread::sleep(scale.settle);
    at_rest(scale, findings, running, "idle")?;
    let mut works = works::all(scale);
    works.retain(|work| selection.wants_work(work.name, work.rows));
    if works.is_empty() {
        return Ok(());
    }
    works::warm_up(scale, running)?;
    for work in works {
        settle_disk()?;
        let outcome = work.run(scale, running)?;
        say(&report::outcome(&outcome))?;
        findings.add_outcome(work.name, &outcome);
    }
    std::thread::sleep(scale.settle);
    at_rest(scale, findings, running, "after")
}

fn at_rest(
    scale: &Scale,
    findings: &mut Findings<'_>,
    running: &Running,
    when: &str,
) -> anyhow::Result<()> {
    let rest = AtRest::measure(running.pid, scale.rest)?;
    findings.add(when, "resident, MiB", rest.rss_mib)?;
    findings.add(when, "CPU at rest, % of a core", rest.cpu_percent)?;
    findings.add(when, "context switches/s", rest.context_switches_per_second)
}
