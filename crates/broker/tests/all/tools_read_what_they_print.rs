use ferrocket_protocol::bodies::{
    ConsumeStats, ConsumerConnection, GroupList, KVTable, MessageQueue, ProducerConnection,
    TopicConfigAndMappingSerializeWrapper, TopicConfigAndQueueMapping, TopicList, TopicStatsTable,
};
use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::NoHeader;
use ferrocket_protocol::headers::{
    GetAllTopicConfig, GetConsumeStats, GetConsumerConnectionList, GetProducerConnectionList,
    GetTopicConfig, GetTopicStatsInfo, QueryTopicConsumeByWho, SearchOffset, ViewMessage,
};

use crate::support::*;

fn queue(queue_id: i32) -> MessageQueue {
    MessageQueue {
        topic: "T".into(),
        broker_name: "broker-a".into(),
        queue_id,
    }
}

#[test]
fn of_topics_and_their_queues() {
    let world = World::new();
    world.create_topic("T", 2);
    let client = world.connect();
    client.store("T", 1, "", "x");
    client.heartbeat_quietly("c", "g", "T", "*");
    let topic = || "T".to_owned();
    let stats: TopicStatsTable = body(&client.call(
        request::GET_TOPIC_STATS_INFO,
        &GetTopicStatsInfo { topic: topic() },
        b"",
    ));
    assert_eq!(stats.offset_table.len(), 2);
    let offsets = stats.offset_table[&queue(1)];
    assert_eq!((offsets.min_offset, offsets.max_offset), (0, 1));
    assert_eq!(offsets.last_update_timestamp, START_MS);
    let config: TopicConfigAndQueueMapping = body(&client.call(
        request::GET_TOPIC_CONFIG,
        &GetTopicConfig { topic: topic() },
        b"",
    ));
    assert_eq!(
        (config.topic_name.as_str(), config.read_queue_nums),
        ("T", 2)
    );
    let header = QueryTopicConsumeByWho { topic: topic() };
    let groups: GroupList = body(&client.call(request::QUERY_TOPIC_CONSUME_BY_WHO, &header, b""));
    assert_eq!(groups.group_list, ["g"]);
    let system: TopicList = body(&client.call(
        request::GET_SYSTEM_TOPIC_LIST_FROM_BROKER,
        &NoHeader {},
        b"",
    ));
    assert!(
        system
            .topic_list
            .contains(&"rmq_sys_wheel_timer".to_owned())
    );
    assert!(!system.topic_list.contains(&"T".to_owned()));
}

#[test]
fn of_all_topics_at_once_or_in_pages() {
    let world = World::new();
    let client = world.connect();
    let all: TopicConfigAndMappingSerializeWrapper =
        body(&client.call(request::GET_ALL_TOPIC_CONFIG, &NoHeader {}, b""));
    let total = all.topic_config_table.len();
    let mut seen = 0;
    for first in (0..total).step_by(4) {
        let header = GetAllTopicConfig {
            topic_seq: Some(i32::try_from(first).unwrap()),
            data_version: None,
            max_topic_num: Some(4),
        };
        let answer = client.call(request::GET_ALL_TOPIC_CONFIG, &header, b"");
        assert_eq!(
            answer.ext_field("totalTopicNum").unwrap(),
            total.to_string()
        );
        seen += body::<TopicConfigAndMappingSerializeWrapper>(&answer)
            .topic_config_table
            .len();
    }
    assert_eq!(seen, total);
}

#[test]
fn of_groups_and_their_progress() {
    let world = World::new();
    world.create_topic("T", 1);
    let client = world.connect();
    client.heartbeat_quietly("c", "g", "T", "*");
    for _ in 0..3 {
        client.store("T", 0, "", "x");
    }
    client.call(request::PULL_MESSAGE, &poll("g", "T", 0, 0), b"");
    client.commit("g", "T", 0, 2);
    let header = GetConsumeStats {
        consumer_group: "g".to_owned(),
        topic: None,
        topic_list: None,
    };
    let stats: ConsumeStats = body(&client.call(request::GET_CONSUME_STATS, &header, b""));
    let offsets = stats.offset_table[&queue(0)];
    assert_eq!(
        (
            offsets.broker_offset,
            offsets.consumer_offset,
            offsets.pull_offset
        ),
        (3, 2, 3)
    );
    assert_eq!(offsets.last_timestamp, START_MS);
}

