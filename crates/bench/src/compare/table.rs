//! Medians, spread and ratios.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::servers::Side;
use crate::measure::Outcome;

/// What was measured, as it comes.
#[derive(Debug, Default)]
pub(crate) struct Measures {
    values: Values,
}

impl Measures {
    pub(crate) fn add(&mut self, work: &str, measure: &str, side: Side, value: f64) {
        let key = (work.to_owned(), measure.to_owned());
        let at = self.values.iter().position(|(known, _)| *known == key);
        let at = at.unwrap_or_else(|| {
            self.values.push((key, BTreeMap::new()));
            self.values.len() - 1
        });
        if let Some((_, sides)) = self.values.get_mut(at) {
            sides.entry(side).or_default().push(value);
        }
    }

    pub(crate) fn add_outcome(&mut self, work: &str, side: Side, outcome: &Outcome) {
        for (measure, value) in measures(outcome) {
            self.add(work, &measure, side, value);
        }
    }

    pub(crate) fn table(self) -> Table {
        Table {
            rows: self.values.into_iter().map(row).collect(),
        }
    }
}

fn row(((work, measure), mut sides): ((String, String), BTreeMap<Side, Vec<f64>>)) -> Row {
    let mut figure = |side| sides.remove(&side).and_then(Figure::of);
    let (apache, ferrocket) = (figure(Side::Apache), figure(Side::Ferrocket));
    let ratio = apache
        .zip(ferrocket)
        .filter(|(theirs, _)| theirs.median != 0.0)
        .map(|(theirs, ours)| ours.median / theirs.median);
    Row {
        work,
        measure,
        apache,
        ferrocket,
        ratio,
    }
}

/// The result of a comparison.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

/// One measure of one work.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) work: String,
    pub(super) measure: String,
    pub(super) apache: Option<Figure>,
    pub(super) ferrocket: Option<Figure>,
    /// Ours divided by theirs.
    pub(super) ratio: Option<f64>,
}

/// A measure over all rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Figure {
    pub(super) median: f64,
    min: f64,
    max: f64,
}

impl Figure {
    /// Of what was measured once.
    pub(super) fn once(value: f64) -> Self {
        let (median, min, max) = (value, value, value);
        Self { median, min, max }
    }

    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let (low, high) = ((values.len() - 1) / 2, values.len() / 2);
        let median = (values.get(low)? + values.get(high)?) / 2.0;
        Some(Self { median, min, max })
    }
}

/// Work and measure, in printing order, to the values of each side.
type Values = Vec<((String, String), BTreeMap<Side, Vec<f64>>)>;

impl Table {
    /// A measure of a work, if it was taken.
    pub(super) fn find(&self, work: &str, measure: &str) -> Option<&Row> {
        let mut rows = self.rows.iter();
        rows.find(|row| row.work == work && row.measure == measure)
    }

    pub(crate) fn text(&self) -> String {
        let mut text = format!(
            "{:<22} {:<39} {:>28} {:>28} {:>8}\n",
            "work", "measure", "Apache median (min-max)", "Ferrocket median (min-max)", "ratio"
        );
        for row in &self.rows {
            let figure = |f: Option<Figure>| f.map_or_else(|| String::from("-"), print);
            let ratio = row
                .ratio
                .map_or_else(|| String::from("-"), |r| format!("{r:.3}"));
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "{:<22} {:<39} {:>28} {:>28} {:>8}",
                row.work,
                row.measure,
                figure(row.apache),
                figure(row.ferrocket),
                ratio
            );
        }
        text
    }
}

fn measures(outcome: &Outcome) -> Vec<(String, f64)> {
    let plain = figures(outcome).into_iter();
    let mut measures: Vec<(String, f64)> = plain
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let stages = outcome.server.iter().flat_map(|server| &server.stages);
    measures.extend(stages.map(|time| (format!("stage {}, mean us", time.stage), time.mean_us)));
    measures
}

fn figures(outcome: &Outcome) -> Vec<(&'static str, f64)> {
    let mut measures = vec![("messages/s", outcome.messages_per_second)];
    if let Some(latency) = outcome.latency {
        measures.push(("p50, us", latency.p50_us));
        measures.push(("p99, us", latency.p99_us));
        measures.push(("p99.9, us", latency.p999_us));
        measures.push(("max, us", latency.max_us));
    }
    if let Some(server) = &outcome.server {
        measures.push(("broker CPU per message, us", server.cpu_us_per_message));
        measures.push((
            "context switches per message",
            server.context_switches_per_message,
        ));
        measures.push((
            "read, write and sync calls per message",
            server.calls_per_message,
        ));
        measures.push(("resident, MiB", server.rss_mib));
    }
    let refused: u64 = outcome.refused.values().sum();
    measures.push(("refused requests", refused as f64));
    measures
}

pub(super) fn print(figure: Figure) -> String {
    let Figure { median, min, max } = figure;
    let digits = match median.abs() {
        m if m >= 100.0 => 0,
        m if m >= 1.0 => 1,
        _ => 3,
    };
    format!("{median:.digits$} ({min:.digits$}-{max:.digits$})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        let figure = |values: &[f64]| Figure::of(values.to_vec());
        assert_eq!(figure(&[]), None);
        assert_eq!(figure(&[3.0]).unwrap().median, 3.0);
        assert_eq!(figure(&[9.0, 1.0, 2.0]).unwrap().median, 2.0);
        let even = figure(&[4.0, 1.0, 2.0, 10.0]).unwrap();
        assert_eq!((even.median, even.min, even.max), (3.0, 1.0, 10.0));
    }

    #[test]
    fn figures_are_printed_with_as_many_digits_as_they_deserve() {
        let print = |median| {
            print(Figure {
                median,
                min: median,
                max: median,
            })
        };
        assert_eq!(print(12345.6), "12346 (12346-12346)");
        assert_eq!(print(12.34), "12.3 (12.3-12.3)");
        assert_eq!(print(0.1234), "0.123 (0.123-0.123)");
    }
}
