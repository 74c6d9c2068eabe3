use ferrocket_protocol::bodies::{QueryCorrectionOffsetBody, ResetOffsetBody};
use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::Frame;
use ferrocket_protocol::headers::{
    CloneGroupOffset, PullMessage, PullMessageResponse, QueryCorrectionOffset, ResetOffset,
    UpdateConsumerOffset,
};

use crate::support::*;

fn reset(timestamp: i64) -> ResetOffset {
    ResetOffset {
        topic: "T".to_owned(),
        group: "g".to_owned(),
        timestamp,
        is_force: true,
        ..ResetOffset::default()
    }
}

fn ask(client: &Client<'_>, header: &ResetOffset) -> Frame {
    client.call(request::INVOKE_BROKER_TO_RESET_OFFSET, header, b"")
}

/// Queue 0 of `T` has ten messages, one each second, and its group consumed them all.
fn consumed() -> World {
    let world = World::new();
    world.create_topic("T", 1);
    let client = world.connect();
    client.heartbeat_quietly("c", "g", "T", "*");
    for number in 0..10 {
        client.store("T", 0, "", &format!("m{number}"));
        world.pass(1_000);
    }
    client.commit("g", "T", 0, 10);
    client.disconnect();
    world
}

#[test]
fn by_time_and_whether_it_is_online_or_not() {
    let world = consumed();
    let tool = world.connect();
    let answer = ask(&tool, &reset(START_MS + 4_000));
    let offsets: Vec<i64> = body::<ResetOffsetBody>(&answer)
        .offset_table
        .into_values()
        .collect();
    assert_eq!(offsets, [4]);
    assert_eq!(world.committed("g", "T", 0), Some(4));
    assert!(
        world.offset_file().contains("0:4"),
        "{}",
        world.offset_file()
    );

    let client = world.connect();
    client.heartbeat_quietly("c", "g", "T", "*");
    client.received();
    // What it did before it heard of the reset has no effect.
    let commit = UpdateConsumerOffset {
        consumer_group: "g".into(),
        topic: "T".into(),
        queue_id: 0,
        commit_offset: 10,
    };
    let answer = client.call(request::UPDATE_CONSUMER_OFFSET, &commit, b"");
    assert_eq!(
        (answer.code, remark(&answer)),
        (0, "Offset has been previously reset")
    );
    let pull_with_commit = PullMessage {
        sys_flag: 0x3,
        commit_offset: 10,
        ..pull("g", "T", 0, 10)
    };
    let answer = client.call(request::PULL_MESSAGE, &pull_with_commit, b"");
    assert_eq!((answer.code, remark(&answer)), (21, "OFFSET_RESET"));
    let header: PullMessageResponse = answer.header().unwrap();
    assert_eq!(
        (
            header.next_begin_offset,
            header.min_offset,
            header.max_offset
        ),
        (4, 0, 10)
    );
    assert_eq!(world.committed("g", "T", 0), Some(4));
    let answer = client.call(request::PULL_MESSAGE, &pull("g", "T", 0, 4), b"");
    assert_eq!(texts(&answer).first().map(String::as_str), Some("m4"));
    client.commit("g", "T", 0, 7);
    assert_eq!(world.committed("g", "T", 0), Some(7), "commits count again");
}

#[test]
fn at_once_when_its_pull_waits() {
    let world = consumed();
    let (client, tool) = (world.connect(), world.connect());
    client.heartbeat_quietly("c", "g", "T", "*");
    client.received();
    client.call_later(request::PULL_MESSAGE, &pull("g", "T", 0, 10), b"");
    assert_eq!(ask(&tool, &reset(0)).code, 0);
    let answer = client.received_one();
    assert_eq!((answer.code, remark(&answer)), (21, "OFFSET_RESET"));
    assert_eq!(next_offset(&answer), 0);
}

#[test]
fn also_across_a_kill() {
    let world = consumed();
    ask(&world.connect(), &reset(START_MS + 4_000));
    let world = world.kill();
    assert_eq!(world.committed("g", "T", 0), Some(4));
}

#[test]
fn by_number_within_the_queue() {
    let world = consumed();
    let tool = world.connect();
    let one = |offset| ResetOffset {
        queue_id: 0,
        offset: Some(offset),
        ..reset(0)
    };
    assert_eq!(ask(&tool, &one(3)).code, 0);
    assert_eq!(world.committed("g", "T", 0), Some(3));
    let answer = ask(&tool, &one(12));
    assert_eq!(
        (answer.code, remark(&answer)),
        (1, "Target offset 12 not in consume queue range [0-10]")
    );
    // No number: the time counts, and no time is the end.
    assert_eq!(
        ask(
            &tool,
            &ResetOffset {
                timestamp: -1,
                ..one(-1)
            }
        )
        .code,
        0
    );
    assert_eq!(world.committed("g", "T", 0), Some(10));
    let answer = ask(
        &tool,
        &ResetOffset {
            queue_id: 7,
            ..one(0)
        },
    );
    assert_eq!(answer.code, 29, "{answer:?}");
}

