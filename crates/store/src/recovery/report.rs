//! What opening a store found, for its owner, its log file and `ferrocket preflight`.

use std::path::PathBuf;

use crate::offsets::{PhysicalOffset, QueueOffset};

/// What opening a store found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecoveryReport {
    /// The store was stopped cleanly the last time: there was no `abort`.
    pub clean: bool,
    /// Where the log was read from.
    pub scanned_from: PhysicalOffset,
    pub records_scanned: u64,
    /// Where the log ends.
    pub end: PhysicalOffset,
    /// Segments behind the end that were deleted (those made ahead among them).
    pub segments_dropped: usize,
    /// Where segments are missing between others; what was in them is gone.
    pub gaps: Vec<PhysicalOffset>,
    /// Places that hold no record although records follow, in ascending order.
    pub damages: Vec<Damage>,
    /// Set when what follows the end is neither zeros nor the end of a segment.
    pub cut: Option<Cut>,
}

/// A place in the log that holds no whole record and has records behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    pub from: PhysicalOffset,
    pub to: PhysicalOffset,
    pub reason: String,
    /// What was there, as far as its head can still be read.
    pub message: Option<DamagedMessage>,
    /// The file that has the bytes now; none when all were zeros or the place was left as it is.
    pub saved: Option<PathBuf>,
    pub repair: Repair,
}

/// The head of a damaged record. It is not covered by any CRC: believe it with care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedMessage {
    pub topic: String,
    pub queue_id: i32,
    pub queue_offset: QueueOffset,
    /// How many messages the record held.
    pub messages: i16,
    pub store_ms: i64,
}

/// What became of a damaged place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// Records that belong to no queue stand there now; every broker walks over them.
    Filled,
    /// Nothing could be written there, and why. This store steps over the place at every start; a
    /// Java broker whose recovery begins before it would end the log there.
    Left(String),
}

/// A log that ended in something else than nothing: a torn last write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    pub reason: String,
    /// Bytes from the end of the log to the last one that is not zero.
    pub bytes: u64,
    /// The file that has those bytes now; none when they could not be saved.
    pub saved: Option<PathBuf>,
}

impl RecoveryReport {
    /// Whether a place was found damaged and could not be mended: what stands there is served to nobody.
    pub(crate) fn was_left(&self, place: PhysicalOffset) -> bool {
        self.damages.iter().any(|damage| {
            matches!(damage.repair, Repair::Left(_)) && (damage.from..damage.to).contains(&place)
        })
    }

    /// Says what was found, in the log file of the process.
    pub(super) fn tell(&self) {
        let (clean, records_scanned) = (self.clean, self.records_scanned);
        let (from, end) = (self.scanned_from.0, self.end.0);
        let segments_dropped = self.segments_dropped;
        tracing::info!(
            clean,
            from,
            end,
            records_scanned,
            segments_dropped,
            "commit log recovered"
        );
        for gap in &self.gaps {
            tracing::error!(at = gap.0, "a segment of the commit log is missing");
        }
        for damage in &self.damages {
            damage.tell();
        }
        if let Some(Cut {
            reason,
            bytes,
            saved,
        }) = &self.cut
        {
            tracing::warn!(
                end,
                reason,
                bytes,
                saved = ?saved,
                "torn record at the end of the commit log cut off"
            );
        }
    }
}

impl Damage {
    fn tell(&self) {
        let Self {
            reason,
            message,
            saved,
            ..
        } = self;
        let (from, to) = (self.from.0, self.to.0);
        match &self.repair {
            Repair::Filled => tracing::error!(
                from,
                to,
                reason,
                message = ?message,
                saved = ?saved,
                "the commit log is damaged here; what stood here is lost, the log goes on behind it"
            ),
            Repair::Left(why) => tracing::error!(
                from,
                to,
                reason,
                message = ?message,
                why,
                "the commit log is damaged here and could not be mended: do not open it with a Java broker, which would end the log here"
            ),
        }
    }
}
