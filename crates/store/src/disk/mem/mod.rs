//! A disk in memory that knows what was synced, for tests and the simulator (`SimDisk` there).
//!
//! It keeps two states of everything: what a process sees, and what a power loss leaves. Contents
//! become durable by [`DiskFile::sync`]; names become durable by [`Disk::sync_dir`], which commits
//! the directory operations up to then in their order, as a journal does. [`MemDisk::power_loss`]
//! makes the disk that a machine finds after the loss: of what was not synced each sector may have
//! arrived or not, as a seed decides. [`MemDisk::halt_after`] switches the machine off in the middle
//! of its work, and [`MemDisk::inject`] makes operations fail. A failed sync drops what it did not
//! write: no later sync will, and the next process does not find it.
//!
//! It has room for as much as [`MemDisk::set_capacity`] says; a write that does not fit stores what
//! fits and fails, as a file system does it. Its clock is set by hand.
//!
//! It does not model time: nothing is slow here.

mod contents;
mod faults;
mod machine;
mod names;

use std::fmt::Debug;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

pub use self::faults::{Fault, Operation};
use self::machine::Machine;
use self::names::Node;
use super::{
    DirEntry, Disk, DiskFile, FileSystem, LockError, LockGuard, LockState, Reserve, Space,
    is_out_of_space,
};

/// Something that happens between the operations of others, as another thread would do it.
pub trait Bystander: Debug + Send + Sync {
    /// Called before and after every changing operation of a disk; may use the disk.
    fn between_operations(&self, operation: Operation, path: &Path);
}

/// A disk in memory; clones share it. A process that is killed and started again finds it as it
/// was: drop the store and open another on the same disk.
#[derive(Debug, Clone, Default)]
pub struct MemDisk {
    machine: Arc<Mutex<Machine>>,
    watch: Arc<Watch>,
}

#[derive(Debug, Default)]
struct Watch {
    is_on: AtomicBool,
    bystander: Mutex<Option<Arc<dyn Bystander>>>,
    /// A path for each handle that somebody holds.
    handles: Mutex<Vec<PathBuf>>,
    /// A part of a file that is not in the page cache.
    cold: Mutex<Option<(PathBuf, Range<u64>)>>,
    cold_reads: AtomicU64,
    bytes_read: AtomicU64,
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
        Self::of(self.machine.lock().after_power_loss(seed))
    }

    /// The disk as the next process finds it when this one is killed now: nothing fails any more,
    /// and what a failed sync dropped is gone.
    #[must_use]
    pub fn kill(&self) -> MemDisk {
        let mut machine = self.machine.lock().clone();
        machine.next_process();
        Self::of(machine)
    }

    fn of(machine: Machine) -> MemDisk {
        MemDisk {
            machine: Arc::new(Mutex::new(machine)),
            watch: Arc::default(),
        }
    }

    /// Lets `operations` more changing operations (writes, syncs, creations, renames, removals)
    /// happen; every operation after them fails, as if the machine were off.
    pub fn halt_after(&self, operations: u64) {
        self.halt_inside(operations, 0);
    }

    /// As [`halt_after`](Self::halt_after); a write that the machine stops in is done so far.
    pub fn halt_inside(&self, operations: u64, done_of_16: u8) {
        let mut machine = self.machine.lock();
        machine.halt_at = Some(machine.operations + operations);
        machine.halt_done_of_16 = done_of_16;
    }

    /// Whether the machine stopped.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.machine.lock().is_off()
    }

    /// Changing operations so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.machine.lock().operations
    }

    /// Makes the next such operation on a path that contains `path_part` fail, once.
    pub fn fail_next(&self, operation: Operation, path_part: &str) {
        self.inject(Fault::once(operation, path_part));
    }

    /// Makes the next such operation on a path that contains `path_part` fail like this, once.
    pub fn fail_next_with(&self, operation: Operation, path_part: &str, kind: io::ErrorKind) {
        self.inject(Fault {
            kind: Some(kind),
            ..Fault::once(operation, path_part)
        });
    }

    /// Makes operations fail.
    pub fn inject(&self, fault: Fault) {
        self.machine.lock().faults.add(fault);
    }

    /// Takes back the faults that have not struck, and those that last.
    pub fn heal(&self) {
        self.machine.lock().faults.clear();
    }

    /// How many injected faults have struck.
    #[must_use]
    pub fn faults_struck(&self) -> u64 {
        self.machine.lock().faults.struck
    }

    /// Changes bits of a synced byte on the medium; false when there is none.
    #[must_use]
    pub fn rot(&self, path: &Path, position: u64, mask: u8) -> bool {
        let mut machine = self.machine.lock();
        let file = machine.file_at(path);
        file.and_then(|file| Ok(machine.contents(file)?.rot(position, mask)))
            .unwrap_or(false)
    }

    /// What [`Disk::space`] shall answer while there is no bound.
    pub fn set_space(&self, space: Space) {
        self.machine.lock().space = space;
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

    /// Lets somebody act between the operations, or nobody.
    pub fn set_bystander(&self, bystander: Option<Arc<dyn Bystander>>) {
        self.watch
            .is_on
            .store(bystander.is_some(), Ordering::Relaxed);
        *self.watch.bystander.lock() = bystander;
    }

    /// How many handles of files below a directory somebody holds now.
    #[must_use]
    pub fn handles_below(&self, directory: &Path) -> usize {
        let handles = self.watch.handles.lock();
        let below = handles.iter().filter(|path| path.starts_with(directory));
        below.count()
    }

    /// Takes a part of a file out of the page cache, where it stays out until another one is, or none.
    pub fn set_cold(&self, part: Option<(&Path, Range<u64>)>) {
        *self.watch.cold.lock() = part.map(|(path, range)| (path.to_owned(), range));
    }

    /// How often somebody who does not wait tried to read what was not in the page cache.
    #[must_use]
    pub fn cold_reads(&self) -> u64 {
        self.watch.cold_reads.load(Ordering::Relaxed)
    }

    /// How much was read through handles.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.watch.bytes_read.load(Ordering::Relaxed)
    }

    /// Does something that changes the disk, between the doings of a bystander.
    fn change<T>(
        &self,
        operation: Operation,
        path: &Path,
        work: impl FnOnce(&mut Machine) -> io::Result<T>,
    ) -> io::Result<T> {
        self.let_others(operation, path);
        let outcome = work(&mut self.machine.lock());
        self.let_others(operation, path);
        outcome
    }

    fn let_others(&self, operation: Operation, path: &Path) {
        if !self.watch.is_on.load(Ordering::Relaxed) {
            return;
        }
        let bystander = self.watch.bystander.lock().clone();
        if let Some(bystander) = bystander {
            bystander.between_operations(operation, path);
        }
    }

    fn file(&self, file: u64, path: &Path) -> Arc<dyn DiskFile> {
        self.watch.handles.lock().push(path.to_owned());
        Arc::new(MemFile {
            disk: self.clone(),
            file,
            path: path.to_owned(),
        })
    }
}

