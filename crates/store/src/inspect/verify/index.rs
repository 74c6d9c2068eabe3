//! Index files against the records that they point to.

use std::io;

use super::{Depth, FaultKind, Faults};
use crate::index::keys;
use crate::inspect::log::RecordReader;
use crate::inspect::{IndexView, LogView};
use crate::recovery::is_filler;

pub(super) fn check(
    log: &LogView,
    file: &IndexView,
    depth: Depth,
    log_end: i64,
    in_use: bool,
    faults: &mut Faults<'_>,
) -> io::Result<()> {
    let place = file.path.display().to_string();
    let problem = if file.sizes.is_none() {
        format!(
            "{} bytes fit no sizes known: set maxHashSlotNum and maxIndexNum to what it was written with",
            file.bytes
        )
    } else if !file.is_plausible {
        "the header cannot be one of this file; its keys are not found".to_owned()
    } else {
        String::new()
    };
    if !problem.is_empty() {
        faults.add(FaultKind::Index, &place, None, problem);
    }
    if depth == Depth::Fast || !file.is_plausible {
        return Ok(());
    }
    let mut records = RecordReader::new(log);
    let mut last = (-1, Answer::NoRecord);
    let (mut of_records, mut of_chains) = (Told::default(), Told::default());
    file.check(
        &mut |row| {
            let at = row.physical_offset;
            if at < log.start() {
                return Ok(());
            }
            if last.0 != at {
                last = (at, answer(&mut records, at)?);
            }
            let kind = match &last.1 {
                Answer::Filler => return Ok(()),
                Answer::Keys(hashes) if hashes.contains(&row.hash) => return Ok(()),
                Answer::Keys(_) => "entries of keys that their messages do not have",
                Answer::NoRecord if in_use && at >= log_end => return Ok(()),
                Answer::NoRecord => "entries without a record",
            };
            of_records.add(kind, Some(at), format!("entry {}", row.number));
            Ok(())
        },
        // Chains change while a broker writes.
        &mut |kind, which| {
            if !in_use {
                of_chains.add(kind, None, which);
            }
        },
    )?;
    of_records.tell(&place, faults);
    of_chains.tell(&place, faults);
    Ok(())
}

/// Faults of one file, by what they are: the first of each kind, and how many there are.
#[derive(Debug, Default)]
struct Told {
    kinds: Vec<(&'static str, Option<i64>, String, u64)>,
}

impl Told {
    fn add(&mut self, kind: &'static str, at: Option<i64>, which: String) {
        match self.kinds.iter_mut().find(|known| known.0 == kind) {
            Some(known) => known.3 += 1,
            None => self.kinds.push((kind, at, which, 1)),
        }
    }

    fn tell(self, place: &str, faults: &mut Faults<'_>) {
        for (kind, at, which, count) in self.kinds {
            let problem = format!("{count} {kind}, the first is {which}");
            faults.add(FaultKind::Index, place, at, problem);
        }
    }
}

/// What is where an entry points.
enum Answer {
    NoRecord,
    /// The message was lost; who follows the entry sees that it is not the one asked for.
    Filler,
    /// The hashes of the record's keys.
    Keys(Vec<i32>),
}

fn answer(records: &mut RecordReader<'_>, at: i64) -> io::Result<Answer> {
    Ok(match records.record_at(at)? {
        None => Answer::NoRecord,
        Some(record) if is_filler(&record) => Answer::Filler,
        Some(record) => {
            let mut hashes = Vec::new();
            keys::hashes(record.topic, record.properties, &mut hashes);
            Answer::Keys(hashes)
        }
    })
}
