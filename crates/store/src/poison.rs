//! The first failure of the disk, after which nothing is written any more.
//!
//! After a failed fsync the kernel may have dropped the pages that could not be written: trying
//! again can succeed without anything having been saved. So nothing is tried again.

use std::fmt::Display;
use std::sync::OnceLock;

use crate::disk::is_handle_shortage;
use crate::errors::FlushError;

#[derive(Debug, Default)]
pub(crate) struct Poison(OnceLock<String>);

impl Poison {
    pub(crate) fn cause(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }

    /// Notes a failure; the first one stays the cause.
    pub(crate) fn set(&self, doing: &str, error: &dyn Display) -> &str {
        self.0.get_or_init(|| {
            let cause = format!(
                "the store refuses writes since {doing} failed: {error}; check the disk and restart"
            );
            tracing::error!(cause, "store poisoned");
            cause
        })
    }

    pub(crate) fn check(&self) -> Result<(), FlushError> {
        match self.cause() {
            None => Ok(()),
            Some(cause) => Err(FlushError::Poisoned(cause.to_owned())),
        }
    }

    /// The result of an operation whose failure poisons.
    pub(crate) fn guard<T>(
        &self,
        doing: &str,
        outcome: std::io::Result<T>,
    ) -> Result<T, FlushError> {
        outcome.map_err(|error| FlushError::Poisoned(self.set(doing, &error).to_owned()))
    }

    /// As [`guard`](Self::guard) for the consume queues, whose files are opened when they are needed:
    /// a file that could not be opened for want of a handle has lost nothing.
    pub(crate) fn guard_queues<T>(
        &self,
        doing: &str,
        outcome: std::io::Result<T>,
    ) -> Result<T, FlushError> {
        match outcome {
            Err(error) if is_handle_shortage(&error) => {
                Err(FlushError::NoHandle(error.to_string()))
            }
            other => self.guard(doing, other),
        }
    }
}
