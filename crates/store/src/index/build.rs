//! Making the index complete again while the store is in use.
//!
//! A start neither reads the log for the index nor mends index files: it only notes what cannot be
//! believed. [`Index::build_step`], called again and again on a thread of the owner, first takes
//! those entries away, then reads the keys that are missing behind the last file from the log, and
//! then those missing between and before the files. Until the first two are done, new keys wait in
//! memory, where they are found; when too many wait, the oldest are let go and read from the log in
//! their turn.
//!
//! What is missing in the middle goes into files of its own, which appear in `index/` only when they
//! are whole and durable. Deliberately absent: a check that an undamaged file has all keys of its
//! part of the log.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Index;
use super::file::IndexFile;
use super::format::{Header, Key};
use super::names;
use super::walk::{self, Place};
use crate::log::CommitLog;

/// What a start reads itself when there is nothing to mend.
const AT_START_BYTES: i64 = 1024 * 1024;

/// What is left to do.
#[derive(Debug, Default)]
pub(super) struct Build {
    distrusted: Option<Distrust>,
    /// Where the keys behind the last file go on; `None` when the files have caught up.
    tail: Option<Place>,
    /// Parts of the log before the last file that no file covers, the first to be done last.
    holes: Vec<Hole>,
    /// A file for the hole that is being worked on.
    part: Option<IndexFile>,
    /// A step failed half way: what is missing is to be looked for anew.
    is_stale: bool,
}

/// Entries of records from `physical` on, and those of records stored after `until_ms`, may be of
/// another life or half written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Distrust {
    pub(crate) physical: i64,
    pub(crate) until_ms: i64,
}

/// A part of the log between two files, or before the first one. Most are none: the record that
/// ends a file and those without keys are followed by the one that begins the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Hole {
    /// The last record of the file before, which may have taken only some of its keys.
    before: Option<Place>,
    at: i64,
    /// The first record of the file behind, which may have only the last of its keys.
    until: i64,
    /// Keys of it in that file.
    known_behind: usize,
    /// A key was found that no file has.
    is_real: bool,
}

/// How far the message index is behind the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IndexProgress {
    /// Bytes of the log that are still to be read for it.
    pub behind_bytes: u64,
    /// Every message is found by its keys.
    pub complete: bool,
}

/// Up to when the index files, once synced, are complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vouched {
    /// Not known yet: what was said before stays.
    AsBefore,
    Until(i64),
    Everything,
}

impl Index {
    /// Takes over after recovery: the log ends at `end`.
    pub(crate) fn resume(
        &self,
        distrusted: Option<Distrust>,
        end: i64,
        log: &CommitLog,
    ) -> io::Result<()> {
        if !self.enabled {
            return Ok(());
        }
        self.pending.hold_back(end);
        let beyond = self.end_physical() >= end && !self.has_no_files();
        let cut = Distrust {
            physical: end,
            until_ms: i64::MAX,
        };
        let distrusted = distrusted.or(beyond.then_some(cut));
        let mut build = self.build.lock();
        match distrusted {
            Some(_) => build.distrusted = distrusted,
            None => self.plan(&mut build, log)?,
        }
        self.note(&build, log);
        Ok(())
    }

    /// When there is nothing to mend, reads a little of the log, which is probably all that is
    /// missing.
    pub(crate) fn catch_up(&self, log: &CommitLog) {
        if !self.enabled || self.build.lock().distrusted.is_some() {
            return;
        }
        if let Err(error) = self.build_step(log, AT_START_BYTES) {
            tracing::warn!(%error, "the message index is not complete: tried again later");
        }
    }

    /// Does the next part of the work, reading about `budget_bytes` of the log at most.
    pub(crate) fn build_step(
        &self,
        log: &CommitLog,
        budget_bytes: i64,
    ) -> io::Result<IndexProgress> {
        let mut build = self.build.lock();
        let done = self.step(&mut build, log, budget_bytes);
        build.is_stale = done.is_err();
        self.note(&build, log);
        done.map(|()| self.progress())
    }

    fn step(&self, build: &mut Build, log: &CommitLog, budget_bytes: i64) -> io::Result<()> {
        if build.is_stale && build.distrusted.is_none() {
            build.part = None;
            self.plan(build, log)?;
        }
        if build.distrusted.is_some() {
            self.mend(build, log)?;
        } else if let Some(place) = build.tail {
            build.tail = self.read_tail(place, log, budget_bytes)?;
        } else if let Some(hole) = build.holes.last().copied() {
            self.fill(build, hole, log, budget_bytes)?;
        }
        Ok(())
    }

