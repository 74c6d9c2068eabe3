//! Full disks: measuring them, refusing messages, and finding out that there is room again.
//!
//! What failed for want of room is tried again where it is done anyway (queues, index, checkpoint by
//! [`Store::flush_queues`]) or here (log, `abort`). Nothing is tried again that a failed sync may
//! have lost: that poisons, also when the system says that it was for want of room.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use super::append::Appender;
use super::{Store, write_abort};
use crate::batch::AppendError;
use crate::disk::{Space, is_out_of_space};
use crate::errors::FlushError;
use crate::retention::{RetentionConfig, Shortage, Verdict, judge};

/// The log counts as having room when so many bytes could be written behind its end.
const PROBE_BYTES: i64 = 1024 * 1024;

/// Messages and groups that were refused, by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Refused {
    /// There was no room.
    pub disk_full: u64,
    /// The store was poisoned or closed.
    pub not_writable: u64,
    /// The next segment could not be made.
    pub segment: u64,
}

impl Store {
    /// Measures the disks, and tries whether what had no room has some now. Blocking, but quick; to
    /// be called once a second and when `space_wanted` is signalled.
    pub fn watch_space(&self) {
        self.marks
            .measured_at
            .store(self.appended().0, Ordering::Relaxed);
        self.judge_space();
        if self.poison.cause().is_some() || self.closed.load(Ordering::Relaxed) {
            return;
        }
        if self.room.is_short_of(Shortage::Abort) && write_abort(&*self.disk, &self.config).is_ok()
        {
            self.room.end(Shortage::Abort);
        }
        if self.room.is_short_of(Shortage::Log) && self.has_bytes_for_probe() {
            match self.probe_log() {
                Ok(()) => self.room.end(Shortage::Log),
                Err(error) if is_out_of_space(&error) => {}
                Err(error) => {
                    self.poison.set("writing the commit log", &error);
                }
            }
        }
    }

