//! The header classes of Java, each a plain struct over ext fields.
//!
//! A struct has the Java name without `RequestHeader`; a response header keeps `Response`. It serves
//! every release from 4.9 to 5.5: what one of them does not know is optional. Strings and numbers
//! that Java declares required are plain fields, because Java does not enforce them either: a
//! missing one is empty or zero, as a Java peer would see null or zero. Everything optional is an
//! `Option` and is left out when `None`.
//!
//! Headers combine: `(PullMessage, Rpc)` reads both from the same ext fields, and writes both.
//!
//! What is deliberately not here: checks. A handler decides what an empty topic means.

mod administration;
mod auth;
mod clients;
mod controller;
mod groups;
mod legacy;
mod lite;
mod messages;
mod offsets;
mod pop;
mod pull;
mod registration;
mod replication;
mod routes;
mod rpc;
mod send;
mod topics;
mod transactions;

pub use administration::*;
pub use auth::*;
pub use clients::*;
pub use controller::*;
pub use groups::*;
pub use legacy::*;
pub use lite::*;
pub use messages::*;
pub use offsets::*;
pub use pop::*;
pub use pull::*;
pub use registration::*;
pub use replication::*;
pub use routes::*;
pub use rpc::*;
pub use send::*;
pub use topics::*;
pub use transactions::*;
