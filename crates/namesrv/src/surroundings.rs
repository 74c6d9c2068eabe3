//! What the name server asks of the process around it: its configuration and its one file.

use std::fmt::Debug;
use std::io;

use crate::config::NamesrvConfig;

/// The process around the name server. Methods may block on a small file; they are called without
/// any lock that a route request needs.
pub trait Surroundings: Debug + Send + Sync {
    /// The whole configuration as sorted `key=value` lines, the answer to 319.
    fn configuration(&self) -> String;

    /// Applies the properties text of request 318, writes the configuration back to its file, and
    /// returns what the name server obeys from now on.
    ///
    /// # Errors
    /// When nothing was changed.
    fn update_configuration(&self, body: &[u8]) -> Result<NamesrvConfig, ConfigurationRefused>;

    /// Replaces the content of the KV file (`kvConfigPath`) atomically.
    ///
    /// # Errors
    /// When the old content may still be the valid one.
    fn save_kv(&self, json: &[u8]) -> io::Result<()>;
}

/// Why request 318 changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ConfigurationRefused {
    /// The text names a key that may not be changed over the network.
    #[error("a key of the text is in configBlackList")]
    BlackList,
    /// The text is not a properties text.
    #[error("the text is not in properties form")]
    Malformed,
    /// A value cannot be, or cannot be changed while the process runs; the text says which.
    #[error("{0}; nothing was changed")]
    Invalid(String),
    /// The configuration file could not be written.
    #[error("cannot write the configuration file: {0}")]
    Io(String),
}
