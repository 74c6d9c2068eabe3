//! The settings of retention, in Java's meaning of the keys (`MessageStoreConfig`). They can be
//! replaced while the store runs.

use crate::disk::Space;

/// `diskReservedBytes` when nobody set it: this, or a twentieth of a disk that is small.
const RESERVED_BYTES_DEFAULT: u64 = 256 * 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionConfig {
    /// `fileReservedTime`: hours that a segment is kept after its last change.
    pub reserved_hours: i64,
    /// `deleteWhen`: hours of the local day in which expired segments are deleted.
    pub delete_hours: Vec<i64>,
    /// `cleanResourceInterval`: the time between two turns.
    pub interval_ms: i64,
    /// `deleteFileBatchMax`: segments deleted by one run.
    pub batch_max: usize,
    /// `deleteCommitLogFilesInterval`: the pause after each.
    pub segment_pause_ms: i64,
    /// `deleteConsumeQueueFilesInterval`: the pause after a queue that lost files.
    pub queue_pause_ms: i64,
    /// `diskSpaceWarningLevelRatio`, percent: no messages are taken above it.
    pub warning_percent: i64,
    /// `diskSpaceCleanForciblyRatio`, percent: segments go whatever their age above it, and messages
    /// that were refused are taken again at or below it.
    pub clean_forcibly_percent: i64,
    /// `diskMaxUsedSpaceRatio`, percent: expired segments go at any hour above it.
    pub max_used_percent: i64,
    /// `cleanFileForciblyEnable`: segments may go before their time when a disk is nearly full.
    pub clean_forcibly: bool,
    /// `diskReservedBytes`, ours alone: no messages are taken when less is free, so that queues,
    /// index, tables and the system keep room. Negative is the default.
    pub reserved_bytes: i64,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self {
            reserved_hours: 72,
            delete_hours: vec![4],
            interval_ms: 10_000,
            batch_max: 10,
            segment_pause_ms: 100,
            queue_pause_ms: 100,
            warning_percent: 90,
            clean_forcibly_percent: 85,
            max_used_percent: 75,
            clean_forcibly: true,
            reserved_bytes: -1,
        }
    }
}

impl RetentionConfig {
    /// Bytes of a disk that are kept free.
    #[must_use]
    pub fn reserved_of(&self, space: &Space) -> u64 {
        u64::try_from(self.reserved_bytes)
            .unwrap_or_else(|_| RESERVED_BYTES_DEFAULT.min(space.total_bytes / 20))
    }

    /// The warning level within Java's bounds.
    pub(crate) fn warning(&self) -> i64 {
        self.warning_percent.clamp(35, 90)
    }

    /// As [`warning`](Self::warning).
    pub(crate) fn forcibly(&self) -> i64 {
        self.clean_forcibly_percent.clamp(30, 85)
    }

    /// As [`warning`](Self::warning).
    pub(crate) fn max_used(&self) -> i64 {
        self.max_used_percent.clamp(10, 95)
    }
}
