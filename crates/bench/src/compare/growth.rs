//! What a message costs as topics and connections become more.
//!
//! Topics: 16 connections × 64 in flight go through all topics in turn. Connections: each has one
//! request in flight, so that what is read and written at once stays the same.

use std::time::Duration;

use super::{Scale, settle_disk, works};
use crate::compare::Running;
use crate::report;
use crate::say;
use crate::send::SendWork;
use crate::store::{Findings, fill};
use crate::topic;

pub(super) fn measure(scale: &Scale, findings: &mut Findings<'_>) -> anyhow::Result<()> {
    let servers = &findings.plan.servers;
    let running = servers.start(findings.side)?;
    let measured = warmed_up(scale, findings, &running);
    let ended = servers.stop_slowly(running);
    let removed = servers.remove(findings.side);
    measured.and(ended).and(removed)
}

fn warmed_up(scale: &Scale, findings: &mut Findings<'_>, running: &Running) -> anyhow::Result<()> {
    works::warm_up(scale, running)?;
    for count in steps(scale.growth_connections, 10) {
        let work = SendWork {
            connections: count,
            in_flight: 1,
            ..works::send(scale, running, works::TOPIC)
        };
        run(findings, &connections_name(count), &work)?;
    }
    for count in steps(scale.growth_topics, 100) {
        let topics: Vec<String> = (0..count).map(|n| format!("bench_growth_{n}")).collect();
        topic::create_all(running.address, &topics, 1)?;
        let work = SendWork {
            topics,
            queues: 1,
            ..works::send(scale, running, works::TOPIC)
        };
        // A queue's first message makes its file.
        fill(&work, 2 * count as u64 * work.connections as u64)?;
        run(findings, &topics_name(count), &work)?;
    }
    Ok(())
}

fn run(findings: &mut Findings<'_>, name: &str, work: &SendWork) -> anyhow::Result<()> {
    settle_disk()?;
    let work = SendWork {
        warm_up: Duration::from_secs(1),
        ..work.clone()
    };
    let outcome = work.run()?;
    say(&report::outcome(&outcome))?;
    findings.add_outcome(name, &outcome);
    Ok(())
}

/// One, then ever more up to `last`.
fn steps(last: usize, factor: usize) -> Vec<usize> {
    let mut steps: Vec<usize> = std::iter::successors(Some(last), |n| Some(n / factor))
        .take_while(|n| *n > 1)
        .collect();
    steps.push(1);
    steps.reverse();
    steps
}

pub(super) fn topics_name(count: usize) -> String {
    format!("topics-{count}")
}

pub(super) fn connections_name(count: usize) -> String {
    format!("connections-{count}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_begins_with_one_and_ends_with_the_last() {
        assert_eq!(steps(10_000, 100), [1, 100, 10_000]);
        assert_eq!(steps(5000, 10), [1, 5, 50, 500, 5000]);
        assert_eq!(steps(1, 10), [1]);
    }
}
