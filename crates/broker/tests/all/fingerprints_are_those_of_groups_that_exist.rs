//! Second-version heartbeats carry a number that stands for their subscriptions. What is remembered
//! of it shows when another number comes.

use ferrocket_broker::BrokerConfig;
use ferrocket_protocol::bodies::{self, SubscriptionGroupConfig};
use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::NoHeader;
use ferrocket_protocol::headers::DeleteSubscriptionGroup;
use ferrocket_store::FlushMode;

use crate::support::*;

/// Whether the broker says that the subscription changed.
fn changed(client: &Client<'_>, fingerprint: i32) -> bool {
    let body = format!(
        r#"{{"clientID":"c","consumerDataSet":[{{"consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","consumeType":"CONSUME_PASSIVELY","groupName":"g","messageModel":"CLUSTERING","subscriptionDataSet":[],"unitMode":false}}],"heartbeatFingerprint":{fingerprint},"producerDataSet":[],"withoutSub":false}}"#
    );
    let frame = client.request(request::HEART_BEAT, &NoHeader {}, body.as_bytes());
    let answers = client.read(vec![frame]);
    assert_eq!(answers.len(), 1);
    answers[0].ext_field("IS_SUB_CHANGE").unwrap() == "true"
}

fn create_group(client: &Client<'_>) {
    let group = SubscriptionGroupConfig {
        group_name: "g".to_owned(),
        ..SubscriptionGroupConfig::default()
    };
    let code = request::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP;
    let answer = client.call(code, &NoHeader {}, &bodies::print(&group));
    assert_eq!(answer.code, 0);
}

#[test]
fn and_are_forgotten_with_them() {
    let settings = BrokerConfig {
        auto_create_subscription_group: false,
        ..config()
    };
    let world = World::with(settings, store_config(FlushMode::Async));
    let client = world.connect();
    let admin = world.connect();
    assert!(!changed(&client, 1));
    create_group(&admin);
    assert!(!changed(&client, 2), "nothing was remembered of no group");
    assert!(changed(&client, 3));
    let delete = DeleteSubscriptionGroup {
        group_name: "g".to_owned(),
        ..DeleteSubscriptionGroup::default()
    };
    admin.call(request::DELETE_SUBSCRIPTIONGROUP, &delete, b"");
    create_group(&admin);
    assert!(!changed(&client, 4), "a new group has no past");
}
