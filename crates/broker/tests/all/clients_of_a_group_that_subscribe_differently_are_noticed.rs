use ferrocket_protocol::bodies::ConsumerConnection;
use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::{Frame, NoHeader};
use ferrocket_protocol::headers::GetConsumerConnectionList;

use crate::support::*;

fn conflict(world: &World) -> Option<String> {
    let header = GetConsumerConnectionList {
        consumer_group: "g".to_owned(),
    };
    let answer = world
        .connect()
        .call(request::GET_CONSUMER_CONNECTION_LIST, &header, b"");
    let said = body::<ConsumerConnection>(&answer).conflict;
    assert_eq!(
        world.broker.sizes().conflicting_groups,
        usize::from(said.is_some())
    );
    said
}

fn heartbeat(client: &Client<'_>, client_id: &str, expression: &str) -> Frame {
    let body = format!(
        r#"{{"clientID":"{client_id}","consumerDataSet":[{{"consumeType":"CONSUME_PASSIVELY","groupName":"g","messageModel":"CLUSTERING","subscriptionDataSet":[{{"subString":"{expression}","subVersion":1,"topic":"T"}}]}}],"producerDataSet":[]}}"#
    );
    let frame = client.request(request::HEART_BEAT, &NoHeader {}, body.as_bytes());
    client.read(vec![frame]).remove(0)
}

fn strict() -> World {
    let mut settings = config();
    settings.reject_conflicting_subscriptions = true;
    World::with(settings, store_config(ferrocket_store::FlushMode::Async))
}

#[test]
fn until_they_agree_again() {
    let world = World::new();
    let (one, two) = (world.connect(), world.connect());
    one.heartbeat_quietly("one", "g", "T", "A");
    assert_eq!(conflict(&world), None);
    two.heartbeat_quietly("two", "g", "T", "B");
    let words = "one and two differ in topic T: \"A\" and \"B\"";
    assert_eq!(conflict(&world).as_deref(), Some(words));
    one.heartbeat_quietly("one", "g", "T", "A");
    assert_eq!(conflict(&world).as_deref(), Some(words), "nobody changed");
    one.heartbeat_quietly("one", "g", "T", "B");
    assert_eq!(conflict(&world), None);
    two.heartbeat_as("two", "g", "T", "B", "BROADCASTING");
    assert!(conflict(&world).unwrap().contains("message model"));
    two.disconnect();
    assert_eq!(conflict(&world), None, "the other is gone");
}

#[test]
fn but_a_client_that_comes_back_with_another_subscription_is_no_other() {
    let world = strict();
    let (before, after) = (world.connect(), world.connect());
    assert_eq!(heartbeat(&before, "one", "A").code, 0);
    assert_eq!(heartbeat(&after, "one", "B").code, 0);
    assert_eq!(conflict(&world), None);
}

#[test]
fn and_not_let_in_where_that_is_wanted() {
    let world = strict();
    let (one, two) = (world.connect(), world.connect());
    assert_eq!(heartbeat(&one, "one", "A").code, 0);
    let answer = heartbeat(&two, "two", "B");
    assert_eq!(answer.code, 1);
    assert_eq!(
        remark(&answer),
        "the clients of group[g] must subscribe alike (rejectConflictingSubscriptions=true): one and two differ in topic T: \"A\" and \"B\""
    );
    assert_eq!(conflict(&world), None);
    // The group goes on with what it had, and takes the newcomer once it is alone.
    let header = pull("g", "T", 0, 0);
    one.store("T", 0, "TAGS\x01A\x02", "a");
    one.received();
    let answer = one.call(request::PULL_MESSAGE, &header, b"");
    assert_eq!(texts(&answer), ["a"]);
    one.disconnect();
    assert_eq!(heartbeat(&two, "two", "B").code, 0);
    // A member that changes its mind alone stays what it was, and alive.
    let three = world.connect();
    assert_eq!(heartbeat(&three, "three", "B").code, 0);
    for _ in 0..3 {
        world.pass(60_000);
        assert_eq!(heartbeat(&two, "two", "B").code, 0);
        assert_eq!(heartbeat(&three, "three", "C").code, 1);
    }
    world.pass(10_000);
    assert_eq!(conflict(&world), None);
    assert!(!three.peer.closed.load(std::sync::atomic::Ordering::Relaxed));
}
