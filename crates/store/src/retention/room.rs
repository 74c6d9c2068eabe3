//! For want of what room the store takes no messages, and how much there is.
//!
//! A full disk is not a broken one: nothing is lost, reads go on, and every shortage ends by itself
//! when whatever failed succeeds or whoever measures finds room again. Each is logged when it begins
//! and when it ends, however many messages are refused between.

use std::fmt::{self, Display};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;

/// Why there is no room. The first ones are failures of writes, the last two are limits that act
/// before a write fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shortage {
    /// No more of the commit log could be written, or its next segment not be made.
    Log,
    Queues,
    Index,
    Checkpoint,
    /// `abort` could not be made: a crash would look like a clean stop.
    Abort,
    /// A disk is used beyond `diskSpaceWarningLevelRatio`.
    Ratio,
    /// Less is free than `diskReservedBytes`.
    Reserve,
}

impl Shortage {
    pub const ALL: [Shortage; 7] = [
        Self::Log,
        Self::Queues,
        Self::Index,
        Self::Checkpoint,
        Self::Abort,
        Self::Ratio,
        Self::Reserve,
    ];

    /// A word for labels of metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Log => "commit_log",
            Self::Queues => "consume_queues",
            Self::Index => "index",
            Self::Checkpoint => "checkpoint",
            Self::Abort => "abort_file",
            Self::Ratio => "disk_used_ratio",
            Self::Reserve => "disk_reserve",
        }
    }

    fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// A bit for each shortage that is felt now.
    short: AtomicU32,
    texts: Mutex<Texts>,
    began: [AtomicU64; Shortage::ALL.len()],
}

#[derive(Debug, Default)]
struct Texts {
    causes: [String; Shortage::ALL.len()],
    /// How full the disks are, as last measured.
    measured: String,
}

impl Room {
    pub(crate) fn is_short(&self) -> bool {
        self.short.load(Ordering::Relaxed) != 0
    }

    pub(crate) fn is_short_of(&self, what: Shortage) -> bool {
        self.short.load(Ordering::Relaxed) & what.bit() != 0
    }

    /// How often a shortage began.
    pub(crate) fn began(&self, what: Shortage) -> u64 {
        self.began
            .get(what as usize)
            .map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// What a sender is told: the first cause, the numbers, and what to do.
    pub(crate) fn refusal(&self) -> Option<String> {
        let short = self.short.load(Ordering::Relaxed);
        let first = Shortage::ALL.iter().find(|what| short & what.bit() != 0)?;
        let texts = self.texts.lock();
        let cause = texts.causes.get(*first as usize)?;
        Some(format!(
            "{cause}; {}; free space or lower fileReservedTime, messages are taken again by themselves",
            texts.measured
        ))
    }

    pub(crate) fn measured(&self, text: String) {
        self.texts.lock().measured = text;
    }

    /// A write did not fit. Returns the cause.
    pub(crate) fn hit(&self, what: Shortage, doing: &str, error: &dyn Display) -> String {
        let cause = format!("{doing} failed: {error}");
        self.begin(what, cause.clone());
        cause
    }

    pub(crate) fn begin(&self, what: Shortage, cause: String) {
        let mut texts = self.texts.lock();
        let before = self.short.fetch_or(what.bit(), Ordering::Relaxed);
        if before & what.bit() == 0 {
            if let Some(count) = self.began.get(what as usize) {
                count.fetch_add(1, Ordering::Relaxed);
            }
            let disks = &texts.measured;
            tracing::error!(cause, %disks, "disk full: the store takes no messages until there is room");
        }
        if let Some(slot) = texts.causes.get_mut(what as usize) {
            *slot = cause;
        }
    }

    pub(crate) fn end(&self, what: Shortage) {
        if !self.is_short_of(what) {
            return;
        }
        let texts = self.texts.lock();
        let before = self.short.fetch_and(!what.bit(), Ordering::Relaxed);
        if before & what.bit() == 0 {
            return;
        }
        let disks = &texts.measured;
        if before == what.bit() {
            tracing::warn!(was = what.name(), %disks, "there is room again: the store takes messages");
        } else {
            tracing::info!(was = what.name(), %disks, "one shortage of room less");
        }
    }
}

impl Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_cause_is_told_with_the_numbers_and_each_is_counted_when_it_begins() {
        let room = Room::default();
        assert_eq!(room.refusal(), None);
        room.measured("/d is 100 % used".to_owned());
        room.begin(Shortage::Reserve, "the reserve".to_owned());
        for _ in 0..3 {
            room.hit(Shortage::Log, "writing", &"no space");
        }
        assert!(room.is_short() && room.is_short_of(Shortage::Log));
        assert_eq!(
            room.refusal().unwrap(),
            "writing failed: no space; /d is 100 % used; free space or lower fileReservedTime, messages are taken again by themselves"
        );
        assert_eq!(
            (room.began(Shortage::Log), room.began(Shortage::Queues)),
            (1, 0)
        );
        room.end(Shortage::Log);
        assert!(room.refusal().unwrap().starts_with("the reserve; "));
        room.end(Shortage::Reserve);
        room.end(Shortage::Reserve);
        assert!(!room.is_short());
    }
}
