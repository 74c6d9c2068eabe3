use ferrocket_broker::BrokerRole;
use ferrocket_protocol::bodies::SubscriptionGroupConfig;
use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::{Frame, NoHeader};
use ferrocket_protocol::headers::PullMessage;
use ferrocket_protocol::{bodies, frame};
use ferrocket_store::FlushMode;

use crate::support::*;

const FAQ: &str = "\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.";

fn expect(answer: &Frame, code: i32, words: &str, forbidden_type: Option<&str>) {
    assert_eq!((answer.code, remark(answer)), (code, words));
    assert_eq!(answer.ext_field("forbiddenType").as_deref(), forbidden_type);
    if forbidden_type.is_none() {
        assert_eq!(answer.ext().iter().count(), 0, "{answer:?}");
    }
}

fn update_group(world: &World, change: impl FnOnce(&mut SubscriptionGroupConfig)) {
    let mut group = SubscriptionGroupConfig {
        group_name: "g".into(),
        ..Default::default()
    };
    change(&mut group);
    let answer = world.connect().call(
        request::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
        &NoHeader {},
        &bodies::print(&group),
    );
    assert_eq!(answer.code, 0);
}

#[test]
fn about_the_topic_the_queue_and_the_group() {
    let world = World::new();
    world.create_topic("T", 2);
    world.create_topic_with("W", 2, 2, false);
    let client = world.connect();
    let ask = |header: PullMessage<'_>| client.call(request::PULL_MESSAGE, &header, b"");
    expect(
        &ask(poll("g", "absent", 0, 0)),
        17,
        &format!("topic[absent] not exist, apply first please! {FAQ}"),
        None,
    );
    expect(
        &ask(poll("g", "W", 0, 0)),
        16,
        "the topic[W] pulling message is forbidden",
        Some("3"),
    );
    let consumer = client.peer_address();
    for queue_id in [-1, 2] {
        expect(
            &ask(poll("g", "T", queue_id, 0)),
            29,
            &format!(
                "queueId[{queue_id}] is illegal, topic:[T] topicConfig.readQueueNums:[2] consumer:[/{consumer}]"
            ),
            None,
        );
    }
    expect(
        &ask(poll("bad group!", "T", 0, 0)),
        26,
        &format!("subscription group [bad group!] does not exist, {FAQ}"),
        None,
    );
    update_group(&world, |group| group.consume_enable = false);
    expect(
        &ask(poll("g", "T", 0, 0)),
        16,
        "subscription group no permission, g",
        Some("2"),
    );
}

#[test]
fn about_the_subscription() {
    let world = World::new();
    world.create_topic("T", 2);
    let client = world.connect();
    let ask = |header: PullMessage<'_>| client.call(request::PULL_MESSAGE, &header, b"");
    let offline = format!("the consumer's group info not exist{FAQ}");
    expect(&ask(pull("g", "T", 0, 0)), 24, &offline, None);
    client.heartbeat_quietly("c", "g", "U", "*");
    let missing = format!("the consumer's subscription not exist{FAQ}");
    expect(&ask(pull("g", "T", 0, 0)), 24, &missing, None);
    client.heartbeat_quietly("c", "g", "T", "*");
    client.received();
    let newer = PullMessage {
        sub_version: 2,
        ..pull("g", "T", 0, 0)
    };
    expect(
        &ask(newer),
        25,
        "the consumer's subscription not latest",
        None,
    );
    let sql = PullMessage {
        expression_type: Some("SQL92".into()),
        ..poll("g", "T", 0, 0)
    };
    let words = "The broker does not support consumer to filter message by SQL92";
    expect(&ask(sql), 1, words, None);

    update_group(&world, |group| group.consume_broadcast_enable = false);
    client.heartbeat_as("c", "g", "T", "*", "BROADCASTING");
    let words = "the consumer group[g] can not consume by broadcast way";
    expect(&ask(pull("g", "T", 0, 0)), 16, words, Some("4"));
}

#[test]
fn about_the_broker() {
    type Change = fn(&mut ferrocket_broker::BrokerConfig);
    let cases: [(Change, i32, i32, &str, Option<&str>); 3] = [
        (
            |config| config.broker_permission = 2,
            request::PULL_MESSAGE,
            16,
            "the broker[10.0.0.1] pulling message is forbidden",
            Some("1"),
        ),
        (
            |config| config.lite_pull_message_enable = false,
            request::LITE_PULL_MESSAGE,
            16,
            "the broker[10.0.0.1] for lite pull consumer is forbidden",
            Some("1"),
        ),
        (
            |config| config.broker_role = BrokerRole::Slave,
            request::PULL_MESSAGE,
            2,
            "[REJECTREQUEST]system busy, start flow control for a while",
            None,
        ),
    ];
    for (change, asked, code, words, forbidden_type) in cases {
        let mut settings = config();
        change(&mut settings);
        let world = World::with(settings, store_config(FlushMode::Async));
        world.create_topic("T", 1);
        let answer = world.connect().call(asked, &poll("g", "T", 0, 0), b"");
        expect(&answer, code, words, forbidden_type);
    }
}

#[test]
fn and_so_does_the_port_that_serves_no_pulls() {
    let world = World::new();
    world.create_topic("T", 1);
    let client = world.connect();
    for code in [request::PULL_MESSAGE, request::LITE_PULL_MESSAGE] {
        let frame: frame::Frame = client.request(code, &poll("g", "T", 0, 0), b"");
        let answers = client.read_at(ferrocket_broker::Port::Vip, vec![frame]);
        assert_eq!(answers.len(), 1);
        expect(
            &answers[0],
            3,
            &format!(" request type {code} not supported"),
            None,
        );
    }
}