#[test]
fn if_group_and_topic_are_there() {
    let world = consumed();
    let tool = world.connect();
    let answer = ask(
        &tool,
        &ResetOffset {
            topic: "X".to_owned(),
            ..reset(0)
        },
    );
    assert_eq!(
        (answer.code, remark(&answer)),
        (17, "Topic X does not exist")
    );
    let answer = ask(
        &tool,
        &ResetOffset {
            group: "x".to_owned(),
            ..reset(0)
        },
    );
    assert_eq!(
        (answer.code, remark(&answer)),
        (26, "Group x does not exist")
    );
}

#[test]
fn through_its_consumers_when_the_broker_is_not_to() {
    let mut settings = config();
    settings.use_server_side_reset_offset = false;
    let world = World::with(settings, store_config(ferrocket_store::FlushMode::Async));
    world.create_topic("T", 1);
    let (client, tool) = (world.connect(), world.connect());
    let answer = ask(&tool, &reset(0));
    assert_eq!(
        (answer.code, remark(&answer)),
        (1, "THe consumer group <g> not exist")
    );
    client.heartbeat_quietly("c", "g", "T", "*");
    client.received();
    for number in 0..10 {
        client.store("T", 0, "", &format!("m{number}"));
        world.pass(1_000);
    }
    client.commit("g", "T", 0, 5);
    let answer = ask(&tool, &reset(START_MS + 8_000));
    assert_eq!(answer.code, 0);
    let told = client.received_one();
    assert_eq!(told.code, request::RESET_CONSUMER_CLIENT_OFFSET);
    assert!(told.is_oneway());
    assert_eq!(told.ext_field("topic").as_deref(), Some("T"));
    assert_eq!(told.body, answer.body);
    assert_eq!(
        &answer.body[..],
        br#"{"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"T"}:8}}"#
    );
    assert_eq!(
        world.committed("g", "T", 0),
        Some(5),
        "the consumer commits it itself"
    );
    // Not by force: only back.
    let answer = ask(
        &tool,
        &ResetOffset {
            is_force: false,
            ..reset(START_MS + 8_000)
        },
    );
    assert!(String::from_utf8_lossy(&answer.body).ends_with("}:5}}"));
    client.disconnect();
    let answer = ask(&tool, &reset(1_000));
    assert_eq!(
        (answer.code, remark(&answer)),
        (
            206,
            "Consumer not online, so can not reset offset, Group: g Topic: T Timestamp: 1000"
        )
    );
}

#[test]
fn also_where_another_group_is() {
    let world = consumed();
    world.create_topic("U", 1);
    let (client, tool) = (world.connect(), world.connect());
    client.heartbeat_quietly("c", "g", "T", "*");
    client.store("U", 0, "", "u");
    client.commit("g", "U", 0, 1);
    let clone = |topic: &str, offline: bool| {
        let header = CloneGroupOffset {
            src_group: "g".to_owned(),
            dest_group: "h".to_owned(),
            topic: Some(topic.to_owned()),
            offline,
        };
        assert_eq!(tool.call(request::CLONE_GROUP_OFFSET, &header, b"").code, 0);
    };
    clone("", false);
    assert_eq!(world.committed("h", "T", 0), Some(10));
    assert_eq!(world.committed("h", "U", 0), None, "not subscribed");
    clone("U", true);
    assert_eq!(world.committed("h", "U", 0), Some(1));
}

#[test]
fn and_tools_see_who_is_furthest_back() {
    let world = consumed();
    let client = world.connect();
    client.heartbeat_quietly("c", "h", "T", "*");
    client.commit("h", "T", 0, 3);
    let ask = |filter: &str, compared: &str| {
        let header = QueryCorrectionOffset {
            filter_groups: Some(filter.to_owned()),
            compare_group: compared.to_owned(),
            topic: "T".to_owned(),
        };
        let answer = client.call(request::QUERY_CORRECTION_OFFSET, &header, b"");
        body::<QueryCorrectionOffsetBody>(&answer).correction_offsets
    };
    assert_eq!(ask("", "g"), [(0, 3)].into());
    assert_eq!(ask("h", "h"), [(0, i64::MAX)].into());
    assert_eq!(
        world.committed("h", "T", 0),
        Some(3),
        "a question changes nothing"
    );
}
