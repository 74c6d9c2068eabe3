use ferrocket_broker::RegistrationChange;
use ferrocket_protocol::bodies::KVTable;
use ferrocket_store::FlushMode;

use crate::support::*;

#[test]
fn with_those_of_the_broker() {
    let mut settings = config();
    settings.broker_permission = 4;
    let world = World::with(settings, store_config(FlushMode::Async));
    world.create_topic_with("T", 3, 6, true);
    let body = world.broker.registration(None);
    let table = &body.topic_config_serialize_wrapper.topic_config_table;
    assert_eq!(
        (
            table["T"].perm,
            table["T"].write_queue_nums,
            table["T"].order
        ),
        (4, 3, false)
    );
    assert_eq!(table["TBW102"].perm, 4);
    assert_eq!(
        body.topic_config_serialize_wrapper.data_version,
        world.broker.data_version()
    );
}

#[test]
fn and_names_the_system_topics_of_java() {
    let world = World::new();
    let body = world.broker.registration(None);
    let table = &body.topic_config_serialize_wrapper.topic_config_table;
    let all: Vec<(&str, i32, i32)> = table
        .values()
        .map(|topic| (topic.topic_name.as_str(), topic.read_queue_nums, topic.perm))
        .collect();
    assert_eq!(
        all,
        [
            ("BenchmarkTest", 1024, 6),
            ("DefaultCluster", 16, 7),
            ("DefaultCluster_REPLY_TOPIC", 1, 6),
            ("OFFSET_MOVED_EVENT", 1, 6),
            ("RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC", 1, 6),
            ("RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC", 1, 6),
            ("RMQ_SYS_TRANS_HALF_TOPIC", 1, 6),
            ("RMQ_SYS_TRANS_OP_HALF_TOPIC", 1, 6),
            ("SCHEDULE_TOPIC_XXXX", 18, 6),
            ("SELF_TEST_TOPIC", 1, 6),
            ("TBW102", 8, 7),
            ("broker-a", 1, 7),
            ("rmq_sys_REVIVE_LOG_DefaultCluster", 8, 6),
            ("rmq_sys_SYNC_BROKER_MEMBER_broker-a", 1, 1),
            ("rmq_sys_wheel_timer", 1, 6),
        ],
        "what a 5.5.0 broker registers when it is new"
    );
}

#[test]
fn of_changed_topics_alone_when_asked_and_takes_order_from_the_answer() {
    let world = World::new();
    world.create_topic("T", 3);
    world.create_topic("U", 3);
    let names = ["T".to_owned(), "absent".to_owned()];
    let body = world.broker.registration(Some(&names));
    let table = &body.topic_config_serialize_wrapper.topic_config_table;
    assert_eq!(table.keys().collect::<Vec<_>>(), ["T"]);

    world.around.registrations.lock().clear();
    let before = world.broker.data_version();
    let order = KVTable {
        table: [("T".to_owned(), "broker-a:3".to_owned())].into(),
    };
    world.broker.order_topics(&order, world.now());
    let body = world.broker.registration(None);
    let table = &body.topic_config_serialize_wrapper.topic_config_table;
    assert!(table["T"].order && !table["U"].order);
    assert!(world.broker.data_version() > before);
    let told = RegistrationChange::Topics(vec!["T".to_owned()]);
    assert_eq!(*world.around.registrations.lock(), [told]);
    world.broker.order_topics(&order, world.now());
    assert_eq!(
        world.around.registrations.lock().len(),
        1,
        "no news, no registration"
    );
}
