//! Assignment of queues by the broker, and the choice between pull and pop (400–402).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{MessageModel, MessageQueue, java_enum, java_enum::java_enum};

java_enum! {
    /// How a consumer should get messages.
    pub enum MessageRequestMode {
        Pull = "PULL",
        Pop = "POP",
    }
}

/// The body of 400.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryAssignmentRequestBody {
    pub client_id: String,
    pub consumer_group: String,
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "java_enum::optional"
    )]
    pub message_model: Option<MessageModel>,
    pub strategy_name: String,
    pub topic: String,
}

/// The answer to 400. Absent means keep the current assignment, empty means give all up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryAssignmentResponseBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_queue_assignments: Option<Vec<MessageQueueAssignment>>,
}

/// A queue that the client should read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MessageQueueAssignment {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachments: Option<BTreeMap<String, String>>,
    pub message_queue: MessageQueue,
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "java_enum::optional"
    )]
    pub mode: Option<MessageRequestMode>,
}

/// The body of 401.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SetMessageRequestModeRequestBody {
    pub consumer_group: String,
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "java_enum::optional"
    )]
    pub mode: Option<MessageRequestMode>,
    pub pop_share_queue_num: i32,
    pub topic: String,
}

/// All modes by topic and group (402, `messageRequestMode.json`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MessageRequestModeSerializeWrapper {
    pub message_request_mode_map:
        BTreeMap<String, BTreeMap<String, SetMessageRequestModeRequestBody>>,
}
