//! The store as its owner sees it: opening and closing, and the watermarks.
//!
//! Lock order: append lock, then the locks of the queue table. The flush lock is taken alone or
//! before the queue table's and the index's; no file of the log is written without the append lock.

mod append;
mod batch_read;
mod clean;
mod fetch;
mod flush;
mod look;
mod lookup;
mod query;
mod read;
mod room;
mod stages;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use self::append::Appender;
pub use self::clean::Cleaned;
use self::clean::Cleaning;
use self::fetch::Warmth;
pub use self::lookup::Usage;
pub use self::query::QueryAnswer;
pub use self::room::Refused;
use self::stages::Stages;
use crate::batch_queue::{BATCH_ENTRY_BYTES, BatchQueues};
use crate::checkpoint::{Checkpoint, CheckpointFile};
use crate::config::{FlushMode, StoreConfig};
use crate::deleted::DeletedTopics;
use crate::disk::{Disk, LockGuard, is_out_of_space, unless_full};
use crate::errors::OpenError;
use crate::file_names;
use crate::index::{Distrust, Index};
use crate::log::{CommitLog, Directories, SEGMENT_BYTES_KEY};
use crate::offsets::PhysicalOffset;
use crate::opening::{Alone, Opening};
use crate::planted::Planted;
use crate::poison::Poison;
use crate::queue::{QueueFiles, QueueTable};
use crate::queue_ext::QueueExt;
use crate::recovery::{self, RecoveryReport};
use crate::retention::{RetentionConfig, Room, Shortage};
use crate::signals::StoreSignals;

/// Content of `lock`, as Java writes it.
const LOCK_CONTENT: &[u8] = b"lock";

/// The store. All methods take `&self`; any number of threads may call at once.
#[derive(Debug)]
pub struct Store {
    config: StoreConfig,
    disk: Arc<dyn Disk>,
    signals: Arc<dyn StoreSignals>,
    log: CommitLog,
    queues: QueueTable,
    batch_queues: BatchQueues,
    queue_ext: QueueExt,
    index: Index,
    pub(crate) appender: Mutex<Appender>,
    /// See `filter_bits`.
    pub(crate) filter_epoch: AtomicU64,
    marks: Marks,
    warmth: Warmth,
    /// Held by the one flush of the log that is under way.
    flushing: Mutex<()>,
    checkpoint: Mutex<CheckpointFile>,
    deleted: DeletedTopics,
    poison: Poison,
    room: Room,
    retention: RwLock<RetentionConfig>,
    refusals: Refusals,
    stages: Stages,
    cleaning: Cleaning,
    closed: AtomicBool,
    report: RecoveryReport,
    lock: Mutex<Option<Box<dyn LockGuard>>>,
}

/// What threads tell each other without a lock. `last_record` and `last_store_ms` are published
/// after `appended`, so whoever reads them first sees an `appended` that covers them.
#[derive(Debug)]
struct Marks {
    appended: AtomicI64,
    durable: AtomicI64,
    /// Start of the last record; −1 when no record is known.
    last_record: AtomicI64,
    last_store_ms: AtomicI64,
    /// When the log was flushed last.
    flushed_ms: AtomicI64,
    /// When the queues were synced last.
    queues_synced_ms: AtomicI64,
    /// When pieces and regions of the log were forgotten last.
    forgot_readers_ms: AtomicI64,
    /// The end of the log when the disks were measured last.
    measured_at: AtomicI64,
    /// The last record that the checkpoint covers.
    checkpointed: AtomicI64,
    /// Appends that flushed because the flusher did not keep up.
    flushed_by_appends: AtomicU64,
}

/// Messages and groups that were refused.
#[derive(Debug, Default)]
struct Refusals {
    disk_full: AtomicU64,
    not_writable: AtomicU64,
    segment: AtomicU64,
}

impl Store {
    /// Locks the directory, recovers, makes the first segment ready.
    ///
    /// # Errors
    /// When another broker has the directory, or when it cannot be read as what it should be.
    pub fn open(
        disk: Arc<dyn Disk>,
        config: StoreConfig,
        signals: Arc<dyn StoreSignals>,
        now_ms: i64,
    ) -> Result<Store, OpenError> {
        Self::open_with(disk, config, signals, now_ms, &Alone)
    }

