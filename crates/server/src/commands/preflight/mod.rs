//! `ferrocket preflight`: what is in a store directory, and what starting on it would do.
//!
//! The answer to the second question is not computed but tried: the store opens over an overlay that
//! keeps every change in memory, with the settings that a broker would start with.

mod back;
mod disk;
mod layouts;
mod origin;
mod rehearsal;
mod report;
mod text;
mod waiting;

use self::report::{Report, Severity};
use super::store::print::{Out, ended};
use super::store::source;
use crate::cli::Output;
use crate::cli::store::Preflight;
use crate::failure::Failure;

pub(crate) fn run(options: &Preflight) -> Result<u8, Failure> {
    let mut source = source::open(&options.place)?;
    let mut report = ended(Report::of(&source, options.full))?;
    if let Err(failure) = crate::config::checks::broker(&mut source.settings) {
        let text = format!("{}{}", failure.stdout, failure.stderr);
        let text = text.trim().trim_start_matches("ferrocket: ");
        report.add(Severity::Blocked, format!("broker.conf: {text}"));
    }
    if report.is_in_use() {
        report.add(
            Severity::InUse,
            "a broker runs on this directory: stop it, then ask again".to_owned(),
        );
    } else {
        rehearsal::rehearse(&source, &mut report);
    }
    waiting::tell(source.view.config(), &mut report);
    ended(disk::judge(&source, &mut report))?;
    let mut out = Out::new();
    let printed = match options.place.output {
        Output::Json => out.json(&report.to_json()),
        Output::Text => text::print(&report, &mut out),
    };
    ended(printed.and_then(|()| out.flush()))?;
    Ok(report.exit_code())
}
