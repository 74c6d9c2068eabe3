//! What is kept but not delivered: messages that wait for something that this version does not do,
//! and light queues that are not switched on.

use ferrocket_store::StoreConfig;

use super::report::{Report, Severity};

pub(super) fn tell(config: &StoreConfig, report: &mut Report) {
    let timed = report.timer.as_ref().map_or(0, |timer| timer.waiting);
    let halves = i64::try_from(report.pending.halves).unwrap_or(i64::MAX);
    for (count, what) in [
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
    if report.queues.light_queues > 0 && !config.has_light_queues() {
        let text = format!(
            "{} light queues are kept, but not served to clients without enableLmq=true and enableMultiDispatch=true",
            report.queues.light_queues
        );
        report.add(Severity::Repair, text);
    }
}
