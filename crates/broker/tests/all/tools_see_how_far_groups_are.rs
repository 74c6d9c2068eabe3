use ferrocket_protocol::bodies::{
    ConsumeStatsList, QueryConsumeQueueResponseBody, QueryConsumeTimeSpanBody,
    QuerySubscriptionResponseBody,
};
use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::{
    GetConsumeStatsInBroker, QueryConsumeQueue, QueryConsumeTimeSpan, QuerySubscriptionByConsumer,
};

use crate::support::*;

/// Four messages, one each second, of which the group consumed one and pulled three.
fn half_consumed() -> World {
    let world = World::new();
    world.create_topic("T", 2);
    let client = world.connect();
    client.heartbeat_quietly("c", "g", "T", "TagA");
    client.received();
    for number in 0..4 {
        let tag = if number % 2 == 0 { "TagA" } else { "TagB" };
        client.store("T", 0, &format!("TAGS\x01{tag}\x02"), &format!("m{number}"));
        world.pass(1_000);
    }
    let mut three = pull("g", "T", 0, 0);
    three.max_msg_nums = 2;
    assert_eq!(client.call(request::PULL_MESSAGE, &three, b"").code, 0);
    client.commit("g", "T", 0, 1);
    client.disconnect();
    world
}

#[test]
fn all_of_them_at_once() {
    let world = half_consumed();
    let list = |is_order| {
        let header = GetConsumeStatsInBroker { is_order };
        let answer = world
            .connect()
            .call(request::GET_BROKER_CONSUME_STATS, &header, b"");
        body::<ConsumeStatsList>(&answer)
    };
    let stats = list(false);
    assert_eq!((stats.total_diff, stats.total_inflight_diff), (3, 2));
    assert_eq!(stats.broker_addr.as_deref(), Some("10.0.0.1:10911"));
    let of_group = stats
        .consume_stats_list
        .iter()
        .find_map(|groups| groups.get("g"))
        .unwrap();
    let queues: Vec<_> = of_group[0]
        .offset_table
        .iter()
        .map(|(queue, offsets)| {
            (
                queue.queue_id,
                offsets.broker_offset,
                offsets.consumer_offset,
                offsets.pull_offset,
            )
        })
        .collect();
    assert_eq!(queues, [(0, 4, 1, 3), (1, 0, 0, 0)]);
    assert_eq!(list(true).total_diff, 0, "no topic is ordered");
}

#[test]
fn in_time() {
    let world = half_consumed();
    let header = QueryConsumeTimeSpan {
        topic: "T".to_owned(),
        group: "g".to_owned(),
    };
    let answer = world
        .connect()
        .call(request::QUERY_CONSUME_TIME_SPAN, &header, b"");
    let spans = body::<QueryConsumeTimeSpanBody>(&answer).consume_time_span_set;
    assert_eq!(spans.len(), 2);
    assert_eq!(
        (
            spans[0].min_time_stamp,
            spans[0].consume_time_stamp,
            spans[0].max_time_stamp
        ),
        (START_MS, START_MS, START_MS + 3_000)
    );
    assert_eq!(
        spans[0].delay_time, 3_000,
        "the next message waits since one second after the start"
    );
    assert_eq!(spans[1].delay_time, 0, "an empty queue is nobody's delay");
    let header = QueryConsumeTimeSpan {
        topic: "X".to_owned(),
        ..header
    };
    let answer = world
        .connect()
        .call(request::QUERY_CONSUME_TIME_SPAN, &header, b"");
    assert_eq!((answer.code, remark(&answer)), (17, "topic[X] not exist"));
}

#[test]
fn and_what_they_subscribed_to() {
    let world = half_consumed();
    let client = world.connect();
    let of = |group: &str| {
        let header = QuerySubscriptionByConsumer {
            group: group.to_owned(),
            topic: Some("T".to_owned()),
        };
        let answer = client.call(request::QUERY_SUBSCRIPTION_BY_CONSUMER, &header, b"");
        body::<QuerySubscriptionResponseBody>(&answer).subscription_data
    };
    assert_eq!(of("g"), None);
    client.heartbeat_quietly("c", "g", "T", "TagA");
    assert_eq!(of("g").unwrap().sub_string, "TagA");
    client.received();
    client.call(request::PULL_MESSAGE, &poll("lite", "T", 0, 0), b"");
    assert_eq!(of("lite").unwrap().sub_string, "*", "known from its pull");
}

#[test]
fn and_single_entries_of_a_queue() {
    let world = half_consumed();
    let client = world.connect();
    client.heartbeat_quietly("c", "g", "T", "TagA");
    client.received();
    let header = QueryConsumeQueue {
        topic: Some("T".to_owned()),
        queue_id: 0,
        index: 1,
        count: 2,
        consumer_group: Some("g".to_owned()),
    };
    let answer = client.call(request::QUERY_CONSUME_QUEUE, &header, b"");
    let queue: QueryConsumeQueueResponseBody = body(&answer);
    assert_eq!((queue.min_queue_index, queue.max_queue_index), (0, 4));
    let entries: Vec<_> = queue
        .queue_data
        .iter()
        .map(|it| (it.tags_code, it.eval))
        .collect();
    assert_eq!(entries, [(2_598_920, false), (2_598_919, true)]);
    let none = QueryConsumeQueue {
        queue_id: 1,
        ..header
    };
    let answer = client.call(request::QUERY_CONSUME_QUEUE, &none, b"");
    assert_eq!((answer.code, remark(&answer)), (1, "1@T is not exist!"));
}
