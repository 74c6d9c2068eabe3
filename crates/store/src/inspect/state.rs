//! The small files of a store: who has it, how it was left, and what its check points vouch for.

use std::io;
use std::path::Path;

use crate::checkpoint::Checkpoint;
use crate::disk::{Disk, LockState};

/// The fields of `checkpoint`, by Java's names (`StoreCheckpoint`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckpointView {
    pub physic_msg_timestamp: i64,
    pub logics_msg_timestamp: i64,
    pub index_msg_timestamp: i64,
    pub master_flushed_offset: i64,
    pub confirm_phy_offset: i64,
    pub logics_physical_offset: i64,
}

/// How a store was left, and whether somebody has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateView {
    /// None when there is no such file.
    pub checkpoint: Option<CheckpointView>,
    /// `abort` is there: a broker runs on the store, or died on it.
    pub is_abort_there: bool,
    /// What `abort` holds: a process id since 5.0, nothing before.
    pub abort_process: Option<u32>,
    /// Java since 5.0 leaves this beside `abort`.
    pub is_abort_backup_there: bool,
    pub lock: LockState,
}

impl StateView {
    pub(super) fn read(disk: &dyn Disk, root: &Path) -> io::Result<Self> {
        let abort = content(disk, &root.join("abort"))?;
        let process = abort
            .as_deref()
            .and_then(|text| std::str::from_utf8(text).ok())
            .and_then(|text| text.trim().parse().ok());
        let checkpoint = content(disk, &root.join("checkpoint"))?;
        Ok(Self {
            checkpoint: checkpoint.map(|content| Checkpoint::decode(&content).into()),
            is_abort_there: abort.is_some(),
            abort_process: process,
            is_abort_backup_there: disk.exists(&root.join("abort.bak")),
            lock: disk.lock_state(&root.join("lock"))?,
        })
    }

    /// Whether a broker runs on the store at this moment.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        matches!(self.lock, LockState::Held { .. })
    }
}

impl From<Checkpoint> for CheckpointView {
    fn from(found: Checkpoint) -> Self {
        Self {
            physic_msg_timestamp: found.log_ms,
            logics_msg_timestamp: found.queues_ms,
            index_msg_timestamp: found.index_ms,
            master_flushed_offset: found.master_flushed,
            confirm_phy_offset: found.confirmed,
            logics_physical_offset: found.queues_physical,
        }
    }
}

/// A small file's content; none when it is not there.
pub(super) fn content(disk: &dyn Disk, path: &Path) -> io::Result<Option<Vec<u8>>> {
    match disk.read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
