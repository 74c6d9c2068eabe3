//! Whatever a body holds, reading what we print gives the same value: on the wire, in a file, and in
//! the compressed form of a registration.

use std::fmt::Debug;

use ferrocket_protocol::bodies::{
    self, BrokerData, ConsumerOffsetSerializeWrapper, DataVersion, MessageQueue, QueueData,
    RegisterBrokerBody, TopicConfig, TopicConfigAndMappingSerializeWrapper, TopicOffset,
    TopicRouteData, TopicStatsTable,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Texts with what JSON escapes and what fastjson treats specially.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[%@\"'\\\\\u{1}\u{2}$:{}a-z]{0,12}"]
}

prop_compose! {
    fn queue()(broker_name in text(), queue_id in any::<i32>(), topic in text()) -> MessageQueue {
        MessageQueue { broker_name, queue_id, topic }
    }
}

prop_compose! {
    fn version()(counter in any::<i64>(), state_version in any::<i64>(), timestamp in any::<i64>())
        -> DataVersion {
        DataVersion { counter, state_version, timestamp }
    }
}

prop_compose! {
    fn topic()(
        topic_name in "[a-zA-Z0-9_%-]{1,20}",
        numbers in any::<[u16; 3]>(),
        perm in 0..8,
        order in any::<bool>(),
        attributes in btree_map("[a-z.]{1,8}", "[a-zA-Z0-9]{1,8}", 0..3),
    ) -> TopicConfig {
        TopicConfig {
            topic_name,
            read_queue_nums: numbers[0].into(),
            write_queue_nums: numbers[1].into(),
            topic_sys_flag: numbers[2].into(),
            perm,
            order,
            attributes,
            ..TopicConfig::default()
        }
    }
}

prop_compose! {
    fn registration()(
        topics in vec(topic(), 0..20),
        data_version in version(),
        filter_server_list in vec("[a-z0-9.:]{1,20}", 0..3),
    ) -> RegisterBrokerBody {
        let table = topics.into_iter().map(|topic| (topic.topic_name.clone(), topic));
        RegisterBrokerBody {
            filter_server_list: Some(filter_server_list),
            topic_config_serialize_wrapper: TopicConfigAndMappingSerializeWrapper {
                data_version,
                topic_config_table: table.collect(),
                ..TopicConfigAndMappingSerializeWrapper::default()
            },
        }
    }
}

prop_compose! {
    fn route()(
        brokers in vec((text(), text(), btree_map(any::<i64>(), text(), 0..3)), 0..4),
        queues in vec((text(), any::<[i32; 4]>()), 0..4),
        order_topic_conf in option::of(text()),
    ) -> TopicRouteData {
        TopicRouteData {
            broker_datas: brokers
                .into_iter()
                .map(|(broker_name, cluster, broker_addrs)| BrokerData {
                    broker_name,
                    cluster,
                    broker_addrs,
                    ..BrokerData::default()
                })
                .collect(),
            queue_datas: queues
                .into_iter()
                .map(|(broker_name, [perm, read, write, flag])| QueueData {
                    broker_name,
                    perm,
                    read_queue_nums: read,
                    write_queue_nums: write,
                    topic_sys_flag: flag,
                })
                .collect(),
            order_topic_conf,
            ..TopicRouteData::default()
        }
    }
}

fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(body: &T) {
    let printed = bodies::print(body);
    let read: T = bodies::read(&printed).unwrap();
    assert_eq!(&read, body, "{}", String::from_utf8_lossy(&printed));
    let file = bodies::print_file(body);
    let read: T = bodies::read_file(&file).unwrap();
    assert_eq!(&read, body, "{}", String::from_utf8_lossy(&file));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn routes(body in route()) {
        survives(&body);
    }

    #[test]
    fn tables_with_objects_for_keys(
        entries in vec((queue(), any::<[i64; 3]>()), 0..6),
        topic_put_tps in -1e9..1e9,
    ) {
        let offset_table = entries.into_iter().map(|(queue, [last, max, min])| {
            (queue, TopicOffset { last_update_timestamp: last, max_offset: max, min_offset: min })
        });
        survives(&TopicStatsTable { offset_table: offset_table.collect(), topic_put_tps });
    }

    #[test]
    fn offsets(table in btree_map(text(), btree_map(any::<i32>(), any::<i64>(), 0..4), 0..4)) {
        survives(&ConsumerOffsetSerializeWrapper {
            offset_table: table,
            ..ConsumerOffsetSerializeWrapper::default()
        });
    }

    #[test]
    fn registrations_plain_and_compressed(mut body in registration()) {
        survives(&body);
        // Java's compressed form has no place for these two.
        for topic in body.topic_config_serialize_wrapper.topic_config_table.values_mut() {
            topic.order = false;
            topic.topic_sys_flag = 0;
        }
        let compressed = body.encode_compressed(513).unwrap();
        prop_assert_eq!(RegisterBrokerBody::decode_compressed(&compressed, 513).unwrap(), body);
    }
}
