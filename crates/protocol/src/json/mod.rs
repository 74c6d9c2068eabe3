//! JSON as Java peers write and read it (fastjson and fastjson2), over serde.
//!
//! [`from_slice`] takes what any release or client writes: integers and whole objects as map keys,
//! quoted or not, single quotes, bare names, comments, spare commas, numbers as text. [`to_vec`]
//! prints what every release reads. Members that are `null` are treated as missing.
//!
//! Reading is bounded in depth and in the number of objects and arrays, so that a body cannot make
//! itself much larger in memory than it was on the wire. Deliberately absent: a document tree.

mod convert;
mod cursor;
mod key;
mod members;
mod print;
mod read;
mod reference;

pub use print::{PrintError, Style, to_vec, to_vec_styled};
pub use read::{from_slice, from_slice_bounded};

/// How deep objects and arrays may nest; the deepest body of RocketMQ has eight levels.
pub const DEPTH_MAX: u32 = 64;
/// How many objects and arrays a body from the network may hold. The largest legitimate body, a
/// registration of a full 16 MiB frame, has about 160,000.
pub const CONTAINERS_MAX: usize = 1 << 18;

/// Why text is not the JSON that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    #[error("the document is empty")]
    Empty,
    #[error("expected {expected} at byte {at}")]
    Unexpected { expected: &'static str, at: usize },
    #[error("the number at byte {at} is malformed or out of range")]
    Number { at: usize },
    #[error("more than {DEPTH_MAX} levels of objects and arrays at byte {at}")]
    TooDeep { at: usize },
    #[error("more than {limit} objects and arrays")]
    TooMany { limit: usize },
    #[error("the reference at byte {at} leads nowhere or makes the document too long")]
    Reference { at: usize },
    #[error("member {name} occurs twice")]
    Duplicate { name: &'static str },
    /// What the reading type says about a value.
    #[error("{0}")]
    Value(String),
}

impl serde::de::Error for JsonError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Value(message.to_string())
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self::Duplicate { name }
    }
}

#[cfg(test)]
mod tests;
