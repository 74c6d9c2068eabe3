//! `ferrocket store ls | dump | verify | grep`.

mod dump;
mod grep;
mod ls;
pub(super) mod message;
pub(super) mod print;
pub(super) mod source;
mod verify;
mod walk;

use crate::cli::store::StoreCommand;
use crate::failure::Failure;

/// The store, or what was asked of it, cannot be read.
pub(super) const EXIT_UNREADABLE: u8 = 2;

pub(crate) fn run(command: &StoreCommand) -> Result<u8, Failure> {
    match command {
        StoreCommand::Ls(options) => ls::run(options),
        StoreCommand::Dump(options) => dump::run(options),
        StoreCommand::Verify(options) => verify::run(options),
        StoreCommand::Grep(options) => grep::run(options),
    }
}
