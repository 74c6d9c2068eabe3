//! Messages that wait for something that this version does not do.

use super::report::{Report, Severity};

pub(super) fn tell(report: &mut Report) {
    let timed = report.timer.as_ref().map_or(0, |timer| timer.waiting);
    let halves = i64::try_from(report.pending.halves).unwrap_or(i64::MAX);
    for (count, what) in [
        (
            report.pending.delayed_messages(),
            "delayed messages wait and are",
        ),
        (halves, "half messages are open and are"),
        (
            i64::try_from(timed).unwrap_or(i64::MAX),
            "timed messages wait and are",
        ),
    ] {
        if count > 0 {
            let text = format!(
                "{count} {what} kept; this version of Ferrocket does not deliver them, Java does when it gets the directory back"
            );
            report.add(Severity::Repair, text);
        }
    }
    if report.queues.light_queues > 0 {
        let text = format!(
            "{} light queues are kept up to date, but this version of Ferrocket does not serve them to clients, Java does when it gets the directory back",
            report.queues.light_queues
        );
        report.add(Severity::Repair, text);
    }
}
