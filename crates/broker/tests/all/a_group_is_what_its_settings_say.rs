use ferrocket_protocol::bodies::{self, GroupForbidden, SubscriptionGroupConfig};
use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::{Frame, NoHeader};
use ferrocket_protocol::headers::{
    GetSubscriptionGroupConfig, QueryConsumerOffset, UpdateGroupForbidden,
};

use crate::support::*;

fn update(client: &Client<'_>, config: &SubscriptionGroupConfig) -> Frame {
    client.call(
        request::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
        &NoHeader {},
        &bodies::print(config),
    )
}

fn with(attributes: &[(&str, &str)]) -> SubscriptionGroupConfig {
    SubscriptionGroupConfig {
        group_name: "g".to_owned(),
        attributes: attributes
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        ..SubscriptionGroupConfig::default()
    }
}

fn start(client: &Client<'_>) -> Frame {
    let header = QueryConsumerOffset {
        consumer_group: "g".into(),
        topic: "T".into(),
        queue_id: 0,
        set_zero_if_not_found: None,
    };
    client.call(request::QUERY_CONSUMER_OFFSET, &header, b"")
}

#[test]
fn it_begins_at_the_end_of_a_young_queue_only_when_that_is_wanted() {
    let world = World::new();
    world.create_topic("T", 1);
    let client = world.connect();
    client.store("T", 0, "", "old");
    assert_eq!(update(&client, &with(&[])).code, 0);
    let answer = start(&client);
    assert_eq!(
        (answer.code, answer.ext_field("offset").as_deref()),
        (0, Some("0"))
    );
    assert_eq!(
        update(&client, &with(&[("+startFrom", "strict-last")])).code,
        0
    );
    assert_eq!(start(&client).code, 22);
    let world = world.restart();
    assert_eq!(start(&world.connect()).code, 22);
    assert_eq!(
        update(&world.connect(), &with(&[("-startFrom", "")])).code,
        0
    );
    assert_eq!(start(&world.connect()).code, 0);
}

#[test]
fn attributes_are_added_changed_and_deleted_as_those_of_topics() {
    let world = World::new();
    let client = world.connect();
    let refused = |pairs: &[(&str, &str)], words: &str| {
        let answer = update(&client, &with(pairs));
        assert_eq!((answer.code, remark(&answer)), (1, words));
    };
    refused(
        &[("-startFrom", "")],
        "only add attribute is supported while creating topic. key: startFrom",
    );
    refused(&[("+no.such", "x")], "unsupported key: no.such");
    assert_eq!(
        update(&client, &with(&[("+priority.factor", "50")])).code,
        0
    );
    refused(
        &[("+priority.factor", "101")],
        "value is not in range(0, 100)",
    );
    refused(
        &[("priority.factor", "5")],
        "wrong format key: priority.factor",
    );
    let header = GetSubscriptionGroupConfig {
        group: "g".to_owned(),
    };
    let answer = client.call(request::GET_SUBSCRIPTIONGROUP_CONFIG, &header, b"");
    let config: SubscriptionGroupConfig = body(&answer);
    assert_eq!(
        config.attributes.get("priority.factor").map(String::as_str),
        Some("50")
    );
    // Other settings change without them.
    assert_eq!(update(&client, &with(&[])).code, 0);
    let answer = client.call(request::GET_SUBSCRIPTIONGROUP_CONFIG, &header, b"");
    assert_eq!(body::<SubscriptionGroupConfig>(&answer).attributes.len(), 1);
}

#[test]
fn it_may_be_forbidden_to_read_a_topic() {
    let world = World::new();
    world.create_topic("T", 1);
    world.create_topic("U", 1);
    let client = world.connect();
    client.heartbeat_quietly("c", "g", "T", "*");
    client.received();
    let readable = |client: &Client<'_>, topic: &str, wanted: Option<bool>| {
        let header = UpdateGroupForbidden {
            group: "g".to_owned(),
            topic: topic.to_owned(),
            readable: wanted,
        };
        let answer = client.call(request::UPDATE_AND_GET_GROUP_FORBIDDEN, &header, b"");
        body::<GroupForbidden>(&answer).readable
    };
    assert_eq!(readable(&client, "T", None), Some(true));
    assert_eq!(readable(&client, "T", Some(false)), Some(false));
    assert_eq!(readable(&client, "U", Some(false)), Some(false));
    let answer = client.call(request::PULL_MESSAGE, &pull("g", "T", 0, 0), b"");
    assert_eq!(
        (answer.code, remark(&answer)),
        (16, "the consumer group[g] is forbidden for topic[T]")
    );
    assert_eq!(answer.ext_field("forbiddenType").as_deref(), Some("5"));
    assert_eq!(readable(&client, "T", Some(true)), Some(true));
    let world = world.restart();
    let client = world.connect();
    assert_eq!(readable(&client, "T", None), Some(true));
    assert_eq!(
        readable(&client, "U", None),
        Some(false),
        "the other stays forbidden"
    );
}

#[test]
fn it_does_not_consume_when_it_is_disabled_or_may_not_broadcast() {
    let world = World::new();
    world.create_topic("T", 1);
    let client = world.connect();
    client.heartbeat_as("c", "g", "T", "*", "BROADCASTING");
    let quiet = SubscriptionGroupConfig {
        consume_broadcast_enable: false,
        ..with(&[])
    };
    assert_eq!(update(&client, &quiet).code, 0);
    let answer = client.call(request::PULL_MESSAGE, &pull("g", "T", 0, 0), b"");
    assert_eq!(
        (answer.code, remark(&answer)),
        (16, "the consumer group[g] can not consume by broadcast way")
    );
    let disabled = SubscriptionGroupConfig {
        consume_enable: false,
        ..with(&[])
    };
    assert_eq!(update(&client, &disabled).code, 0);
    let answer = client.call(request::PULL_MESSAGE, &pull("g", "T", 0, 0), b"");
    assert_eq!(
        (answer.code, remark(&answer)),
        (16, "subscription group no permission, g")
    );
}
