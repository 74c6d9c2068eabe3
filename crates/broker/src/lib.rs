//! The broker: topics, groups, offsets, send, pull, order locks and admin requests, as a synchronous
//! state machine over the store.
//!
//! All methods take `&self` and the time; any number of connection tasks may call at once. Nothing
//! here spawns or looks at a clock, and only [`Broker::persist`], [`Broker::read_cold`] and requests
//! that create or delete topics and groups wait for a disk.

mod config;

use std::sync::Arc;

use ferrocket_protocol::frame::Frame;
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::{ConnectionId, Peer};
use ferrocket_store::Store;
use ferrocket_store::disk::Disk;

pub use crate::config::{
    BrokerConfig, BrokerRole, ConfigError, FlushDiskType, PERM_INHERIT, PERM_READ, PERM_WRITE,
};

/// What the broker asks of the process around it. None of these may call back into the broker from
/// within, and none may block.
pub trait Surroundings: std::fmt::Debug + Send + Sync {
    /// Run `broker.read_cold(job)` soon on a thread that may wait for a disk. False when the pool's
    /// queue is full: the broker then answers busy.
    fn read_later(&self, job: ColdRead) -> bool;

    /// The broker's registration changed: tell every name server soon.
    fn registration_changed(&self, change: RegistrationChange);

    /// The body of GET_BROKER_CONFIG: all keys, also those that the core does not know, as sorted
    /// `key=value\n` lines.
    fn configuration(&self) -> String;

    /// UPDATE_BROKER_CONFIG with the body as received. The server checks the black list, merges and
    /// writes the file; the core takes over the settings in the answer.
    ///
    /// # Errors
    /// What the requester is told.
    fn update_configuration(&self, body: &[u8]) -> Result<BrokerConfig, ConfigurationRefused>;
}

/// What of the registration changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistrationChange {
    /// These topics were created, changed or deleted.
    Topics(Vec<String>),
    /// Everything, because `brokerPermission` changed.
    All,
}

/// Why UPDATE_BROKER_CONFIG was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigurationRefused {
    /// Answered with NO_PERMISSION.
    #[error("Can not update config in black list.")]
    BlackList,
    /// Answered with SYSTEM_ERROR; the text says what is wrong and what to do.
    #[error("{0}")]
    Io(String),
}

/// A pull whose bytes may not be in the page cache; opaque to the shell.
#[derive(Debug)]
pub struct ColdRead {}

/// Which of the broker's ports a frame came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    Main,
    /// listenPort − 2: everything but pull.
    Vip,
}

/// What a broker is made of.
#[derive(Debug)]
pub struct Parts {
    pub store: Arc<Store>,
    /// Where `config/*.json` live (`storePathRootDir/config`).
    pub disk: Arc<dyn Disk>,
    pub surroundings: Arc<dyn Surroundings>,
    /// Feeds the choice of a queue for sends that leave it to the broker, and message ids that the
    /// broker makes for clients which sent none. Any number that differs between starts.
    pub seed: u64,
}

/// Why a broker could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    #[error("cannot read {file}: {reason}; repair it or remove it together with its .bak")]
    Metadata { file: String, reason: String },
}

/// Why the broker's tables could not be written.
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

#[derive(Debug)]
pub struct Broker {}

impl Broker {
    /// Loads topics, groups and offsets, creates the system topics, and is ready for frames.
    ///
    /// # Errors
    /// When a table and its backup are both unreadable.
    pub fn open(_config: BrokerConfig, _parts: Parts, _now_ms: i64) -> Result<Broker, OpenError> {
        unimplemented!()
    }

    /// The settings in force.
    #[must_use]
    pub fn config(&self) -> Arc<BrokerConfig> {
        unimplemented!()
    }

    pub fn connected(&self, _now_ms: i64, _peer: &Arc<dyn Peer>) {}

    /// All complete frames of one socket read, in order. Immediate answers go into `out`.
    pub fn frames(
        &self,
        _now_ms: i64,
        _port: Port,
        _peer: &Arc<dyn Peer>,
        _frames: &mut Vec<Frame>,
        _out: &mut Outbox,
    ) {
    }

    /// A connection is gone: its clients leave their groups.
    pub fn disconnected(&self, _now_ms: i64, _id: ConnectionId) {}

    /// Serves a pull that may wait for the disk; called on a thread that may.
    pub fn read_cold(&self, _now_ms: i64, _job: ColdRead) {}

    /// Called by the flusher after each flush: completes synchronous sends, wakes waiting pulls.
    pub fn durable_advanced(&self, _now_ms: i64) {}

    /// Time-driven work that never waits for a disk (long-polling timeouts, flush timeouts, client
    /// expiry); the shell calls it at least every 100 ms.
    pub fn tick(&self, _now_ms: i64) {}

    /// Writes the consumer offsets when they are due (`flushConsumerOffsetInterval`). Blocking; the
    /// shell calls it about once a second on a thread that may wait.
    ///
    /// # Errors
    /// When the disk refuses; the next call tries again.
    pub fn persist(&self, _now_ms: i64) -> Result<(), PersistError> {
        Ok(())
    }

    /// Clean stop: answers every parked request and writes all tables. The store is closed by its
    /// owner afterwards. Frames that arrive later are answered `1500 please go away`.
    ///
    /// # Errors
    /// When the disk refuses a table.
    pub fn shutdown(&self, _now_ms: i64) -> Result<(), PersistError> {
        Ok(())
    }
}
