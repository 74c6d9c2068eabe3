//! The settings of the store, in Java's meaning of the keys (`MessageStoreConfig`).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::retention::RetentionConfig;

/// `flushDiskType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FlushMode {
    /// Acknowledge what was appended; flush by time and amount.
    #[default]
    Async,
    /// Acknowledge what is durable; consumers see only what is durable.
    Sync,
}

/// The attribute `queue.type` of a topic (`CQType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QueueType {
    #[default]
    Simple,
    /// Records may hold many messages.
    Batch,
}

/// The defaults are Java's. The configuration layer fills this in; legacy spellings are its
/// business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// `storePathRootDir`.
    pub root: PathBuf,
    /// `storePathCommitLog`: new segments take turns in these; none is `commitlog` below the root.
    pub commit_log_dirs: Vec<PathBuf>,
    /// `readOnlyCommitLogStorePaths`: segments are looked for in these too, and none is made there.
    pub read_only_commit_log_dirs: Vec<PathBuf>,
    /// `flushDiskType`.
    pub flush_mode: FlushMode,
    /// `mappedFileSizeCommitLog`.
    pub segment_bytes: u64,
    /// `mappedFileSizeConsumeQueue`; rounded up to whole entries of 20 bytes.
    pub queue_file_bytes: u64,
    /// `mapperFileSizeBatchConsumeQueue` (Java's spelling): whole entries of 46 bytes.
    pub batch_queue_file_bytes: u64,
    /// Topics whose attribute `queue.type` is `BatchCQ`, as the owner knows them when the store is
    /// opened: their queues may have to be made again. Later each append says it.
    pub batch_topics: BTreeSet<String>,
    /// `enableConsumeQueueExt`: write the extension of consume queues.
    pub queue_ext_enable: bool,
    /// `mappedFileSizeConsumeQueueExt`.
    pub queue_ext_file_bytes: u64,
    /// `maxMessageSize`: the longest body; a record may be 64 KiB longer.
    pub body_bytes_max: usize,
    /// `enabledAppendPropCRC`: end every record with a property that holds the CRC of all of it.
    pub append_property_crc: bool,
    /// `flushIntervalCommitLog`, for ASYNC_FLUSH.
    pub flush_interval_ms: i64,
    /// `flushCommitLogLeastPages`: dirty pages of 4 KiB that make a flush worth while.
    pub flush_pages_min: u64,
    /// `flushCommitLogThoroughInterval`: flush whatever there is.
    pub flush_thorough_interval_ms: i64,
    /// `flushConsumeQueueThoroughInterval`: sync the queues and move the checkpoint.
    pub queue_flush_thorough_interval_ms: i64,
    /// ASYNC_FLUSH leaves no more than this unflushed: the flusher is woken at half of it, and an
    /// append that finds more than all of it flushes before it returns. Not a key of Java's.
    pub unflushed_bytes_max: i64,
    /// The queues are synced and the checkpoint is moved when so much was appended since, too: what a
    /// start after a kill has to read. Each queue to be synced counts as [`QUEUE_SYNC_COSTS_BYTES`]
    /// more. Not a key of Java's.
    ///
    /// [`QUEUE_SYNC_COSTS_BYTES`]: crate::StoreConfig::QUEUE_SYNC_COSTS_BYTES
    pub checkpoint_bytes: i64,
    /// `checkCRCOnRecover`.
    pub check_crc_on_recover: bool,
    /// `maxFilterMessageSize`: bytes of consume queue that one read looks through.
    pub filter_scan_bytes_max: usize,
    /// `maxTransferBytesOnMessageInMemory`.
    pub transfer_bytes_in_memory_max: usize,
    /// `maxTransferCountOnMessageInMemory`.
    pub transfer_messages_in_memory_max: u32,
    /// `maxTransferBytesOnMessageInDisk`.
    pub transfer_bytes_on_disk_max: usize,
    /// `maxTransferCountOnMessageInDisk`.
    pub transfer_messages_on_disk_max: u32,
    /// `accessMessageInMemoryMaxRatio` of the machine's memory, in bytes: a record further behind
    /// the end of the log counts as on disk, and its reader is sent to a slave.
    pub memory_window_bytes: i64,
    /// A reader who asks for hot bytes only gets [`Cold`](crate::ReadStatus::Cold) for records
    /// further behind the end of the log than this; of nearer ones those that the page cache has.
    pub hot_window_bytes: i64,
    /// `messageDelayLevel`, in milliseconds; level 1 comes first.
    pub delay_levels_ms: Vec<i64>,
    /// `messageIndexEnable`: find messages by key.
    pub message_index_enable: bool,
    /// `maxHashSlotNum`: slots of an index file.
    pub index_slots: u32,
    /// `maxIndexNum`: entries of an index file, one of which is never used.
    pub index_entries: u32,
    /// `maxMsgsNumBatch`: messages that one query by key answers.
    pub query_messages_max: usize,
    /// How far local time is ahead of UTC; names of index files are local times.
    pub utc_offset_ms: i64,
    /// `enableLmq`: light queues, whose names begin with `%LMQ%`, have number 0.
    pub enable_lmq: bool,
    /// `enableMultiDispatch`: with the former, a message gets entries in the light queues that it
    /// lists.
    pub enable_multi_dispatch: bool,
    /// Written into `abort`, as Java does.
    pub process_id: u32,
    /// What is kept for how long; [`Store::set_retention`](crate::Store::set_retention) replaces it.
    pub retention: RetentionConfig,
    /// A mistake that the simulator asks for.
    #[cfg(feature = "planted-faults")]
    pub planted: Option<crate::Planted>,
}

