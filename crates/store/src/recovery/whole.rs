//! Whether the log is there at all: opening goes on only then.
//!
//! A directory whose disk is not mounted looks like one that nothing was ever stored in. Whoever goes on
//! without it erases the queue entries of its messages, and gives their offsets out again. A segment that
//! is missing between others, in a directory that is there, is reported and stepped over.

use super::queues::Loaded;
use super::{Parts, failed};
use crate::checkpoint::CheckpointFile;
use crate::errors::OpenError;

/// Changes nothing.
pub(super) fn check(
    parts: &Parts<'_>,
    loaded: &Loaded,
    checkpoint: &CheckpointFile,
) -> Result<(), OpenError> {
    let Parts { log, config, .. } = *parts;
    let end = log.next_base();
    if log.last().is_none()
        && let Some((topic, messages)) = loaded.any()
    {
        return Err(OpenError::NoLog {
            directories: config.commit_log_paths(),
            topic,
            messages,
        });
    }
    // A log without a record behind `end` may have been durable up to there, but no further.
    let durable = checkpoint.current.confirmed;
    if checkpoint.is_ours && durable > end {
        return Err(OpenError::EndMissing {
            directories: config.commit_log_paths(),
            end,
            durable,
        });
    }
    let lacks_end = (loaded.end_physical() > end).then_some(end);
    let Some(missing_from) = log.gaps().first().copied().or(lacks_end) else {
        return Ok(());
    };
    match log
        .vacant_directory()
        .map_err(failed("the directories of the commit log"))?
    {
        Some(path) => Err(OpenError::VacantDirectory {
            path: path.to_owned(),
            missing_from,
        }),
        None => Ok(()),
    }
}
