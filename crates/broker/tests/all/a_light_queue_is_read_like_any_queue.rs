use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::{CreateTopic, GetMaxOffset, GetMinOffset, SearchOffset};
use ferrocket_store::FlushMode;

use crate::support::*;

#[test]
fn and_nobody_makes_it() {
    let world = World::with_light_queues(FlushMode::Async);
    let client = world.connect();
    client.store_listing("T", "%LMQ%a,%LMQ%b", "both");
    client.store("T", 0, "", "neither");
    client.store_listing("T", "%LMQ%b", "one");
    let read = |topic: &str| {
        let answer = client.call(request::PULL_MESSAGE, &poll("g", topic, 0, 0), b"");
        assert_eq!(answer.code, 0, "{:?}", answer.remark);
        texts(&answer)
    };
    assert_eq!(read("%LMQ%a"), ["both"]);
    assert_eq!(read("%LMQ%b"), ["both", "one"]);
    assert_eq!(read("T"), ["both", "neither", "one"]);
    let registered = world.broker.registration(None);
    let topics = registered.topic_config_serialize_wrapper.topic_config_table;
    assert!(topics.contains_key("T") && !topics.contains_key("%LMQ%a"));

    let world = world.restart();
    let client = world.connect();
    let answer = client.call(request::PULL_MESSAGE, &poll("g", "%LMQ%b", 0, 1), b"");
    assert_eq!(texts(&answer), ["one"]);
}

#[test]
fn by_groups_that_nobody_makes() {
    let settings = ferrocket_broker::BrokerConfig {
        auto_create_subscription_group: false,
        ..config()
    };
    let store_config = ferrocket_store::StoreConfig {
        enable_lmq: true,
        enable_multi_dispatch: true,
        ..store_config(FlushMode::Async)
    };
    let world = World::with(settings, store_config);
    let client = world.connect();
    client.store_listing("T", "%LMQ%a", "x");
    let pull_by = |group| client.call(request::PULL_MESSAGE, &poll(group, "%LMQ%a", 0, 0), b"");
    assert_eq!(texts(&pull_by("%LMQ%g")), ["x"]);
    assert_eq!(pull_by("g").code, 26);
}

#[test]
fn with_its_ends_and_its_times() {
    let world = World::with_light_queues(FlushMode::Async);
    let client = world.connect();
    for body in ["x", "y"] {
        client.store_listing("T", "%LMQ%a", body);
        world.pass(1_000);
    }
    let topic = || "%LMQ%a".to_owned();
    let max = GetMaxOffset {
        topic: topic(),
        ..GetMaxOffset::default()
    };
    let min = GetMinOffset {
        topic: topic(),
        ..GetMinOffset::default()
    };
    let search = SearchOffset {
        topic: topic(),
        timestamp: START_MS + 500,
        ..SearchOffset::default()
    };
    let answers = [
        client.call(request::GET_MAX_OFFSET, &max, b""),
        client.call(request::GET_MIN_OFFSET, &min, b""),
        client.call(request::SEARCH_OFFSET_BY_TIMESTAMP, &search, b""),
    ];
    let offsets = answers.map(|answer| answer.ext_field("offset").unwrap().into_owned());
    assert_eq!(offsets, ["2", "0", "1"]);
}

#[test]
fn unless_it_has_another_number_or_no_directory_can_have_its_name() {
    let world = World::with_light_queues(FlushMode::Async);
    let client = world.connect();
    let code = |topic, queue_id| {
        let header = poll("g", topic, queue_id, 0);
        client.call(request::PULL_MESSAGE, &header, b"").code
    };
    assert_eq!(code("%LMQ%a", 1), 29, "it has one queue");
    assert_eq!(code("%LMQ%a/b", 0), 17);
    assert_eq!(code("%LMQ%a", 0), 19, "empty, not missing");
}

#[test]
fn and_settings_for_it_change_nothing() {
    let world = World::with_light_queues(FlushMode::Async);
    let client = world.connect();
    let header = CreateTopic {
        topic: "%LMQ%a".to_owned(),
        default_topic: "TBW102".to_owned(),
        read_queue_nums: 8,
        write_queue_nums: 8,
        perm: 2,
        topic_filter_type: "SINGLE_TAG".to_owned(),
        ..CreateTopic::default()
    };
    let answer = client.call(request::UPDATE_AND_CREATE_TOPIC, &header, b"");
    assert_eq!(answer.code, 0);
    assert!(world.around.registrations.lock().is_empty());
    client.store_listing("T", "%LMQ%a", "x");
    let answer = client.call(request::PULL_MESSAGE, &poll("g", "%LMQ%a", 0, 0), b"");
    assert_eq!(texts(&answer), ["x"]);
}

#[test]
fn only_where_such_queues_are_wanted() {
    let world = World::new();
    let client = world.connect();
    client.store_listing("T", "%LMQ%a", "x");
    let answer = client.call(request::PULL_MESSAGE, &poll("g", "%LMQ%a", 0, 0), b"");
    assert_eq!(answer.code, 17);
    let answer = client.call(request::PULL_MESSAGE, &poll("g", "T", 0, 0), b"");
    assert_eq!(texts(&answer), ["x"]);
}
