//! Access to the recordings under `testdata/`.
#![expect(
    clippy::disallowed_methods,
    clippy::panic,
    reason = "tests read recordings from the repository and stop at the first surprise"
)]

use std::path::PathBuf;

pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata")).join(name)
}

pub(crate) fn bytes(name: &str) -> Vec<u8> {
    let path = path(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
