//! A disk whose changes stay in memory: what opening a store would do to it can be seen without
//! doing it.
//!
//! The disk below is asked for nothing but to be read (`open_read_only`, `read`, `list`,
//! `exists`, `lock_state`, `space`); no lock is taken on it. Changed pages are kept in memory up to a bound, beyond which writes fail.
//! Deliberately absent: durability (there is none) and renaming of directories (no store does it).

mod file;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use self::file::{Content, OverlayFile, Room};
use crate::disk::{DirEntry, Disk, DiskFile, LockError, LockGuard, LockState, Reserve, Space};

/// Bytes of changed pages that an overlay keeps unless told otherwise.
const CHANGED_BYTES_MAX: u64 = 1 << 30;

/// A disk over another one, which it never changes. Clones share the changes.
#[derive(Debug, Clone)]
pub struct Overlay {
    base: Arc<dyn Disk>,
    nodes: Arc<Mutex<BTreeMap<PathBuf, Node>>>,
    room: Arc<Room>,
}

/// A path that was touched.
#[derive(Debug, Clone)]
enum Node {
    File {
        /// The file below whose content shows through; none for a file made here.
        below: Option<PathBuf>,
        content: Arc<Mutex<Content>>,
    },
    Directory,
    Removed,
}

/// A file that is no longer as the disk below has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub path: PathBuf,
    pub kind: ChangeKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    Created { bytes: u64 },
    Changed,
    Removed,
}

impl Overlay {
    #[must_use]
    pub fn new(base: Arc<dyn Disk>) -> Self {
        Self::with_room(base, CHANGED_BYTES_MAX)
    }

    /// An overlay that keeps so many bytes of changes at most.
    #[must_use]
    pub fn with_room(base: Arc<dyn Disk>, changed_bytes_max: u64) -> Self {
        Self {
            base,
            nodes: Arc::default(),
            room: Arc::new(Room::new(changed_bytes_max)),
        }
    }

    /// What would have happened to the files, in path order.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        let nodes = self.nodes.lock();
        let change_of = |(path, node): (&PathBuf, &Node)| {
            let kind = match node {
                Node::Directory => return None,
                Node::Removed if self.base.exists(path) => ChangeKind::Removed,
                Node::Removed => return None,
                Node::File { below, content } => {
                    let content = content.lock();
                    match below {
                        Some(below) if below == path && !content.is_changed() => return None,
                        Some(_) => ChangeKind::Changed,
                        None if self.base.exists(path) => ChangeKind::Changed,
                        None => ChangeKind::Created {
                            bytes: content.bytes(),
                        },
                    }
                }
            };
            Some(Change {
                path: path.clone(),
                kind,
            })
        };
        nodes.iter().filter_map(change_of).collect()
    }

    /// The file at a path, known from now on.
    fn file(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut nodes = self.nodes.lock();
        match nodes.get(path) {
            Some(Node::File { below, content }) => {
                let base = match below {
                    Some(below) => Some(self.base.open_read_only(below)?),
                    None => None,
                };
                Ok(Arc::new(OverlayFile::new(
                    base,
                    Arc::clone(content),
                    Arc::clone(&self.room),
                )))
            }
            Some(Node::Directory) => Err(io::ErrorKind::IsADirectory.into()),
            Some(Node::Removed) => Err(io::ErrorKind::NotFound.into()),
            None => {
                let base = self.base.open_read_only(path)?;
                let content = Arc::new(Mutex::new(Content::over(base.bytes()?)));
                let node = Node::File {
                    below: Some(path.to_owned()),
                    content: Arc::clone(&content),
                };
                nodes.insert(path.to_owned(), node);
                Ok(Arc::new(OverlayFile::new(
                    Some(base),
                    content,
                    Arc::clone(&self.room),
                )))
            }
        }
    }

    fn make(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let node = Node::File {
            below: None,
            content: Arc::new(Mutex::new(Content::default())),
        };
        self.nodes.lock().insert(path.to_owned(), node);
        self.file(path)
    }
}

