//! The name server of RocketMQ: which brokers there are, what they serve, and a small KV
//! configuration, as a synchronous state machine.
//!
//! It answers everything that the name servers of 4.9 and 5.5 answer (`DefaultRequestProcessor`,
//! `ClientRequestProcessor`). Route answers are encoded once for each state of a route. A broker's
//! registration blocks route requests for microseconds, whatever the number of its topics.
//!
//! What is deliberately not here: sockets, threads, clocks and files (see [`Surroundings`]), an
//! embedded controller, and any talk between name servers: they share nothing.

mod config;
mod fingerprint;
mod kv;
mod refusal;
mod registration_body;
mod requests;
mod server;
mod surroundings;
mod tables;

pub use config::NamesrvConfig;
pub use kv::KvUnreadable;
pub use server::{NameServer, WorkDone};
pub use surroundings::{ConfigurationRefused, Surroundings};