#[test]
fn of_clients() {
    let world = World::new();
    let client = world.connect();
    client.heartbeat_quietly("c", "g", "T", "TagA");
    let header = GetConsumerConnectionList {
        consumer_group: "g".to_owned(),
    };
    let answer = client.call(request::GET_CONSUMER_CONNECTION_LIST, &header, b"");
    let consumers: ConsumerConnection = body(&answer);
    assert_eq!(consumers.connection_set[0].client_id, "c");
    assert_eq!(
        consumers.connection_set[0].client_addr,
        client.peer_address()
    );
    assert_eq!(consumers.subscription_table["T"].code_set, [2_598_919]);
    let header = GetConsumerConnectionList {
        consumer_group: "h".to_owned(),
    };
    let answer = client.call(request::GET_CONSUMER_CONNECTION_LIST, &header, b"");
    assert_eq!(
        (answer.code, remark(&answer)),
        (206, "the consumer group[h] not online")
    );

    let heartbeat = br#"{"clientID":"p","producerDataSet":[{"groupName":"pg"}]}"#;
    client.call(request::HEART_BEAT, &NoHeader {}, heartbeat);
    let header = GetProducerConnectionList {
        producer_group: "pg".to_owned(),
    };
    let answer = client.call(request::GET_PRODUCER_CONNECTION_LIST, &header, b"");
    assert_eq!(
        body::<ProducerConnection>(&answer).connection_set[0].client_id,
        "p"
    );
    client.disconnect();
    let tool = world.connect();
    let answer = tool.call(request::GET_PRODUCER_CONNECTION_LIST, &header, b"");
    assert_eq!(
        (answer.code, remark(&answer)),
        (1, "the producer group[pg] not exist")
    );
}

#[test]
fn of_messages_and_times() {
    let world = World::new();
    let client = world.connect();
    client.store("T", 0, "", "first");
    world.pass(1_000);
    client.store("T", 0, "", "second");
    let header = ViewMessage {
        topic: None,
        offset: 0,
    };
    let answer = client.call(request::VIEW_MESSAGE_BY_ID, &header, b"");
    assert_eq!(texts(&answer), ["first"]);
    let header = ViewMessage {
        topic: None,
        offset: 99_999_999,
    };
    let answer = client.call(request::VIEW_MESSAGE_BY_ID, &header, b"");
    let words = "can not find message by the offset, 99999999";
    assert_eq!((answer.code, remark(&answer)), (1, words));
    let header = SearchOffset {
        topic: "T".to_owned(),
        timestamp: START_MS + 500,
        ..SearchOffset::default()
    };
    let answer = client.call(request::SEARCH_OFFSET_BY_TIMESTAMP, &header, b"");
    assert_eq!(answer.ext_field("offset").as_deref(), Some("1"));
    let header = SearchOffset {
        topic: "T".to_owned(),
        ..SearchOffset::default()
    };
    let answer = client.call(request::GET_EARLIEST_MSG_STORETIME, &header, b"");
    assert_eq!(answer.ext_field("timestamp").unwrap(), START_MS.to_string());
}

#[test]
fn of_the_broker_itself() {
    let world = World::new();
    let client = world.connect();
    world.pass(0);
    for _ in 0..50 {
        client.store("T", 0, "", "x");
    }
    world.pass(10_000);
    let table =
        body::<KVTable>(&client.call(request::GET_BROKER_RUNTIME_INFO, &NoHeader {}, b"")).table;
    assert_eq!(table["putTps"], "5.0 5.0 5.0");
    assert_eq!(table["msgPutTotalTodayNow"], "50");
    assert_eq!(table["brokerVersionDesc"], "V5_5_0");
    assert_eq!(
        table["runtime"],
        "[ 0 days, 0 hours, 0 minutes, 10 seconds ]"
    );
    assert_eq!(table["earliestMessageTimeStamp"], START_MS.to_string());
    // What clusterList and brokerStatus read (recorded from 5.5.0).
    for key in include_str!("runtime_keys.txt").lines() {
        assert!(table.contains_key(key), "{key}");
    }
}