impl Disk for Overlay {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.file(path)
    }

    fn open_read_only(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.file(path)
    }

    fn create(&self, path: &Path, bytes: u64, _reserve: Reserve) -> io::Result<Arc<dyn DiskFile>> {
        let file = match self.file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.make(path)?,
            other => other?,
        };
        if file.bytes()? < bytes {
            file.set_bytes(bytes)?;
        }
        Ok(file)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let is_known = self.nodes.lock().contains_key(path);
        if !is_known {
            return self.base.read(path);
        }
        let file = self.file(path)?;
        let mut content = vec![0; usize::try_from(file.bytes()?).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut content, 0)?;
        Ok(content)
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.make(path)?.write_all_at(content, 0)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.file(from)?;
        let mut nodes = self.nodes.lock();
        if let Some(node) = nodes.insert(from.to_owned(), Node::Removed) {
            nodes.insert(to.to_owned(), node);
        }
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.file(path)?;
        self.nodes.lock().insert(path.to_owned(), Node::Removed);
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        if !self.list(path)?.is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        self.nodes.lock().insert(path.to_owned(), Node::Removed);
        Ok(())
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        for directory in path.ancestors().filter(|path| !path.as_os_str().is_empty()) {
            if self.exists(directory) {
                break;
            }
            let mut nodes = self.nodes.lock();
            nodes.insert(directory.to_owned(), Node::Directory);
        }
        Ok(())
    }

    fn sync_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let mut found: BTreeMap<String, DirEntry> = match self.nodes.lock().get(path) {
            Some(Node::Removed) => BTreeMap::new(),
            _ => {
                let below = self.base.list(path)?;
                below
                    .into_iter()
                    .map(|entry| (entry.name.clone(), entry))
                    .collect()
            }
        };
        let nodes = self.nodes.lock();
        for (child, node) in nodes.range(path.to_owned()..) {
            if !child.starts_with(path) {
                break;
            }
            if child.parent() != Some(path) {
                continue;
            }
            let Some(name) = child.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            let (is_dir, bytes) = match node {
                Node::Removed => {
                    found.remove(name);
                    continue;
                }
                Node::Directory => (true, 0),
                Node::File { content, .. } => (false, content.lock().bytes()),
            };
            let entry = DirEntry {
                name: name.to_owned(),
                is_dir,
                bytes,
            };
            found.insert(name.to_owned(), entry);
        }
        Ok(found.into_values().collect())
    }

    fn exists(&self, path: &Path) -> bool {
        match self.nodes.lock().get(path) {
            Some(Node::Removed) => false,
            Some(_) => true,
            None => self.base.exists(path),
        }
    }

    /// Changes have no time: a file keeps the one that it has below.
    fn modified_ms(&self, path: &Path) -> io::Result<i64> {
        let below = match self.nodes.lock().get(path) {
            Some(Node::File { below, .. }) => below.clone(),
            Some(Node::Removed) => return Err(io::ErrorKind::NotFound.into()),
            Some(Node::Directory) | None => Some(path.to_owned()),
        };
        below.map_or(Ok(i64::MAX), |below| self.base.modified_ms(&below))
    }

    /// Nobody else sees the changes, so nobody is shut out.
    fn lock(&self, path: &Path, content: &[u8]) -> Result<Box<dyn LockGuard>, LockError> {
        match self.write(path, content) {
            Ok(()) => Ok(Box::new(NoLock)),
            Err(source) => Err(LockError::Io {
                path: path.to_owned(),
                source,
            }),
        }
    }

    fn lock_state(&self, path: &Path) -> io::Result<LockState> {
        self.base.lock_state(path)
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        let mut nearest = path;
        while !self.base.exists(nearest)
            && let Some(parent) = nearest.parent()
        {
            nearest = parent;
        }
        self.base.space(nearest)
    }
}

#[derive(Debug)]
struct NoLock;

impl LockGuard for NoLock {}

#[cfg(test)]
mod tests;
