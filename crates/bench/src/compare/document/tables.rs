//! The tables, in Markdown.

use std::fmt::Write;

use crate::compare::Comparison;
use crate::compare::table::{Figure, Table, print};

/// Works whose cost is told, and what they are called.
const COSTS: [(&str, &str); 6] = [
    ("sync-1KiB", "P1: 1 × 1 in flight, 1 KiB"),
    ("async-1KiB", "P2: 16 × 64 in flight, 1 KiB"),
    ("async-128B", "P3: the same, 128 B"),
    ("flush-64x16", "P5: SYNC_FLUSH, 64 × 16 in flight"),
    ("pull-all", "P6: reading from 8 queues"),
    ("pull-all-1-queue", "P6: reading from 1 queue"),
];
const CPU: &str = "broker CPU per message, us";
const CALLS: &str = "read, write and sync calls per message";
const SWITCHES: &str = "context switches per message";
const STAGES: [&str; 9] = [
    "receive", "decode", "check", "wait", "append", "flush", "reply", "dispatch", "answer",
];

pub(super) fn text(comparison: &Comparison) -> String {
    let mut text = format!(
        "{}, {}. Apache RocketMQ {}. {} ({:.0} minutes).\n\n",
        comparison.date, comparison.machine, comparison.apache, comparison.plan, comparison.minutes
    );
    goals(&mut text, comparison);
    floors(&mut text, comparison);
    costs(&mut text, &comparison.table);
    stages(&mut text, &comparison.table);
    for failure in &comparison.failures {
        line(&mut text, format_args!("\nNot measured: {failure}"));
    }
    text.trim_end().to_owned()
}

fn goals(text: &mut String, comparison: &Comparison) {
    *text += "| row | work | compared with | Ferrocket | unit | ratio | target | |\n|---|---|---|---|---|---|---|---|\n";
    for verdict in &comparison.verdicts {
        let theirs = figure(verdict.theirs);
        let theirs = match verdict.against.as_str() {
            "Apache" => theirs,
            other => format!("{other}: {theirs}"),
        };
        let value = verdict.value.map_or_else(|| "–".to_owned(), ratio);
        line(
            text,
            format_args!(
                "| {} | {} | {theirs} | {} | {} | {value} | {} | {} |",
                verdict.row,
                verdict.what,
                figure(verdict.ours),
                verdict.unit,
                verdict.bound.text(),
                verdict.word()
            ),
        );
    }
    *text += "\nMedians, with the least and the most of all rounds in parentheses. Compared with Apache's \
              figure, or with a floor or another figure of ours where it is named.\n\n";
}

fn floors(text: &mut String, comparison: &Comparison) {
    if comparison.floors.is_empty() {
        return;
    }
    *text += "| floor | per second | p50, µs | p99, µs | CPU each, µs |\n|---|---|---|---|---|\n";
    for floor in &comparison.floors {
        let cpu = floor.cpu_us_per_message;
        let cpu = cpu.map_or_else(|| "–".to_owned(), |us| format!("{us:.2}"));
        line(
            text,
            format_args!(
                "| {}: {} | {:.0} | {:.0} | {:.0} | {cpu} |",
                floor.name, floor.what, floor.outcome_per_second, floor.p50_us, floor.p99_us
            ),
        );
    }
    text.push('\n');
}

/// What a message costs the broker.
fn costs(text: &mut String, table: &Table) {
    *text += "| per message | CPU, µs: Apache | Ferrocket | reads, writes and syncs: Apache | Ferrocket | context switches: Apache | Ferrocket |\n|---|---|---|---|---|---|---|\n";
    for (work, what) in COSTS {
        let cells: Vec<String> = [CPU, CALLS, SWITCHES]
            .iter()
            .flat_map(|measure| {
                let row = table.find(work, measure);
                let sides = [
                    row.and_then(|it| it.apache),
                    row.and_then(|it| it.ferrocket),
                ];
                sides.map(|side| side.map_or_else(|| "–".to_owned(), |it| ratio(it.median)))
            })
            .collect();
        line(text, format_args!("| {what} | {} |", cells.join(" | ")));
    }
    text.push('\n');
}

/// How long the stages of ours took.
fn stages(text: &mut String, table: &Table) {
    line(
        text,
        format_args!("| stage, mean in µs | {} |", STAGES.join(" | ")),
    );
    line(text, format_args!("|---|{}", "---|".repeat(STAGES.len())));
    for (work, what) in COSTS {
        let cells = STAGES.map(|stage| {
            let row = table.find(work, &format!("stage {stage}, mean us"));
            let mean = row.and_then(|it| it.ferrocket);
            mean.map_or_else(|| "–".to_owned(), |it| format!("{:.1}", it.median))
        });
        line(text, format_args!("| {what} | {} |", cells.join(" | ")));
    }
    *text += "\nOf one socket read or one run of sends, however many messages are in it.\n";
}

fn figure(figure: Option<Figure>) -> String {
    figure.map_or_else(|| "–".to_owned(), print)
}

pub(super) fn ratio(value: f64) -> String {
    match value {
        v if v >= 10.0 => format!("{v:.1}"),
        v if v >= 0.1 => format!("{v:.2}"),
        v => format!("{v:.4}"),
    }
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{line}");
}
