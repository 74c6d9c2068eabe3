use ferrocket_protocol::bodies::{self, SubscriptionGroupConfig};
use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::NoHeader;
use ferrocket_protocol::headers::CreateTopic;

use crate::support::*;

fn create(world: &World, read_queue_nums: i32, write_queue_nums: i32) -> (i32, String) {
    let header = CreateTopic {
        topic: "T".to_owned(),
        default_topic: "TBW102".to_owned(),
        read_queue_nums,
        write_queue_nums,
        perm: 6,
        topic_filter_type: "SINGLE_TAG".to_owned(),
        ..CreateTopic::default()
    };
    let answer = world
        .connect()
        .call(request::UPDATE_AND_CREATE_TOPIC, &header, b"");
    (answer.code, remark(&answer).to_owned())
}

#[test]
fn of_a_topic() {
    let world = World::new();
    let words = "writeQueueNums = 65536 of the topic[T] is too large: give 65535 or less, or spread the topic over more brokers";
    assert_eq!(create(&world, 8, 65_536), (29, words.to_owned()));
    let words = "readQueueNums = 2147483647 of the topic[T] is too large: give 65535 or less, or spread the topic over more brokers";
    assert_eq!(create(&world, i32::MAX, 8), (29, words.to_owned()));
    assert_eq!(create(&world, 65_535, 65_535).0, 0);
}

#[test]
fn of_a_group_s_retry_topic() {
    let world = World::new();
    let client = world.connect();
    let mut group = SubscriptionGroupConfig {
        group_name: "g".to_owned(),
        retry_queue_nums: 65_536,
        ..SubscriptionGroupConfig::default()
    };
    let code = request::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP;
    let answer = client.call(code, &NoHeader {}, &bodies::print(&group));
    let words = "retryQueueNums = 65536 of the group[g] is too large: give 65535 or less";
    assert_eq!((answer.code, remark(&answer)), (29, words));
    group.retry_queue_nums = 65_535;
    let answer = client.call(code, &NoHeader {}, &bodies::print(&group));
    assert_eq!(answer.code, 0);
}
