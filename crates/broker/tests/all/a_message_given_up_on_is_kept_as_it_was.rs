use ferrocket_protocol::bodies::{self, SubscriptionGroupConfig};
use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::{Frame, NoHeader};
use ferrocket_protocol::headers::{ConsumerSendMsgBack, SendMessage};
use ferrocket_protocol::message::View;
use ferrocket_store::FlushMode;

use crate::support::*;

fn back(level: i32) -> ConsumerSendMsgBack {
    ConsumerSendMsgBack {
        offset: 0,
        group: "g".to_owned(),
        delay_level: level,
        ..ConsumerSendMsgBack::default()
    }
}

fn send_back(client: &Client<'_>, header: &ConsumerSendMsgBack) -> Frame {
    client.call(request::CONSUMER_SEND_MSG_BACK, header, b"")
}

fn group(client: &Client<'_>, config: SubscriptionGroupConfig) {
    let config = SubscriptionGroupConfig {
        group_name: "g".to_owned(),
        ..config
    };
    let answer = client.call(
        request::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
        &NoHeader {},
        &bodies::print(&config),
    );
    assert_eq!(answer.code, 0);
}

fn dead(client: &Client<'_>) -> Vec<String> {
    texts(&client.call(request::PULL_MESSAGE, &poll("g", "%DLQ%g", 0, 0), b""))
}

#[test]
fn but_for_where_it_came_from() {
    let world = World::new();
    world.create_topic("T", 1);
    let client = world.connect();
    let header = SendMessage {
        flag: 7,
        ..message(
            "T",
            0,
            "KEYS\x01k\x02TAGS\x01A\x02UNIQ_KEY\x01U\x02colour\x01red\x02",
        )
    };
    assert_eq!(client.send(&header, b"body").code, 0);
    assert_eq!(send_back(&client, &back(-1)).code, 0);
    let answer = client.call(request::PULL_MESSAGE, &poll("g", "%DLQ%g", 0, 0), b"");
    let record = View::parse(&answer.body).unwrap();
    assert_eq!(
        (record.body, record.flag, record.reconsume_times),
        (&b"body"[..], 7, 1)
    );
    for (name, value) in [
        ("KEYS", "k"),
        ("TAGS", "A"),
        ("UNIQ_KEY", "U"),
        ("colour", "red"),
        ("RETRY_TOPIC", "T"),
        ("ORIGIN_MESSAGE_ID", "0A00000100002A9F0000000000000000"),
        ("DELAY", "0"),
        ("WAIT", "false"),
    ] {
        assert_eq!(record.property(name), Some(value), "{name}");
    }
    assert_eq!(record.born_ms, START_MS - 5);
    assert_eq!(world.broker.metrics().sent_to_dead_letters, 1);
}

#[test]
fn after_as_many_times_as_the_header_says_or_else_the_group() {
    let world = World::new();
    world.create_topic("T", 1);
    let mut client = world.connect();
    client.store("T", 0, "", "m");
    let once = SubscriptionGroupConfig {
        retry_max_times: 0,
        ..SubscriptionGroupConfig::default()
    };
    group(&client, once);
    let of_header = ConsumerSendMsgBack {
        max_reconsume_times: Some(5),
        ..back(0)
    };
    assert_eq!(send_back(&client, &of_header).code, 0);
    assert!(dead(&client).is_empty(), "the header allows more");
    assert_eq!(send_back(&client, &back(0)).code, 0);
    assert_eq!(dead(&client), ["m"]);
    client.version = 100;
    assert_eq!(send_back(&client, &of_header).code, 0);
    assert_eq!(
        dead(&client),
        ["m", "m"],
        "clients so old do not say how often"
    );
}

#[test]
fn unless_the_group_wants_none() {
    let world = World::new();
    world.create_topic("T", 1);
    let client = world.connect();
    client.store("T", 0, "", "m");
    let none = SubscriptionGroupConfig {
        retry_queue_nums: 0,
        ..SubscriptionGroupConfig::default()
    };
    group(&client, none);
    let before = world.store.appended();
    assert_eq!(send_back(&client, &back(-1)).code, 0);
    assert_eq!(world.store.appended(), before);
}

#[test]
fn and_what_is_not_there_is_refused() {
    let world = World::new();
    let client = world.connect();
    let answer = send_back(
        &client,
        &ConsumerSendMsgBack {
            offset: 77,
            ..back(0)
        },
    );
    assert_eq!(
        (answer.code, remark(&answer)),
        (1, "look message by offset failed, 77")
    );
}

#[test]
fn and_with_synchronous_flush_it_is_on_the_disk_before_that_is_said() {
    let world = World::with(config(), store_config(FlushMode::Sync));
    world.create_topic("T", 1);
    let client = world.connect();
    client.call_later(
        request::SEND_MESSAGE_V2,
        &ferrocket_protocol::headers::SendMessageV2::from(message("T", 0, "")),
        b"m",
    );
    world.flush();
    assert_eq!(client.received_one().code, 0);
    client.call_later(request::CONSUMER_SEND_MSG_BACK, &back(-1), b"");
    assert!(client.received().is_empty());
    world.flush();
    assert_eq!(client.received_one().code, 0);
}
