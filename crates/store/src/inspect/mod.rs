//! Looking at any store directory, Java's or ours, without changing it.
//!
//! Everything here reads: no lock is taken, nothing is created, extended or removed, so it works
//! beside a running broker and on a file system that is mounted read-only. [`StoreView`] shows the
//! files as they are; sizes, which no file states, are found from the lengths of the files.
//! [`Overlay`] shows what opening would make of them: the store itself opens over it, and all that
//! it changes stays in memory.
//!
//! Deliberately absent: what the files mean to consumers and groups, and printing.

mod config;
mod files;
mod index;
mod log;
mod overlay;
mod pending;
mod queues;
mod state;
mod timer;
mod verify;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

pub use self::config::{ConfigState, ConfigView};
pub use self::files::{FoundFile, FoundFiles};
pub use self::index::{IndexRow, IndexView};
pub use self::log::{Damage, Found, LogEnd, LogView, Visit, Walked};
pub use self::overlay::{Change, ChangeKind, Overlay};
pub use self::pending::Pending;
pub use self::queues::{QueueBounds, QueueKind, QueueRow, QueueView};
pub use self::state::{CheckpointView, StateView};
pub use self::timer::TimerView;
pub use self::verify::{Depth, Fault, FaultKind, Listener, Progress, Verified, verify};
use crate::config::StoreConfig;
use crate::disk::Disk;
use crate::queue_ext::ExtUnit;

/// A store as its files are.
#[derive(Debug, Clone)]
pub struct StoreView {
    disk: Arc<dyn Disk>,
    config: StoreConfig,
}

impl StoreView {
    /// Looks at the store below `config.root`. The sizes of `config` count where the files do not
    /// show others.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, mut config: StoreConfig) -> Self {
        config.commit_log_dirs = log_directories(&*disk, &config);
        config.read_only_commit_log_dirs.clear();
        Self { disk, config }
    }

    #[must_use]
    pub fn config(&self) -> &StoreConfig {
        &self.config
    }

    #[must_use]
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// Where the segments of the log are looked for.
    #[must_use]
    pub fn log_directories(&self) -> &[PathBuf] {
        &self.config.commit_log_dirs
    }

    /// The commit log.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub fn log(&self) -> io::Result<LogView> {
        let files = FoundFiles::list(&*self.disk, self.log_directories())?;
        let segment_bytes = files.common_bytes().unwrap_or(self.config.segment_bytes);
        Ok(LogView::new(Arc::clone(&self.disk), files, segment_bytes))
    }

    /// The consume queues, by topic and number.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub fn queues(&self) -> io::Result<Vec<QueueView>> {
        let configured = [
            self.config.queue_file_bytes,
            self.config.batch_queue_file_bytes,
        ];
        queues::list(&self.disk, &self.config.root, configured)
    }

    /// The index files, oldest first.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn index(&self) -> io::Result<Vec<IndexView>> {
        let configured = (self.config.index_slots, self.config.index_entries);
        index::list(&self.disk, &self.config.root, configured)
    }

    /// Lock, abort and checkpoint.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn state(&self) -> io::Result<StateView> {
        StateView::read(&*self.disk, &self.config.root)
    }

    /// The files of `config/`.
    ///
    /// # Errors
    /// When one that is there cannot be read from the disk.
    pub fn config_files(&self) -> io::Result<Vec<ConfigView>> {
        config::list(&*self.disk, &self.config.root)
    }

    /// The timer store, if there is one; `precision_ms` is `timerPrecisionMs`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn timer(&self, precision_ms: i64) -> io::Result<Option<TimerView>> {
        timer::read(&*self.disk, &self.config.root, precision_ms)
    }

    /// The unit of the queue extension that an entry points to.
    pub(crate) fn ext_unit(
        &self,
        queue: &QueueView,
        row: &QueueRow,
    ) -> io::Result<Option<ExtUnit>> {
        queue.ext_unit(
            &self.config.root,
            self.config.queue_ext_file_bytes,
            row.tags_code,
        )
    }
}

/// The directories of the log. A relative one that is not there may be meant below the root; where
/// none is there, `commitlog` below the root is looked at, which is where a copied store has it.
fn log_directories(disk: &dyn Disk, config: &StoreConfig) -> Vec<PathBuf> {
    let given = config.commit_log_paths();
    let found: Vec<PathBuf> = given
        .into_iter()
        .map(|path| {
            let below_root = config.root.join(&path);
            if !disk.exists(&path) && disk.exists(&below_root) {
                below_root
            } else {
                path
            }
        })
        .collect();
    let default = config.below_root("commitlog");
    if !found.iter().any(|directory| disk.exists(directory)) && disk.exists(&default) {
        return vec![default];
    }
    found
}
