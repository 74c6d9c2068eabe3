//! The broker: topics, groups, offsets, send, pull, order locks and admin requests, as a synchronous
//! state machine over the store.
//!
//! All methods take `&self` and the time; any number of connection tasks may call at once. Nothing
//! here spawns or looks at a clock. Only [`Broker::persist`], [`Broker::read_cold`],
//! [`Broker::deliver_delayed`], [`Broker::shutdown`] and requests that create or delete topics and groups wait for a disk.
//!
//! # Locks
//!
//! Readers of topics, groups, settings and subscriptions take none: they look at snapshots. A thread
//! that holds a lock of this list takes further ones only from below it:
//!
//! 1. a table's `change` (topics, groups, filters)
//! 2. the file of a table (`Ledger`)
//! 3. the writer of a snapshot (`ReadMostly`)
//! 4. the state of a consumer group, or the topics of a group's offsets
//! 5. everything else, each held for a few instructions and with nothing taken under it: versions,
//!    queues of one topic's offsets, waiting pulls of one topic, sends that wait for the disk, order
//!    locks, producers, memberships, statistics
//!
//! The turn of delayed deliveries comes before all of these; nobody but the thread that delivers takes it.
//!
//! The store's locks are inside the store. No other lock of the broker is held while it appends to the
//! store, hands frames to a [`Peer`](ferrocket_protocol::peer::Peer) or calls its [`Surroundings`];
//! the waiting pulls of a topic are held while a queue's end is looked up.

mod admin;
mod broker;
mod chance;
mod clients;
mod config;
mod delay;
mod dispatch;
mod filter;
mod groups;
mod ledger;
mod locks;
mod metrics;
mod offsets;
mod outboxes;
mod pull;
mod read_mostly;
mod registration;
mod request;
mod send;
mod stages;
mod stats;
mod surroundings;
mod topics;

pub use crate::broker::{Broker, Parts};
pub use crate::config::{
    BrokerConfig, BrokerRole, ConfigError, PERM_INHERIT, PERM_READ, PERM_WRITE,
};
pub use crate::metrics::{MetricsSnapshot, Sizes};
pub use crate::surroundings::{
    ColdRead, ConfigurationRefused, Port, RegistrationChange, Surroundings,
};
pub use crate::topics::batch_topics;

/// Why a broker could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The text names the file and says what to do.
    #[error("{reason}")]
    Metadata { reason: String },
    #[error("a table had to be corrected and cannot be written, free space or mend the disk")]
    Correction {
        #[from]
        source: PersistError,
    },
}

/// Why one of the broker's tables could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PersistError {
    #[error("cannot write {file}")]
    Io {
        file: String,
        #[source]
        source: std::io::Error,
    },
}
