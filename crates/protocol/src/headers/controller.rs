//! The controller that elects masters.

use serde::{Deserialize, Serialize};

/// `AlterSyncStateSetRequestHeader`: `CONTROLLER_ALTER_SYNC_STATE_SET`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AlterSyncStateSet {
    pub broker_name: Option<String>,
    pub master_broker_id: Option<i64>,
    pub master_epoch: Option<i32>,
    pub invoke_time: i64,
}

/// `AlterSyncStateSetResponseHeader`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AlterSyncStateSetResponse {
    pub new_sync_state_set_epoch: i32,
}

/// `ElectMasterRequestHeader`: `CONTROLLER_ELECT_MASTER`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ElectMaster {
    pub cluster_name: String,
    pub broker_name: String,
    /// -1: no candidate is named.
    pub broker_id: i64,
    pub designate_elect: bool,
    pub invoke_time: Option<i64>,
}

impl Default for ElectMaster {
    fn default() -> Self {
        Self {
            cluster_name: String::new(),
            broker_name: String::new(),
            broker_id: -1,
            designate_elect: false,
            invoke_time: None,
        }
    }
}

/// `ElectMasterResponseHeader`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ElectMasterResponse {
    pub master_broker_id: Option<i64>,
    pub master_address: Option<String>,
    pub master_epoch: Option<i32>,
    pub sync_state_set_epoch: Option<i32>,
}

/// `RegisterBrokerToControllerRequestHeader`: `CONTROLLER_REGISTER_BROKER`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RegisterBrokerToController {
    pub cluster_name: Option<String>,
    pub broker_name: Option<String>,
    pub broker_id: Option<i64>,
    pub broker_address: Option<String>,
    pub invoke_time: i64,
}

/// `RegisterBrokerToControllerResponseHeader`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RegisterBrokerToControllerResponse {
    pub cluster_name: Option<String>,
    pub broker_name: Option<String>,
    pub master_broker_id: Option<i64>,
    pub master_address: Option<String>,
    pub master_epoch: Option<i32>,
    pub sync_state_set_epoch: Option<i32>,
}

/// `GetReplicaInfoRequestHeader`: `CONTROLLER_GET_REPLICA_INFO`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetReplicaInfo {
    pub broker_name: Option<String>,
}

/// `GetReplicaInfoResponseHeader`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetReplicaInfoResponse {
    pub master_broker_id: Option<i64>,
    pub master_address: Option<String>,
    pub master_epoch: Option<i32>,
}

/// `GetMetaDataResponseHeader`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetMetaDataResponse {
    pub group: Option<String>,
    pub controller_leader_id: Option<String>,
    pub controller_leader_address: Option<String>,
    pub is_leader: bool,
    /// `addr;addr;`
    pub peers: Option<String>,
}

/// `NotifyBrokerRoleChangedRequestHeader`: `NOTIFY_BROKER_ROLE_CHANGED`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NotifyBrokerRoleChanged {
    pub master_address: Option<String>,
    pub master_epoch: Option<i32>,
    pub sync_state_set_epoch: Option<i32>,
    pub master_broker_id: Option<i64>,
}

/// `CleanControllerBrokerDataRequestHeader`: `CLEAN_BROKER_DATA`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CleanControllerBrokerData {
    pub cluster_name: Option<String>,
    pub broker_name: String,
    /// Separated by `;`.
    pub broker_controller_ids_to_clean: Option<String>,
    pub is_clean_living_broker: bool,
    pub invoke_time: i64,
}

/// `GetNextBrokerIdRequestHeader`: `CONTROLLER_GET_NEXT_BROKER_ID`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetNextBrokerId {
    pub cluster_name: Option<String>,
    pub broker_name: Option<String>,
}

/// `GetNextBrokerIdResponseHeader`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetNextBrokerIdResponse {
    pub cluster_name: Option<String>,
    pub broker_name: Option<String>,
    pub next_broker_id: Option<i64>,
}

/// `ApplyBrokerIdRequestHeader`: `CONTROLLER_APPLY_BROKER_ID`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplyBrokerId {
    pub cluster_name: Option<String>,
    pub broker_name: Option<String>,
    pub applied_broker_id: Option<i64>,
    pub register_check_code: Option<String>,
}

/// `ApplyBrokerIdResponseHeader`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplyBrokerIdResponse {
    pub cluster_name: Option<String>,
    pub broker_name: Option<String>,
}
