//! Why the store refuses an operation, one enum for each family.

use std::io;
use std::path::PathBuf;

use crate::disk::LockError;

fn joined(directories: &[PathBuf]) -> String {
    let names: Vec<String> = directories
        .iter()
        .map(|directory| directory.display().to_string())
        .collect();
    names.join(", ")
}

/// A read failed below the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    #[error("cannot read {what}")]
    Io {
        what: String,
        #[source]
        source: io::Error,
    },
}

/// Background work was refused or failed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum FlushError {
    /// The store is poisoned; the text names the first failure.
    #[error("{0}")]
    Poisoned(String),
    /// The store is not poisoned by this: the append tries again when it needs the segment.
    #[error("cannot make the next commit log segment: {0}")]
    Segment(String),
    /// The store is not poisoned by this: the entries stay in memory and the next call tries again.
    #[error("cannot open a consume queue file: {0}; raise the limit of open files")]
    NoHandle(String),
    /// The store is not poisoned by this: nothing is lost, messages are refused, and the next call
    /// tries again.
    #[error("{0}; free space on the disk")]
    NoSpace(String),
}

/// Files that are to go are still there; the next turn tries again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CleanError {
    #[error("cannot {action}; check the disk and the permissions of the store")]
    Io {
        action: &'static str,
        #[source]
        source: io::Error,
    },
}

/// The store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The words before the colon are Java's (`DefaultMessageStore#start`).
    #[error("Lock failed,MQ already started: {0}")]
    Locked(#[source] LockError),
    #[error("cannot {action} {}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Sizes are configuration, not data: a store opens only with those that it was written with.
    #[error("{} is {found_bytes} bytes long but {key} is {wanted_bytes}; set {key} to the size that the store was written with", path.display())]
    FileSize {
        path: PathBuf,
        found_bytes: u64,
        wanted_bytes: u64,
        key: &'static str,
    },
    /// Two directories hold a file for the same part of the log.
    #[error("{} and {} are for the same part of the log; move the one that does not belong to this store away", path.display(), other.display())]
    Twice { path: PathBuf, other: PathBuf },
    /// Java deletes all queues here (`CommitLog#recoverNormally`).
    #[error(
        "there is no commit log in {}, but consume queues are there (topic {topic} goes up to offset {messages}); if a disk is not mounted, mount it; to begin with an empty store, move `consumequeue`, `batchconsumequeue`, `index` and `checkpoint` away",
        joined(directories)
    )]
    NoLog {
        directories: Vec<PathBuf>,
        topic: String,
        messages: i64,
    },
    /// The checkpoint is this broker's, and says that there was more.
    #[error(
        "the commit log in {} ends at {end}, but it was durable up to {durable}: its last segments are missing; if a disk is not mounted, mount it; if they are lost for good, move the file `checkpoint` away to go on without them",
        joined(directories)
    )]
    EndMissing {
        directories: Vec<PathBuf>,
        end: i64,
        durable: i64,
    },
    #[error(
        "{} is empty, and the commit log lacks segments from {missing_from} on; if a disk is not mounted, mount it; if they are lost for good, put a file of any name into that directory to go on without them", path.display()
    )]
    VacantDirectory { path: PathBuf, missing_from: i64 },
    /// The words before the full stop are Java's (`ConsumeQueueStore#queueTypeShouldBe`).
    #[error("The queue type of topic: {topic} should be BatchCQ, but is SimpleCQ. Its queues are in {}: take queue.type out of the topic's attributes in config/topics.json, or move that directory away if the topic was made anew since", path.display())]
    QueueType { topic: String, path: PathBuf },
    #[error("{key}: {problem}")]
    Config { key: &'static str, problem: String },
    #[error("cannot read {what} while recovering")]
    Recovery {
        what: String,
        #[source]
        source: io::Error,
    },
}
