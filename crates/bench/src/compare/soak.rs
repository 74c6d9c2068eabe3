//! Memory over a long run with sends and consumers at a steady rate.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;

use super::{Scale, works};
use crate::compare::Running;
use crate::e2e::EndToEndWork;
use crate::process::rss_mib;
use crate::send::SendWork;
use crate::store::Findings;
use crate::{report, say};

pub(super) const WORK: &str = "soak";
pub(super) const EARLY: &str = "resident after a sixth of it, MiB";
pub(super) const LATE: &str = "resident at its end, MiB";
/// Messages per second: what the slower server sustains, and a small disk holds.
const RATE: f64 = 5000.0;
/// Looks at the memory.
const LOOKS: u32 = 60;

pub(super) fn measure(scale: &Scale, findings: &mut Findings<'_>) -> anyhow::Result<()> {
    let servers = &findings.plan.servers;
    let running = servers.start(findings.side)?;
    let measured = watched(scale, findings, &running);
    let ended = servers.stop_slowly(running);
    let removed = servers.remove(findings.side);
    measured.and(ended).and(removed)
}

fn watched(scale: &Scale, findings: &mut Findings<'_>, running: &Running) -> anyhow::Result<()> {
    works::create_topics(running.address)?;
    let work = EndToEndWork {
        send: SendWork {
            connections: 4,
            rate: Some(RATE),
            warm_up: Duration::from_secs(1),
            length: scale.soak,
            ..works::send(scale, running, works::TOPIC)
        },
    };
    let since = Instant::now();
    let loading = thread::spawn(move || work.run());
    let mut seen = Vec::new();
    for look in 1..=LOOKS {
        thread::sleep((scale.soak * look / LOOKS).saturating_sub(since.elapsed()));
        let memory = rss_mib(running.pid)?;
        if look % (LOOKS / 6) == 0 {
            say(&format!(
                "  after {:.0} s: {memory:.1} MiB\n",
                since.elapsed().as_secs_f64()
            ))?;
        }
        seen.push(memory);
    }
    let outcome = loading.join().map_err(|_| anyhow!("the load panicked"))??;
    say(&report::outcome(&outcome))?;
    findings.add_outcome(WORK, &outcome);
    let early = seen
        .get(LOOKS as usize / 6 - 1)
        .copied()
        .unwrap_or_default();
    findings.add(WORK, "minutes", scale.soak.as_secs_f64() / 60.0)?;
    findings.add(WORK, EARLY, early)?;
    findings.add(WORK, LATE, seen.last().copied().unwrap_or_default())?;
    findings.add(
        WORK,
        "resident at most, MiB",
        seen.iter().copied().fold(0.0, f64::max),
    )
}
