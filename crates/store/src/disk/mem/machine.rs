//! The names of a [`MemDisk`](super::MemDisk), and what becomes of them without power.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::contents::Contents;
use super::{Operation, Space};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    Dir,
    File(u64),
}

#[derive(Debug, Clone)]
pub(super) enum DirOp {
    Add(PathBuf, Node),
    Remove(PathBuf),
    Rename { from: PathBuf, to: PathBuf },
}

#[derive(Debug)]
pub(super) struct Machine {
    live: BTreeMap<PathBuf, Node>,
    durable: BTreeMap<PathBuf, Node>,
    /// Directory operations that no directory sync has committed, in order.
    pending: Vec<DirOp>,
    files: BTreeMap<u64, Contents>,
    file_next: u64,
    pub(super) locks: Vec<PathBuf>,
    pub(super) operations: u64,
    /// Operations from this one on fail.
    pub(super) halt_at: Option<u64>,
    pub(super) faults: Vec<Fault>,
    pub(super) space: Space,
    /// Bytes that fit; `None` for as many as the process has memory for.
    pub(super) capacity: Option<u64>,
    pub(super) now_ms: i64,
    modified_ms: BTreeMap<u64, i64>,
}

/// An operation that fails once.
#[derive(Debug)]
pub(super) struct Fault {
    operation: Operation,
    path_part: String,
    kind: Option<io::ErrorKind>,
}

impl Fault {
    pub(super) fn of(operation: Operation, path_part: &str) -> Self {
        Self {
            operation,
            path_part: path_part.to_owned(),
            kind: None,
        }
    }

    pub(super) fn with(self, kind: io::ErrorKind) -> Self {
        Self {
            kind: Some(kind),
            ..self
        }
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            live: BTreeMap::new(),
            durable: BTreeMap::new(),
            pending: Vec::new(),
            files: BTreeMap::new(),
            file_next: 0,
            locks: Vec::new(),
            operations: 0,
            halt_at: None,
            faults: Vec::new(),
            space: Space {
                total_bytes: 1 << 40,
                free_bytes: 1 << 39,
            },
            capacity: None,
            now_ms: 0,
            modified_ms: BTreeMap::new(),
        }
    }
}

impl Machine {
    /// Counts a changing operation and says whether it may happen.
    pub(super) fn step(&mut self, operation: Operation, path: &Path) -> io::Result<()> {
        self.powered()?;
        self.operations += 1;
        match self.take_fault(operation, path) {
            None => Ok(()),
            Some(Fault {
                kind: Some(kind), ..
            }) => Err(kind.into()),
            Some(_) => Err(io::Error::other("injected failure")),
        }
    }

    /// Takes a handle for a path, if one is left.
    pub(super) fn handle(&mut self, path: &Path) -> io::Result<()> {
        if self.take_fault(Operation::Open, path).is_some() {
            return Err(rustix::io::Errno::MFILE.into());
        }
        Ok(())
    }

    fn take_fault(&mut self, operation: Operation, path: &Path) -> Option<Fault> {
        let name = path.to_string_lossy();
        let fault = self.faults.iter().position(|fault| {
            fault.operation == operation && name.contains(fault.path_part.as_str())
        })?;
        Some(self.faults.remove(fault))
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
        let names = self.live.values().filter_map(|node| match node {
            Node::File(file) => self.files.get(file),
            Node::Dir => None,
        });
        names.map(Contents::used_bytes).sum()
    }

    pub(super) fn space(&self) -> Space {
        match self.capacity {
            None => self.space,
            Some(capacity) => Space {
                total_bytes: capacity,
                free_bytes: capacity.saturating_sub(self.used_bytes()),
            },
        }
    }

    /// Notes that a file changed now.
    pub(super) fn stamp(&mut self, file: u64) {
        self.modified_ms.insert(file, self.now_ms);
    }

    pub(super) fn modified_ms(&self, file: u64) -> i64 {
        self.modified_ms.get(&file).copied().unwrap_or(0)
    }

    pub(super) fn powered(&self) -> io::Result<()> {
        if self.halt_at.is_some_and(|halt| self.operations >= halt) {
            return Err(io::Error::other("the machine is off"));
        }
        Ok(())
    }

