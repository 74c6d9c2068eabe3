//! Mistakes planted into the store, and how soon the checker finds them.

use std::process::ExitCode;
use std::time::Instant;

use clap::builder::PossibleValuesParser;
use ferrocket_sim::store::{self, Failure};
use ferrocket_store::Planted;

use crate::cli::say;

const ALL: &str = "all";

/// What `--planted` takes.
pub(crate) fn names() -> PossibleValuesParser {
    let names = Planted::ALL.iter().map(|mistake| mistake.name());
    PossibleValuesParser::new(names.chain([ALL]))
}

/// The mistake for one seed.
pub(crate) fn named(name: Option<&str>) -> anyhow::Result<Option<Planted>> {
    let Some(name) = name else {
        return Ok(None);
    };
    let found = Planted::ALL.into_iter().find(|it| it.name() == name);
    match found {
        Some(planted) => Ok(Some(planted)),
        None => anyhow::bail!("a seed runs with one mistake: name it instead of '{name}'"),
    }
}

/// Looks for one mistake, or for all, and prints a line for each.
#[expect(
    clippy::disallowed_methods,
    reason = "the command line measures its own speed"
)]
pub(crate) fn hunt(name: &str, start: u64, seeds: u64) -> anyhow::Result<ExitCode> {
    say(&format!(
        "{:<20} {:>6} {:>7}  violation\n",
        "mistake", "seeds", "seconds"
    ))?;
    let mut all_found = true;
    for planted in Planted::ALL {
        if name != ALL && name != planted.name() {
            continue;
        }
        let begin = Instant::now();
        let found = store::find(planted, start, seeds);
        let seconds = begin.elapsed().as_secs_f64();
        let (after, violation) = match &found {
            Some(failure) => (failure.seed - start + 1, told(failure)),
            None => (seeds, "NOT FOUND".to_owned()),
        };
        all_found &= found.is_some();
        let name = planted.name();
        say(&format!(
            "{name:<20} {after:>6} {seconds:>7.1}  {violation}\n"
        ))?;
    }
    if all_found {
        Ok(ExitCode::SUCCESS)
    } else {
        Ok(ExitCode::FAILURE)
    }
}

fn told(failure: &Failure) -> String {
    format!("seed {}: {}", failure.seed, failure.violation)
}
