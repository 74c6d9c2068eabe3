//! The recorded outcomes of Apache's own classes.

use super::cases::Case;

#[test]
fn every_recorded_outcome_is_ours() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../testdata/filter/expressions.tsv"
    );
    let text = std::fs::read_to_string(path).unwrap();
    let cases: Vec<Case> = text.lines().filter_map(Case::parse).collect();
    assert!(cases.len() >= 700, "{} cases", cases.len());
    let different: Vec<String> = cases
        .iter()
        .filter(|case| case.ours() != case.outcome)
        .map(|case| format!("ours is {}: {case}", case.ours()))
        .collect();
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn lines_are_printed_as_they_are_read() {
    for line in [
        "true\ta=1;b=x\\;y\ta = 1",
        "null\t\tz = '\\u00e9\\t'",
        "false\ta=\\\\;c=\\ud83d\\ude00\t\\n",
    ] {
        assert_eq!(Case::parse(line).unwrap().to_string(), line);
    }
}
