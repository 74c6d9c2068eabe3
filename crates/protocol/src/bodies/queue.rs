//! Which queue a value belongs to.

use serde::{Deserialize, Serialize};

/// A queue of a topic on a broker. As a map key it is printed as an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MessageQueue {
    pub broker_name: String,
    pub queue_id: i32,
    pub topic: String,
}
