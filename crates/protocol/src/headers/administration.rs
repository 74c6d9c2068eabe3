//! A broker's own configuration and statistics.

use serde::{Deserialize, Serialize};

/// `GetBrokerConfigResponseHeader`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GetBrokerConfigResponse {
    /// The configuration's `DataVersion` as JSON text.
    pub version: String,
}

/// `ViewBrokerStatsDataRequestHeader`: `VIEW_BROKER_STATS_DATA`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ViewBrokerStatsData {
    pub stats_name: String,
    pub stats_key: String,
}

/// `CheckRocksdbCqWriteProgressRequestHeader`: `CHECK_ROCKSDB_CQ_WRITE_PROGRESS`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CheckRocksdbCqWriteProgress {
    pub topic: String,
    pub check_store_time: i64,
}

/// `ExportRocksDBConfigToJsonRequestHeader`: `EXPORT_ROCKSDB_CONFIG_TO_JSON`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExportRocksDBConfigToJson {
    /// Each followed by `;`: `topics`, `subscriptionGroups`, `consumerOffsets`.
    pub config_type: String,
}

/// Switches the read-ahead of the commit log (`SET_COMMITLOG_READ_MODE`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CommitLogReadMode {
    /// 0 normal, 1 random.
    #[serde(rename = "READ_AHEAD_MODE")]
    pub mode: Option<String>,
}

/// Switches between the file wheel and the RocksDB timeline (`SWITCH_TIMER_ENGINE`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SwitchTimerEngine {
    /// `R` timeline, `F` file wheel.
    #[serde(rename = "E_T")]
    pub engine: Option<String>,
}
