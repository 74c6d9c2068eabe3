//! The report for people.

use std::io;

use super::back;
use super::disk::Measured;
use super::report::{Report, Severity};
use crate::commands::store::print::{Out, bytes, time};

pub(super) fn print(report: &Report, out: &mut Out) -> io::Result<()> {
    let line = |out: &mut Out, name: &str, text: &str| out.line(&format!("{name:<12} {text}"));
    line(out, "store", &report.root)?;
    let conf = report.conf.as_deref();
    line(
        out,
        "config",
        conf.unwrap_or("no broker.conf given or found beside it: Java's defaults"),
    )?;
    line(out, "written by", report.origin.guess)?;
    for evidence in &report.origin.evidence {
        line(out, "", &format!("- {evidence}"))?;
    }
    line(out, "stopped", &report.stopped())?;
    line(out, "log", &log(report))?;
    line(out, "queues", &queues(report))?;
    let text = format!(
        "{} topics, {} groups, {} committed positions, {} files",
        report.topics, report.groups, report.offsets, report.config_files
    );
    line(out, "configured", &text)?;
    line(out, "waiting", &waiting(report))?;
    let text = format!(
        "{} files, {} entries",
        report.index_files, report.index_entries
    );
    line(out, "index", &text)?;
    disks(report, out)?;
    starting(report, out)?;
    line(out, "back to Java", &back::judge(report).text())?;
    if !report.keys.is_empty() {
        out.line("\nbroker.conf must have (the files were written so):")?;
        for key in &report.keys {
            out.line(&format!("  {key}"))?;
        }
    }
    findings(report, out)
}

/// A line for all directories, or one for each where they are on different file systems.
fn disks(report: &Report, out: &mut Out) -> io::Result<()> {
    let mut texts: Vec<String> = report.disks.iter().map(Measured::text).collect();
    texts.sort_unstable();
    texts.dedup();
    if let [text] = texts.as_slice() {
        return out.line(&format!("disk         {text}"));
    }
    for measured in &report.disks {
        let text = measured.text();
        let directory = measured.directory.display();
        out.line(&format!("disk         {text} at {directory}"))?;
    }
    Ok(())
}

fn log(report: &Report) -> String {
    let log = &report.log;
    let mut text = format!(
        "{} segments of {} in {}",
        log.segments,
        bytes(log.segment_bytes),
        log.directories.join(", ")
    );
    if let Some((end, records)) = log.read {
        text.push_str(&format!("; {records} records from {} to {end}", log.start));
    } else {
        text.push_str(&format!("; from {}", log.start));
    }
    if log.first_ms > 0 {
        text.push_str(&format!(
            ", stored {} to {}",
            time(log.first_ms),
            time(log.last_ms)
        ));
    }
    text
}

fn queues(report: &Report) -> String {
    let queues = &report.queues;
    let mut text = format!(
        "{} queues of {} topics with {} messages, {}",
        queues.queues,
        queues.topics,
        queues.messages,
        bytes(queues.file_bytes)
    );
    if queues.batch_queues > 0 {
        text.push_str(&format!("; {} are batch queues", queues.batch_queues));
    }
    if queues.light_queues > 0 {
        text.push_str(&format!("; {} are light queues", queues.light_queues));
    }
    text
}

fn waiting(report: &Report) -> String {
    let timer = report.timer.as_ref();
    let mut text = format!(
        "{} delayed, {} half, {} timed messages",
        report.pending.delayed_messages(),
        report.pending.halves,
        timer.map_or(0, |timer| timer.waiting)
    );
    if let Some(last_ms) = timer.and_then(|timer| timer.last_ms) {
        text.push_str(&format!(", the last until {}", time(last_ms)));
    }
    text
}

fn starting(report: &Report, out: &mut Out) -> io::Result<()> {
    let Some(rehearsal) = &report.rehearsal else {
        return Ok(());
    };
    let recovery = &rehearsal.recovery;
    out.line(&format!(
        "starting     reads {} records from {} on ({:.1} s here), the log ends at {}",
        recovery.records_scanned, recovery.scanned_from, rehearsal.seconds, recovery.end
    ))?;
    let mut done = format!(
        "             makes {} files, changes {}, removes {}",
        rehearsal.files_created, rehearsal.files_changed, rehearsal.files_removed
    );
    if recovery.segments_dropped > 0 {
        done.push_str(&format!(
            " ({} of them segments behind the end)",
            recovery.segments_dropped
        ));
    }
    out.line(&done)
}

fn findings(report: &Report, out: &mut Out) -> io::Result<()> {
    if !report.findings.is_empty() {
        out.line("")?;
    }
    for (severity, text) in &report.findings {
        let mark = match severity {
            Severity::Note => "note",
            Severity::Repair => "attention",
            Severity::Blocked => "blocked",
            Severity::InUse => "in use",
        };
        out.line(&format!("{mark}: {text}"))?;
    }
    let verdict = match report.worst() {
        Severity::Note => "ready: starting loses and repairs nothing",
        Severity::Repair => "starts, but see above what is repaired, lost or left waiting",
        Severity::Blocked => "does not start, or serves less than there is: see above what to do",
        Severity::InUse => "in use: stop the broker first",
    };
    out.line(&format!("\n{verdict} (exit code {})", report.exit_code()))
}
