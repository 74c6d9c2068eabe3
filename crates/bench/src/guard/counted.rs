//! The operating system's files, with their reads and writes counted.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ferrocket_store::disk::os::OsDisk;
use ferrocket_store::disk::{
    DirEntry, Disk, DiskFile, LockError, LockGuard, LockState, Reserve, Space,
};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Counted {
    calls: Arc<AtomicU64>,
}

impl Counted {
    /// Reads and writes so far.
    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    fn file(&self, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        let calls = Arc::clone(&self.calls);
        Arc::new(CountedFile { file, calls })
    }
}

#[derive(Debug)]
struct CountedFile {
    file: Arc<dyn DiskFile>,
    calls: Arc<AtomicU64>,
}

impl CountedFile {
    fn counted(&self) -> &dyn DiskFile {
        self.calls.fetch_add(1, Ordering::Relaxed);
        &*self.file
    }
}

impl Disk for Counted {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        OsDisk.open(path).map(|file| self.file(file))
    }

    fn open_read_only(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        OsDisk.open_read_only(path).map(|file| self.file(file))
    }

    fn create(&self, path: &Path, bytes: u64, space: Reserve) -> io::Result<Arc<dyn DiskFile>> {
        let file = OsDisk.create(path, bytes, space);
        file.map(|file| self.file(file))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        OsDisk.read(path)
    }

    fn write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        OsDisk.write(path, content)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsDisk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        OsDisk.remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.remove_dir(path)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        OsDisk.create_dir_all(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        OsDisk.sync_dir(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        OsDisk.list(path)
    }

    fn exists(&self, path: &Path) -> bool {
        OsDisk.exists(path)
    }

    fn modified_ms(&self, path: &Path) -> io::Result<i64> {
        OsDisk.modified_ms(path)
    }

    fn lock(&self, path: &Path, content: &[u8]) -> Result<Box<dyn LockGuard>, LockError> {
        OsDisk.lock(path, content)
    }

    fn lock_state(&self, path: &Path) -> io::Result<LockState> {
        OsDisk.lock_state(path)
    }

    fn space(&self, path: &Path) -> io::Result<Space> {
        OsDisk.space(path)
    }
}

impl DiskFile for CountedFile {
    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()> {
        self.counted().read_exact_at(buffer, position)
    }

    fn read_resident_at(&self, buffer: &mut [u8], position: u64) -> io::Result<bool> {
        self.counted().read_resident_at(buffer, position)
    }

    fn data_from(&self, position: u64) -> io::Result<Option<u64>> {
        self.counted().data_from(position)
    }

    fn write_all_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        self.counted().write_all_at(bytes, position)
    }

    fn zero(&self, position: u64, bytes: u64, reserve: Reserve) -> io::Result<()> {
        self.counted().zero(position, bytes, reserve)
    }

    fn sync(&self) -> io::Result<()> {
        self.counted().sync()
    }

    fn set_bytes(&self, bytes: u64) -> io::Result<()> {
        self.counted().set_bytes(bytes)
    }

    fn bytes(&self) -> io::Result<u64> {
        self.counted().bytes()
    }
}