    /// As [`open`](Self::open), with the owner's threads.
    ///
    /// # Errors
    /// As there.
    pub fn open_with(
        disk: Arc<dyn Disk>,
        mut config: StoreConfig,
        signals: Arc<dyn StoreSignals>,
        now_ms: i64,
        opening: &dyn Opening,
    ) -> Result<Store, OpenError> {
        check(&config)?;
        let root = config.root.clone();
        disk.create_dir_all(&root)
            .map_err(failed("create directory", &root))?;
        let lock = disk
            .lock(&config.below_root("lock"), LOCK_CONTENT)
            .map_err(OpenError::Locked)?;
        let abort = config.below_root("abort");
        let clean = !disk.exists(&abort);

        let directories = Directories::new(&config)?;
        config.segment_bytes = file_names::common_bytes(
            &*disk,
            directories.paths(),
            config.segment_bytes,
            SEGMENT_BYTES_KEY,
        )?;
        let log = CommitLog::load(Arc::clone(&disk), directories, config.segment_bytes)?;
        let queue_directory = config.below_root("consumequeue");
        disk.create_dir_all(&queue_directory)
            .map_err(failed("create directory", &queue_directory))?;
        let queues = QueueTable::new(QueueFiles::new(
            Arc::clone(&disk),
            queue_directory,
            config.queue_file_bytes,
        ));
        let batch_queues = BatchQueues::new(
            Arc::clone(&disk),
            config.below_root("batchconsumequeue"),
            config.batch_queue_file_bytes,
        );
        let queue_ext = QueueExt::new(
            Arc::clone(&disk),
            config.below_root("consumequeue_ext"),
            config.queue_ext_file_bytes,
            config.queue_ext_enable,
        );
        let index = Index::load(Arc::clone(&disk), &config)?;
        let path = config.below_root("checkpoint");
        let mut checkpoint = CheckpointFile::open(&*disk, &path).map_err(failed("open", &path))?;
        // No store time goes back behind what is known, also when nothing good is left to scan.
        let known_ms = if checkpoint.is_ours {
            checkpoint.current.log_ms
        } else {
            0
        };
        // Ours tells by place, which is more than the time does.
        let vouched = if checkpoint.is_ours {
            Distrust {
                physical: checkpoint.current.index_physical,
                until_ms: i64::MAX,
            }
        } else {
            Distrust {
                physical: i64::MAX,
                until_ms: checkpoint.current.index_ms,
            }
        };
        let deleted = DeletedTopics::load(Arc::clone(&disk), &config);
        let mark_used = || write_abort(&*disk, &config);
        let recovered = recovery::recover(
            &recovery::Parts {
                disk: &*disk,
                log: &log,
                queues: &queues,
                batch_queues: &batch_queues,
                queue_ext: &queue_ext,
                config: &config,
                deleted: &deleted.all(),
                is_ours: checkpoint.is_ours,
                now_ms,
                opening,
            },
            &mut checkpoint,
            clean,
            &mark_used,
        )?;
        log.create_directories()?;
        if !checkpoint.is_ours && recovered.end == 0 {
            // All that will be in the log is ours.
            let nothing = Checkpoint::default();
            unless_full(checkpoint.store(nothing)).map_err(failed("write", &path))?;
        }
        lower(&mut checkpoint, &recovered).map_err(failed("write", &path))?;
        unless_full(deleted.end_at(recovered.end))
            .map_err(failed("write below", &config.below_root("ferrocket")))?;
        // From here on files are written to that a later start only believes after a clean stop.
        let room = Room::default();
        match write_abort(&*disk, &config) {
            Err(error) if is_out_of_space(&error) => {
                room.hit(Shortage::Abort, "writing abort", &error);
            }
            written => written.map_err(failed("write", &abort))?,
        }
        let distrusted = Distrust {
            physical: vouched.physical.min(recovered.report.scanned_from.0),
            ..vouched
        };
        let is_crash = !clean && !config.has(Planted::IndexAhead);
        unless_full(index.resume(is_crash.then_some(distrusted), recovered.end, &log))
            .map_err(failed("read", &config.below_root("index")))?;
        let disowned = checkpoint.disown_index(index.changes_from());
        let may_build = disowned.is_ok() && !room.is_short_of(Shortage::Abort);
        unless_full(disowned).map_err(failed("write", &path))?;
        if may_build {
            index.catch_up(&log);
        }

        let active = match log.last() {
            Some(segment) => segment,
            None => {
                let directory = config.commit_log_paths().into_iter().next();
                log.roll().map_err(failed(
                    "create the first segment in",
                    &directory.unwrap_or_default(),
                ))?
            }
        };
        let (last_record, last_store_ms) = recovered.last.unwrap_or((-1, 0));
        let last_store_ms = last_store_ms.max(known_ms);
        let store = Store {
            appender: Mutex::new(Appender::new(active, recovered.end, last_store_ms)),
            filter_epoch: AtomicU64::new(0),
            marks: Marks {
                appended: AtomicI64::new(recovered.end),
                durable: AtomicI64::new(recovered.end),
                last_record: AtomicI64::new(last_record),
                last_store_ms: AtomicI64::new(last_store_ms),
                flushed_ms: AtomicI64::new(now_ms),
                queues_synced_ms: AtomicI64::new(now_ms),
                forgot_readers_ms: AtomicI64::new(now_ms),
                measured_at: AtomicI64::new(recovered.end),
                checkpointed: AtomicI64::new(checkpoint.current.queues_physical),
                flushed_by_appends: AtomicU64::new(0),
            },
            warmth: Warmth::new(),
            flushing: Mutex::new(()),
            checkpoint: Mutex::new(checkpoint),
            deleted,
            poison: Poison::default(),
            room,
            retention: RwLock::new(config.retention.clone()),
            refusals: Refusals::default(),
            stages: Stages::default(),
            cleaning: Cleaning::of(log.start()),
            closed: AtomicBool::new(false),
            report: recovered.report,
            lock: Mutex::new(Some(lock)),
            config,
            disk,
            signals,
            log,
            queues,
            batch_queues,
            queue_ext,
            index,
        };
        store.watch_space();
        Ok(store)
    }

