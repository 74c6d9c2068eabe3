//! Names and sizes of the files that make up an endless logical file (`MappedFileQueue`).

use std::path::{Path, PathBuf};

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

/// The files of a directory in ascending order. All must have the configured size, which is not
/// stored anywhere; an empty last file is what an interrupted creation leaves and is removed.
/// Foreign names are left alone (Java refuses to start).
pub(crate) fn load(
    disk: &dyn Disk,
    directory: &Path,
    file_bytes: u64,
    key: &'static str,
) -> Result<Vec<(i64, PathBuf)>, OpenError> {
    let failed = |action: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source| OpenError::Io {
            action,
            path,
            source,
        }
    };
    let entries = disk.list(directory).map_err(failed("list", directory))?;
    let mut files = Vec::new();
    for entry in entries.into_iter().filter(|entry| !entry.is_dir) {
        match base_of(&entry.name) {
            Some(base) => files.push((base, directory.join(&entry.name), entry.bytes)),
            None => {
                tracing::warn!(directory = %directory.display(), name = entry.name, "foreign file ignored")
            }
        }
    }
    if let Some((_, path, 0)) = files.last() {
        disk.remove_file(path)
            .map_err(failed("remove empty file", path))?;
        files.pop();
    }
    for (_, path, found_bytes) in &files {
        if *found_bytes != file_bytes {
            return Err(OpenError::FileSize {
                path: path.clone(),
                found_bytes: *found_bytes,
                wanted_bytes: file_bytes,
                key,
            });
        }
    }
    Ok(files
        .into_iter()
        .map(|(base, path, _)| (base, path))
        .collect())
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
