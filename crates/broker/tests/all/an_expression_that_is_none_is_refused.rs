//! With the codes that clients know and a text that tells what to change.

use ferrocket_protocol::bodies::{self, CheckClientRequestBody, SubscriptionData};
use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::NoHeader;
use ferrocket_protocol::headers::PullMessage;

use crate::support::*;

fn check(world: &World, expression_type: &str, expression: &str, class: bool) -> (i32, String) {
    let body = CheckClientRequestBody {
        subscription_data: Some(SubscriptionData {
            topic: "T".to_owned(),
            sub_string: expression.to_owned(),
            expression_type: expression_type.to_owned(),
            class_filter_mode: class,
            ..SubscriptionData::default()
        }),
        ..CheckClientRequestBody::default()
    };
    let answer = world.connect().call(
        request::CHECK_CLIENT_CONFIG,
        &NoHeader {},
        &bodies::print(&body),
    );
    (answer.code, remark(&answer).to_owned())
}

#[test]
fn when_a_client_asks_before_it_starts() {
    let world = world_with_filters();
    assert_eq!(check(&world, "TAG", "a ||| b", false), (0, String::new()));
    assert_eq!(check(&world, "SQL92", "a > 1", false), (0, String::new()));
    let (code, text) = check(&world, "SQL92", "a >>> 1", false);
    assert_eq!(
        (code, text.as_str()),
        (
            23,
            "line 1, column 4: found >, expected a property, a value or ("
        )
    );
    let (code, text) = check(&world, "CLASS", "a.b.C", false);
    assert_eq!(
        (code, text.as_str()),
        (
            1,
            "The broker does not support consumer to filter message by CLASS"
        )
    );
    let (code, text) = check(&world, "TAG", "*", true);
    assert!(
        code == 1 && text.starts_with("class filters need"),
        "{text}"
    );
}

#[test]
fn when_the_broker_has_no_property_filters() {
    let world = World::new();
    let words = "The broker does not support consumer to filter message by SQL92";
    assert_eq!(
        check(&world, "SQL92", "a > 1", false),
        (1, words.to_owned())
    );
    world.create_topic("T", 1);
    let client = world.connect();
    let answer = client.call(request::PULL_MESSAGE, &sql("g", "T", "a > 1", 0), b"");
    assert_eq!((answer.code, remark(&answer)), (1, words));
    client.heartbeat_sql("c", "g", "T", "a > 1", 1);
    client.received();
    let answer = client.call(request::PULL_MESSAGE, &pull("g", "T", 0, 0), b"");
    assert_eq!((answer.code, remark(&answer)), (1, words));
}

#[test]
fn when_it_comes_with_a_pull() {
    let world = world_with_filters();
    world.create_topic("T", 1);
    let client = world.connect();
    for _ in 0..2 {
        let answer = client.call(request::PULL_MESSAGE, &sql("g", "T", "a >", 0), b"");
        assert_eq!(answer.code, 23);
        assert_eq!(
            remark(&answer),
            "parse the consumer's subscription failed: line 1, column 4: found the end of the expression, expected a property, a value or ("
        );
    }
    let answer = client.call(request::PULL_MESSAGE, &sql("g", "T", "", 0), b"");
    assert_eq!(answer.code, 23, "an empty one is none");
    let header = PullMessage {
        sys_flag: 0xc,
        ..sql("g", "T", "a > 1", 0)
    };
    let answer = client.call(request::PULL_MESSAGE, &header, b"");
    assert!(
        answer.code == 1 && remark(&answer).starts_with("class filters need"),
        "{answer:?}"
    );
}

#[test]
fn when_a_heartbeat_brought_it() {
    let world = world_with_filters();
    world.create_topic("T", 1);
    let client = world.connect();
    client.heartbeat_sql("c", "g", "T", "a > 1", 1);
    client.heartbeat_sql("c", "g", "T", "a >", 2);
    client.received();
    let answer = client.call(request::PULL_MESSAGE, &pull("g", "T", 0, 0), b"");
    assert_eq!(answer.code, 27);
    assert_eq!(
        remark(&answer),
        "The broker's consumer filter data is not exist!Your expression may be wrong!"
    );
    client.heartbeat_sql("c", "g", "T", "a > 2", 3);
    client.received();
    client.call_later(request::PULL_MESSAGE, &pull("g", "T", 0, 0), b"");
}
