//! The remoting protocol of RocketMQ: frames, headers, request and response codes, bodies, and the
//! encodings of messages and their properties.
//!
//! Everything here is a pure function of bytes. There is no I/O, no clock, no runtime and no global
//! state, so that the broker, the name server, the client and the simulator all speak through the
//! same code.

pub mod bodies;
pub mod calendar;
pub mod codes;
pub mod ext;
pub mod frame;
pub mod headers;
pub mod json;
mod json_text;
pub mod language;
pub mod message;
pub mod outbox;
pub mod peer;
pub mod stages;
pub mod version;

pub use language::Language;
pub use version::VERSION;
