//! Routes, lists and key-value configuration of a name server.

use serde::{Deserialize, Serialize};

/// `GetRouteInfoRequestHeader`: `GET_ROUTEINFO_BY_TOPIC`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetRouteInfo {
    pub topic: String,
    /// Asks for quoted map keys below version 401.
    pub accept_standard_json_only: Option<bool>,
}

/// `GetTopicsByClusterRequestHeader`: `GET_TOPICS_BY_CLUSTER`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetTopicsByCluster {
    pub cluster: String,
}

/// `DeleteTopicFromNamesrvRequestHeader`: `DELETE_TOPIC_IN_NAMESRV`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeleteTopicFromNamesrv {
    pub topic: String,
    pub cluster_name: Option<String>,
}

/// `PutKVConfigRequestHeader`: `PUT_KV_CONFIG`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PutKVConfig {
    pub namespace: String,
    pub key: String,
    pub value: String,
}

/// `GetKVConfigRequestHeader`: `GET_KV_CONFIG`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetKVConfig {
    pub namespace: String,
    pub key: String,
}

/// `GetKVConfigResponseHeader`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetKVConfigResponse {
    pub value: Option<String>,
}

/// `DeleteKVConfigRequestHeader`: `DELETE_KV_CONFIG`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeleteKVConfig {
    pub namespace: String,
    pub key: String,
}

/// `GetKVListByNamespaceRequestHeader`: `GET_KVLIST_BY_NAMESPACE`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetKVListByNamespace {
    pub namespace: String,
}

/// `WipeWritePermOfBrokerRequestHeader`: `WIPE_WRITE_PERM_OF_BROKER`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WipeWritePermOfBroker {
    pub broker_name: String,
}

/// `WipeWritePermOfBrokerResponseHeader`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WipeWritePermOfBrokerResponse {
    pub wipe_topic_count: i32,
}

/// `AddWritePermOfBrokerRequestHeader`: `ADD_WRITE_PERM_OF_BROKER`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AddWritePermOfBroker {
    pub broker_name: String,
}

/// `AddWritePermOfBrokerResponseHeader`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AddWritePermOfBrokerResponse {
    pub add_topic_count: i32,
}
