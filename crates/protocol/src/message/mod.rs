//! Messages: the record of the commit log (which is also what a pull answer carries), the batch
//! body of request 320, property text, message ids and body compression.
//!
//! Encoding writes into buffers of the caller and allocates nothing; [`record::View`] borrows from
//! the bytes it reads. All readers are total: any bytes end in a value or in an error.
//! Deliberately absent: queue offsets and placement (the store), and the meaning of properties (the
//! broker).

pub mod batch;
pub mod compression;
mod hash;
pub mod ids;
pub mod properties;
pub mod property;
pub mod record;
mod stored;
pub mod sys_flag;
pub mod view;

pub use hash::{IndexHasher, index_hash, java_hash, tags_code};
pub use stored::{StoredMessage, StoredMessageError};
pub use view::View;

use std::net::SocketAddr;

/// A message that is to be stored; everything is borrowed from the request frame.
#[derive(Debug, Clone, Copy)]
pub struct NewMessage<'a> {
    pub topic: &'a str,
    pub queue_id: i32,
    /// The application's own flag; opaque to us.
    pub flag: i32,
    /// See [`sys_flag`]; the two address bits are overwritten by the encoder.
    pub sys_flag: i32,
    pub born_ms: i64,
    /// The sending connection's peer.
    pub born_host: SocketAddr,
    /// The broker's advertised address.
    pub store_host: SocketAddr,
    pub reconsume_times: i32,
    /// Where the half message of a committed transaction is; 0 otherwise.
    pub prepared_transaction_offset: i64,
    /// `key\x01value\x02…` as it will be stored.
    pub properties: &'a [u8],
    pub body: &'a [u8],
}
