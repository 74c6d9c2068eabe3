//! Whether a Java broker could take the directory after Ferrocket had it.
//!
//! Judged by what starting would leave, not by the files as they are: lengths that Java would refuse
//! and damaged places are often put right by starting. Whether the sizes and paths stand in
//! Java's configuration too is for the operator to see to.

use ferrocket_store::Repair;
use ferrocket_store::inspect::{FoundFiles, StoreView};
use serde_json::{Value, json};

use super::rehearsal::Rehearsal;
use super::report::{Report, Severity};

/// Files named in a reason; the others are counted.
const FILES_NAMED: usize = 3;

/// The answer, and what stands against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Back {
    /// None while a broker runs on the directory.
    pub(super) possible: Option<bool>,
    pub(super) versions: &'static str,
    pub(super) reasons: Vec<String>,
}

/// What Java's load of the files would stumble over (`MappedFileQueue#doLoad`), in a store that has
/// been opened.
pub(super) fn obstacles(view: &StoreView) -> std::io::Result<Vec<String>> {
    let log = view.log()?;
    let mut reasons = Vec::new();
    reasons.extend(foreign("the log", [&log.files].into_iter()));
    reasons.extend(of_other_length(
        "mappedFileSizeCommitLog",
        [(&log.files, log.segment_bytes)].into_iter(),
    ));
    let queues = view.queues()?;
    reasons.extend(foreign("queues", queues.iter().map(|queue| &queue.files)));
    reasons.extend(of_other_length(
        "mappedFileSizeConsumeQueue",
        queues
            .iter()
            .map(|queue| (&queue.files, queue.file_bytes())),
    ));
    Ok(reasons)
}

fn foreign<'a>(what: &str, files: impl Iterator<Item = &'a FoundFiles>) -> Option<String> {
    let names = files.flat_map(|files| &files.foreign);
    let named = named(names.map(|path| path.display().to_string()))?;
    Some(format!(
        "Java refuses a directory of {what} that holds other files: move {named} away"
    ))
}

fn of_other_length<'a>(
    key: &str,
    files: impl Iterator<Item = (&'a FoundFiles, u64)>,
) -> Option<String> {
    let mut paths = Vec::new();
    for (found, wanted) in files {
        let others = found.files.iter().enumerate().filter(|(index, file)| {
            let is_last = index + 1 == found.files.len();
            file.bytes != wanted && !(is_last && file.bytes == 0)
        });
        paths.extend(others.map(|(_, file)| file.path.display().to_string()));
    }
    let named = named(paths.into_iter())?;
    Some(format!(
        "Java refuses files of another length than {key}: {named}"
    ))
}

fn named(mut paths: impl Iterator<Item = String>) -> Option<String> {
    let first: Vec<String> = paths.by_ref().take(FILES_NAMED).collect();
    if first.is_empty() {
        return None;
    }
    let more = paths.count();
    let first = first.join(", ");
    Some(if more > 0 {
        format!("{first} and {more} more")
    } else {
        first
    })
}

pub(super) fn judge(report: &Report) -> Back {
    let versions = versions(report);
    if report.worst() == Severity::InUse {
        return Back {
            possible: None,
            versions,
            reasons: vec!["a broker runs on the directory".to_owned()],
        };
    }
    let mut reasons = Vec::new();
    if report.worst() == Severity::Blocked {
        reasons.push("what is blocked, by the findings, must be put right first".to_owned());
    }
    reasons.extend(sizes(report));
    if let Some(rehearsal) = &report.rehearsal {
        reasons.extend(rehearsal.obstacles.iter().cloned());
        reasons.extend(places_left(rehearsal));
    }
    Back {
        possible: Some(reasons.is_empty()),
        versions,
        reasons,
    }
}

/// Java refuses files of another length than its configuration says; Ferrocket takes theirs.
fn sizes(report: &Report) -> Option<String> {
    let conf = report.conf.as_ref()?;
    let keys = report.keys.iter();
    let keys: Vec<&str> = keys
        .map(String::as_str)
        .filter(|key| key.starts_with("mappedFileSize"))
        .collect();
    (!keys.is_empty()).then(|| {
        format!(
            "Java refuses the files as long as {conf} does not have {}",
            keys.join(" and ")
        )
    })
}

/// Places at which Java would end the log and cut off what follows.
fn places_left(rehearsal: &Rehearsal) -> impl Iterator<Item = String> + '_ {
    let damages = rehearsal.recovery.damages.iter();
    damages.filter_map(|damage| match &damage.repair {
        Repair::Filled => None,
        Repair::Left(why) => Some(format!(
            "the place {} to {} of the log cannot be filled ({why}): Java would end the log there",
            damage.from, damage.to
        )),
    })
}

fn versions(report: &Report) -> &'static str {
    let timed = report.timer.as_ref().map_or(0, |timer| timer.waiting);
    if report.queues.batch_queues > 0 {
        "5.x only, for the batch queues"
    } else if report.queues.light_queues > 0 {
        "5.x only, for the light queues"
    } else if timed > 0 {
        "5.x only, for the timed messages"
    } else {
        "4.9 and 5.x"
    }
}

impl Back {
    pub(super) fn to_json(&self) -> Value {
        json!({
            "possible": self.possible,
            "versions": self.versions,
            "reasons": self.reasons,
        })
    }

    pub(super) fn text(&self) -> String {
        let reasons = self.reasons.join("; ");
        match self.possible {
            None => format!("not tried: {reasons}"),
            Some(false) => format!("not possible: {reasons}"),
            Some(true) => format!(
                "possible after Ferrocket stops ({}), with the same sizes and paths in broker.conf",
                self.versions
            ),
        }
    }
}