    pub(super) fn exists(&self, path: &Path) -> io::Result<Node> {
        self.powered()?;
        self.live
            .get(path)
            .copied()
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

    /// The file at a path, made empty when there is none. Its directory must exist.
    pub(super) fn create(&mut self, path: &Path) -> io::Result<u64> {
        if let Some(Node::File(file)) = self.live.get(path) {
            return Ok(*file);
        }
        match path.parent().and_then(|parent| self.live.get(parent)) {
            Some(Node::Dir) => {}
            _ => return Err(io::ErrorKind::NotFound.into()),
        }
        let file = self.file_next;
        self.file_next += 1;
        self.files.insert(file, Contents::default());
        self.stamp(file);
        self.change(DirOp::Add(path.to_owned(), Node::File(file)));
        Ok(file)
    }

    pub(super) fn create_dir_all(&mut self, path: &Path) {
        let mut missing: Vec<&Path> = path
            .ancestors()
            .take_while(|ancestor| !self.live.contains_key(*ancestor))
            .collect();
        missing.reverse();
        for directory in missing {
            self.change(DirOp::Add(directory.to_owned(), Node::Dir));
        }
    }

    pub(super) fn children(&self, path: &Path) -> impl Iterator<Item = (&PathBuf, &Node)> {
        let directory = path.to_owned();
        self.live
            .iter()
            .filter(move |(child, _)| child.parent() == Some(&directory))
    }

    pub(super) fn change(&mut self, operation: DirOp) {
        apply(&mut self.live, &operation);
        self.pending.push(operation);
    }

    /// Commits the journal up to the last operation in this directory.
    pub(super) fn sync_dir(&mut self, path: &Path) {
        let last = self
            .pending
            .iter()
            .rposition(|operation| in_directory(operation, path));
        if let Some(last) = last {
            for operation in self.pending.drain(..=last) {
                apply(&mut self.durable, &operation);
            }
        }
    }

    pub(super) fn after_power_loss(&self, seed: u64) -> Machine {
        let mut random = SplitMix(seed);
        let mut names = self.durable.clone();
        let journaled = random.below(self.pending.len() as u64 + 1);
        for operation in self
            .pending
            .iter()
            .take(usize::try_from(journaled).unwrap_or(0))
        {
            apply(&mut names, operation);
        }
        // How much of the unsynced data arrives varies from nothing to nearly all.
        let arrives_of_16 = random.below(17);
        let files = self
            .files
            .iter()
            .map(|(file, contents)| {
                (
                    *file,
                    contents.after_power_loss(&mut || random.below(16) < arrives_of_16),
                )
            })
            .collect();
        Machine {
            live: names.clone(),
            durable: names,
            files,
            file_next: self.file_next,
            space: self.space,
            capacity: self.capacity,
            now_ms: self.now_ms,
            modified_ms: self.modified_ms.clone(),
            ..Machine::default()
        }
    }
}

fn apply(names: &mut BTreeMap<PathBuf, Node>, operation: &DirOp) {
    match operation {
        DirOp::Add(path, node) => {
            names.insert(path.clone(), *node);
        }
        DirOp::Remove(path) => {
            names.remove(path);
        }
        DirOp::Rename { from, to } => {
            let moved: Vec<PathBuf> = names
                .keys()
                .filter(|path| path.starts_with(from))
                .cloned()
                .collect();
            for path in moved {
                let target = match path.strip_prefix(from) {
                    Ok(rest) if rest.as_os_str().is_empty() => to.clone(),
                    Ok(rest) => to.join(rest),
                    Err(_) => continue,
                };
                if let Some(node) = names.remove(&path) {
                    names.insert(target, node);
                }
            }
        }
    }
}

fn in_directory(operation: &DirOp, directory: &Path) -> bool {
    match operation {
        DirOp::Add(path, _) | DirOp::Remove(path) => path.parent() == Some(directory),
        DirOp::Rename { from, to } => {
            from.parent() == Some(directory) || to.parent() == Some(directory)
        }
    }
}

/// A small generator of numbers that depend on the seed alone.
#[derive(Debug)]
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
