use ferrocket_protocol::bodies::MessageQueue;
use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::SendMessage;
use ferrocket_protocol::message::{View, properties};

use crate::support::*;

fn retried(times: i32) -> SendMessage<'static> {
    SendMessage {
        reconsume_times: Some(times),
        ..message("%RETRY%g", 0, "")
    }
}

#[test]
fn of_its_group() {
    let world = World::new();
    let client = world.connect();
    assert_eq!(client.send(&retried(16), b"once more").code, 0);
    assert_eq!(client.send(&retried(17), b"enough").code, 0);
    let answer = client.call(request::PULL_MESSAGE, &poll("g", "%RETRY%g", 0, 0), b"");
    assert_eq!(texts(&answer), ["once more"]);
    let answer = client.call(request::PULL_MESSAGE, &poll("g", "%DLQ%g", 0, 0), b"");
    assert_eq!(texts(&answer), ["enough"]);
    let record = View::parse(&answer.body).unwrap();
    assert_eq!(properties::find(record.properties, "DELAY"), Some("-1"));
}

#[test]
fn by_the_count_that_the_client_gives() {
    let world = World::new();
    let client = world.connect();
    let header = SendMessage {
        max_reconsume_times: Some(1),
        ..retried(2)
    };
    assert_eq!(client.send(&header, b"enough").code, 0);
    let answer = client.call(request::PULL_MESSAGE, &poll("g", "%DLQ%g", 0, 0), b"");
    assert_eq!(texts(&answer), ["enough"]);
}

#[test]
fn at_once_when_the_group_consumes_in_order() {
    let world = World::new();
    let client = world.connect();
    let queue = MessageQueue {
        topic: "T".into(),
        broker_name: "broker-a".into(),
        queue_id: 0,
    };
    client.lock("g", "c", vec![queue]);
    assert_eq!(client.send(&retried(0), b"no gap").code, 0);
    let answer = client.call(request::PULL_MESSAGE, &poll("g", "%DLQ%g", 0, 0), b"");
    assert_eq!(texts(&answer), ["no gap"]);
}

#[test]
fn which_needs_a_group() {
    let mut settings = config();
    settings.auto_create_subscription_group = false;
    let world = World::with(settings, store_config(ferrocket_store::FlushMode::Async));
    let answer = world.connect().send(&retried(0), b"x");
    assert_eq!(answer.code, 26);
    assert!(
        remark(&answer).starts_with("subscription group not exist, g \nSee "),
        "{answer:?}"
    );
}
