//! Memory of a server that many clients are connected to and that nobody asks anything.

use std::io::Write;
use std::thread;

use super::{Scale, works};
use crate::compare::Running;
use crate::process::AtRest;
use crate::store::Findings;
use crate::topic::max_offset_request;
use crate::wire::connect_small;

const WORK: &str = "connections";

pub(super) fn measure(scale: &Scale, findings: &mut Findings<'_>) -> anyhow::Result<()> {
    let servers = &findings.plan.servers;
    let running = servers.start(findings.side)?;
    let measured = connected(scale, findings, &running);
    let ended = servers.stop(running);
    measured.and(ended)
}

fn connected(scale: &Scale, findings: &mut Findings<'_>, running: &Running) -> anyhow::Result<()> {
    works::create_topics(running.address)?;
    let request = max_offset_request(works::TOPIC, 0)?;
    // Each has asked once, so that the server holds what it holds for a client in use.
    let mut connections = Vec::new();
    for _ in 0..scale.idle_connections {
        let (mut stream, mut inbox) = connect_small(running.address)?;
        stream.write_all(&request.bytes)?;
        let mut answers = 0;
        while answers == 0 {
            answers = inbox.receive(|_| Ok(()))?;
        }
        connections.push(stream);
    }
    thread::sleep(scale.settle);
    let rest = AtRest::measure(running.pid, scale.rest)?;
    drop(connections);
    findings.add(WORK, "idle connections", scale.idle_connections as f64)?;
    findings.add(WORK, "resident, MiB", rest.rss_mib)?;
    findings.add(WORK, "CPU at rest, % of a core", rest.cpu_percent)
}
