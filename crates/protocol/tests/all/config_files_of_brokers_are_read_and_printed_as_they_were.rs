//! The JSON files that 5.5.0 and 4.9 brokers left in their `config/` folders.

use ferrocket_protocol::bodies::{
    self, ConsumerOffsetSerializeWrapper, DelayOffsetSerializeWrapper, SubscriptionGroupWrapper,
    TopicConfigSerializeWrapper,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::support;

/// Lines without their commas, which depend on the order of tables.
fn lines(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8(text.to_vec()).unwrap();
    let mut lines: Vec<_> = text
        .lines()
        .map(|line| line.trim_end_matches(',').to_owned())
        .collect();
    lines.sort();
    lines
}

fn same<T: Serialize + DeserializeOwned>(name: &str) -> T {
    let text = support::bytes(&format!("config/5.5.0/{name}"));
    let value: T = bodies::read_file(&text).unwrap();
    let printed = bodies::print_file(&value);
    assert_eq!(lines(&printed), lines(&text), "{name}");
    assert_eq!(printed.len(), text.len(), "{name}");
    value
}

#[test]
fn files_of_5_5_are_printed_as_they_were() {
    let topics: TopicConfigSerializeWrapper = same("topics.json");
    assert_eq!(topics.topic_config_table["TransTopic"].read_queue_nums, 2);
    let groups: SubscriptionGroupWrapper = same("subscriptionGroup.json");
    assert!(groups.subscription_group_table.contains_key("G_READ"));
    let offsets: ConsumerOffsetSerializeWrapper = same("consumerOffset.json");
    assert_eq!(offsets.offset_table["PlainTopic@G_READ"][&0], 16);
    let delays: DelayOffsetSerializeWrapper = same("delayOffset.json");
    assert!(delays.data_version.is_some());
}

#[test]
fn files_of_4_9_are_read() {
    let text = support::bytes("config/4.9/topics.json");
    let topics: TopicConfigSerializeWrapper = bodies::read_file(&text).unwrap();
    assert!(
        topics
            .topic_config_table
            .values()
            .all(|topic| topic.attributes.is_empty())
    );
    assert!(topics.topic_config_table.len() > 5);
    let text = support::bytes("config/4.9/consumerOffset.json");
    let offsets: ConsumerOffsetSerializeWrapper = bodies::read_file(&text).unwrap();
    assert!(offsets.data_version.is_none());
    let text = support::bytes("config/4.9/delayOffset.json");
    let _: DelayOffsetSerializeWrapper = bodies::read_file(&text).unwrap();
}
