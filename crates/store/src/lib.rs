//! The message store: commit log, consume queues and checkpoint in RocketMQ's layout and names.
//!
//! Synchronous, over the [`disk::Disk`] trait; the caller owns threads and time. The store knows
//! messages, topics and queue numbers; it knows nothing of consumers, groups or sockets.

pub mod api;
pub mod disk;
