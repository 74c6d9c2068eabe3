//! Whether the file systems have room to go on.
//!
//! Whether messages would be refused is the store's own answer, by the settings that it is opened
//! with; here the disks are measured, and room for the next segments is looked for.

use std::io;
use std::path::PathBuf;

use ferrocket_store::disk::Space;
use serde_json::{Value, json};

use super::report::{Report, Severity};
use crate::commands::store::print::bytes;
use crate::commands::store::source::Source;

/// A directory that a broker writes to, and the file system below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Measured {
    pub(super) directory: PathBuf,
    pub(super) space: Space,
}

pub(super) fn judge(source: &Source, report: &mut Report) -> io::Result<()> {
    let disk = source.view.disk();
    let measure = |directory: PathBuf| {
        let space = disk.space(&directory)?;
        io::Result::Ok(Measured { directory, space })
    };
    let directories = source.view.log_directories().iter();
    let log = directories.filter(|path| disk.exists(path)).cloned();
    let log = log.map(measure).collect::<io::Result<Vec<_>>>()?;
    let segment = report.log.segment_bytes;
    let roomiest = log.iter().map(|measured| measured.space.free_bytes).max();
    let is_refused = report
        .rehearsal
        .as_ref()
        .is_some_and(|rehearsal| rehearsal.no_room.is_some());
    if let Some(free) = roomiest
        && free < segment.saturating_mul(2)
        && !is_refused
    {
        let text = format!(
            "only {} are free for the log, less than two segments of {}: make room before starting",
            bytes(free),
            bytes(segment)
        );
        report.add(Severity::Repair, text);
    }
    report.disks = log;
    let root = &source.view.config().root;
    let queues = root.join("consumequeue");
    let queues = if disk.exists(&queues) {
        queues
    } else {
        root.clone()
    };
    report.disks.push(measure(queues)?);
    Ok(())
}

impl Measured {
    pub(super) fn text(&self) -> String {
        format!(
            "{} free of {} ({:.0} % used)",
            bytes(self.space.free_bytes),
            bytes(self.space.total_bytes),
            self.space.used_ratio() * 100.0
        )
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "directory": self.directory,
            "totalBytes": self.space.total_bytes,
            "freeBytes": self.space.free_bytes,
            "usedRatio": self.space.used_ratio(),
        })
    }
}
