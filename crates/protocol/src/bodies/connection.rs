//! Who is connected (38, 203, 204, 328).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Language;

use super::{ConsumeFromWhere, ConsumeType, MessageModel, QueueLock, SubscriptionData, java_enum};

/// One connected client.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Connection {
    /// `ip:port`.
    pub client_addr: String,
    pub client_id: String,
    pub language: Language,
    pub version: i32,
}

/// The consumers of a group (203).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumerConnection {
    /// Ours alone: in what the clients differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict: Option<String>,
    pub connection_set: Vec<Connection>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "java_enum::optional"
    )]
    pub consume_from_where: Option<ConsumeFromWhere>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "java_enum::optional"
    )]
    pub consume_type: Option<ConsumeType>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "java_enum::optional"
    )]
    pub message_model: Option<MessageModel>,
    /// Ours alone: who consumes which queue in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub queue_locks: Vec<QueueLock>,
    pub subscription_table: BTreeMap<String, SubscriptionData>,
}

/// The producers of a group (204).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProducerConnection {
    pub connection_set: Vec<Connection>,
}

/// All producers by group (328).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProducerTableInfo {
    pub data: BTreeMap<String, Vec<ProducerInfo>>,
}

/// One producer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProducerInfo {
    pub client_id: String,
    pub language: Language,
    pub last_update_timestamp: i64,
    /// `/ip:port`, as Java prints a socket address.
    #[serde(rename = "remoteIP")]
    pub remote_ip: String,
    pub version: i32,
}

/// Client ids of a group (38).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetConsumerListByGroupResponseBody {
    pub consumer_id_list: Vec<String>,
}
