//! The state of a [`MemDisk`](super::MemDisk): names, contents, space, and what goes wrong.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::Space;
use super::contents::{Arrival, Contents};
use super::faults::{Faults, Operation, Refusal};
use super::names::{DirOp, Names, Node};

#[derive(Debug, Clone)]
pub(super) struct Machine {
    names: Names,
    files: BTreeMap<u64, Contents>,
    file_next: u64,
    pub(super) locks: Vec<PathBuf>,
    pub(super) operations: u64,
    /// Operations from this one on fail.
    pub(super) halt_at: Option<u64>,
    /// How much of the operation that the machine stops in is done, in sixteenths.
    pub(super) halt_done_of_16: u8,
    pub(super) faults: Faults,
    pub(super) space: Space,
    /// Bytes that fit; `None` for as many as the process has memory for.
    pub(super) capacity: Option<u64>,
    pub(super) now_ms: i64,
    modified_ms: BTreeMap<u64, i64>,
    /// Decides what reaches the medium when a sync fails.
    random: SplitMix,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            names: Names::default(),
            files: BTreeMap::new(),
            file_next: 0,
            locks: Vec::new(),
            operations: 0,
            halt_at: None,
            halt_done_of_16: 0,
            faults: Faults::default(),
            space: Space {
                total_bytes: 1 << 40,
                used_bytes: 1 << 39,
                free_bytes: 1 << 39,
            },
            capacity: None,
            now_ms: 0,
            modified_ms: BTreeMap::new(),
            random: SplitMix(0),
        }
    }
}

impl Machine {
    /// Counts a changing operation and says whether it may happen.
    pub(super) fn step(&mut self, operation: Operation, path: &Path) -> Result<(), Refusal> {
        if let Some(halt) = self.halt_at
            && self.operations >= halt
        {
            let inside = self.operations == halt;
            self.operations += 1;
            return Err(Refusal {
                error: io::Error::other("the machine is off"),
                done_of_16: if inside { self.halt_done_of_16 } else { 0 },
                is_off: true,
            });
        }
        self.operations += 1;
        self.faults.strike(operation, path)
    }

    /// Takes a handle for a path, if one is left.
    pub(super) fn handle(&mut self, path: &Path) -> io::Result<()> {
        self.powered()?;
        Ok(self.faults.strike(Operation::Open, path)?)
    }

    pub(super) fn is_off(&self) -> bool {
        self.halt_at.is_some_and(|halt| self.operations >= halt)
    }

    pub(super) fn powered(&self) -> io::Result<()> {
        if self.is_off() {
            return Err(io::Error::other("the machine is off"));
        }
        Ok(())
    }

    /// What a process that starts now finds: as it was, without what a failed sync dropped.
    pub(super) fn next_process(&mut self) {
        self.halt_at = None;
        self.faults.clear();
        self.locks.clear();
        self.files.values_mut().for_each(Contents::evict);
        let names = &self.names;
        let named: std::collections::BTreeSet<u64> = names.files_ever().collect();
        self.files.retain(|file, _| named.contains(file));
    }