    /// Takes away what cannot be believed, if that was not done yet, so that a clean stop leaves
    /// nothing of it.
    pub(crate) fn settle(&self, log: &CommitLog) -> io::Result<()> {
        let mut build = self.build.lock();
        if build.distrusted.is_some() {
            self.mend(&mut build, log)?;
        }
        Ok(())
    }

    pub(crate) fn progress(&self) -> IndexProgress {
        let behind = self.behind.load(Ordering::Relaxed);
        IndexProgress {
            behind_bytes: behind.max(0).unsigned_abs(),
            complete: behind < 0,
        }
    }

    /// What can be said of the files after a sync that begins now.
    pub(super) fn vouched(&self) -> Vouched {
        let build = self.build.lock();
        if build.distrusted.is_some() {
            Vouched::AsBefore
        } else if build.tail.is_some() {
            let files = self.files.read();
            let end_ms = files.iter().map(|file| file.header().end_ms).max();
            Vouched::Until(end_ms.unwrap_or(0))
        } else {
            Vouched::Everything
        }
    }

    fn mend(&self, build: &mut Build, log: &CommitLog) -> io::Result<()> {
        if let Some(distrusted) = build.distrusted {
            self.cut_at(distrusted, log)?;
            self.sync_files()?;
            build.distrusted = None;
            self.plan(build, log)?;
        }
        Ok(())
    }

    /// Looks for the parts of the log that no file covers.
    fn plan(&self, build: &mut Build, log: &CommitLog) -> io::Result<()> {
        let mut holes = Vec::new();
        let mut last: Option<Place> = None;
        for file in &self.written_files() {
            let (known_behind, behind) = match file.ends() {
                Ok(ends) => ends,
                Err(error) => {
                    self.drop_unreadable(&file.path, error)?;
                    let mut files = self.files.write();
                    files.retain(|other| !Arc::ptr_eq(other, file));
                    continue;
                }
            };
            let until = file.header().begin_physical;
            let at = last.map_or(log.start(), |last| last.at + 1);
            if until >= at.max(log.start()) {
                holes.push(Hole {
                    before: last,
                    at,
                    until,
                    known_behind,
                    is_real: false,
                });
            }
            if last.is_none_or(|last| last.at <= file.header().end_physical) {
                last = Some(behind);
            }
        }
        holes.reverse();
        build.holes = holes;
        build.tail = self
            .pending
            .is_held()
            .then(|| last.unwrap_or(Place::at(log.start())));
        Ok(())
    }

    fn read_tail(&self, place: Place, log: &CommitLog, budget: i64) -> io::Result<Option<Place>> {
        let mut keys = Vec::new();
        let until = self.pending.begins_at();
        let place = walk::collect(log, place, until, budget, &mut keys)?;
        let _writing = self.writing.lock();
        self.write_keys(&keys, &mut 0)?;
        let caught_up = place.at >= until && self.pending.release(until);
        Ok((!caught_up).then_some(place))
    }

    fn fill(
        &self,
        build: &mut Build,
        mut hole: Hole,
        log: &CommitLog,
        budget: i64,
    ) -> io::Result<()> {
        let mut keys = Vec::new();
        let place = walk::collect(log, Place::at(hole.at), hole.until, budget, &mut keys)?;
        hole.at = place.at;
        if !keys.is_empty() && !std::mem::replace(&mut hole.is_real, true) {
            let before = hole.before.unwrap_or(Place::at(0));
            let mut first = walk::keys_at(log, before.at)?;
            first.drain(..before.known_keys.min(first.len()));
            if hole.before.is_some() {
                keys.splice(..0, first);
            }
        }
        let is_done = hole.at >= hole.until;
        if is_done && hole.is_real {
            let mut last = walk::keys_at(log, hole.until)?;
            last.truncate(last.len().saturating_sub(hole.known_behind));
            keys.extend(last);
        }
        self.write_part(build, &keys)?;
        if is_done {
            if let Some(part) = build.part.take() {
                self.take_in(&part)?;
            }
            build.holes.pop();
        } else if let Some(last) = build.holes.last_mut() {
            *last = hole;
        }
        Ok(())
    }

