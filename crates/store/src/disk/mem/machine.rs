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
    pub(super) faults: Vec<(Operation, String)>,
    pub(super) space: Space,
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
        }
    }
}

impl Machine {
    /// Counts a changing operation and says whether it may happen.
    pub(super) fn step(&mut self, operation: Operation, path: &Path) -> io::Result<()> {
        self.powered()?;
        self.operations += 1;
        if self.takes_fault(operation, path) {
            return Err(io::Error::other("injected failure"));
        }
        Ok(())
    }

    /// Takes a handle for a path, if one is left.
    pub(super) fn handle(&mut self, path: &Path) -> io::Result<()> {
        if self.takes_fault(Operation::Open, path) {
            return Err(rustix::io::Errno::MFILE.into());
        }
        Ok(())
    }

    fn takes_fault(&mut self, operation: Operation, path: &Path) -> bool {
        let name = path.to_string_lossy();
        let fault = self
            .faults
            .iter()
            .position(|(kind, part)| *kind == operation && name.contains(part.as_str()));
        if let Some(index) = fault {
            self.faults.remove(index);
        }
        fault.is_some()
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
