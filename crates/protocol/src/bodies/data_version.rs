//! Versions of tables that brokers tell name servers and slaves.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// The version of a table (`DataVersion`). Equal only if all members are.
///
/// A missing `timestamp` reads as 0 here and as "now" in Java: always send all members.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DataVersion {
    pub counter: i64,
    /// The master's epoch under a controller, else 0. 4.x has no such member.
    pub state_version: i64,
    pub timestamp: i64,
}

impl DataVersion {
    /// Moves on to the next version.
    pub const fn advance(&mut self, state_version: i64, now_ms: i64) {
        self.counter += 1;
        self.state_version = state_version;
        self.timestamp = now_ms;
    }
}

impl PartialOrd for DataVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for DataVersion {
    /// State version first, then counter, then time (`DataVersion#compare`).
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |version: &Self| (version.state_version, version.counter, version.timestamp);
        key(self).cmp(&key(other))
    }
}
