//! What each row has to reach, and whether it did.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::floors::Floor;
use super::rows::Row;
use super::table::{Figure, Table, print};
use super::{Scale, growth, soak};

/// One thing that a row asks for.
#[derive(Debug, Clone)]
struct Goal {
    row: Row,
    what: &'static str,
    value: Value,
    bound: Bound,
}

/// A measure of a work.
type Name = (String, String);

#[derive(Debug, Clone)]
enum Value {
    /// Ours divided by Apache's.
    Ratio(Name),
    /// One of our own measures divided by another.
    Own(Name, Name),
    /// Ours divided by a floor's rate.
    OfFloor(Name, &'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }

    pub(super) fn text(self) -> String {
        match self {
            Self::AtLeast(least) => format!("≥ {least}"),
            Self::AtMost(most) => format!("≤ {most}"),
        }
    }
}

/// What became of a goal; without `value` it was not measured.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Verdict {
    pub(super) row: Row,
    pub(super) what: String,
    pub(super) unit: String,
    /// What was compared: Apache's figure, a floor, or another of ours.
    pub(super) against: String,
    pub(super) theirs: Option<Figure>,
    pub(super) ours: Option<Figure>,
    pub(super) value: Option<f64>,
    pub(super) bound: Bound,
}

impl Verdict {
    pub(super) fn reached(&self) -> Option<bool> {
        self.value.map(|value| self.bound.holds(value))
    }

    pub(super) fn word(&self) -> &'static str {
        match self.reached() {
            Some(true) => "reached",
            Some(false) => "NOT REACHED",
            None => "not measured",
        }
    }
}

fn name(work: &str, measure: &str) -> Name {
    (work.to_owned(), measure.to_owned())
}

const RATE: &str = "messages/s";
const P99: &str = "p99, us";
const CPU: &str = "broker CPU per message, us";
const RESIDENT: &str = "resident, MiB";

#[rustfmt::skip]
fn goals(scale: &Scale) -> Vec<Goal> {
    use Bound::{AtLeast, AtMost};
    use Row::{P1, P2, P3, P4, P5, P6, P7, P8, P9, P10, P11, P12};
    let ratio = |work, measure| Value::Ratio(name(work, measure));
    let own = |ours: (&str, &str), of: (&str, &str)| Value::Own(name(ours.0, ours.1), name(of.0, of.1));
    let grown = |names: fn(usize) -> String, last: usize| {
        Value::Own(name(&names(last), CPU), name(&names(1), CPU))
    };
    let floor = |work, floor| Value::OfFloor(name(work, RATE), floor);
    const COLD: &str = "cold read";
    [
        (P1, "one synchronous connection, 1 KiB", ratio("sync-1KiB", RATE), AtLeast(2.0)),
        (P1, "the same beside a bare echo", floor("sync-1KiB", "echo-1KiB-1"), AtLeast(0.75)),
        (P2, "16 × 64 in flight, 1 KiB", ratio("async-1KiB", RATE), AtLeast(3.0)),
        (P2, "p99 of it", ratio("async-1KiB", P99), AtMost(0.3)),
        (P3, "16 × 64 in flight, 128 B", ratio("async-128B", RATE), AtLeast(4.0)),
        (P4, "batches of 32 × 128 B", ratio("batch-32x128B", RATE), AtLeast(3.0)),
        (P5, "SYNC_FLUSH, 1 in flight", ratio("flush-1", RATE), AtLeast(1.5)),
        (P5, "SYNC_FLUSH, 64 × 16 in flight", ratio("flush-64x16", RATE), AtLeast(3.0)),
        (P5, "the same beside our own P2", own(("flush-64x16", RATE), ("async-1KiB", RATE)), AtLeast(0.8)),
        (P6, "reading 1M messages, 8 queues", ratio("pull-all", RATE), AtLeast(3.0)),
        (P6, "a tag that 1 % have, 8 queues", ratio("pull-1-percent", RATE), AtLeast(3.0)),
        (P6, "reading 1M messages, 1 queue", ratio("pull-all-1-queue", RATE), AtLeast(3.0)),
        (P6, "a tag that 1 % have, 1 queue", ratio("pull-1-percent-1-queue", RATE), AtLeast(3.0)),
        (P7, "end to end at 10,000/s, p99", ratio("end-to-end", P99), AtMost(0.3)),
        (P7, "end to end at 10,000/s, p99.9", ratio("end-to-end", "p99.9, us"), AtMost(0.3)),
        (P8, "p99 of sends beside a cold read", own((COLD, "p99 of sends during the read, us"), (COLD, "p99 of sends quiet, us")), AtMost(1.3)),
        (P9, "broker CPU per message, P2", ratio("async-1KiB", CPU), AtMost(0.25)),
        (P9, "broker CPU per message, P3", ratio("async-128B", CPU), AtMost(0.25)),
        (P9, "broker CPU per message, P6", ratio("pull-all", CPU), AtMost(0.25)),
        (P10, "resident, idle", ratio("idle", RESIDENT), AtMost(0.1)),
        (P10, "resident, after P3", ratio("async-128B", RESIDENT), AtMost(0.1)),
        (P10, "resident, 10,000 idle connections", ratio("connections", RESIDENT), AtMost(0.1)),
        (P10, "resident, 10,000 topics × 8 queues", ratio("topics", RESIDENT), AtMost(0.1)),
        (P10, "resident at the end of a long run", own((soak::WORK, soak::LATE), (soak::WORK, soak::EARLY)), AtMost(1.1)),
        (P11, "exec to first send, empty", ratio("start", "exec to first accepted send, ms"), AtMost(0.05)),
        (P11, "the same after kill -9 with a log", ratio("recovery", "exec to first send, s"), AtMost(0.05)),
        (P12, "CPU per message, all topics", grown(growth::topics_name, scale.growth_topics), AtMost(1.5)),
        (P12, "CPU per message, all connections", grown(growth::connections_name, scale.growth_connections), AtMost(1.5)),
    ]
    .map(|(row, what, value, bound)| Goal { row, what, value, bound })
    .into()
}