    #[must_use]
    pub fn config(&self) -> &StoreConfig {
        &self.config
    }

    /// What opening the store found.
    #[must_use]
    pub fn recovery_report(&self) -> &RecoveryReport {
        &self.report
    }

    /// The end of the log.
    #[must_use]
    pub fn appended(&self) -> PhysicalOffset {
        PhysicalOffset(self.marks.appended.load(Ordering::Acquire))
    }

    /// The end of what survives a power loss.
    #[must_use]
    pub fn durable(&self) -> PhysicalOffset {
        PhysicalOffset(self.marks.durable.load(Ordering::Acquire))
    }

    /// Where consumers may read to: durable in SYNC_FLUSH, appended in ASYNC_FLUSH.
    #[must_use]
    pub fn readable(&self) -> PhysicalOffset {
        match self.config.flush_mode {
            FlushMode::Async => self.appended(),
            FlushMode::Sync => self.durable(),
        }
    }

    /// Where the log begins: the lowest physical offset that may still hold a record.
    #[must_use]
    pub fn min_physical_offset(&self) -> PhysicalOffset {
        PhysicalOffset(self.log.start())
    }

    /// Why the store refuses appends for good, if it does.
    #[must_use]
    pub fn poison(&self) -> Option<String> {
        self.poison.cause().map(ToOwned::to_owned)
    }
}

fn check(config: &StoreConfig) -> Result<(), OpenError> {
    let wrong = |key, problem: &str| {
        Err(OpenError::Config {
            key,
            problem: problem.to_owned(),
        })
    };
    if config.root.as_os_str().is_empty() {
        return wrong(
            "storePathRootDir",
            "there is no default here; set a directory",
        );
    }
    if config.segment_bytes < 1024 || config.segment_bytes > i32::MAX as u64 {
        return wrong(
            "mappedFileSizeCommitLog",
            "must be between 1024 and 2147483647 bytes",
        );
    }
    if config.index_slots == 0 || config.index_slots > i32::MAX as u32 {
        return wrong("maxHashSlotNum", "must be between 1 and 2147483647");
    }
    if config.index_entries < 2 || config.index_entries > i32::MAX as u32 {
        return wrong("maxIndexNum", "must be between 2 and 2147483647");
    }
    if config.queue_file_bytes == 0 || config.queue_file_bytes > i32::MAX as u64 {
        return wrong(
            "mappedFileSizeConsumeQueue",
            "must be between 1 and 2147483647 bytes",
        );
    }
    check_rare_queues(config).or_else(|(key, problem)| wrong(key, problem))
}

/// Sizes of files that few stores have.
fn check_rare_queues(config: &StoreConfig) -> Result<(), (&'static str, &'static str)> {
    let batch_bytes = config.batch_queue_file_bytes;
    if batch_bytes == 0
        || batch_bytes > i32::MAX as u64
        || !batch_bytes.is_multiple_of(BATCH_ENTRY_BYTES as u64)
    {
        return Err((
            "mapperFileSizeBatchConsumeQueue",
            "must be a multiple of 46 between 46 and 2147483647 bytes",
        ));
    }
    let ext_bytes = config.queue_ext_file_bytes;
    if !(64..=i32::MAX as u64).contains(&ext_bytes) {
        return Err((
            "mappedFileSizeConsumeQueueExt",
            "must be between 64 and 2147483647 bytes",
        ));
    }
    Ok(())
}

/// A checkpoint that vouches for more than the log still has would vouch for records to come.
fn lower(checkpoint: &mut CheckpointFile, recovered: &recovery::Recovered) -> std::io::Result<()> {
    let mut lowered = checkpoint.current;
    lowered.confirmed = lowered.confirmed.min(recovered.end);
    lowered.index_physical = lowered.index_physical.min(recovered.end);
    if lowered.queues_physical >= recovered.end {
        let (last_record, last_store_ms) = recovered.last.unwrap_or((0, 0));
        lowered.queues_physical = last_record;
        lowered.queues_ms = lowered.queues_ms.min(last_store_ms);
        lowered.index_ms = lowered.index_ms.min(last_store_ms);
        lowered.log_ms = lowered.log_ms.min(last_store_ms);
    }
    if lowered == checkpoint.current {
        Ok(())
    } else {
        checkpoint.store(lowered)
    }
}

/// `abort` says that the store is in use, or was when its process died.
fn write_abort(disk: &dyn Disk, config: &StoreConfig) -> std::io::Result<()> {
    let path = config.below_root("abort");
    match disk.write(&path, config.process_id.to_string().as_bytes()) {
        // That the file is there says it; the number in it is for people.
        Err(error) if is_out_of_space(&error) && disk.exists(&path) => {}
        written => written?,
    }
    disk.open(&path)?.sync()?;
    disk.sync_dir(&config.root)
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> OpenError + use<> {
    let path = path.to_owned();
    move |source| OpenError::Io {
        action,
        path,
        source,
    }
}