    fn write_part(&self, build: &mut Build, keys: &[Key]) -> io::Result<()> {
        let mut rest = keys;
        while !rest.is_empty() {
            let part = match build.part.take() {
                Some(part) => part,
                None => self.create_part()?,
            };
            let (now, later) = rest.split_at(part.room().min(rest.len()));
            part.append(now)?;
            rest = later;
            if part.room() == 0 {
                self.take_in(&part)?;
            } else {
                build.part = Some(part);
            }
        }
        Ok(())
    }

    fn create_part(&self) -> io::Result<IndexFile> {
        if let Some(directory) = self.part_path.parent() {
            self.disk.create_dir_all(directory)?;
        }
        self.remove_part()?;
        IndexFile::create(&*self.disk, self.part_path.clone(), self.shape, None)
    }

    /// Removes what an earlier life left half made.
    pub(super) fn remove_part(&self) -> io::Result<()> {
        if self.disk.exists(&self.part_path) {
            self.disk.remove_file(&self.part_path)?;
        }
        Ok(())
    }

    /// Puts a whole file into its place between the others.
    fn take_in(&self, part: &IndexFile) -> io::Result<()> {
        part.sync()?;
        let _writing = self.writing.lock();
        let header = part.header();
        let begin = header.begin_physical;
        let (before, behind) = self.neighbours(begin);
        let local_ms = header.begin_ms.saturating_add(self.utc_offset_ms);
        let name = match names::between(local_ms, before, behind) {
            Some(name) => name,
            None => names::next(local_ms, self.last_name()?),
        };
        let path = self.directory.join(name);
        self.disk.rename(&self.part_path, &path)?;
        self.names_changed.store(true, Ordering::Relaxed);
        let Some(file) = IndexFile::open(&*self.disk, &path, self.shape)? else {
            return Ok(());
        };
        let mut files = self.files.write();
        let at = files.partition_point(|other| other.header().begin_physical <= begin);
        files.insert(at, Arc::new(file));
        Ok(())
    }

    /// The numbers of the files around a place in the log.
    fn neighbours(&self, physical: i64) -> (Option<u64>, Option<u64>) {
        let files = self.files.read();
        let at = files.partition_point(|file| file.header().begin_physical <= physical);
        let number = |file: &Arc<IndexFile>| {
            let name = file.path.file_name().and_then(|name| name.to_str());
            name.and_then(names::number_of)
        };
        let before = at.checked_sub(1).and_then(|at| files.get(at));
        (before.and_then(number), files.get(at).and_then(number))
    }

    /// The files that have entries, in the order of the log.
    fn written_files(&self) -> Vec<Arc<IndexFile>> {
        let files = self.files.read();
        let written = files.iter().filter(|file| !file.header().is_empty());
        written.cloned().collect()
    }

    fn note(&self, build: &Build, log: &CommitLog) {
        let end = self.pending.begins_at();
        let behind = if let Some(distrusted) = build.distrusted {
            end - distrusted.physical.max(log.start()).min(end)
        } else {
            let tail = build.tail.map_or(0, |place| (end - place.at).max(0));
            let holes = build.holes.iter();
            tail + holes.map(|hole| hole.until - hole.at).sum::<i64>()
        };
        let complete = build.distrusted.is_none() && build.tail.is_none() && build.holes.is_empty();
        self.behind
            .store(if complete { -1 } else { behind }, Ordering::Relaxed);
    }
}

impl IndexFile {
    /// How many keys of its first record are in here, and where the log goes on behind the last.
    fn ends(&self) -> io::Result<(usize, Place)> {
        Ok((self.known_keys_of_first()?, self.place_behind()?))
    }

    /// Where the log goes on behind the last key in here: a full file may have taken only some of
    /// the keys of its last record.
    fn place_behind(&self) -> io::Result<Place> {
        let Header {
            end_physical, next, ..
        } = self.header();
        let mut known_keys = 0;
        let mut number = next;
        while number > 1 && self.entry(number - 1)?.physical_offset == end_physical {
            number -= 1;
            known_keys += 1;
        }
        Ok(Place {
            at: end_physical,
            known_keys,
        })
    }

    /// How many keys of its first record are in here.
    fn known_keys_of_first(&self) -> io::Result<usize> {
        let Header {
            begin_physical,
            next,
            ..
        } = self.header();
        let mut number = 1;
        while number < next && self.entry(number)?.physical_offset == begin_physical {
            number += 1;
        }
        Ok(number as usize - 1)
    }
}