    pub(super) fn exists(&self, path: &Path) -> io::Result<Node> {
        self.powered()?;
        self.names
            .find(path)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn file_at(&self, path: &Path) -> io::Result<u64> {
        match self.exists(path)? {
            Node::File(file) => Ok(file),
            Node::Dir => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    pub(super) fn contents(&mut self, file: u64) -> io::Result<&mut Contents> {
        self.files
            .get_mut(&file)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    pub(super) fn bytes_of(&self, file: u64) -> u64 {
        self.files.get(&file).map_or(0, Contents::len)
    }

    pub(super) fn children<'a>(
        &'a self,
        path: &'a Path,
    ) -> impl Iterator<Item = (&'a PathBuf, &'a Node)> {
        self.names.children(path)
    }

    /// The file at a path, made empty when there is none. Its directory must exist.
    pub(super) fn create(&mut self, path: &Path) -> io::Result<u64> {
        if let Some(Node::File(file)) = self.names.find(path) {
            return Ok(file);
        }
        self.new_name(path)?;
        let file = self.file_next;
        self.file_next += 1;
        self.files.insert(file, Contents::default());
        self.stamp(file);
        self.names
            .change(DirOp::Add(path.to_owned(), Node::File(file)));
        Ok(file)
    }

    /// Makes a file at least so long.
    pub(super) fn extend(&mut self, file: u64, bytes: u64) -> io::Result<()> {
        if self.bytes_of(file) < bytes {
            self.contents(file)?.extend(bytes);
            self.stamp(file);
        }
        Ok(())
    }

    /// Writes what fits.
    pub(super) fn write(&mut self, file: u64, position: u64, bytes: &[u8]) -> io::Result<()> {
        let fits = match self.capacity {
            None => bytes.len(),
            Some(capacity) => {
                let left = capacity.saturating_sub(self.used_bytes());
                self.contents(file)?.fits(position, bytes.len(), left)
            }
        };
        let (written, refused) = bytes.split_at(fits.min(bytes.len()));
        if !written.is_empty() {
            self.contents(file)?.write(position, written);
        }
        self.stamp(file);
        if refused.is_empty() {
            Ok(())
        } else {
            Err(io::ErrorKind::StorageFull.into())
        }
    }

    pub(super) fn used_bytes(&self) -> u64 {
        let files = self.names.files();
        files
            .filter_map(|file| self.files.get(&file))
            .map(Contents::used_bytes)
            .sum()
    }

    /// Notes that a file changed now.
    pub(super) fn stamp(&mut self, file: u64) {
        self.modified_ms.insert(file, self.now_ms);
    }

    pub(super) fn modified_ms(&self, file: u64) -> i64 {
        self.modified_ms.get(&file).copied().unwrap_or(0)
    }

    pub(super) fn create_dir_all(&mut self, path: &Path) -> io::Result<()> {
        let mut missing: Vec<&Path> = path
            .ancestors()
            .take_while(|ancestor| self.names.find(ancestor).is_none())
            .collect();
        missing.reverse();
        for directory in missing {
            check_name(directory)?;
            self.names
                .change(DirOp::Add(directory.to_owned(), Node::Dir));
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path) {
        self.names.change(DirOp::Remove(path.to_owned()));
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.new_name(to)?;
        self.names.change(DirOp::Rename {
            from: from.to_owned(),
            to: to.to_owned(),
        });
        Ok(())
    }

    pub(super) fn sync_dir(&mut self, path: &Path) {
        self.names.sync(path);
    }

    pub(super) fn sync_all(&mut self) {
        self.files.values_mut().for_each(Contents::sync);
        self.names.sync_all();
    }

    pub(super) fn fail_sync_all(&mut self) {
        let files: Vec<u64> = self.files.keys().copied().collect();
        files.into_iter().for_each(|file| self.fail_sync(file));
    }

    pub(super) fn fail_sync(&mut self, file: u64) {
        let arrives_of_16 = self.random.below(17);
        let random = &mut self.random;
        if let Some(contents) = self.files.get_mut(&file) {
            contents.fail_sync(&mut || random.below(16) < arrives_of_16);
        }
    }

    pub(super) fn space(&self) -> Space {
        match self.capacity {
            None => self.space,
            Some(capacity) => Space {
                total_bytes: capacity,
                used_bytes: self.used_bytes(),
                free_bytes: capacity.saturating_sub(self.used_bytes()),
            },
        }
    }

    fn new_name(&self, path: &Path) -> io::Result<()> {
        check_name(path)?;
        match path.parent().and_then(|parent| self.names.find(parent)) {
            Some(Node::Dir) => Ok(()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn after_power_loss(&self, seed: u64) -> Machine {
        let mut random = SplitMix(seed);
        let pending = self.names.uncommitted();
        let journaled = random.below(pending as u64 + 1);
        let names = self
            .names
            .after_power_loss(usize::try_from(journaled).unwrap_or(0));
        // How much of the unsynced data arrives varies from nothing to nearly all.
        let arrives_of_16 = random.below(17);
        let arrival = if random.below(2) == 0 {
            Arrival::AnyMoment
        } else {
            Arrival::AnySubset
        };
        let mut named: Vec<u64> = names.files().collect();
        named.sort_unstable();
        let files = named
            .into_iter()
            .filter_map(|file| {
                let contents = self.files.get(&file)?;
                let coin = &mut || random.below(16) < arrives_of_16;
                Some((file, contents.after_power_loss(arrival, coin)))
            })
            .collect();
        Machine {
            names,
            files,
            file_next: self.file_next,
            space: self.space,
            capacity: self.capacity,
            now_ms: self.now_ms,
            modified_ms: self.modified_ms.clone(),
            random,
            ..Machine::default()
        }
    }
}

/// What no file system takes.
fn check_name(path: &Path) -> io::Result<()> {
    let bytes = path.as_os_str().as_bytes();
    let is_long = path
        .iter()
        .any(|part| part.as_bytes().len() > NAME_BYTES_MAX);
    if bytes.contains(&0) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    if is_long {
        return Err(Errno::NAMETOOLONG.into());
    }
    Ok(())
}

/// `NAME_MAX` of Linux.
const NAME_BYTES_MAX: usize = 255;

/// A small generator of numbers that depend on the seed alone.
#[derive(Debug, Clone)]
struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}
