//! A disk in memory that knows what was synced, for tests and the simulator.
//!
//! It keeps two states of everything: what a process sees, and what a power loss leaves. Contents
//! become durable by [`DiskFile::sync`]; names become durable by [`Disk::sync_dir`], which commits
//! the directory operations up to then in their order, as a journal does. [`MemDisk::power_loss`]
//! makes the disk that a machine finds after the loss: of what was not synced each sector may have
//! arrived or not, as a seed decides. [`MemDisk::halt_after`] switches the machine off in the middle
//! of its work, and [`MemDisk::fail_next`] makes one operation fail.
//!
//! It has room for as much as [`MemDisk::set_capacity`] says; a write that does not fit stores what
//! fits and fails, as a file system does it. Its clock is set by hand.
//!
//! It does not model rot (bits that change by themselves) or reads that fail.

mod contents;
mod machine;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use self::machine::{DirOp, Fault, Machine, Node};
use super::{DirEntry, Disk, DiskFile, LockError, LockGuard, Reserve, Space, is_out_of_space};

/// What can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Write,
    Sync,
    Create,
    /// Opening or creating a file: no handle is left.
    Open,
}

/// A disk in memory; clones share it. A process that is killed and started again finds it as it
/// was: drop the store and open another on the same disk.
#[derive(Debug, Clone, Default)]
pub struct MemDisk {
    machine: Arc<Mutex<Machine>>,
}

impl MemDisk {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The disk as the machine finds it after losing power now. What was synced is there; `seed`
    /// decides about the rest.
    #[must_use]
    pub fn power_loss(&self, seed: u64) -> MemDisk {
        MemDisk {
            machine: Arc::new(Mutex::new(self.machine.lock().after_power_loss(seed))),
        }
    }

    /// Lets `operations` more changing operations (writes, syncs, creations, renames, removals)
    /// happen; every operation after them fails, as if the machine were off.
    pub fn halt_after(&self, operations: u64) {
        let mut machine = self.machine.lock();
        machine.halt_at = Some(machine.operations + operations);
    }

    /// Changing operations so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.machine.lock().operations
    }

    /// Makes the next such operation on a path that contains `path_part` fail, once.
    pub fn fail_next(&self, operation: Operation, path_part: &str) {
        self.machine
            .lock()
            .faults
            .push(Fault::of(operation, path_part));
    }

    /// Makes the next such operation on a path that contains `path_part` fail like this, once.
    pub fn fail_next_with(&self, operation: Operation, path_part: &str, kind: io::ErrorKind) {
        let mut machine = self.machine.lock();
        machine
            .faults
            .push(Fault::of(operation, path_part).with(kind));
    }

    /// Gives the disk an end: so many bytes fit on it, counted in blocks of 4 KiB that were written
    /// and not zeroed or removed since. [`Disk::space`] then answers what is left.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.machine.lock().capacity = bytes;
    }

    /// Bytes in blocks that are in use.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.machine.lock().used_bytes()
    }

    /// The time that files which change from now on are stamped with.
    pub fn set_now(&self, now_ms: i64) {
        self.machine.lock().now_ms = now_ms;
    }

    /// What [`Disk::space`] shall answer.
    pub fn set_space(&self, space: Space) {
        self.machine.lock().space = space;
    }
}

