//! JSON bodies, named as in Java, one file per family.
//!
//! [`read`] and [`read_file`] take everything that Java peers and other clients write, [`print`] and
//! [`print_file`] what all of them read (see [`crate::json`]). Members are declared in the order of
//! their names, as Java prints them; tables are sorted, so that equal values print equal bytes.
//! Deliberately absent: bodies of the controller, of users and permissions, of lite topics.

mod assignment;
mod connection;
mod data_version;
mod filter;
mod group;
mod heartbeat;
mod inspect;
mod java_enum;
mod lock;
mod mapping;
mod offsets;
mod queue;
mod register;
mod route;
mod stats;
mod topic;

pub use assignment::*;
pub use connection::*;
pub use data_version::DataVersion;
pub use filter::*;
pub use group::*;
pub use heartbeat::*;
pub use inspect::*;
pub use java_enum::JavaEnum;
pub use lock::*;
pub use mapping::*;
pub use offsets::*;
pub use queue::MessageQueue;
pub use register::*;
pub use route::*;
pub use stats::*;
pub use topic::*;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::json::{self, JsonError, Style};

/// Reads a body from the network.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, JsonError> {
    json::from_slice(body)
}

/// Prints a body for the network.
#[must_use]
pub fn print<T: Serialize + ?Sized>(body: &T) -> Vec<u8> {
    json::to_vec(body)
}

/// Reads a file under `config/`, of any size.
pub fn read_file<T: DeserializeOwned>(text: &[u8]) -> Result<T, JsonError> {
    json::from_slice_bounded(text, usize::MAX)
}

/// Prints a file under `config/` as a 5.5 broker does.
#[must_use]
pub fn print_file<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    json::to_vec_styled(value, Style::FILE).unwrap_or_default()
}
