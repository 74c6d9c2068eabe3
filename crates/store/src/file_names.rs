//! Names and sizes of the files that make up an endless logical file (`MappedFileQueue`).

use std::path::{Component, Path, PathBuf};

use crate::disk::Disk;
use crate::errors::OpenError;

/// Digits of a file name: the logical offset of its first byte (`UtilAll#offset2FileName`).
const DIGITS: usize = 20;

pub(crate) fn of(base: i64) -> String {
    format!("{base:020}")
}

/// The offset in a file name; `None` for a foreign name.
pub(crate) fn base_of(name: &str) -> Option<i64> {
    let digits = name.len() == DIGITS && name.bytes().all(|byte| byte.is_ascii_digit());
    if digits { name.parse().ok() } else { None }
}

/// A file of an endless logical file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogicalFile {
    pub(crate) base: i64,
    pub(crate) path: PathBuf,
}

/// The size that the files of some directories have, which is stored nowhere: the configured one when
/// they fit it, otherwise that of the first file when all others fit that.
pub(crate) fn common_bytes<'a>(
    disk: &dyn Disk,
    directories: impl IntoIterator<Item = &'a Path>,
    configured: u64,
    key: &'static str,
) -> Result<u64, OpenError> {
    let mut files = Vec::new();
    for directory in directories {
        files.append(&mut list(disk, directory)?);
    }
    files.sort();
    let fits = |size: u64| {
        let mut all = files.iter();
        all.all(|(base, _, bytes)| *bytes <= size && base.unsigned_abs().is_multiple_of(size))
    };
    match files.first() {
        Some((_, path, found_bytes))
            if *found_bytes > 0 && !fits(configured) && fits(*found_bytes) =>
        {
            tracing::warn!(
                path = %path.display(),
                found_bytes,
                configured,
                "all files have another size than {key} says; theirs is taken, set {key} to it"
            );
            Ok(*found_bytes)
        }
        _ => Ok(configured),
    }
}

/// The files of one or several directories in ascending order, whose content nothing can replace. All
/// must have bases that fit their size, and none may be longer. A short one is extended with zeros,
/// unless it is the last and empty, as an interrupted creation leaves it: that one is removed (Java
/// refuses to start on both, and on foreign names, which are left alone here).
pub(crate) fn load<'a>(
    disk: &dyn Disk,
    directories: impl IntoIterator<Item = &'a Path>,
    file_bytes: u64,
    key: &'static str,
) -> Result<Vec<LogicalFile>, OpenError> {
    let mut files = Vec::new();
    for directory in directories {
        files.append(&mut list(disk, directory)?);
    }
    files.sort();
    none_twice(&files)?;
    if let Some((_, path, 0)) = files.last() {
        disk.remove_file(path)
            .map_err(failed("remove empty file", path))?;
        files.pop();
    }
    let mut loaded = Vec::with_capacity(files.len());
    for (base, path, found_bytes) in files {
        if !base.unsigned_abs().is_multiple_of(file_bytes) || found_bytes > file_bytes {
            return Err(OpenError::FileSize {
                path,
                found_bytes,
                wanted_bytes: file_bytes,
                key,
            });
        }
        give_length(disk, &path, found_bytes, file_bytes)?;
        loaded.push(LogicalFile { base, path });
    }
    Ok(loaded)
}

/// Extends a file with zeros, or cuts it.
pub(crate) fn give_length(
    disk: &dyn Disk,
    path: &Path,
    found_bytes: u64,
    file_bytes: u64,
) -> Result<(), OpenError> {
    if found_bytes == file_bytes {
        return Ok(());
    }
    tracing::warn!(path = %path.display(), found_bytes, file_bytes, "a file has another length than the others: it is given theirs");
    disk.open(path)
        .and_then(|file| file.set_bytes(file_bytes))
        .map_err(failed("change the length of", path))
}

fn list(disk: &dyn Disk, directory: &Path) -> Result<Vec<(i64, PathBuf, u64)>, OpenError> {
    let entries = disk.list(directory).map_err(failed("list", directory))?;
    let mut files = Vec::new();
    for entry in entries.into_iter().filter(|entry| !entry.is_dir) {
        let path = directory.join(&entry.name);
        match base_of(&entry.name) {
            Some(base) => files.push((base, path, entry.bytes)),
            None => warn_of_foreign(&path),
        }
    }
    Ok(files)
}

pub(crate) fn warn_of_foreign(path: &Path) {
    tracing::warn!(path = %path.display(), "foreign file ignored");
}

/// Two files that claim the same place are nothing to choose between.
fn none_twice(files: &[(i64, PathBuf, u64)]) -> Result<(), OpenError> {
    for (one, other) in files.iter().zip(files.iter().skip(1)) {
        if one.0 == other.0 {
            return Err(OpenError::Twice {
                path: one.1.clone(),
                other: other.1.clone(),
            });
        }
    }
    Ok(())
}

/// Removes a directory of files.
pub(crate) fn remove_directory(disk: &dyn Disk, directory: &Path) -> std::io::Result<()> {
    let entries = disk.list(directory)?;
    for entry in entries.iter().filter(|entry| !entry.is_dir) {
        disk.remove_file(&directory.join(&entry.name))?;
    }
    disk.remove_dir(directory)
}

/// Removes the directory of a topic below `directory` with the directories of its queues. The caller
/// makes that durable.
pub(crate) fn remove_topic(disk: &dyn Disk, directory: &Path, topic: &str) -> std::io::Result<()> {
    let mut parts = Path::new(topic).components();
    let (Some(Component::Normal(_)), None) = (parts.next(), parts.next()) else {
        // No topic has this name, and it leads elsewhere.
        return Ok(());
    };
    let directory = directory.join(topic);
    for entry in disk.list(&directory)? {
        let path = directory.join(&entry.name);
        if !entry.is_dir {
            disk.remove_file(&path)?;
            continue;
        }
        remove_directory(disk, &path)?;
    }
    if disk.exists(&directory) {
        disk.remove_dir(&directory)?;
    }
    Ok(())
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> OpenError + use<> {
    let path = path.to_owned();
    move |source| OpenError::Io {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_twenty_digits_and_come_back() {
        assert_eq!(of(1_073_741_824), "00000000001073741824");
        assert_eq!(base_of("00000000001073741824"), Some(1_073_741_824));
        assert_eq!(base_of("1073741824"), None);
        assert_eq!(base_of("0000000000107374182x"), None);
        assert_eq!(base_of("99999999999999999999"), None);
    }
}
