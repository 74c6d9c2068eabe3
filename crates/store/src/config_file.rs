//! Small files that are replaced whole: the broker's JSON under `config/`, with the `.bak` that
//! Java keeps beside each (`ConfigManager`).
//!
//! A crash at any point leaves the old content, the new content, or the old content as `.bak`; a
//! reader that falls back to `.bak` never sees less than the last complete write before.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::disk::Disk;

/// Why neither a file nor its `.bak` can be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigFileError<E: std::error::Error + 'static> {
    #[error("cannot read {}", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Neither file decodes; the source says why the `.bak` (or, without one, the file) does not.
    #[error("neither {0} nor {0}.bak can be read; repair one of them or move both away", path.display())]
    Undecodable {
        path: PathBuf,
        #[source]
        source: E,
    },
}

/// Replaces a file and makes the new content durable; the old content stays as `.bak`. Creates the
/// directory when it is absent.
///
/// # Errors
/// When the disk does. The old content is then still there, as the file itself or as its `.bak`.
pub fn write_atomically(disk: &dyn Disk, path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    if !disk.exists(directory) {
        disk.create_dir_all(directory)?;
    }
    let new = with_suffix(path, ".tmp");
    let written = disk
        .write(&new, content)
        .and_then(|()| disk.open(&new)?.sync());
    if let Err(error) = written {
        // Half a file would only take room away; the next write makes it anew.
        let _ = disk.remove_file(&new);
        return Err(error);
    }
    if disk.exists(path) {
        disk.rename(path, &with_suffix(path, ".bak"))?;
    }
    disk.rename(&new, path)?;
    disk.sync_dir(directory)
}

/// Reads a file, or its `.bak` where the file is missing, empty or does not decode. `None` when
/// neither exists.
///
/// # Errors
/// When the disk does, or when what exists does not decode.
pub fn read_with_backup<T, E: std::error::Error + 'static>(
    disk: &dyn Disk,
    path: &Path,
    mut decode: impl FnMut(&[u8]) -> Result<T, E>,
) -> Result<Option<T>, ConfigFileError<E>> {
    let mut refusal = None;
    for candidate in [path.to_owned(), with_suffix(path, ".bak")] {
        let content = match disk.read(&candidate) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(source) => {
                return Err(ConfigFileError::Io {
                    path: candidate,
                    source,
                });
            }
        };
        if content.is_empty() {
            continue;
        }
        match decode(&content) {
            Ok(value) => return Ok(Some(value)),
            Err(error) => {
                tracing::warn!(path = %candidate.display(), %error, "file does not decode");
                refusal = Some(error);
            }
        }
    }
    match refusal {
        None => Ok(None),
        Some(source) => Err(ConfigFileError::Undecodable {
            path: path.to_owned(),
            source,
        }),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}
