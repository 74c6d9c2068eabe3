//! The names and habits of the official distribution: `mqnamesrv`, `mqbroker`, `mqshutdown`.

pub(crate) mod commands;
pub(crate) mod options;
pub(crate) mod shutdown;
