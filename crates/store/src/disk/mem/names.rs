//! The names on a [`MemDisk`](super::MemDisk): what a process sees, and what a power loss leaves.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::{Path, PathBuf};

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

type Tree = BTreeMap<PathBuf, Node>;

#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    live: Tree,
    durable: Tree,
    /// Directory operations that no directory sync has committed, in order.
    pending: Vec<DirOp>,
}

impl Names {
    pub(super) fn find(&self, path: &Path) -> Option<Node> {
        self.live.get(path).copied()
    }

    pub(super) fn children<'a>(
        &'a self,
        path: &'a Path,
    ) -> impl Iterator<Item = (&'a PathBuf, &'a Node)> {
        // Paths are ordered by their components: those below a directory follow it.
        self.live
            .range::<Path, _>((Bound::Excluded(path), Bound::Unbounded))
            .take_while(move |(below, _)| below.starts_with(path))
            .filter(move |(child, _)| child.parent() == Some(path))
    }

    pub(super) fn change(&mut self, operation: DirOp) {
        apply(&mut self.live, &operation);
        self.pending.push(operation);
    }

    /// Commits the journal up to the last operation in this directory.
    pub(super) fn sync(&mut self, directory: &Path) {
        let last = self
            .pending
            .iter()
            .rposition(|operation| is_in(operation, directory));
        if let Some(last) = last {
            for operation in self.pending.drain(..=last) {
                apply(&mut self.durable, &operation);
            }
        }
    }

    /// Commits the whole journal.
    pub(super) fn sync_all(&mut self) {
        for operation in std::mem::take(&mut self.pending) {
            apply(&mut self.durable, &operation);
        }
    }

    /// Operations that a power loss may undo.
    pub(super) fn uncommitted(&self) -> usize {
        self.pending.len()
    }

    /// The names when the journal got so far.
    pub(super) fn after_power_loss(&self, journaled: usize) -> Names {
        let mut durable = self.durable.clone();
        for operation in self.pending.iter().take(journaled) {
            apply(&mut durable, operation);
        }
        Names {
            live: durable.clone(),
            durable,
            pending: Vec::new(),
        }
    }

    /// Every file that has a name, or has one again after a power loss.
    pub(super) fn files_ever(&self) -> impl Iterator<Item = u64> {
        let added = self.pending.iter().filter_map(|operation| match operation {
            DirOp::Add(_, Node::File(file)) => Some(*file),
            _ => None,
        });
        let durable = self.durable.values().filter_map(|node| match node {
            Node::File(file) => Some(*file),
            Node::Dir => None,
        });
        self.files().chain(durable).chain(added)
    }

    /// Every file that has a name.
    pub(super) fn files(&self) -> impl Iterator<Item = u64> {
        self.live.values().filter_map(|node| match node {
            Node::File(file) => Some(*file),
            Node::Dir => None,
        })
    }
}

fn apply(names: &mut Tree, operation: &DirOp) {
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

fn is_in(operation: &DirOp, directory: &Path) -> bool {
    match operation {
        DirOp::Add(path, _) | DirOp::Remove(path) => path.parent() == Some(directory),
        DirOp::Rename { from, to } => {
            from.parent() == Some(directory) || to.parent() == Some(directory)
        }
    }
}
