//! Reading one packed store (`NAME.tar.zst`: GNU tar with sparse files, zstd).

use std::collections::BTreeMap;
use std::fs::{self, File, FileTimes};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use ferrocket_store::disk::{Disk, Reserve};
use serde::de::DeserializeOwned;

use crate::manifest::Acked;

/// Only pieces that are not all zeros are kept, so that sparse files stay small.
const PIECE_BYTES: usize = 4096;

/// The content of one archive, in memory.
#[derive(Debug, Clone)]
pub struct Archive {
    name: String,
    /// By path within the archive.
    nodes: BTreeMap<PathBuf, Node>,
}

/// Positions and what is there; zeros elsewhere.
type Pieces = Vec<(u64, Vec<u8>)>;

#[derive(Debug, Clone)]
enum Node {
    Directory,
    File {
        bytes: u64,
        pieces: Pieces,
        modified_s: u64,
    },
}

fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/store"))
}

/// The names of all archives, in order.
///
/// # Errors
/// When the folder cannot be read.
pub fn archive_names() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory())? {
        let name = entry?.file_name();
        let name = name.to_str().and_then(|name| name.strip_suffix(".tar.zst"));
        names.extend(name.map(ToOwned::to_owned));
    }
    names.sort();
    Ok(names)
}

impl Archive {
    /// Reads `NAME.tar.zst`.
    ///
    /// # Errors
    /// When it is not there or not whole.
    pub fn open(name: &str) -> Result<Archive> {
        let path = directory().join(format!("{name}.tar.zst"));
        let file = File::open(&path).with_context(|| path.display().to_string())?;
        let unpacked = ruzstd::decoding::StreamingDecoder::new(file)?;
        let mut archive = tar::Archive::new(unpacked);
        let mut nodes = BTreeMap::new();
        for entry in archive.entries()? {
            let mut entry = entry?;
            let path = entry.path()?.into_owned();
            let node = if entry.header().entry_type().is_dir() {
                Node::Directory
            } else {
                let modified_s = entry.header().mtime()?;
                let (bytes, pieces) = read_pieces(&mut entry)?;
                Node::File {
                    bytes,
                    pieces,
                    modified_s,
                }
            };
            nodes.insert(path, node);
        }
        Ok(Archive {
            name: name.to_owned(),
            nodes,
        })
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A file beside the store, or in it (`store/config/topics.json`), whole.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<Vec<u8>> {
        let Some(Node::File { bytes, pieces, .. }) = self.nodes.get(Path::new(path)) else {
            return None;
        };
        let mut whole = vec![0; usize::try_from(*bytes).ok()?];
        for (position, piece) in pieces {
            let start = usize::try_from(*position).ok()?;
            whole
                .get_mut(start..start + piece.len())?
                .copy_from_slice(piece);
        }
        Some(whole)
    }

    /// A JSON file of the archive.
    ///
    /// # Errors
    /// When it is not there or of another form.
    pub fn json<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let about = || format!("{path} of {}", self.name);
        let content = self.file(path).with_context(about)?;
        serde_json::from_slice(&content).with_context(about)
    }

    /// The sizes and switches that the store was written with.
    ///
    /// # Errors
    /// When there is no `broker.conf`.
    pub fn conf(&self) -> Result<BTreeMap<String, String>> {
        let content = self.file("broker.conf").context("broker.conf")?;
        Ok(crate::parse_conf(&String::from_utf8(content)?))
    }

    /// What clients had been promised.
    ///
    /// # Errors
    /// When the list is not there.
    pub fn acked(&self) -> Result<Vec<Acked>> {
        #[derive(serde::Deserialize)]
        struct File {
            acked: Vec<Acked>,
        }
        Ok(self.json::<File>("acked.json")?.acked)
    }

    /// Puts the store directory onto a disk as `root`, all of it durable.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn put_on(&self, disk: &dyn Disk, root: &Path) -> Result<()> {
        disk.create_dir_all(root)?;
        for (path, node) in self.below_store() {
            let target = root.join(path);
            match node {
                Node::Directory => disk.create_dir_all(&target)?,
                Node::File { bytes, pieces, .. } => {
                    if let Some(parent) = target.parent() {
                        disk.create_dir_all(parent)?;
                    }
                    let file = disk.create(&target, *bytes, Reserve::Lazily)?;
                    for (position, piece) in pieces {
                        file.write_all_at(piece, *position)?;
                    }
                    file.sync()?;
                }
            }
        }
        sync_directories(disk, root)
    }

    /// Unpacks the store directory as `root` with modification times, which retention goes by.
    ///
    /// # Errors
    /// When files cannot be written.
    pub fn unpack(&self, root: &Path) -> Result<()> {
        fs::create_dir_all(root)?;
        for (path, node) in self.below_store() {
            let target = root.join(path);
            match node {
                Node::Directory => fs::create_dir_all(&target)?,
                Node::File {
                    bytes,
                    pieces,
                    modified_s,
                } => {
                    if let Some(parent) = target.parent() {
                        fs::create_dir_all(parent)?;
                    }
                    let mut file = File::create(&target)?;
                    file.set_len(*bytes)?;
                    for (position, piece) in pieces {
                        file.seek(SeekFrom::Start(*position))?;
                        file.write_all(piece)?;
                    }
                    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(*modified_s);
                    file.set_times(FileTimes::new().set_modified(modified))?;
                }
            }
        }
        Ok(())
    }

    fn below_store(&self) -> impl Iterator<Item = (&Path, &Node)> {
        let nodes = self.nodes.iter();
        nodes.filter_map(|(path, node)| Some((path.strip_prefix("store").ok()?, node)))
    }
}

fn sync_directories(disk: &dyn Disk, directory: &Path) -> Result<()> {
    disk.sync_dir(directory)?;
    for entry in disk.list(directory)? {
        if entry.is_dir {
            sync_directories(disk, &directory.join(entry.name))?;
        }
    }
    Ok(())
}

fn read_pieces(from: &mut impl Read) -> Result<(u64, Pieces)> {
    let mut pieces = Vec::new();
    let mut position = 0;
    loop {
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        let bytes = from.take(PIECE_BYTES as u64).read_to_end(&mut piece)? as u64;
        if bytes == 0 {
            return Ok((position, pieces));
        }
        if piece.iter().any(|byte| *byte != 0) {
            pieces.push((position, piece));
        }
        position += bytes;
    }
}
