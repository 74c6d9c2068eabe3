//! Sockets: listeners, connections, back-pressure and the outbound client. What a request means is
//! nobody's business here.

pub mod service;
