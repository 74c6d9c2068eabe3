//! What the store tells the process around it.

use std::fmt::Debug;

/// Wake-ups from inside the store, mostly from inside [`append`](crate::Store::append), where the
/// append lock is held: implementations must not block and must not call back into the store.
/// Setting a flag and unparking a thread is the intended use.
pub trait StoreSignals: Debug + Send + Sync {
    /// Bytes were appended that somebody waits to see durable, or in ASYNC_FLUSH, where the flusher
    /// thread asks [`flush_due`](crate::Store::flush_due) on its own clock, too many are not yet.
    fn flush_wanted(&self);
    /// Call [`prepare_segment`](crate::Store::prepare_segment) soon, on a thread that may wait for
    /// the disk.
    fn segment_wanted(&self);
    /// Many queue entries wait for their files: call
    /// [`flush_queues`](crate::Store::flush_queues) before its usual time.
    fn queues_wanted(&self);
    /// Much was written since the disks were measured: call
    /// [`watch_space`](crate::Store::watch_space) before its usual time.
    fn space_wanted(&self) {}
    /// Nanoseconds since whenever, which only grow, to tell how long something took; called where
    /// that is timed, and for nothing else.
    fn ticks_ns(&self) -> u64 {
        0
    }
}

/// Hears nothing; for tests and tools that drive the store by hand.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSignals;

impl StoreSignals for NoSignals {
    fn flush_wanted(&self) {}
    fn segment_wanted(&self) {}
    fn queues_wanted(&self) {}
}
