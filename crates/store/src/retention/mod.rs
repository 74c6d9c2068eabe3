//! How long messages are kept, and what happens when the disks have no room for them.
//!
//! `room` knows whether messages can be taken; `limits` judges how full the disks are. What does the
//! work is in `store::room` and `store::clean`.

mod config;
mod limits;
mod room;

pub use self::config::RetentionConfig;
pub(crate) use self::limits::{Verdict, judge};
pub(crate) use self::room::Room;
pub use self::room::Shortage;
