//! Whether the file system has room to go on.

use std::io;

use super::report::{Report, Severity};
use crate::commands::store::print::bytes;
use crate::commands::store::source::Source;

/// Java refuses messages above this (`diskSpaceWarningLevelRatio`).
const USED_RATIO_MAX: f64 = 0.9;

pub(super) fn judge(source: &Source, report: &mut Report) -> io::Result<()> {
    let directories = source.view.log_directories();
    let Some(directory) = directories.iter().find(|path| path.exists()) else {
        return Ok(());
    };
    let space = source.view.disk().space(directory)?;
    report.disk = Some((space.total_bytes, space.free_bytes, space.used_ratio()));
    let segment = report.log.segment_bytes;
    if space.free_bytes < segment.saturating_mul(2) {
        let text = format!(
            "only {} are free, less than two segments of {}: make room before starting",
            bytes(space.free_bytes),
            bytes(segment)
        );
        report.add(Severity::Repair, text);
    } else if space.used_ratio() > USED_RATIO_MAX {
        let text = format!(
            "the file system is {:.0} % full: messages are refused above {:.0} %, as by Java",
            space.used_ratio() * 100.0,
            USED_RATIO_MAX * 100.0
        );
        report.add(Severity::Repair, text);
    }
    Ok(())
}
