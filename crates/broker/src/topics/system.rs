//! The topics that exist from the start (`TopicConfigManager#init`).

use ferrocket_protocol::bodies::TopicConfig;

use super::names;
use crate::config::{BrokerConfig, PERM_INHERIT, PERM_READ, PERM_WRITE};

/// Delay levels of the schedule topic as Java creates it, whatever `messageDelayLevel` says.
const SCHEDULE_QUEUES: i32 = 18;
const BENCHMARK_QUEUES: i32 = 1024;
const CLUSTER_QUEUES: i32 = 16;

/// What is there before `topics.json` is read, whose entries win.
pub(super) fn topics(config: &BrokerConfig) -> Vec<TopicConfig> {
    let all = PERM_READ | PERM_WRITE | PERM_INHERIT;
    let usual = PERM_READ | PERM_WRITE;
    let named_perm = |enabled: bool| if enabled { all } else { PERM_INHERIT };
    let cluster = &config.broker_cluster_name;
    let broker = &config.broker_name;
    let mut topics = vec![
        topic(names::SELF_TEST_TOPIC, 1, usual),
        topic(names::BENCHMARK_TOPIC, BENCHMARK_QUEUES, usual),
        topic(
            cluster,
            CLUSTER_QUEUES,
            named_perm(config.cluster_topic_enable),
        ),
        topic(broker, 1, named_perm(config.broker_topic_enable)),
        topic(names::OFFSET_MOVED_EVENT, 1, usual),
        topic(names::SCHEDULE_TOPIC, SCHEDULE_QUEUES, usual),
        topic(&format!("{cluster}_REPLY_TOPIC"), 1, usual),
        topic(
            &format!("rmq_sys_REVIVE_LOG_{cluster}"),
            config.revive_queue_num,
            usual,
        ),
        topic(
            &format!("rmq_sys_SYNC_BROKER_MEMBER_{broker}"),
            1,
            PERM_INHERIT,
        ),
        topic(names::HALF_TOPIC, 1, usual),
        topic(names::OP_HALF_TOPIC, 1, usual),
        topic(names::ROCKSDB_HALF_TOPIC, 1, usual),
        topic(names::ROCKSDB_OP_HALF_TOPIC, 1, usual),
    ];
    if config.auto_create_topic_enable {
        topics.push(topic(
            names::AUTO_CREATE_TOPIC,
            config.default_topic_queue_nums,
            all,
        ));
    }
    if config.trace_topic_enable {
        topics.push(topic(&config.msg_trace_topic_name, 1, usual));
    }
    if config.timer_wheel_enable {
        topics.push(topic("rmq_sys_wheel_timer", 1, usual));
    }
    topics
}

fn topic(name: &str, queues: i32, perm: i32) -> TopicConfig {
    TopicConfig {
        topic_name: name.to_owned(),
        read_queue_nums: queues,
        write_queue_nums: queues,
        perm,
        ..TopicConfig::default()
    }
}
