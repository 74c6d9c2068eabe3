//! The files of an endless logical file as they are, whatever their lengths: nothing is opened,
//! extended or removed.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::disk::Disk;
use crate::file_names;

/// A file named by the offset of its first byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    pub base: i64,
    pub path: PathBuf,
    pub bytes: u64,
}

/// What one or several directories hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FoundFiles {
    /// Ascending by base.
    pub files: Vec<FoundFile>,
    /// Names that are no offsets; left alone.
    pub foreign: Vec<PathBuf>,
}

impl FoundFiles {
    pub(super) fn list(disk: &dyn Disk, directories: &[PathBuf]) -> io::Result<Self> {
        let mut found = Self::default();
        for directory in directories {
            for entry in disk.list(directory)? {
                let path = directory.join(&entry.name);
                match file_names::base_of(&entry.name) {
                    Some(base) if !entry.is_dir => found.files.push(FoundFile {
                        base,
                        path,
                        bytes: entry.bytes,
                    }),
                    _ if entry.is_dir => {}
                    _ => found.foreign.push(path),
                }
            }
        }
        found.files.sort_by_key(|file| file.base);
        Ok(found)
    }

    /// The length that most files have; of two that are as common, the greater.
    #[must_use]
    pub fn common_bytes(&self) -> Option<u64> {
        common(self.files.iter().map(|file| file.bytes))
    }

    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// The most common of some lengths, empty files aside.
pub(super) fn common(lengths: impl Iterator<Item = u64>) -> Option<u64> {
    let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
    for length in lengths.filter(|length| *length > 0) {
        *counts.entry(length).or_default() += 1;
    }
    let most = counts
        .into_iter()
        .max_by_key(|(length, count)| (*count, *length));
    most.map(|(length, _)| length)
}

/// Names of the directories below a path.
pub(super) fn directories(disk: &dyn Disk, path: &Path) -> io::Result<Vec<String>> {
    let entries = disk.list(path)?;
    Ok(entries
        .into_iter()
        .filter(|entry| entry.is_dir)
        .map(|entry| entry.name)
        .collect())
}
