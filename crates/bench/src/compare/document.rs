//! Documents made of a comparison: the tables of `docs/performance.md` and the chart of the README.

mod chart;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::Comparison;
use crate::say;

const BEGIN: &str = "<!-- bench -->\n";
const END: &str = "<!-- /bench -->\n";

/// What to make of which comparison.
#[derive(Debug)]
pub(crate) struct Documents {
    pub(crate) json: PathBuf,
    pub(crate) markdown: Option<PathBuf>,
    pub(crate) svg: Option<PathBuf>,
    /// Only says whether they are what they should be.
    pub(crate) check: bool,
}

impl Documents {
    pub(crate) fn write(&self) -> anyhow::Result<()> {
        let bytes =
            fs::read(&self.json).with_context(|| format!("cannot read {}", self.json.display()))?;
        let comparison: Comparison = serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is not of `compare`", self.json.display()))?;
        let tables = tables::text(&comparison);
        if let Some(path) = &self.markdown {
            let document = fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let with_tables = put_between(&document, &tables)
                .with_context(|| format!("{} has no lines {BEGIN}{END}", path.display()))?;
            self.put(path, &with_tables)?;
        }
        if let Some(path) = &self.svg {
            self.put(path, &chart::svg(&comparison))?;
        }
        if self.markdown.is_none() && self.svg.is_none() {
            say(&tables)?;
        }
        Ok(())
    }

    fn put(&self, path: &Path, text: &str) -> anyhow::Result<()> {
        if !self.check {
            return fs::write(path, text)
                .with_context(|| format!("cannot write {}", path.display()));
        }
        let is = fs::read_to_string(path).unwrap_or_default();
        ensure!(
            is == text,
            "{} is not what {} says: run report without --check",
            path.display(),
            self.json.display()
        );
        Ok(())
    }
}

/// The document with something else between the two lines.
fn put_between(document: &str, text: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{text}\n\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_lines_changes() {
        let document = format!("# Title\n{BEGIN}old\n{END}rest\n");
        let put = put_between(&document, "new").unwrap();
        assert_eq!(put, format!("# Title\n{BEGIN}\nnew\n\n{END}rest\n"));
        assert_eq!(put_between(&put, "new"), Some(put.clone()));
        assert_eq!(put_between("# Title\n", "new"), None);
    }
}
