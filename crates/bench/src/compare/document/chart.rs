//! A chart of how many times faster ours is, as SVG, readable on light and on dark pages.

use std::fmt::Write;

use crate::compare::Comparison;
use crate::compare::goals::Verdict;

const WIDTH: f64 = 720.0;
const LABEL_WIDTH: f64 = 270.0;
const BAR_WIDTH_MAX: f64 = 370.0;
const ROW_HEIGHT: f64 = 26.0;
const TOP: f64 = 40.0;
/// A bar is as long as the logarithm of its ratio; this one fills the width.
const RATIO_MAX: f64 = 1000.0;
/// Measures in which more is worse, as their units tell; the chart turns them round.
const COSTS: [&str; 4] = ["us", "ms", "s", "MiB"];

pub(super) fn svg(comparison: &Comparison) -> String {
    let verdicts: Vec<(&Verdict, f64)> = comparison
        .verdicts
        .iter()
        .filter(|verdict| verdict.against == "Apache")
        .filter_map(|verdict| Some((verdict, times_better(verdict)?)))
        .collect();
    let height = TOP + ROW_HEIGHT * verdicts.len() as f64 + 8.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <title>How many times better than Apache RocketMQ</title>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"8\" y=\"22\" fill=\"#333333\" font-weight=\"bold\">How many times better than Apache \
         RocketMQ on the same two cores, {} (logarithmic)</text>\n",
        escaped(&comparison.date)
    );
    for (n, (verdict, times)) in verdicts.iter().enumerate() {
        let y = TOP + ROW_HEIGHT * n as f64;
        let share = times.max(1.0).ln() / RATIO_MAX.ln();
        let length = (BAR_WIDTH_MAX * share.min(1.0)).max(2.0);
        let text_y = y + 15.0;
        // Writing to a string does not fail.
        let _ = write!(
            svg,
            "<text x=\"8\" y=\"{text_y}\" fill=\"#333333\">{} {}</text>\n\
             <rect x=\"{LABEL_WIDTH}\" y=\"{y}\" width=\"{length:.1}\" height=\"20\" fill=\"#c2552d\"/>\n\
             <text x=\"{:.1}\" y=\"{text_y}\" fill=\"#333333\">{}×</text>\n",
            verdict.row,
            escaped(&verdict.what),
            LABEL_WIDTH + length + 6.0,
            rounded(*times)
        );
    }
    svg += "</svg>\n";
    svg
}

/// More is better, whatever was measured.
fn times_better(verdict: &Verdict) -> Option<f64> {
    let ratio = verdict.value.filter(|ratio| *ratio > 0.0)?;
    let is_cost = COSTS.contains(&verdict.unit.as_str());
    Some(if is_cost { 1.0 / ratio } else { ratio })
}

fn rounded(times: f64) -> String {
    if times >= 10.0 {
        format!("{times:.0}")
    } else {
        format!("{times:.1}")
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_as_many_digits_as_they_deserve() {
        assert_eq!(
            (rounded(3.26), rounded(41.7)),
            ("3.3".to_owned(), "42".to_owned())
        );
    }
}
