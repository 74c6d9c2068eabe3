//! Brokers at a name server: registration, heartbeat, data versions.

use serde::{Deserialize, Serialize};

/// `RegisterBrokerRequestHeader`: `REGISTER_BROKER`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RegisterBroker {
    pub broker_name: String,
    pub broker_addr: String,
    pub cluster_name: String,
    pub ha_server_addr: String,
    pub broker_id: i64,
    pub heartbeat_timeout_millis: Option<i64>,
    pub enable_acting_master: Option<bool>,
    /// Java brokers always say false.
    pub compressed: bool,
    /// CRC-32 of the body as sent, without its top bit; zero and absent are not checked.
    pub body_crc32: Option<i32>,
}

/// `RegisterBrokerResponseHeader`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RegisterBrokerResponse {
    pub ha_server_addr: Option<String>,
    pub master_addr: Option<String>,
}

/// `UnRegisterBrokerRequestHeader`: `UNREGISTER_BROKER`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UnRegisterBroker {
    pub broker_name: String,
    pub broker_addr: String,
    pub cluster_name: String,
    pub broker_id: i64,
}

/// `QueryDataVersionRequestHeader`: `QUERY_DATA_VERSION`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryDataVersion {
    pub broker_name: String,
    pub broker_addr: String,
    pub cluster_name: String,
    pub broker_id: i64,
}

/// `QueryDataVersionResponseHeader`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryDataVersionResponse {
    pub changed: bool,
}

/// `BrokerHeartbeatRequestHeader`: `BROKER_HEARTBEAT`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BrokerHeartbeat {
    pub cluster_name: String,
    pub broker_addr: String,
    pub broker_name: String,
    pub broker_id: Option<i64>,
    pub epoch: Option<i32>,
    pub max_offset: Option<i64>,
    pub confirm_offset: Option<i64>,
    /// Spelt `heartbeatTimeoutMillis` in `REGISTER_BROKER`.
    pub heartbeat_timeout_mills: Option<i64>,
    pub election_priority: Option<i32>,
}

/// `GetBrokerMemberGroupRequestHeader`: `GET_BROKER_MEMBER_GROUP`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetBrokerMemberGroup {
    pub cluster_name: String,
    pub broker_name: String,
}

/// `NotifyMinBrokerIdChangeRequestHeader`: `NOTIFY_MIN_BROKER_ID_CHANGE`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NotifyMinBrokerIdChange {
    pub min_broker_id: Option<i64>,
    pub broker_name: Option<String>,
    pub min_broker_addr: Option<String>,
    pub offline_broker_addr: Option<String>,
    pub ha_broker_addr: Option<String>,
}

/// `RegisterTopicRequestHeader`: `REGISTER_TOPIC_IN_NAMESRV`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RegisterTopic {
    pub topic: String,
}

/// Travels beside [`RegisterBroker`] and [`super::GetRouteInfo`] where zones are in use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Zone {
    #[serde(rename = "__ZONE_NAME")]
    pub name: Option<String>,
    /// On a route request: leave out the brokers of other zones.
    #[serde(rename = "__ZONE_MODE")]
    pub mode: Option<bool>,
}
