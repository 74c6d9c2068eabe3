//! What goes wrong on a [`MemDisk`](super::MemDisk), and when.

use std::io;
use std::path::Path;

use rustix::io::Errno;

/// What can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Write,
    /// Of a file or of a directory.
    Sync,
    /// Creating, renaming or removing.
    Create,
    /// Opening or creating a file: no handle is left.
    Open,
    /// Reading a file. Reads are not counted among the operations.
    Read,
}

/// A failure that waits for its operation.
#[derive(Debug, Clone)]
pub struct Fault {
    pub operation: Operation,
    /// Of the path that it waits for; empty for any.
    pub path_part: String,
    /// Every such operation fails from then on, not only one.
    pub lasts: bool,
    /// What the failure is called; `None` for one that no system has a name for.
    pub kind: Option<io::ErrorKind>,
    /// How much of a failing write is done all the same, in sixteenths.
    pub done_of_16: u8,
}

impl Fault {
    /// Fails the next such operation on a path with this part, once and wholly.
    #[must_use]
    pub fn once(operation: Operation, path_part: &str) -> Self {
        Self {
            operation,
            path_part: path_part.to_owned(),
            lasts: false,
            kind: None,
            done_of_16: 0,
        }
    }
}

/// An operation that does not happen, or not wholly.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) error: io::Error,
    pub(super) done_of_16: u8,
    /// The machine is off, which is not an answer of the disk.
    pub(super) is_off: bool,
}

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        refusal.error
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    waiting: Vec<Fault>,
    /// How many struck.
    pub(super) struck: u64,
}

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.waiting.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    pub(super) fn strike(&mut self, operation: Operation, path: &Path) -> Result<(), Refusal> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let name = path.to_string_lossy();
        let fits = |fault: &Fault| fault.operation == operation && name.contains(&fault.path_part);
        let Some(index) = self.waiting.iter().position(fits) else {
            return Ok(());
        };
        let fault = match self.waiting.get(index) {
            Some(fault) if fault.lasts => fault.clone(),
            _ => self.waiting.remove(index),
        };
        self.struck += 1;
        Err(Refusal {
            error: match fault.kind {
                Some(kind) => kind.into(),
                None if operation == Operation::Open => Errno::MFILE.into(),
                None => io::Error::other("injected failure"),
            },
            done_of_16: fault.done_of_16,
            is_off: false,
        })
    }
}
