//! The rows of the comparison, and which of them are wanted.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A row of the table in `docs/performance.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Row {
    P1,
    P2,
    P3,
    P4,
    P5,
    P6,
    P7,
    P8,
    P9,
    P10,
    P11,
    P12,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{self:?}"))
    }
}

/// What `--only` names: rows, or single works of them. Empty: everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    names: Vec<String>,
}

impl Selection {
    pub(crate) fn new(names: Vec<String>) -> Self {
        Self { names }
    }

    /// Whether one of the rows is wanted.
    pub(crate) fn wants(&self, rows: &[Row]) -> bool {
        let named = |row: &Row| self.has(&row.to_string());
        self.names.is_empty() || rows.iter().any(named)
    }

    /// Whether a work is wanted, by its own name or for a row.
    pub(crate) fn wants_work(&self, name: &str, rows: &[Row]) -> bool {
        self.wants(rows) || self.has(name)
    }

    /// Whether it is named itself.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|it| it.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_works_are_picked_by_name() {
        let all = Selection::default();
        assert!(all.wants(&[Row::P1]));
        let some = Selection::new(vec!["p2".to_owned(), "pull-all".to_owned()]);
        assert!(some.wants(&[Row::P9, Row::P2]));
        assert!(!some.wants(&[Row::P1]));
        assert!(!some.wants(&[]));
        assert!(some.wants_work("pull-all", &[Row::P6]));
    }
}
