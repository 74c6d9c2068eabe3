//! Heartbeats of clients (34) and the check of their expressions (46).

use serde::{Deserialize, Serialize};

use crate::message::java_hash;

use super::{java_enum, java_enum::java_enum};

java_enum! {
    /// Whether a group shares its messages or each consumer gets all.
    pub enum MessageModel {
        Broadcasting = "BROADCASTING",
        Clustering = "CLUSTERING",
        LiteSelective = "LITE_SELECTIVE",
    }
}

java_enum! {
    /// How a consumer gets messages.
    pub enum ConsumeType {
        ConsumeActively = "CONSUME_ACTIVELY",
        ConsumePassively = "CONSUME_PASSIVELY",
        ConsumePop = "CONSUME_POP",
    }
}

java_enum! {
    /// Where a new group begins.
    pub enum ConsumeFromWhere {
        ConsumeFromLastOffset = "CONSUME_FROM_LAST_OFFSET",
        ConsumeFromLastOffsetAndFromMinWhenBootFirst = "CONSUME_FROM_LAST_OFFSET_AND_FROM_MIN_WHEN_BOOT_FIRST",
        ConsumeFromMinOffset = "CONSUME_FROM_MIN_OFFSET",
        ConsumeFromMaxOffset = "CONSUME_FROM_MAX_OFFSET",
        ConsumeFromFirstOffset = "CONSUME_FROM_FIRST_OFFSET",
        ConsumeFromTimestamp = "CONSUME_FROM_TIMESTAMP",
    }
}

/// Who a client is and what it subscribes to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HeartbeatData {
    #[serde(rename = "clientID")]
    pub client_id: String,
    pub consumer_data_set: Vec<ConsumerData>,
    /// Hash of the subscriptions (5.x); 0 when the client does not use it.
    pub heartbeat_fingerprint: i32,
    pub producer_data_set: Vec<ProducerData>,
    /// The subscriptions were left out, as the fingerprint stands for them.
    pub without_sub: bool,
}

/// A producer group of the client.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProducerData {
    pub group_name: String,
}

/// A consumer group of the client.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ConsumerData {
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
    pub group_name: String,
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "java_enum::optional"
    )]
    pub message_model: Option<MessageModel>,
    pub subscription_data_set: Vec<SubscriptionData>,
    pub unit_mode: bool,
}

/// What a group reads of a topic. For `*` and empty expressions both sets are empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubscriptionData {
    pub class_filter_mode: bool,
    /// Java hashes of the tags.
    pub code_set: Vec<i32>,
    pub expression_type: String,
    pub sub_string: String,
    pub sub_version: i64,
    pub tags_set: Vec<String>,
    pub topic: String,
}

impl Default for SubscriptionData {
    fn default() -> Self {
        Self {
            class_filter_mode: false,
            code_set: Vec::new(),
            expression_type: EXPRESSION_TYPE_TAG.to_owned(),
            sub_string: String::new(),
            sub_version: 0,
            tags_set: Vec::new(),
            topic: String::new(),
        }
    }
}

/// The body of 46.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CheckClientRequestBody {
    pub client_id: String,
    pub group: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_data: Option<SubscriptionData>,
}

impl SubscriptionData {
    /// A subscription by tags (`FilterAPI#buildSubscriptionData`): `*` or nothing for all messages,
    /// or tags separated by `||`. The time becomes the subscription's version.
    #[must_use]
    pub fn by_tags(topic: &str, expression: &str, now_ms: i64) -> Self {
        let is_all = matches!(expression.trim(), "" | SUB_ALL);
        let tags = expression
            .split("||")
            .map(str::trim)
            .filter(|tag| !is_all && !tag.is_empty());
        Self {
            topic: topic.to_owned(),
            sub_string: if is_all { SUB_ALL } else { expression }.to_owned(),
            tags_set: tags.clone().map(str::to_owned).collect(),
            code_set: tags.map(java_hash).collect(),
            sub_version: now_ms,
            ..Self::default()
        }
    }
}

/// The expression that takes every message.
pub const SUB_ALL: &str = "*";
/// `ExpressionType`.
pub const EXPRESSION_TYPE_TAG: &str = "TAG";
pub const EXPRESSION_TYPE_SQL92: &str = "SQL92";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_trimmed_and_hashed() {
        let all = SubscriptionData::by_tags("T", " ", 1);
        assert_eq!((all.sub_string.as_str(), all.tags_set.len()), ("*", 0));
        let two = SubscriptionData::by_tags("T", "TagA || TagB||", 1);
        assert_eq!(two.sub_string, "TagA || TagB||");
        assert_eq!(two.tags_set, ["TagA", "TagB"]);
        assert_eq!(two.code_set, [2_598_919, 2_598_920]);
    }

    #[test]
    fn the_fingerprint_of_the_worked_example_is_the_hash_of_its_text() {
        let heartbeat = HeartbeatData {
            producer_data_set: vec![ProducerData {
                group_name: "PG".to_owned(),
            }],
            ..HeartbeatData::default()
        };
        let text = String::from_utf8(crate::bodies::print(&heartbeat)).unwrap();
        assert_eq!(java_hash(&text), 837_276_344);
    }
}
