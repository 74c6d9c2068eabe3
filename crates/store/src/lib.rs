//! The message store: commit log, consume queues, message index and checkpoint in RocketMQ's layout and names.
//!
//! Synchronous, over the [`disk::Disk`] trait; the caller owns threads and time. The store knows
//! messages, topics and queue numbers; it knows nothing of consumers, groups or sockets.
//!
//! A message is encoded into an [`AppendBatch`] outside of any lock, [`Store::append`] gives it its
//! offsets and writes it, [`Store::read`] finds it through its consume queue. What was appended
//! becomes durable by [`Store::flush`]; [`Store::readable`] says how far consumers may see. After a
//! failed write or flush the store is poisoned: it refuses to append and goes on reading.

mod any_queue;
mod batch;
mod batch_queue;
mod checkpoint;
mod clock;
mod config;
pub mod config_file;
mod deleted;
pub mod disk;
mod dispatch;
mod errors;
mod file_names;
mod filter_bits;
mod index;
pub mod inspect;
mod log;
mod multi_dispatch;
mod offsets;
mod opening;
mod planted;
mod poison;
mod queue;
mod queue_ext;
mod read;
mod recovery;
mod retention;
mod signals;
mod store;

pub use batch::{AppendBatch, AppendError, Appended};
pub use config::{FlushMode, QueueType, StoreConfig};
pub use errors::{CleanError, FlushError, OpenError, ReadError};
pub use ferrocket_protocol::message::NewMessage;
pub use index::IndexProgress;
pub use offsets::{PhysicalOffset, QueueOffset};
pub use opening::{Alone, Opening};
#[cfg(feature = "planted-faults")]
pub use planted::Planted;
pub use read::{
    Boundary, Choice, Extension, MessageFilter, QueueEntry, ReadAnswer, ReadRequest, ReadStatus,
};
pub use recovery::{Cut, Damage, DamagedMessage, RecoveryReport, Repair};
pub use retention::{RetentionConfig, Shortage};
pub use signals::{NoSignals, StoreSignals};
pub use store::{Cleaned, QueryAnswer, Refused, Store, Usage};
