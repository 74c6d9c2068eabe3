use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::{DeleteTopic, GetMaxOffset, QueryConsumerOffset};

use ferrocket_store::{FlushMode, StoreConfig};

use crate::support::*;

#[test]
fn with_its_messages_and_offsets() {
    let world = World::new();
    let client = world.connect();
    client.heartbeat_quietly("c", "g", "T", "*");
    client.store("T", 0, "", "a");
    client.call(request::PULL_MESSAGE, &poll("g", "T", 0, 0), b"");
    client.commit("g", "T", 0, 1);
    client.received();
    client.call_later(request::PULL_MESSAGE, &pull("g", "T", 0, 1), b"");

    let delete = DeleteTopic {
        topic: "T".to_owned(),
    };
    assert_eq!(
        world
            .connect()
            .call(request::DELETE_TOPIC_IN_BROKER, &delete, b"")
            .code,
        0
    );
    let told = client.received_one();
    assert_eq!(told.code, 17);
    assert!(remark(&told).starts_with("topic[T] not exist, apply first please! "));
    let header = GetMaxOffset {
        topic: "T".to_owned(),
        ..GetMaxOffset::default()
    };
    let answer = client.call(request::GET_MAX_OFFSET, &header, b"");
    assert_eq!(answer.ext_field("offset").as_deref(), Some("0"));
    let header = QueryConsumerOffset {
        consumer_group: "g".into(),
        topic: "T".into(),
        queue_id: 0,
        set_zero_if_not_found: Some(false),
    };
    assert_eq!(
        client
            .call(request::QUERY_CONSUMER_OFFSET, &header, b"")
            .code,
        22
    );

    let world = world.restart();
    let answer = world
        .connect()
        .call(request::PULL_MESSAGE, &poll("g", "T", 0, 0), b"");
    assert_eq!(answer.code, 17);
}

/// The pull passes its checks, is read from the disk meanwhile, and finds nothing any more.
#[test]
fn also_one_that_begins_to_wait_after_the_deletion() {
    let world = World::with(
        config(),
        StoreConfig {
            hot_window_bytes: 4_096,
            ..store_config(FlushMode::Async)
        },
    );
    let client = world.connect();
    for _ in 0..20 {
        client.store("T", 0, "", &"x".repeat(1_000));
    }
    client.heartbeat_quietly("c", "g", "T", "*");
    client.received();
    client.call_later(request::PULL_MESSAGE, &pull("g", "T", 0, 0), b"");
    let delete = DeleteTopic {
        topic: "T".to_owned(),
    };
    let deleter = world.connect();
    assert_eq!(
        deleter
            .call(request::DELETE_TOPIC_IN_BROKER, &delete, b"")
            .code,
        0
    );
    assert!(client.received().is_empty());
    assert_eq!(world.read_cold(), 1);
    let told = client.received_one();
    assert_eq!(told.code, 17);
    assert!(remark(&told).starts_with("topic[T] not exist, apply first please! "));

    // Nor does one of the same name, made since, know of it.
    world.create_topic("T", 1);
    client.call_later(request::PULL_MESSAGE, &pull("g", "T", 0, 0), b"");
    assert!(client.received().is_empty());
    deleter.store("T", 0, "", "new");
    assert_eq!(texts(&client.received_one()), ["new"]);
}

#[test]
fn unless_it_is_the_system_s_or_has_no_name() {
    let world = World::new();
    let client = world.connect();
    let refused = [
        ("TBW102", "The topic[TBW102] is conflict with system topic."),
        (
            "broker-a",
            "The topic[broker-a] is conflict with system topic.",
        ),
        ("", "The specified topic is blank."),
    ];
    for (topic, expected) in refused {
        let answer = client.call(
            request::DELETE_TOPIC_IN_BROKER,
            &DeleteTopic {
                topic: topic.to_owned(),
            },
            b"",
        );
        assert_eq!((answer.code, remark(&answer)), (29, expected));
    }
    let absent = DeleteTopic {
        topic: "absent".to_owned(),
    };
    assert_eq!(
        client
            .call(request::DELETE_TOPIC_IN_BROKER, &absent, b"")
            .code,
        0
    );
}
