//! What this broker tells name servers about itself. The server sends it and repeats it.

use bytes::Bytes;

use crate::Broker;

/// Which topics a registration carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationScope {
    /// Every topic: at start and every `registerNameServerPeriod`.
    All,
    /// What changed since the last call with this scope; nothing when nothing did.
    Changed,
}

/// The request code, header and body of one REGISTER_BROKER.
#[derive(Debug, Clone)]
pub struct Registration {
    pub body: Bytes,
}

impl Broker {
    /// The REGISTER_BROKER requests for one name server: one, or slices with
    /// `enableSplitRegistration`, or none when nothing changed.
    #[must_use]
    pub fn registrations(&self, _now_ms: i64, _scope: RegistrationScope) -> Vec<Registration> {
        Vec::new()
    }
}
