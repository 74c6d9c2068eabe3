//! `ferrocket store verify`.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use ferrocket_store::inspect::{Depth, Fault, FaultKind, Listener, Progress, verify};
use serde_json::json;

use super::print::{Out, bytes, ended};
use super::source;
use crate::cli::Output;
use crate::cli::store::Verify;
use crate::failure::Failure;

/// Time between two lines of progress, on a terminal and elsewhere.
const SHOW_EACH: Duration = Duration::from_millis(500);
const TELL_EACH: Duration = Duration::from_secs(10);

pub(super) fn run(options: &Verify) -> Result<u8, Failure> {
    let source = source::open(&options.place)?;
    let depth = if options.fast {
        Depth::Fast
    } else {
        Depth::Full
    };
    let json = options.place.output == Output::Json;
    let mut out = Out::new();
    let mut printed = Ok(());
    let mut meter = Meter::new();
    let started = Instant::now();
    let done = verify(
        &source.view,
        depth,
        &mut Listener {
            progress: &mut |progress| meter.show(progress),
            fault: &mut |fault| {
                let line = if json {
                    out.json(&json_of(&fault))
                } else {
                    out.line(&text_of(&fault))
                };
                if printed.is_ok() {
                    printed = line.and_then(|()| out.flush());
                }
            },
        },
    );
    meter.end();
    ended(printed)?;
    let done = ended(done)?;
    let seconds = started.elapsed().as_secs_f64();
    let summary = if json {
        out.json(&json!({
            "records": done.records,
            "fillers": done.fillers,
            "logBytes": done.log_bytes,
            "logEnd": done.log_end,
            "queues": done.queues,
            "queueEntries": done.queue_entries,
            "indexFiles": done.index_files,
            "indexEntries": done.index_entries,
            "recordsOfFormerTopics": done.records_of_former_topics,
            "seconds": seconds,
            "faults": done.faults,
        }))
    } else {
        let verdict = match done.faults {
            0 => "nothing wrong".to_owned(),
            1 => "1 fault".to_owned(),
            faults => format!("{faults} faults"),
        };
        let entries = match depth {
            Depth::Full => format!(" with {} entries", done.queue_entries),
            Depth::Fast => String::new(),
        };
        if done.fillers > 0 {
            let text = format!(
                "{} places of the log were damaged once and are filled; see the files in ferrocket/damaged",
                done.fillers
            );
            ended(out.line(&text))?;
        }
        out.line(&format!(
            "{verdict}: {} records ({}) up to {}, {} queues{entries}, {} index files with {} entries, in {seconds:.1} s",
            done.records,
            bytes(done.log_bytes),
            done.log_end,
            done.queues,
            done.index_files,
            done.index_entries,
        ))
    };
    ended(summary.and_then(|()| out.flush()))?;
    Ok(u8::from(done.faults > 0))
}

fn kind(fault: &Fault) -> &'static str {
    match fault.kind {
        FaultKind::Log => "log",
        FaultKind::Queue => "queue",
        FaultKind::Index => "index",
        FaultKind::Config => "config",
    }
}

fn text_of(fault: &Fault) -> String {
    let at = fault
        .physical_offset
        .map_or_else(String::new, |at| format!(" at {at}"));
    format!("{}: {}{at}: {}", kind(fault), fault.place, fault.problem)
}

fn json_of(fault: &Fault) -> serde_json::Value {
    json!({
        "kind": kind(fault),
        "place": fault.place,
        "phy": fault.physical_offset,
        "problem": fault.problem,
    })
}

/// Progress on stderr: one line that changes on a terminal, a line now and then elsewhere.
struct Meter {
    started: Instant,
    shown: Instant,
    on_terminal: bool,
    is_shown: bool,
}

impl Meter {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            started: now,
            shown: now,
            on_terminal: io::stderr().is_terminal(),
            is_shown: false,
        }
    }

    fn show(&mut self, progress: Progress) {
        let each = if self.on_terminal {
            SHOW_EACH
        } else {
            TELL_EACH
        };
        if self.shown.elapsed() < each {
            return;
        }
        self.shown = Instant::now();
        let Progress {
            what,
            done_bytes,
            total_bytes,
        } = progress;
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = done_bytes as f64 / seconds;
        let left = total_bytes.saturating_sub(done_bytes) as f64 / rate.max(1.0);
        let line = format!(
            "{what}: {} of {}, {}/s, about {left:.0} s left",
            bytes(done_bytes),
            bytes(total_bytes),
            bytes(rate as u64),
        );
        // Nobody may be there to read it.
        let _ = if self.on_terminal {
            write!(io::stderr(), "\r\x1b[K{line}")
        } else {
            writeln!(io::stderr(), "ferrocket: {line}")
        };
        self.is_shown = true;
    }

    fn end(&self) {
        if self.is_shown && self.on_terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