impl Disk for MemDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut machine = self.machine.lock();
        machine.handle(path)?;
        let file = machine.file_at(path)?;
        Ok(Arc::new(MemFile {
            machine: Arc::clone(&self.machine),
            file,
            path: path.to_owned(),
        }))
    }

    fn open_read_only(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.open(path)
    }

    fn create(&self, path: &Path, bytes: u64, _reserve: Reserve) -> io::Result<Arc<dyn DiskFile>> {
        let file = {
            let mut machine = self.machine.lock();
            machine.handle(path)?;
            machine.step(Operation::Create, path)?;
            let file = machine.create(path)?;
            if machine.bytes_of(file) < bytes {
                machine.contents(file)?.extend(bytes);
                machine.stamp(file);
            }
            file
        };
        Ok(Arc::new(MemFile {
            machine: Arc::clone(&self.machine),
            file,
            path: path.to_owned(),
        }))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut machine = self.machine.lock();
        let file = machine.file_at(path)?;
        Ok(machine.contents(file)?.whole())
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        let mut machine = self.machine.lock();
        machine.step(Operation::Write, path)?;
        let file = machine.create(path)?;
        let contents = machine.contents(file)?;
        contents.set_len(0);
        machine.write(file, 0, content)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut machine = self.machine.lock();
        machine.step(Operation::Create, to)?;
        machine.exists(from)?;
        machine.change(DirOp::Rename {
            from: from.to_owned(),
            to: to.to_owned(),
        });
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut machine = self.machine.lock();
        machine.step(Operation::Create, path)?;
        machine.file_at(path)?;
        machine.change(DirOp::Remove(path.to_owned()));
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let mut machine = self.machine.lock();
        machine.step(Operation::Create, path)?;
        machine.exists(path)?;
        if machine.children(path).next().is_some() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        machine.change(DirOp::Remove(path.to_owned()));
        Ok(())
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut machine = self.machine.lock();
        machine.step(Operation::Create, path)?;
        machine.create_dir_all(path);
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut machine = self.machine.lock();
        machine.step(Operation::Sync, path)?;
        machine.exists(path)?;
        machine.sync_dir(path);
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let machine = self.machine.lock();
        machine.powered()?;
        Ok(machine
            .children(path)
            .filter_map(|(child, node)| {
                let name = child.file_name()?.to_str()?.to_owned();
                Some(match node {
                    Node::Dir => DirEntry {
                        name,
                        is_dir: true,
                        bytes: 0,
                    },
                    Node::File(file) => DirEntry {
                        name,
                        is_dir: false,
                        bytes: machine.bytes_of(*file),
                    },
                })
            })
            .collect())
    }

    fn exists(&self, path: &Path) -> bool {
        self.machine.lock().exists(path).is_ok()
    }

    fn modified_ms(&self, path: &Path) -> io::Result<i64> {
        let machine = self.machine.lock();
        let file = machine.file_at(path)?;
        Ok(machine.modified_ms(file))
    }

    fn lock(&self, path: &Path, content: &[u8]) -> Result<Box<dyn LockGuard>, LockError> {
        let failed = |source: io::Error| LockError::Io {
            path: path.to_owned(),
            source,
        };
        {
            let mut machine = self.machine.lock();
            machine.powered().map_err(failed)?;
            if machine.locks.iter().any(|held| held == path) {
                return Err(LockError::Held {
                    path: path.to_owned(),
                    holder: None,
                });
            }
            machine.locks.push(path.to_owned());
        }
        let guard = MemLock {
            machine: Arc::clone(&self.machine),
            path: path.to_owned(),
        };
        match self.write(path, content) {
            Err(error) if is_out_of_space(&error) => {}
            written => written.map_err(failed)?,
        }
        self.open(path)
            .and_then(|file| file.sync())
            .map_err(failed)?;
        Ok(Box::new(guard))
    }

    fn space(&self, _path: &Path) -> io::Result<Space> {
        Ok(self.machine.lock().space())
    }
}

#[derive(Debug)]
struct MemFile {
    machine: Arc<Mutex<Machine>>,
    file: u64,
    path: PathBuf,
}

impl DiskFile for MemFile {
    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()> {
        let mut machine = self.machine.lock();
        machine.powered()?;
        machine.contents(self.file)?.read(position, buffer)
    }

    fn write_all_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        let mut machine = self.machine.lock();
        machine.step(Operation::Write, &self.path)?;
        machine.write(self.file, position, bytes)
    }

    fn zero(&self, position: u64, bytes: u64, _reserve: Reserve) -> io::Result<()> {
        let mut machine = self.machine.lock();
        machine.step(Operation::Write, &self.path)?;
        machine.contents(self.file)?.zero(position, bytes);
        machine.stamp(self.file);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut machine = self.machine.lock();
        machine.step(Operation::Sync, &self.path)?;
        machine.contents(self.file)?.sync();
        Ok(())
    }

    fn set_bytes(&self, bytes: u64) -> io::Result<()> {
        let mut machine = self.machine.lock();
        machine.step(Operation::Write, &self.path)?;
        machine.contents(self.file)?.set_len(bytes);
        machine.stamp(self.file);
        Ok(())
    }

    fn bytes(&self) -> io::Result<u64> {
        let machine = self.machine.lock();
        machine.powered()?;
        Ok(machine.bytes_of(self.file))
    }
}

#[derive(Debug)]
struct MemLock {
    machine: Arc<Mutex<Machine>>,
    path: PathBuf,
}

impl LockGuard for MemLock {}

impl Drop for MemLock {
    fn drop(&mut self) {
        self.machine.lock().locks.retain(|held| *held != self.path);
    }
}
