//! Index files against the records that they point to.

use std::io;

use super::{Depth, FaultKind, Faults};
use crate::index::keys;
use crate::inspect::log::RecordReader;
use crate::inspect::{IndexView, LogView};

/// Faults of one file that are told; what is beyond is counted.
const TOLD_MAX: usize = 20;

pub(super) fn check(
    log: &LogView,
    file: &IndexView,
    depth: Depth,
    log_end: i64,
    in_use: bool,
    faults: &mut Faults<'_>,
) -> io::Result<()> {
    let place = file.path.display().to_string();
    if depth == Depth::Fast {
        if !file.is_plausible {
            let problem = "the header cannot be one of this file".to_owned();
            faults.add(FaultKind::Index, &place, None, problem);
        }
        return Ok(());
    }
    let mut records = RecordReader::new(log);
    let mut last: (i64, Option<Vec<i32>>) = (-1, None);
    let (mut of_records, mut of_chains) = (Told::default(), Told::default());
    file.check(
        &mut |row| {
            let at = row.physical_offset;
            if at < log.start() {
                return Ok(());
            }
            if last.0 != at {
                last = (at, hashes(&mut records, at)?);
            }
            let number = row.number;
            let problem = match &last.1 {
                Some(hashes) if hashes.contains(&row.hash) => return Ok(()),
                Some(_) => format!("entry {number} is of a key that its message does not have"),
                None if in_use && at >= log_end => return Ok(()),
                None => format!("entry {number} points to no record"),
            };
            of_records.add(Some(at), problem);
            Ok(())
        },
        // Chains change while a broker writes.
        &mut |problem| {
            if !in_use {
                of_chains.add(None, problem);
            }
        },
    )?;
    of_records.tell(&place, faults);
    of_chains.tell(&place, faults);
    Ok(())
}

/// Faults of one file.
#[derive(Debug, Default)]
struct Told {
    first: Vec<(Option<i64>, String)>,
    count: usize,
}

impl Told {
    fn add(&mut self, at: Option<i64>, problem: String) {
        self.count += 1;
        if self.first.len() < TOLD_MAX {
            self.first.push((at, problem));
        }
    }

    fn tell(self, place: &str, faults: &mut Faults<'_>) {
        let untold = self.count - self.first.len();
        for (at, problem) in self.first {
            faults.add(FaultKind::Index, place, at, problem);
        }
        if untold > 0 {
            let problem = format!("{untold} further faults of this kind");
            faults.add(FaultKind::Index, place, None, problem);
        }
    }
}

/// The hashes of the keys of the record at an offset; none when there is no record.
fn hashes(records: &mut RecordReader<'_>, at: i64) -> io::Result<Option<Vec<i32>>> {
    let record = records.record_at(at)?;
    Ok(record.map(|record| {
        let mut hashes = Vec::new();
        keys::hashes(record.topic, record.properties, &mut hashes);
        hashes
    }))
}
