//! Configuration: Java's property files, keys and defaults, and what they bind to here.

pub(crate) mod bind;
pub(crate) mod catalog;
pub(crate) mod checks;
pub(crate) mod live;
pub(crate) mod print;
pub(crate) mod properties;
pub(crate) mod ranges;
pub(crate) mod settings;
pub(crate) mod sources;
