//! The end of transactions, and the question how one ended.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::ext;

/// `EndTransactionRequestHeader`: `END_TRANSACTION`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndTransaction<'a> {
    #[serde(borrow, deserialize_with = "ext::optional_text")]
    pub topic: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub producer_group: Cow<'a, str>,
    /// The queue offset of the half message.
    pub tran_state_table_offset: i64,
    /// The physical offset of the half message.
    pub commit_log_offset: i64,
    /// 8 commit, 12 rollback, 0 unknown.
    pub commit_or_rollback: i32,
    pub from_transaction_check: Option<bool>,
    /// The `UNIQ_KEY` of the message.
    #[serde(borrow)]
    pub msg_id: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "ext::optional_text")]
    pub transaction_id: Option<Cow<'a, str>>,
}

/// `EndTransactionResponseHeader`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndTransactionResponse {}

/// `CheckTransactionStateRequestHeader`: `CHECK_TRANSACTION_STATE`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CheckTransactionState {
    /// The half topic.
    pub topic: Option<String>,
    pub tran_state_table_offset: i64,
    pub commit_log_offset: i64,
    pub msg_id: Option<String>,
    pub transaction_id: Option<String>,
    pub offset_msg_id: Option<String>,
}

/// `CheckTransactionStateResponseHeader`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CheckTransactionStateResponse {
    pub producer_group: String,
    pub tran_state_table_offset: i64,
    pub commit_log_offset: i64,
    pub commit_or_rollback: i32,
}
