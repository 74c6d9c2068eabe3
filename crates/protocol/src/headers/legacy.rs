//! Headers that only 4.x has: its access control and its filter servers.

use serde::{Deserialize, Serialize};

/// `CreateAccessConfigRequestHeader`: `UPDATE_AND_CREATE_ACL_CONFIG`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreateAccessConfig {
    pub access_key: String,
    pub secret_key: Option<String>,
    pub white_remote_address: Option<String>,
    pub admin: bool,
    pub default_topic_perm: Option<String>,
    pub default_group_perm: Option<String>,
    pub topic_perms: Option<String>,
    pub group_perms: Option<String>,
}

/// `DeleteAccessConfigRequestHeader`: `DELETE_ACL_CONFIG`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeleteAccessConfig {
    pub access_key: String,
}

/// `UpdateGlobalWhiteAddrsConfigRequestHeader`: `UPDATE_GLOBAL_WHITE_ADDRS_CONFIG`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UpdateGlobalWhiteAddrsConfig {
    pub global_white_addrs: String,
    pub acl_file_full_path: String,
}

/// `GetBrokerAclConfigResponseHeader`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetBrokerAclConfigResponse {
    pub version: String,
    pub all_acl_file_version: Option<String>,
    pub broker_name: String,
    pub broker_addr: String,
    pub cluster_name: String,
}

/// `GetBrokerClusterAclConfigResponseHeader`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetBrokerClusterAclConfigResponse {
    /// A list in Java, and therefore never a useful ext field; the body carries it.
    pub plain_access_configs: String,
}

/// `RegisterFilterServerRequestHeader`: `REGISTER_FILTER_SERVER`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RegisterFilterServer {
    pub filter_server_addr: String,
}

/// `RegisterFilterServerResponseHeader`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RegisterFilterServerResponse {
    pub broker_name: String,
    pub broker_id: i64,
}

/// `RegisterMessageFilterClassRequestHeader`: `REGISTER_MESSAGE_FILTER_CLASS`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RegisterMessageFilterClass {
    pub consumer_group: String,
    pub topic: String,
    pub class_name: String,
    #[serde(rename = "classCRC")]
    pub class_crc: i32,
}
