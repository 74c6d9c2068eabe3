//! What the broker asks of the process around it.

use std::sync::Arc;

use ferrocket_protocol::peer::Peer;

use crate::config::BrokerConfig;
use crate::pull::Pull;

/// What the broker asks of the process around it. None of these may call back into the broker from
/// within, and none may block, except for [`Surroundings::update_configuration`], which writes a
/// file.
pub trait Surroundings: std::fmt::Debug + Send + Sync {
    /// Run `broker.read_cold(job)` soon on a thread that may wait for a disk. False when the pool's
    /// queue is full: the broker then answers busy.
    fn read_later(&self, job: ColdRead) -> bool;

    /// Nanoseconds since whenever, which only grow, to tell how long something took; called where
    /// that is timed, and for nothing else.
    fn ticks_ns(&self) -> u64 {
        0
    }

    /// The broker's registration changed: tell every name server soon.
    fn registration_changed(&self, change: RegistrationChange);

    /// Call [`Broker::deliver_delayed`](crate::Broker::deliver_delayed) before the time it named.
    fn delay_wanted(&self);

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
    /// These topics were created or changed.
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
pub struct ColdRead {
    pub(crate) pull: Pull,
}

impl ColdRead {
    /// Who waits for the answer; a job whose peer is gone need not be served.
    #[must_use]
    pub fn peer(&self) -> &Arc<dyn Peer> {
        self.pull.peer()
    }
}

/// Which of the broker's ports a frame came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    Main,
    /// listenPort − 2: everything but pull.
    Vip,
}
