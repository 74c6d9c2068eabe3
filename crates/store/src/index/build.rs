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
use super::walk;
use crate::log::CommitLog;

/// What a start reads itself when there is nothing to mend.
const AT_START_BYTES: i64 = 1024 * 1024;

/// What is left to do.
#[derive(Debug, Default)]
pub(super) struct Build {
    distrusted: Option<Distrust>,
    /// Where the keys behind the last file go on; `None` when the files have caught up.
    tail: Option<i64>,
    /// Parts of the log before the last file that no file covers, the first to be done last.
    holes: Vec<Hole>,
    /// What the files have of the records with which they begin and end: place and hash. The keys of
    /// such a record may be split over files, of which one may be gone.
    edges: Vec<(i64, i32)>,
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
    /// At first the last record of the file before, which may have only some of its keys.
    at: i64,
    /// The first record of the file behind, which may have only some of its keys.
    until: i64,
}

/// How far the message index is behind the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IndexProgress {
    /// Bytes of the log that are still to be read for it.
    pub behind_bytes: u64,
    /// Every message is found by its keys.
    pub complete: bool,
}

/// How far the index files, once synced, are complete but for holes, which show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vouched {
    /// Not known yet: what was said before stays.
    AsBefore,
    /// Up to a time, for Java, and before a record.
    Until {
        store_ms: i64,
        physical: i64,
    },
    Everything,
}

impl Build {
    /// The keys of records from a place on, without those of the first that a file has; where to
    /// go on.
    fn collect_missing(
        &mut self,
        at: i64,
        until: i64,
        log: &CommitLog,
        budget: i64,
    ) -> io::Result<(Vec<Key>, i64)> {
        let mut keys = Vec::new();
        let next = walk::collect(log, at, until, budget, &mut keys)?;
        if self.edges.iter().any(|(edge, _)| *edge == at) {
            keys.retain(|key| key.physical_offset != at || !self.edges.contains(&(at, key.hash)));
            let of_edge = keys.iter().take_while(|key| key.physical_offset == at);
            self.edges.extend(of_edge.map(|key| (at, key.hash)));
        }
        Ok((keys, next))
    }
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
            // It may begin earlier than what was said to change.
            return self.plan(build, log);
        }
        if build.distrusted.is_some() {
            self.mend(build, log)?;
        } else if let Some(at) = build.tail {
            build.tail = self.read_tail(build, at, log, budget_bytes)?;
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

    /// The next step takes away or writes no entry of a record before this one, but for files that
    /// are durable before they show.
    pub(crate) fn changes_from(&self) -> i64 {
        let build = self.build.lock();
        match build.distrusted {
            Some(distrusted) => distrusted.physical,
            None => build.tail.unwrap_or(i64::MAX),
        }
    }

    pub(crate) fn progress(&self) -> IndexProgress {
        let behind = self.behind.load(Ordering::Relaxed);
        IndexProgress {
            behind_bytes: behind.max(0).unsigned_abs(),
            complete: behind < 0,
        }
    }

    /// What can be said of the files when all that waits now was written and synced. To be asked
    /// before that is done: keys held back now may be let go while it is done.
    pub(crate) fn vouched(&self) -> Vouched {
        if !self.enabled {
            return Vouched::AsBefore;
        }
        let build = self.build.lock();
        if build.distrusted.is_some() {
            Vouched::AsBefore
        } else if let Some(physical) = build.tail {
            let files = self.files.read();
            let end_ms = files.iter().map(|file| file.header().end_ms).max();
            Vouched::Until {
                store_ms: end_ms.unwrap_or(0),
                physical,
            }
        } else {
            Vouched::Everything
        }
    }

    fn mend(&self, build: &mut Build, log: &CommitLog) -> io::Result<()> {
        if let Some(distrusted) = build.distrusted {
            self.cut_at(distrusted, log)?;
            self.sync()?;
            build.distrusted = None;
            self.plan(build, log)?;
        }
        Ok(())
    }

    /// Looks for the parts of the log that no file covers.
    fn plan(&self, build: &mut Build, log: &CommitLog) -> io::Result<()> {
        let mut holes = Vec::new();
        let mut last: Option<i64> = None;
        build.edges.clear();
        for file in &self.written_files() {
            if let Err(error) = file.add_edges(&mut build.edges) {
                self.drop_unreadable(&file.path, error)?;
                let mut files = self.files.write();
                files.retain(|other| !Arc::ptr_eq(other, file));
                continue;
            }
            let Header {
                begin_physical: until,
                end_physical,
                ..
            } = file.header();
            if until >= last.unwrap_or(0).max(log.start()) {
                holes.push(Hole {
                    at: last.unwrap_or(log.start()),
                    until,
                });
            }
            last = last.max(Some(end_physical));
        }
        holes.reverse();
        build.holes = holes;
        let is_behind = self.pending.is_held();
        build.tail = is_behind.then(|| last.unwrap_or(log.start()));
        Ok(())
    }

    fn read_tail(
        &self,
        build: &mut Build,
        at: i64,
        log: &CommitLog,
        budget: i64,
    ) -> io::Result<Option<i64>> {
        let until = self.pending.begins_at();
        let (keys, at) = build.collect_missing(at, until, log, budget)?;
        let _writing = self.writing.lock();
        self.write_keys(&keys, &mut 0)?;
        let caught_up = at >= until && self.pending.release(until);
        Ok((!caught_up).then_some(at))
    }

    fn fill(
        &self,
        build: &mut Build,
        mut hole: Hole,
        log: &CommitLog,
        budget: i64,
    ) -> io::Result<()> {
        let (mut keys, at) = build.collect_missing(hole.at, hole.until, log, budget)?;
        hole.at = at;
        let is_done = hole.at >= hole.until;
        if is_done {
            let (last, _) = build.collect_missing(hole.until, hole.until + 1, log, 1)?;
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
        let at = place_of(&files, begin);
        files.insert(at, Arc::new(file));
        Ok(())
    }

    /// The numbers of the files around a place in the log.
    fn neighbours(&self, physical: i64) -> (Option<u64>, Option<u64>) {
        let files = self.files.read();
        let at = place_of(&files, physical);
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
            let tail = build.tail.map_or(0, |at| (end - at).max(0));
            let holes = build.holes.iter();
            tail + holes.map(|hole| hole.until - hole.at).sum::<i64>()
        };
        let complete = build.distrusted.is_none() && build.tail.is_none() && build.holes.is_empty();
        self.behind
            .store(if complete { -1 } else { behind }, Ordering::Relaxed);
    }
}

/// Where a file that begins with a record goes: before the one that has the last keys of it, which may
/// be the newest file.
fn place_of(files: &[Arc<IndexFile>], physical: i64) -> usize {
    files.partition_point(|file| {
        let header = file.header();
        !header.is_empty() && header.begin_physical < physical
    })
}

impl IndexFile {
    /// Adds the places and hashes of the first record in here and of the last.
    fn add_edges(&self, into: &mut Vec<(i64, i32)>) -> io::Result<()> {
        let header = self.header();
        for number in 1..header.next {
            let entry = self.entry(number)?;
            if entry.physical_offset != header.begin_physical {
                break;
            }
            into.push((entry.physical_offset, entry.hash));
        }
        for number in (1..header.next).rev() {
            let entry = self.entry(number)?;
            if entry.physical_offset != header.end_physical {
                break;
            }
            into.push((entry.physical_offset, entry.hash));
        }
        Ok(())
    }
}
