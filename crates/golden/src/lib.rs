//! The golden stores of `/testdata/store`: directories that real Apache brokers left, packed, with
//! what their clients had been promised and what Apache's own classes see in them. For tests and
//! interop programs only; nothing of it is in a release.
//!
//! [`Archive`] unpacks one onto any [`Disk`](ferrocket_store::disk::Disk), [`Listing`] is what a
//! store shows through its public interface in the form of a manifest, and [`differences`] says in
//! words where two listings differ.

mod archive;
mod compare;
mod conf;
mod listing;
mod manifest;
mod record;

pub use archive::{Archive, archive_names};
pub use compare::{Looser, differences};
pub use conf::{parse_conf, store_config};
pub use listing::{keys_of, list_like, list_whole};
pub use manifest::{Acked, Entry, Listing, QueueListing, Read, TimeAnswer};
pub use record::describe;
