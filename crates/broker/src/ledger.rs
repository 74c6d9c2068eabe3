//! The file of one table under `config/`: who changes the table writes the file before answering,
//! and many changers at once share one write.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ferrocket_store::config_file;
use ferrocket_store::disk::Disk;
use parking_lot::Mutex;

use crate::{OpenError, PersistError};

/// See the module.
#[derive(Debug)]
pub(crate) struct Ledger {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    changes: AtomicU64,
    /// Changes that the file has. Held while writing, with the table read under it.
    written: Mutex<u64>,
}

impl Ledger {
    pub(crate) fn new(disk: Arc<dyn Disk>, path: PathBuf) -> Self {
        Self {
            disk,
            path,
            changes: AtomicU64::new(0),
            written: Mutex::new(0),
        }
    }

    /// What the file (or its `.bak`) says; nothing when there is none.
    pub(crate) fn read<T, E: std::error::Error + 'static>(
        &self,
        decode: impl FnMut(&[u8]) -> Result<T, E>,
    ) -> Result<Option<T>, OpenError> {
        config_file::read_with_backup(self.disk.as_ref(), &self.path, decode).map_err(|error| {
            let mut reason = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(error) = source {
                reason = format!("{reason}: {error}");
                source = error.source();
            }
            OpenError::Metadata { reason }
        })
    }

    /// Notes that the table changed; call it after the change.
    pub(crate) fn touch(&self) {
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// What [`Self::write_as_of`] wants to know of a table that is rendered next; `None` when the file
    /// has every change.
    pub(crate) fn unsaved(&self) -> Option<u64> {
        let changes = self.changes.load(Ordering::Acquire);
        (*self.written.lock() < changes).then_some(changes)
    }

    /// Writes a table that was rendered after [`Self::unsaved`] said `changes`.
    pub(crate) fn write_as_of(&self, changes: u64, text: &[u8]) -> Result<(), PersistError> {
        let mut written = self.written.lock();
        if *written >= changes {
            return Ok(());
        }
        self.replace(text)?;
        *written = changes;
        Ok(())
    }

    /// Writes the table if the file lacks a change that was noted before the call.
    pub(crate) fn write(&self, render: impl FnOnce() -> Vec<u8>) -> Result<(), PersistError> {
        let wanted = self.changes.load(Ordering::Acquire);
        let mut written = self.written.lock();
        if *written >= wanted {
            return Ok(());
        }
        let included = self.changes.load(Ordering::Acquire);
        let text = render();
        self.replace(&text)?;
        *written = included;
        Ok(())
    }

    fn replace(&self, text: &[u8]) -> Result<(), PersistError> {
        config_file::write_atomically(self.disk.as_ref(), &self.path, text).map_err(|source| {
            PersistError::Io {
                file: self.path.display().to_string(),
                source,
            }
        })
    }
}