/// What became of every goal.
pub(super) fn judge(scale: &Scale, table: &Table, floors: &[Floor]) -> Vec<Verdict> {
    let judged = goals(scale).into_iter();
    judged.map(|goal| verdict(&goal, table, floors)).collect()
}

fn verdict(goal: &Goal, table: &Table, floors: &[Floor]) -> Verdict {
    let ours = |(work, measure): &Name| table.find(work, measure)?.ferrocket;
    let (measure, against, theirs, ours) = match &goal.value {
        Value::Ratio(of) => {
            let row = table.find(&of.0, &of.1);
            (
                of,
                "Apache".to_owned(),
                row.and_then(|it| it.apache),
                ours(of),
            )
        }
        Value::Own(of, base) => (of, base.0.clone(), ours(base), ours(of)),
        Value::OfFloor(of, floor) => {
            let found = floors.iter().find(|it| it.name == *floor);
            let rate = found.map(|it| Figure::once(it.outcome_per_second));
            (of, (*floor).to_owned(), rate, ours(of))
        }
    };
    let value = ours
        .zip(theirs)
        .filter(|(_, theirs)| theirs.median != 0.0)
        .map(|(ours, theirs)| ours.median / theirs.median);
    let unit = unit(&measure.1);
    Verdict {
        row: goal.row,
        what: goal.what.to_owned(),
        unit: unit.to_owned(),
        against,
        theirs,
        ours,
        value,
        bound: goal.bound,
    }
}

/// Of a measure, as its name says.
fn unit(measure: &str) -> &str {
    measure.rsplit_once(", ").map_or("/s", |(_, unit)| unit)
}

pub(super) fn text(verdicts: &[Verdict]) -> String {
    let mut text = format!(
        "\n{:<4} {:<36} {:>28} {:>28}  {:<4} {:>8} {:>8}  {}\n",
        "row", "what", "compared with", "Ferrocket median (min-max)", "unit", "ratio", "target", ""
    );
    for verdict in verdicts {
        let figure = |f: Option<Figure>| f.map_or_else(|| String::from("-"), print);
        let theirs = match verdict.against.as_str() {
            "Apache" => figure(verdict.theirs),
            other => format!("{other} {}", figure(verdict.theirs)),
        };
        let value = verdict
            .value
            .map_or_else(|| String::from("-"), |value| format!("{value:.3}"));
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{:<4} {:<36} {:>28} {:>28}  {:<4} {:>8} {:>8}  {}",
            verdict.row,
            verdict.what,
            theirs,
            figure(verdict.ours),
            verdict.unit,
            value,
            verdict.bound.text(),
            verdict.word()
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Measures, Side};

    #[test]
    fn a_goal_is_reached_missed_or_not_measured() {
        let mut measures = Measures::default();
        for (side, rate) in [(Side::Apache, 100.0), (Side::Ferrocket, 250.0)] {
            measures.add("sync-1KiB", RATE, side, rate);
            measures.add("async-1KiB", RATE, side, rate);
        }
        measures.add("flush-64x16", RATE, Side::Ferrocket, 225.0);
        let verdicts = judge(&Scale::quick(), &measures.table(), &[]);
        let words: Vec<_> = verdicts.iter().map(|it| (it.row, it.word())).collect();
        assert!(words.contains(&(Row::P1, "reached")));
        assert!(words.contains(&(Row::P2, "NOT REACHED")));
        assert!(words.contains(&(Row::P5, "reached")));
        assert!(words.contains(&(Row::P12, "not measured")));
    }

    #[test]
    fn every_row_asks_for_something() {
        let mut rows: Vec<_> = goals(&Scale::quick()).iter().map(|it| it.row).collect();
        rows.dedup();
        assert_eq!(rows.len(), 12);
    }
}
