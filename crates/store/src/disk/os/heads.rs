//! The beginnings of the files of a directory, by as few system calls as it takes.
//!
//! Files are opened relative to their directory, and nothing is asked by path. No time of the last access
//! is written, as far as the system allows that: with a million directories it would be the most of the
//! work.

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;
use rustix::path::Arg;

use super::{FileHead, OsFile};

/// Names are read in pieces of this size; few directories have more of them.
const NAMES_BYTES: usize = 4096;

pub(super) fn of(
    directory: &Path,
    head_bytes: usize,
    wanted: &dyn Fn(&str) -> bool,
) -> io::Result<Vec<FileHead>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    let directory = match open(CWD, directory, flags) {
        Ok(directory) => directory,
        Err(Errno::NOENT) => return Ok(Vec::new()),
        Err(errno) => return Err(errno.into()),
    };
    let mut names = [MaybeUninit::uninit(); NAMES_BYTES];
    let mut names = RawDir::new(&directory, &mut names);
    let mut heads = Vec::new();
    while let Some(entry) = names.next() {
        let entry = entry?;
        // A name that is not text cannot be a name of ours.
        let Ok(name) = entry.file_name().to_str() else {
            continue;
        };
        if entry.file_type() == FileType::Directory || !wanted(name) {
            continue;
        }
        let file = match open(&directory, name, OFlags::RDWR) {
            Ok(file) => File::from(file),
            // Some file systems do not tell the type with the name.
            Err(Errno::ISDIR) => continue,
            Err(errno) => return Err(errno.into()),
        };
        let bytes = file.metadata()?.len();
        heads.push(FileHead::read(
            &OsFile(file),
            name.to_owned(),
            bytes,
            head_bytes,
        )?);
    }
    heads.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(heads)
}

fn open(
    directory: impl AsFd + Copy,
    name: impl Arg + Copy,
    flags: OFlags,
) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::CLOEXEC;
    match rustix::fs::openat(directory, name, flags | OFlags::NOATIME, Mode::empty()) {
        // The file of another user.
        Err(Errno::PERM) => rustix::fs::openat(directory, name, flags, Mode::empty()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;

    fn file(directory: &Path, name: &str, bytes: u64, content: &[(u64, &[u8])]) {
        let file = File::create(directory.join(name)).unwrap();
        file.set_len(bytes).unwrap();
        for (position, content) in content {
            file.write_all_at(content, *position).unwrap();
        }
    }

    #[test]
    fn beginnings_lengths_and_what_is_behind() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        file(path, "2", 6_000_000, &[(0, b"two")]);
        file(path, "1", 3, &[(0, b"one")]);
        file(path, "0", 0, &[]);
        file(
            path,
            "3",
            6_000_000,
            &[(0, b"three"), (5_000_000, b"behind")],
        );
        file(path, "foreign", 3, &[]);
        std::fs::create_dir(path.join("4")).unwrap();
        let heads = of(path, 4096, &|name| name.len() == 1 && name != ".").unwrap();
        let names: Vec<&str> = heads.iter().map(|head| &*head.name).collect();
        assert_eq!(names, ["0", "1", "2", "3"]);
        let lengths: Vec<u64> = heads.iter().map(|head| head.bytes).collect();
        assert_eq!(lengths, [0, 3, 6_000_000, 6_000_000]);
        for (head, begin) in heads.iter().zip(["", "one", "two", "three"]) {
            assert!(head.head.starts_with(begin.as_bytes()), "{head:?}");
            let rest = head.head.get(begin.len()..).unwrap();
            assert!(rest.iter().all(|byte| *byte == 0));
        }
        let [empty, short, sparse, data] = heads.as_slice() else {
            panic!("{heads:?}");
        };
        assert_eq!((empty.data_from, short.data_from), (None, None));
        // File systems without holes say that there is data.
        assert!(sparse.data_from.is_none_or(|at| at == 4096));
        assert!(
            data.data_from
                .is_some_and(|at| (4096..=5_000_000).contains(&at))
        );
    }

    #[test]
    fn of_a_directory_that_is_not_there_there_are_none() {
        let directory = tempfile::tempdir().unwrap();
        let heads = of(&directory.path().join("none"), 4096, &|_| true);
        assert_eq!(heads.unwrap(), []);
    }
}