    /// For want of what room messages are refused now.
    pub fn shortages(&self) -> impl Iterator<Item = Shortage> + '_ {
        let all = Shortage::ALL.into_iter();
        all.filter(|what| self.room.is_short_of(*what))
    }

    /// How often a shortage of room began.
    #[must_use]
    pub fn shortages_begun(&self, what: Shortage) -> u64 {
        self.room.began(what)
    }

    /// Why messages are refused for want of room now, with numbers and what to do; none while there
    /// is room.
    #[must_use]
    pub fn no_room(&self) -> Option<String> {
        self.room.refusal()
    }

    #[must_use]
    pub fn refused(&self) -> Refused {
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        Refused {
            disk_full: count(&self.refusals.disk_full),
            not_writable: count(&self.refusals.not_writable),
            segment: count(&self.refusals.segment),
        }
    }

    /// The settings of retention in force.
    #[must_use]
    pub fn retention(&self) -> RetentionConfig {
        self.retention.read().clone()
    }

    /// Replaces the settings of retention; the next turn goes by them.
    pub fn set_retention(&self, retention: RetentionConfig) {
        *self.retention.write() = retention;
    }

    /// The disks of the log's directories, of those that take segments, and of everything else.
    pub(super) fn judge_space(&self) -> Verdict {
        let measure = |path: PathBuf| {
            let space = self.disk.space(&path).ok()?;
            Some((path, space))
        };
        let log: Vec<(PathBuf, Space)> = self
            .log
            .directories()
            .paths_of_new_segments()
            .filter_map(|path| measure(path.to_owned()))
            .collect();
        let rest: Vec<(PathBuf, Space)> = measure(self.config.below_root("consumequeue"))
            .into_iter()
            .collect();
        let config = self.retention.read().clone();
        for (path, space) in &log {
            let is_full = space.used_percent().unwrap_or(0) > config.forcibly()
                || space.free_bytes < config.reserved_of(space);
            self.log.directories().mark_full(path, is_full);
        }
        let was_short = (
            self.room.is_short_of(Shortage::Ratio),
            self.room.is_short_of(Shortage::Reserve),
        );
        let verdict = judge(&config, &[&log, &rest], was_short);
        self.room.measured(measured_text(&log, &rest));
        for (what, cause) in [
            (Shortage::Ratio, &verdict.ratio),
            (Shortage::Reserve, &verdict.reserve),
        ] {
            match cause {
                Some(cause) => self.room.begin(what, cause.clone()),
                None => self.room.end(what),
            }
        }
        verdict
    }

    /// A write of the log did not fit. The bytes that did are made zeros again: a record that was
    /// refused must not show up behind a later, shorter one.
    pub(super) fn log_is_full(
        &self,
        appender: &mut Appender,
        wanted_bytes: usize,
        error: &io::Error,
    ) -> AppendError {
        appender.torn_bytes = appender.torn_bytes.max(wanted_bytes as u64);
        if let Err(error) = self.wipe(appender) {
            tracing::warn!(%error, "what was written of a refused message is still there; it is wiped before the next one is written");
        }
        self.refuse_full(Shortage::Log, "writing the commit log", error)
    }

    /// Refuses messages because something did not fit.
    pub(super) fn refuse_full(
        &self,
        what: Shortage,
        doing: &str,
        error: &io::Error,
    ) -> AppendError {
        self.judge_space();
        self.room.hit(what, doing, error);
        AppendError::DiskFull(self.room.refusal().unwrap_or_default())
    }

    /// The result of writing what is made from the log: for want of room it stays in memory and
    /// messages are refused until a later call succeeds; any other failure poisons.
    pub(super) fn guard_derived(
        &self,
        what: Shortage,
        doing: &str,
        outcome: io::Result<()>,
    ) -> Result<(), FlushError> {
        match outcome {
            Err(error) if is_out_of_space(&error) => {
                self.judge_space();
                Err(FlushError::NoSpace(self.room.hit(what, doing, &error)))
            }
            other => {
                self.poison.guard_queues(doing, other)?;
                self.room.end(what);
                Ok(())
            }
        }
    }

    fn has_bytes_for_probe(&self) -> bool {
        let paths = self.log.directories().paths_of_new_segments();
        let mut spaces = paths.filter_map(|path| self.disk.space(path).ok());
        spaces.any(|space| space.free_bytes >= PROBE_BYTES.unsigned_abs())
    }

    /// Writes zeros behind the end of the log, where zeros are to be, and makes the next segment if
    /// that was what failed or is needed soon.
    fn probe_log(&self) -> io::Result<()> {
        let mut appender = self.appender.lock();
        self.wipe(&mut appender)?;
        let rest = appender.active.base() + self.log.segment_bytes() - appender.position;
        let probe = usize::try_from(rest.min(PROBE_BYTES)).unwrap_or(0);
        self.log
            .write_at(&appender.active, appender.position, &vec![0; probe])?;
        if appender.lacks_segment || rest < PROBE_BYTES {
            self.log.prepare()?;
            appender.lacks_segment = false;
        }
        Ok(())
    }

    /// Before a clean stop: no start may find what was refused, also not after a power loss.
    pub(super) fn wipe_durably(&self) -> io::Result<()> {
        if self.room.began(Shortage::Log) == 0 {
            return Ok(());
        }
        let mut appender = self.appender.lock();
        self.wipe(&mut appender)?;
        self.log.sync(appender.position, appender.position + 1)
    }

    fn wipe(&self, appender: &mut Appender) -> io::Result<()> {
        if appender.torn_bytes > 0 {
            self.log
                .zero_at(&appender.active, appender.position, appender.torn_bytes)?;
            appender.torn_bytes = 0;
        }
        Ok(())
    }
}

/// Each file system once.
fn measured_text(log: &[(PathBuf, Space)], rest: &[(PathBuf, Space)]) -> String {
    let mut told: Vec<Space> = Vec::new();
    let mut parts = Vec::new();
    for (path, space) in log.iter().chain(rest) {
        if !told.contains(space) {
            told.push(*space);
            parts.push(format!("{} is {space}", path.display()));
        }
    }
    if parts.is_empty() {
        "the file system does not say how full it is".to_owned()
    } else {
        parts.join(", ")
    }
}
