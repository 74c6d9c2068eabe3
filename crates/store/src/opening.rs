//! What the owner of a store lends while it is opened: threads, and an ear for how far it is.

use std::fmt::Debug;

/// The store itself starts no thread and has no clock.
pub trait Opening: Debug + Sync {
    /// Calls `job` once with each number below `jobs`, in any order and on any threads, and returns when
    /// all are done.
    fn each(&self, jobs: usize, job: &(dyn Fn(usize) + Sync));

    /// So many bytes of the log are read, of so many that there seem to be. Called every few mebibytes;
    /// may go back once when the log has to be read from further back.
    fn progress(&self, done_bytes: u64, total_bytes: u64);
}

/// One thing after the other, and nobody listens.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Opening for Alone {
    fn each(&self, jobs: usize, job: &(dyn Fn(usize) + Sync)) {
        (0..jobs).for_each(job);
    }

    fn progress(&self, _done_bytes: u64, _total_bytes: u64) {}
}