const DAY_LEVELS_S: [i64; 18] = [
    1, 5, 10, 30, 60, 120, 180, 240, 300, 360, 420, 480, 540, 600, 1200, 1800, 3600, 7200,
];

impl Default for StoreConfig {
    /// Java's defaults with an empty root, which the configuration layer replaces.
    fn default() -> Self {
        Self::new(PathBuf::new())
    }
}

impl StoreConfig {
    /// With ten thousand queues to be synced, the checkpoint moves every 208 MiB instead of 128.
    pub const QUEUE_SYNC_COSTS_BYTES: i64 = 8 * 1024;

    /// Java's defaults for a store below `root`.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            commit_log_dirs: Vec::new(),
            read_only_commit_log_dirs: Vec::new(),
            flush_mode: FlushMode::Async,
            segment_bytes: 1024 * 1024 * 1024,
            queue_file_bytes: 6_000_000,
            batch_queue_file_bytes: 13_800_000,
            batch_topics: BTreeSet::new(),
            queue_ext_enable: false,
            queue_ext_file_bytes: 48 * 1024 * 1024,
            body_bytes_max: 4 * 1024 * 1024,
            append_property_crc: false,
            flush_interval_ms: 500,
            flush_pages_min: 4,
            flush_thorough_interval_ms: 10_000,
            queue_flush_thorough_interval_ms: 60_000,
            unflushed_bytes_max: 128 * 1024 * 1024,
            checkpoint_bytes: 128 * 1024 * 1024,
            check_crc_on_recover: true,
            filter_scan_bytes_max: 16_000,
            transfer_bytes_in_memory_max: 262_144,
            transfer_messages_in_memory_max: 32,
            transfer_bytes_on_disk_max: 65_536,
            transfer_messages_on_disk_max: 8,
            memory_window_bytes: 4 * 1024 * 1024 * 1024,
            hot_window_bytes: 4 * 1024 * 1024 * 1024,
            delay_levels_ms: DAY_LEVELS_S.iter().map(|seconds| seconds * 1000).collect(),
            message_index_enable: true,
            index_slots: 5_000_000,
            index_entries: 20_000_000,
            query_messages_max: 64,
            utc_offset_ms: 0,
            enable_lmq: false,
            enable_multi_dispatch: false,
            process_id: 0,
            retention: RetentionConfig::default(),
            #[cfg(feature = "planted-faults")]
            planted: None,
        }
    }

    /// Where the segments of the commit log are: the directories for new ones, then the others.
    #[must_use]
    pub fn commit_log_paths(&self) -> Vec<PathBuf> {
        let mut paths = self.commit_log_dirs.clone();
        if paths.is_empty() {
            paths.push(self.root.join("commitlog"));
        }
        for path in &self.read_only_commit_log_dirs {
            if !paths.contains(path) {
                paths.push(path.clone());
            }
        }
        paths
    }

    /// Whether messages get entries in the light queues that they list.
    #[must_use]
    pub fn has_light_queues(&self) -> bool {
        self.enable_lmq && self.enable_multi_dispatch
    }

    /// A file or directory directly below the root.
    #[must_use]
    pub fn below_root(&self, name: &str) -> PathBuf {
        Path::new(&self.root).join(name)
    }
}
