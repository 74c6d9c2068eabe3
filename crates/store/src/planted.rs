//! Faults that are planted on purpose, so that the simulator can show that its checker finds them.
//!
//! They exist only with the cargo feature `planted-faults`, which `ferrocket-sim` asks for and the
//! server never does: `cargo build -p ferrocket-server` compiles [`StoreConfig::has`] to a constant
//! `false`. A build of the whole workspace compiles them in, and there they sleep until
//! [`StoreConfig::planted`] names one, which only the simulator does.
//!
//! [`StoreConfig::planted`]: crate::StoreConfig

use crate::config::StoreConfig;

/// A mistake that the store makes when its configuration says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "planted-faults"),
    expect(unreachable_pub, reason = "it is exported with the feature alone")
)]
pub enum Planted {
    /// A flush does not sync the log, and says that it is durable.
    LogNotSynced,
    /// The checkpoint is written before what it vouches for is durable.
    CheckpointFirst,
    /// Where a torn record ends the log, recovery takes the record before it away as well.
    CutOneEarly,
    /// After a crash the index keeps the entries that are ahead of the durable log.
    IndexAhead,
    /// Recovery does not look at the CRC of records.
    CrcIgnored,
    /// A flush that failed is tried again as if nothing had happened.
    FailedSyncRetried,
}

#[cfg(feature = "planted-faults")]
impl Planted {
    pub const ALL: [Self; 6] = [
        Self::LogNotSynced,
        Self::CheckpointFirst,
        Self::CutOneEarly,
        Self::IndexAhead,
        Self::CrcIgnored,
        Self::FailedSyncRetried,
    ];

    /// As command lines spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::LogNotSynced => "log-not-synced",
            Self::CheckpointFirst => "checkpoint-first",
            Self::CutOneEarly => "cut-one-early",
            Self::IndexAhead => "index-ahead",
            Self::CrcIgnored => "crc-ignored",
            Self::FailedSyncRetried => "failed-sync-retried",
        }
    }
}

impl StoreConfig {
    /// Whether a fault was planted.
    #[cfg(feature = "planted-faults")]
    pub(crate) fn has(&self, fault: Planted) -> bool {
        self.planted == Some(fault)
    }

    /// Whether a fault was planted: never in this build.
    #[cfg(not(feature = "planted-faults"))]
    #[inline]
    pub(crate) fn has(&self, _fault: Planted) -> bool {
        false
    }
}
