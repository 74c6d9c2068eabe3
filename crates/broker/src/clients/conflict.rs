//! Clients of one group that want different things, which loses messages silently: each heartbeat
//! replaces what the group subscribed to, and a queue's messages pass the filter of whoever spoke last.
//!
//! Java leaves it at that. Here every client's subscription is kept beside the group's, and compared
//! when one comes, changes or goes. Versions of subscriptions are not compared: every rebalance makes
//! a new one.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use ferrocket_protocol::bodies::{ConsumerData, JavaEnum as _};
use foldhash::fast::FixedState;

/// Clients and topics named in a description.
const NAMED_MAX: usize = 4;

/// What one client wants.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Wishes {
    consume_type: Option<&'static str>,
    message_model: Option<&'static str>,
    /// Expression and its type by topic.
    topics: BTreeMap<String, (String, String)>,
}

impl Wishes {
    pub(crate) fn of(data: &ConsumerData) -> Self {
        Self {
            consume_type: data.consume_type.map(|kind| kind.name()),
            message_model: data.message_model.map(|model| model.name()),
            topics: data
                .subscription_data_set
                .iter()
                .map(|wanted| {
                    let expression = (wanted.sub_string.clone(), wanted.expression_type.clone());
                    (wanted.topic.clone(), expression)
                })
                .collect(),
        }
    }

    /// Equal for equal wishes.
    pub(crate) fn fingerprint(&self) -> u64 {
        FixedState::default().hash_one(self)
    }

    /// Where two clients differ, in words.
    pub(crate) fn difference(&self, id: &str, other: &Self, other_id: &str) -> Option<String> {
        let mut parts = Vec::new();
        let settings = [
            ("consume type", self.consume_type, other.consume_type),
            ("message model", self.message_model, other.message_model),
        ];
        for (what, mine, theirs) in settings {
            if mine != theirs {
                let (mine, theirs) = (mine.unwrap_or("none"), theirs.unwrap_or("none"));
                parts.push(format!("{what}: {mine} and {theirs}"));
            }
        }
        let topics = self.topics.keys().chain(other.topics.keys());
        let mut differing: Vec<&String> = topics
            .filter(|topic| self.topics.get(*topic) != other.topics.get(*topic))
            .collect();
        differing.sort_unstable();
        differing.dedup();
        for topic in differing.iter().take(NAMED_MAX) {
            let (mine, theirs) = (self.wish(topic), other.wish(topic));
            parts.push(format!("topic {topic}: {mine} and {theirs}"));
        }
        if differing.len() > NAMED_MAX {
            parts.push(format!("{} more topics", differing.len() - NAMED_MAX));
        }
        (!parts.is_empty()).then(|| format!("{id} and {other_id} differ in {}", parts.join(", ")))
    }

    fn wish(&self, topic: &str) -> String {
        match self.topics.get(topic) {
            Some((expression, kind)) if kind == "TAG" => format!("\"{expression}\""),
            Some((expression, kind)) => format!("\"{expression}\" ({kind})"),
            None => "no subscription".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use ferrocket_protocol::bodies::{MessageModel, SubscriptionData};

    use super::*;

    fn wishes(topics: &[(&str, &str)], version: i64) -> Wishes {
        Wishes::of(&ConsumerData {
            message_model: Some(MessageModel::Clustering),
            subscription_data_set: topics
                .iter()
                .map(|(topic, expression)| SubscriptionData::by_tags(topic, expression, version))
                .collect(),
            ..ConsumerData::default()
        })
    }

    #[test]
    fn versions_and_order_make_no_difference() {
        let one = wishes(&[("T", "A"), ("U", "*")], 1);
        let two = wishes(&[("U", "*"), ("T", "A")], 2);
        assert_eq!(one.fingerprint(), two.fingerprint());
        assert_eq!(one.difference("a", &two, "b"), None);
    }

    #[test]
    fn a_difference_is_told_in_words() {
        let one = wishes(&[("T", "A"), ("U", "*")], 1);
        let mut two = wishes(&[("T", "B")], 1);
        two.message_model = Some("BROADCASTING");
        assert_ne!(one.fingerprint(), two.fingerprint());
        assert_eq!(
            one.difference("a", &two, "b").unwrap(),
            "a and b differ in message model: CLUSTERING and BROADCASTING, topic T: \"A\" and \"B\", topic U: \"*\" and no subscription"
        );
    }
}
