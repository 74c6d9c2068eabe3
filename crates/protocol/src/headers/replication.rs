//! Replication and broker containers.

use serde::{Deserialize, Serialize};

/// `ExchangeHAInfoRequestHeader`: `EXCHANGE_BROKER_HA_INFO`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExchangeHAInfo {
    pub master_ha_address: Option<String>,
    pub master_flush_offset: Option<i64>,
    pub master_address: Option<String>,
}

/// `ExchangeHAInfoResponseHeader`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExchangeHAInfoResponse {
    pub master_ha_address: Option<String>,
    pub master_flush_offset: Option<i64>,
    pub master_address: Option<String>,
}

/// `ResetMasterFlushOffsetHeader`: `RESET_MASTER_FLUSH_OFFSET`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResetMasterFlushOffset {
    pub master_flush_offset: i64,
}

/// `AddBrokerRequestHeader`: `ADD_BROKER`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AddBroker {
    pub config_path: Option<String>,
}

/// `RemoveBrokerRequestHeader`: `REMOVE_BROKER`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RemoveBroker {
    pub broker_name: String,
    pub broker_cluster_name: String,
    pub broker_id: i64,
}
