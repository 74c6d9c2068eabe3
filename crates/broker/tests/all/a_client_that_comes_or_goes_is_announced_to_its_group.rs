use ferrocket_protocol::bodies::GetConsumerListByGroupResponseBody;
use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::{GetConsumerListByGroup, UnregisterClient};

use crate::support::*;

/// How often a client was told that its group changed.
fn notices(client: &Client<'_>, group: &str) -> usize {
    let received = client.received();
    for frame in &received {
        assert_eq!(frame.code, request::NOTIFY_CONSUMER_IDS_CHANGED);
        assert!(frame.is_oneway() && !frame.is_response());
        assert_eq!(frame.ext_field("consumerGroup").as_deref(), Some(group));
    }
    received.len()
}

fn ids(client: &Client<'_>, group: &str) -> Vec<String> {
    let header = GetConsumerListByGroup {
        consumer_group: group.to_owned(),
    };
    let answer = client.call(request::GET_CONSUMER_LIST_BY_GROUP, &header, b"");
    body::<GetConsumerListByGroupResponseBody>(&answer).consumer_id_list
}

#[test]
fn by_heartbeat_by_unregistering_and_by_closing() {
    let world = World::new();
    world.create_topic("T", 1);
    let (one, two, three) = (world.connect(), world.connect(), world.connect());
    let tool = world.connect();
    one.heartbeat_as("one", "g", "T", "*", "CLUSTERING");
    assert_eq!(notices(&one, "g"), 1);
    one.heartbeat_as("one", "g", "T", "*", "CLUSTERING");
    assert_eq!(notices(&one, "g"), 0, "a heartbeat that says nothing new");
    two.heartbeat_quietly("two", "g", "T", "*");
    assert_eq!((notices(&one, "g"), notices(&two, "g")), (1, 1));
    three.heartbeat_quietly("three", "g", "T", "*");
    assert_eq!(
        notices(&one, "g") + notices(&two, "g") + notices(&three, "g"),
        3
    );
    assert_eq!(ids(&tool, "g"), ["one", "three", "two"]);

    let leave = UnregisterClient {
        client_id: "two".to_owned(),
        producer_group: None,
        consumer_group: Some("g".to_owned()),
    };
    assert_eq!(two.call(request::UNREGISTER_CLIENT, &leave, b"").code, 0);
    assert_eq!((notices(&one, "g"), notices(&three, "g")), (1, 1));
    three.disconnect();
    assert_eq!(notices(&one, "g"), 1);
    assert_eq!(ids(&tool, "g"), ["one"]);
    one.disconnect();
    let header = GetConsumerListByGroup {
        consumer_group: "g".to_owned(),
    };
    let answer = tool.call(request::GET_CONSUMER_LIST_BY_GROUP, &header, b"");
    assert_eq!(
        (answer.code, remark(&answer)),
        (1, "no consumer for this group, g")
    );
}

#[test]
fn by_a_change_of_subscribed_topics_but_not_of_versions() {
    let world = World::new();
    let one = world.connect();
    one.heartbeat_quietly("one", "g", "T", "*");
    notices(&one, "g");
    one.heartbeat_quietly("one", "g", "T", "A || B");
    assert_eq!(notices(&one, "g"), 0);
    one.heartbeat_quietly("one", "g", "U", "*");
    assert_eq!(notices(&one, "g"), 1);
}

#[test]
fn but_not_where_every_client_gets_everything() {
    let world = World::new();
    let (one, two) = (world.connect(), world.connect());
    one.heartbeat_as("one", "g", "T", "*", "BROADCASTING");
    two.heartbeat_as("two", "g", "T", "*", "BROADCASTING");
    assert_eq!(notices(&one, "g") + notices(&two, "g"), 0);
}

#[test]
fn and_so_is_one_that_falls_silent() {
    let world = World::new();
    let (one, two) = (world.connect(), world.connect());
    one.heartbeat_quietly("one", "g", "T", "*");
    two.heartbeat_quietly("two", "g", "T", "*");
    world.pass(60_000);
    one.heartbeat_quietly("one", "g", "T", "*");
    notices(&one, "g");
    notices(&two, "g");
    world.pass(60_001);
    assert_eq!(notices(&one, "g"), 1);
    assert!(two.peer.closed.load(std::sync::atomic::Ordering::Relaxed));
    assert_eq!(ids(&one, "g"), ["one"]);
}

#[test]
fn together_every_15_s_when_that_is_wanted() {
    let mut settings = config();
    settings.real_time_notify_consumer_change = false;
    let world = World::with(settings, store_config(ferrocket_store::FlushMode::Async));
    let (one, two) = (world.connect(), world.connect());
    one.heartbeat_quietly("one", "g", "T", "*");
    world.pass(1);
    notices(&one, "g");
    two.heartbeat_quietly("two", "g", "T", "*");
    world.pass(14_998);
    assert_eq!(notices(&one, "g"), 0);
    world.pass(2);
    assert_eq!((notices(&one, "g"), notices(&two, "g")), (1, 1));
}
