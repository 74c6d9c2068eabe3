//! Connected clients: heartbeat, lists, locks, and what a broker asks of a client.

use serde::{Deserialize, Serialize};

/// `HeartbeatRequestHeader`: `HEART_BEAT`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Heartbeat {}

/// `UnregisterClientRequestHeader`: `UNREGISTER_CLIENT`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UnregisterClient {
    #[serde(rename = "clientID")]
    pub client_id: String,
    pub producer_group: Option<String>,
    pub consumer_group: Option<String>,
}

/// `UnregisterClientResponseHeader`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UnregisterClientResponse {}

/// `GetConsumerListByGroupRequestHeader`: `GET_CONSUMER_LIST_BY_GROUP`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetConsumerListByGroup {
    pub consumer_group: String,
}

/// `GetConsumerListByGroupResponseHeader`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetConsumerListByGroupResponse {}

/// `NotifyConsumerIdsChangedRequestHeader`: `NOTIFY_CONSUMER_IDS_CHANGED`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NotifyConsumerIdsChanged {
    pub consumer_group: String,
}

/// `LockBatchMqRequestHeader`: `LOCK_BATCH_MQ`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LockBatchMq {}

/// `UnlockBatchMqRequestHeader`: `UNLOCK_BATCH_MQ`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UnlockBatchMq {}

/// `GetConsumerRunningInfoRequestHeader`: `GET_CONSUMER_RUNNING_INFO`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetConsumerRunningInfo {
    pub consumer_group: String,
    pub client_id: String,
    pub jstack_enable: bool,
}

/// `GetConsumerStatusRequestHeader`: `GET_CONSUMER_STATUS_FROM_CLIENT`,
/// `INVOKE_BROKER_TO_GET_CONSUMER_STATUS`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetConsumerStatus {
    pub topic: String,
    pub group: String,
    /// Actually a client id; blank means all.
    pub client_addr: Option<String>,
}

/// `ConsumeMessageDirectlyResultRequestHeader`: `CONSUME_MESSAGE_DIRECTLY`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumeMessageDirectlyResult {
    pub consumer_group: String,
    pub client_id: Option<String>,
    /// The offset message id.
    pub msg_id: Option<String>,
    pub broker_name: Option<String>,
    pub topic: Option<String>,
    pub topic_sys_flag: Option<i32>,
    pub group_sys_flag: Option<i32>,
}

/// `GetConsumerConnectionListRequestHeader`: `GET_CONSUMER_CONNECTION_LIST`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetConsumerConnectionList {
    pub consumer_group: String,
}

/// `GetProducerConnectionListRequestHeader`: `GET_PRODUCER_CONNECTION_LIST`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetProducerConnectionList {
    pub producer_group: String,
}

/// `GetAllProducerInfoRequestHeader`: `GET_ALL_PRODUCER_INFO`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetAllProducerInfo {}

/// The answer to a heartbeat. Servers without heartbeat v2 send no ext fields at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeartbeatResponse {
    #[serde(rename = "IS_SUPPORT_HEART_BEAT_V2")]
    pub supports_v2: bool,
    /// The subscription differs from what the server had stored.
    #[serde(rename = "IS_SUB_CHANGE")]
    pub subscription_changed: bool,
}