impl Disk for MemDisk {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut machine = self.machine.lock();
        machine.handle(path)?;
        let file = machine.file_at(path)?;
        drop(machine);
        Ok(self.file(file, path))
    }

    fn open_read_only(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.open(path)
    }

    fn create(&self, path: &Path, bytes: u64, _reserve: Reserve) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.change(Operation::Create, path, |machine| {
            machine.handle(path)?;
            machine.step(Operation::Create, path)?;
            let file = machine.create(path)?;
            machine.extend(file, bytes)?;
            Ok(file)
        })?;
        Ok(self.file(file, path))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut machine = self.machine.lock();
        let file = machine.file_at(path)?;
        machine.faults.strike(Operation::Read, path)?;
        Ok(machine.contents(file)?.whole())
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        self.change(Operation::Write, path, |machine| {
            let refused = machine.step(Operation::Write, path).err();
            let done_of_16 = refused.as_ref().map_or(16, |refusal| refusal.done_of_16);
            if done_of_16 > 0 {
                let file = machine.create(path)?;
                machine.contents(file)?.set_len(0);
                machine.write(file, 0, part(content, done_of_16))?;
            }
            refused.map_or(Ok(()), |refusal| Err(refusal.error))
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(Operation::Create, to, |machine| {
            machine.step(Operation::Create, to)?;
            machine.exists(from)?;
            machine.rename(from, to)
        })
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.change(Operation::Create, path, |machine| {
            machine.step(Operation::Create, path)?;
            machine.file_at(path)?;
            machine.remove(path);
            Ok(())
        })
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.change(Operation::Create, path, |machine| {
            machine.step(Operation::Create, path)?;
            machine.exists(path)?;
            if machine.children(path).next().is_some() {
                return Err(io::ErrorKind::DirectoryNotEmpty.into());
            }
            machine.remove(path);
            Ok(())
        })
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.change(Operation::Create, path, |machine| {
            machine.step(Operation::Create, path)?;
            machine.create_dir_all(path)
        })
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.change(Operation::Sync, path, |machine| {
            machine.step(Operation::Sync, path)?;
            machine.exists(path)?;
            machine.sync_dir(path);
            Ok(())
        })
    }

    fn file_system(&self, directory: &Path) -> io::Result<Option<Arc<dyn FileSystem>>> {
        Ok(Some(Arc::new(MemFileSystem {
            disk: self.clone(),
            path: directory.to_owned(),
        })))
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

    fn lock_state(&self, path: &Path) -> io::Result<LockState> {
        let is_held = self.machine.lock().locks.iter().any(|held| held == path);
        Ok(if is_held {
            LockState::Held { holder: None }
        } else {
            LockState::Free
        })
    }

    fn space(&self, _path: &Path) -> io::Result<Space> {
        Ok(self.machine.lock().space())
    }
}

#[derive(Debug)]
struct MemFile {
    disk: MemDisk,
    file: u64,
    path: PathBuf,
}

impl Drop for MemFile {
    fn drop(&mut self) {
        let mut handles = self.disk.watch.handles.lock();
        if let Some(index) = handles.iter().rposition(|path| *path == self.path) {
            handles.swap_remove(index);
        }
    }
}

#[derive(Debug)]
struct MemFileSystem {
    disk: MemDisk,
    path: PathBuf,
}

impl FileSystem for MemFileSystem {
    fn sync(&self) -> io::Result<()> {
        self.disk.change(Operation::Sync, &self.path, |machine| {
            match machine.step(Operation::Sync, &self.path) {
                Ok(()) => machine.sync_all(),
                Err(refusal) => {
                    if !refusal.is_off {
                        machine.fail_sync_all();
                    }
                    return Err(refusal.error);
                }
            }
            Ok(())
        })
    }
}

impl DiskFile for MemFile {
    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()> {
        let mut machine = self.disk.machine.lock();
        machine.powered()?;
        machine.faults.strike(Operation::Read, &self.path)?;
        let bytes = buffer.len() as u64;
        self.disk
            .watch
            .bytes_read
            .fetch_add(bytes, Ordering::Relaxed);
        machine.contents(self.file)?.read(position, buffer)
    }

    fn read_resident_at(&self, buffer: &mut [u8], position: u64) -> io::Result<bool> {
        let watch = &self.disk.watch;
        let end = position + buffer.len() as u64;
        if let Some((path, cold)) = &*watch.cold.lock()
            && *path == self.path
            && position < cold.end
            && end > cold.start
        {
            watch.cold_reads.fetch_add(1, Ordering::Relaxed);
            return Ok(false);
        }
        self.read_exact_at(buffer, position).map(|()| true)
    }

    fn data_from(&self, position: u64) -> io::Result<Option<u64>> {
        let mut machine = self.disk.machine.lock();
        machine.powered()?;
        let written = machine.contents(self.file)?.written();
        Ok((position < written).then_some(position))
    }

    fn write_all_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        self.disk.change(Operation::Write, &self.path, |machine| {
            match machine.step(Operation::Write, &self.path) {
                Ok(()) => machine.write(self.file, position, bytes),
                Err(refusal) => {
                    let begun = part(bytes, refusal.done_of_16);
                    if !begun.is_empty() {
                        machine.write(self.file, position, begun)?;
                    }
                    Err(refusal.error)
                }
            }
        })
    }

    fn zero(&self, position: u64, bytes: u64, _reserve: Reserve) -> io::Result<()> {
        self.disk.change(Operation::Write, &self.path, |machine| {
            machine.step(Operation::Write, &self.path)?;
            let contents = machine.contents(self.file)?;
            contents.zero(position, bytes);
            machine.stamp(self.file);
            Ok(())
        })
    }

    fn write_out(&self, position: u64, bytes: u64) -> io::Result<()> {
        self.write_all_at(&vec![0; usize::try_from(bytes).unwrap_or(0)], position)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.change(Operation::Sync, &self.path, |machine| {
            match machine.step(Operation::Sync, &self.path) {
                Ok(()) => machine.contents(self.file)?.sync(),
                Err(refusal) => {
                    if !refusal.is_off {
                        machine.fail_sync(self.file);
                    }
                    return Err(refusal.error);
                }
            }
            Ok(())
        })
    }

    fn set_bytes(&self, bytes: u64) -> io::Result<()> {
        self.disk.change(Operation::Write, &self.path, |machine| {
            machine.step(Operation::Write, &self.path)?;
            machine.contents(self.file)?.set_len(bytes);
            machine.stamp(self.file);
            Ok(())
        })
    }

    fn bytes(&self) -> io::Result<u64> {
        let machine = self.disk.machine.lock();
        machine.powered()?;
        Ok(machine.bytes_of(self.file))
    }
}

/// The first sixteenths of some bytes.
fn part(bytes: &[u8], sixteenths: u8) -> &[u8] {
    let end = bytes.len() * usize::from(sixteenths.min(16)) / 16;
    bytes.get(..end).unwrap_or_default()
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
