//! A server that is asked for twice of what it can do: whether it says so or holds its clients back,
//! how much memory that takes, and how soon afterwards it is as quick as before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::{Scale, settle_disk, works};
use crate::compare::Running;
use crate::process::rss_mib;
use crate::send::SendWork;
use crate::store::Findings;
use crate::{report, say};

pub(super) const WORK: &str = "overload";
/// Of the sustainable rate, before and after.
const CALM: f64 = 0.1;
/// Latency counts from so long after the overload.
const RECOVERY: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(200);

pub(super) fn measure(scale: &Scale, findings: &mut Findings<'_>) -> anyhow::Result<()> {
    let servers = &findings.plan.servers;
    let running = servers.start(findings.side)?;
    let measured = loaded(scale, findings, &running);
    let ended = servers.stop_slowly(running);
    let removed = servers.remove(findings.side);
    measured.and(ended).and(removed)
}

fn loaded(scale: &Scale, findings: &mut Findings<'_>, running: &Running) -> anyhow::Result<()> {
    works::warm_up(scale, running)?;
    let closed = works::send(scale, running, works::TOPIC);
    let sustained = closed.run()?.messages_per_second;
    findings.add(WORK, "sustainable, messages/s", sustained)?;
    let calm = SendWork {
        rate: Some(sustained * CALM),
        warm_up: RECOVERY,
        ..closed.clone()
    };
    let twice = SendWork {
        rate: Some(sustained * 2.0),
        warm_up: Duration::ZERO,
        length: scale.overload,
        ..closed
    };
    settle_disk()?;
    phase(findings, "before", &calm)?;
    let most = MostMemory::watch(running.pid);
    let overloaded = phase(findings, "at twice the rate", &twice);
    findings.add(WORK, "resident at most, MiB", most.end())?;
    overloaded?;
    phase(findings, "2 s after", &calm)
}

fn phase(findings: &mut Findings<'_>, when: &str, work: &SendWork) -> anyhow::Result<()> {
    let outcome = work.run()?;
    say(&report::outcome(&outcome))?;
    let refused: u64 = outcome.refused.values().sum();
    let rate = outcome.messages_per_second;
    findings.add(WORK, &format!("{when}: messages/s"), rate)?;
    findings.add(WORK, &format!("{when}: refused requests"), refused as f64)?;
    if let Some(latency) = outcome.latency {
        findings.add(WORK, &format!("{when}: p50, us"), latency.p50_us)?;
        findings.add(WORK, &format!("{when}: p99, us"), latency.p99_us)?;
    }
    Ok(())
}

/// Looks at the memory of a process until it is ended.
struct MostMemory {
    ended: Arc<AtomicBool>,
    thread: thread::JoinHandle<f64>,
}

impl MostMemory {
    fn watch(pid: u32) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ended);
        let thread = thread::spawn(move || {
            let mut most = 0.0_f64;
            while !seen.load(Ordering::Relaxed) {
                most = most.max(rss_mib(pid).unwrap_or_default());
                thread::sleep(LOOK_EVERY);
            }
            most
        });
        Self { ended, thread }
    }

    fn end(self) -> f64 {
        self.ended.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}
