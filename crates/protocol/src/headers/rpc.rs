//! Fields that travel beside any request header.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::ext;

/// The generic fields that Java's request headers inherit (`RpcRequestHeader`,
/// `TopicRequestHeader`). Read and written beside a header: `(PullMessage, Rpc)`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rpc<'a> {
    #[serde(rename = "ns", borrow, deserialize_with = "ext::optional_text")]
    pub namespace: Option<Cow<'a, str>>,
    /// The resource names already carry the namespace.
    #[serde(rename = "nsd")]
    pub namespaced: Option<bool>,
    /// The target broker; the proxy routes by it.
    #[serde(rename = "bname", borrow, deserialize_with = "ext::optional_text")]
    pub broker_name: Option<Cow<'a, str>>,
    #[serde(rename = "oway")]
    pub oneway: Option<bool>,
    /// Static topics: an explicit false means that the queue id is a physical one.
    #[serde(rename = "lo")]
    pub logical: Option<bool>,
}
