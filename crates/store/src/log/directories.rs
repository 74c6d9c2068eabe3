//! Where the segments of a log are: in one directory or in several (`MultiPathMappedFileQueue`).
//!
//! What is in them is one log, whichever directory a segment is in. A new segment goes to the
//! directory that Java would choose, so that disks fill evenly under either.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::config::StoreConfig;
use crate::disk::{Disk, Space};
use crate::errors::OpenError;
use crate::retention::RetentionConfig;

#[derive(Debug)]
pub(crate) struct Directories {
    /// In the order of their names, as Java counts them.
    all: Vec<Directory>,
    /// Says how much of a disk is kept free.
    retention: RetentionConfig,
}

#[derive(Debug)]
struct Directory {
    path: PathBuf,
    /// New segments may go here (`readOnlyCommitLogStorePaths` does not name it).
    takes_segments: bool,
    /// Its disk is so full that new segments go elsewhere while there is another.
    is_full: AtomicBool,
}

impl Directories {
    /// # Errors
    /// When no directory is left for new segments.
    pub(crate) fn new(config: &StoreConfig) -> Result<Self, OpenError> {
        let read_only = &config.read_only_commit_log_dirs;
        let mut all: Vec<Directory> = config
            .commit_log_paths()
            .into_iter()
            .map(|path| Directory {
                takes_segments: !read_only.contains(&path),
                is_full: AtomicBool::new(false),
                path,
            })
            .collect();
        all.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
        all.dedup_by(|a, b| a.path == b.path);
        if all.iter().any(|directory| directory.takes_segments) {
            return Ok(Self {
                all,
                retention: config.retention.clone(),
            });
        }
        Err(OpenError::Config {
            key: "readOnlyCommitLogStorePaths",
            problem: "names every directory of storePathCommitLog; leave one for new segments"
                .to_owned(),
        })
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.all.iter().map(|directory| directory.path.as_path())
    }

    /// Makes the directories that new segments may go to, and what is in them, durable: a start that
    /// was killed may have left names there that no sync has covered.
    pub(super) fn create(&self, disk: &dyn Disk) -> Result<(), OpenError> {
        let wanted = self.all.iter().filter(|directory| directory.takes_segments);
        for Directory { path, .. } in wanted {
            let made = super::make_directory(disk, path).and_then(|()| disk.sync_dir(path));
            made.map_err(|source| OpenError::Io {
                action: "create directory",
                path: path.clone(),
                source,
            })?;
        }
        Ok(())
    }

    pub(crate) fn paths_of_new_segments(&self) -> impl Iterator<Item = &Path> {
        let takes = self.all.iter().filter(|directory| directory.takes_segments);
        takes.map(|directory| directory.path.as_path())
    }

    /// Whether a disk has so many bytes beside those that are kept free.
    pub(super) fn has_room(&self, space: &Space, bytes: u64) -> bool {
        let kept_free = self.retention.reserved_of(space);
        space.free_bytes >= bytes.saturating_add(kept_free)
    }

    /// Says whether the disk of a directory is too full for new segments.
    pub(crate) fn mark_full(&self, path: &Path, is_full: bool) {
        let marked = self.all.iter().filter(|directory| directory.path == path);
        for directory in marked {
            directory.is_full.store(is_full, Ordering::Relaxed);
        }
    }

    /// Where the segment with the running number `index` goes.
    pub(super) fn for_segment(&self, index: i64) -> Option<&Path> {
        let takes = |directory: &&Directory| directory.takes_segments;
        let roomy = |directory: &&Directory| {
            directory.takes_segments && !directory.is_full.load(Ordering::Relaxed)
        };
        let mut candidates: Vec<&Directory> = self.all.iter().filter(roomy).collect();
        if candidates.is_empty() {
            candidates = self.all.iter().filter(takes).collect();
        }
        let chosen = index
            .unsigned_abs()
            .checked_rem(candidates.len() as u64)
            .and_then(|chosen| candidates.get(usize::try_from(chosen).unwrap_or(0)))?;
        Some(&chosen.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directories(written: &[&str], read_only: &[&str]) -> Result<Directories, OpenError> {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect();
        let mut config = StoreConfig::new("/store");
        config.commit_log_dirs = paths(written);
        config.read_only_commit_log_dirs = paths(read_only);
        Directories::new(&config)
    }

    fn chosen(directories: &Directories) -> Vec<&str> {
        let name = |index| directories.for_segment(index).unwrap().to_str().unwrap();
        (0..4).map(name).collect()
    }

    #[test]
    fn segments_take_turns_in_the_order_of_names() {
        let three = directories(&["/c", "/a", "/b"], &[]).unwrap();
        assert_eq!(chosen(&three), ["/a", "/b", "/c", "/a"]);
        let one = directories(&[], &[]).unwrap();
        assert_eq!(chosen(&one), ["/store/commitlog"; 4]);
    }

    #[test]
    fn read_only_ones_take_none() {
        let found = directories(&["/a", "/b", "/c"], &["/b", "/old"]).unwrap();
        assert_eq!(chosen(&found), ["/a", "/c", "/a", "/c"]);
        let all: Vec<_> = found.paths().collect();
        assert_eq!(all.len(), 4);
        assert!(directories(&["/a"], &["/a"]).is_err());
    }

    #[test]
    fn full_ones_take_none_while_there_is_another() {
        let two = directories(&["/a", "/b"], &[]).unwrap();
        two.mark_full(Path::new("/a"), true);
        assert_eq!(chosen(&two), ["/b"; 4]);
        two.mark_full(Path::new("/b"), true);
        assert_eq!(chosen(&two), ["/a", "/b", "/a", "/b"]);
        two.mark_full(Path::new("/a"), false);
        assert_eq!(chosen(&two), ["/a"; 4]);
    }
}
