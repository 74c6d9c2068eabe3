use ferrocket_protocol::bodies::{self, GetConsumerStatusBody, MessageQueue};
use ferrocket_protocol::codes::{request, response};
use ferrocket_protocol::frame::{Encoding, FLAG_RESPONSE, Frame, Head, NoHeader, Sender};
use ferrocket_protocol::headers::{
    ConsumeMessageDirectlyResult, GetConsumerRunningInfo, GetConsumerStatus, SendMessageResponse,
};
use ferrocket_protocol::message::View;

use crate::support::*;

/// What a client answers to a request of the broker.
fn answer_of(question: &Frame, code: i32, remark: Option<&str>, body: &[u8]) -> Frame {
    let head = Head {
        encoding: Encoding::Binary,
        code,
        opaque: question.opaque,
        flag: FLAG_RESPONSE,
        remark,
        sender: Sender::US,
    };
    Frame::new::<NoHeader>(&head, None, body).unwrap()
}

fn running_info(group: &str, client_id: &str) -> GetConsumerRunningInfo {
    GetConsumerRunningInfo {
        consumer_group: group.to_owned(),
        client_id: client_id.to_owned(),
        jstack_enable: true,
    }
}

/// A consumer that has read the notification of its own coming.
fn consumer<'w>(world: &'w World, client_id: &str) -> Client<'w> {
    let client = world.connect();
    client.heartbeat_quietly(client_id, "g", "T", "*");
    client.received();
    client
}

#[test]
fn as_it_is() {
    let world = World::new();
    let (consumer, tool) = (consumer(&world, "c"), world.connect());
    tool.call_later(
        request::GET_CONSUMER_RUNNING_INFO,
        &running_info("g", "c"),
        b"",
    );
    let question = consumer.received_one();
    assert_eq!(question.code, request::GET_CONSUMER_RUNNING_INFO);
    assert!(!question.is_oneway() && !question.is_response());
    assert_eq!(
        question.header::<GetConsumerRunningInfo>().unwrap(),
        running_info("g", "c")
    );
    assert!(
        consumer
            .read(vec![answer_of(&question, 0, Some("well"), b"{\"a\":1}")])
            .is_empty()
    );
    let answer = tool.received_one();
    assert_eq!((answer.code, remark(&answer)), (0, "well"));
    assert_eq!(&answer.body[..], b"{\"a\":1}");
    // Once is enough.
    consumer.read(vec![answer_of(&question, 0, None, b"")]);
    assert!(tool.received().is_empty());
}

#[test]
fn with_the_message_that_it_is_to_consume() {
    let world = World::new();
    world.create_topic("T", 1);
    let (consumer, tool) = (consumer(&world, "c"), world.connect());
    tool.store("T", 0, "", "first");
    let sent = tool.send(&message("T", 0, "TAGS\x01A\x02"), b"second");
    let id = sent
        .header::<SendMessageResponse<'_>>()
        .unwrap()
        .msg_id
        .into_owned();
    let header = ConsumeMessageDirectlyResult {
        consumer_group: "g".to_owned(),
        client_id: Some("c".to_owned()),
        msg_id: Some(id),
        topic: Some("T".to_owned()),
        ..ConsumeMessageDirectlyResult::default()
    };
    tool.call_later(request::CONSUME_MESSAGE_DIRECTLY, &header, b"");
    let question = consumer.received_one();
    let asked: ConsumeMessageDirectlyResult = question.header().unwrap();
    assert_eq!(asked.broker_name.as_deref(), Some("broker-a"));
    assert_eq!(
        (asked.topic_sys_flag, asked.group_sys_flag),
        (Some(0), Some(0))
    );
    let record = View::parse(&question.body).unwrap();
    assert_eq!((record.body, record.queue_offset), (&b"second"[..], 1));
    consumer.read(vec![answer_of(&question, 1, Some("not mine"), b"")]);
    let answer = tool.received_one();
    assert_eq!((answer.code, remark(&answer)), (1, "not mine"));

    for (id, words) in [
        ("0A0000010000 2A9F", "names no message of this broker"),
        (
            "0A00000100002A9F00000000000FFFFF",
            "can not find message by the offset, 1048575",
        ),
    ] {
        let header = ConsumeMessageDirectlyResult {
            msg_id: Some(id.to_owned()),
            ..header.clone()
        };
        let answer = tool.call(request::CONSUME_MESSAGE_DIRECTLY, &header, b"");
        assert_eq!(answer.code, 1);
        assert!(remark(&answer).contains(words), "{answer:?}");
    }
}

#[test]
fn unless_nobody_answers() {
    let world = World::new();
    let (one, tool) = (consumer(&world, "one"), world.connect());
    let ask = |client_id: &str| {
        let header = running_info("g", client_id);
        tool.call_later(request::GET_CONSUMER_RUNNING_INFO, &header, b"");
    };
    ask("one");
    world.pass(9_999);
    assert!(tool.received().is_empty());
    world.pass(1);
    let answer = tool.received_one();
    assert_eq!(answer.code, response::CONSUME_MSG_TIMEOUT);
    assert!(remark(&answer).starts_with("consumer <g> <one> Timeout: "));

    ask("one");
    one.disconnect();
    let answer = tool.received_one();
    assert_eq!(
        (answer.code, remark(&answer)),
        (
            1,
            "invoke consumer <g> <one> Exception: its connection is closed"
        )
    );
    let header = running_info("g", "one");
    let answer = tool.call(request::GET_CONSUMER_RUNNING_INFO, &header, b"");
    assert_eq!(
        (answer.code, remark(&answer)),
        (1, "The Consumer <g> <one> not online")
    );
}

#[test]
fn and_nobody_else_can_answer_for_it() {
    let world = World::new();
    let (one, two) = (consumer(&world, "one"), consumer(&world, "two"));
    let tool = world.connect();
    let header = running_info("g", "one");
    tool.call_later(request::GET_CONSUMER_RUNNING_INFO, &header, b"");
    let question = one
        .received()
        .into_iter()
        .find(|frame| !frame.is_oneway())
        .unwrap();
    two.read(vec![answer_of(&question, 0, Some("I am the other"), b"")]);
    assert!(tool.received().is_empty());
    one.read(vec![answer_of(&question, 0, None, b"")]);
    assert_eq!(tool.received_one().code, 0);
}

#[test]
fn and_the_offsets_of_all_are_put_together() {
    let world = World::new();
    let clients = [
        consumer(&world, "a"),
        consumer(&world, "b"),
        consumer(&world, "c"),
    ];
    let tool = world.connect();
    let header = GetConsumerStatus {
        topic: "T".to_owned(),
        group: "g".to_owned(),
        client_addr: Some(String::new()),
    };
    tool.call_later(request::INVOKE_BROKER_TO_GET_CONSUMER_STATUS, &header, b"");
    for (offset, client) in (5..).zip(&clients[..2]) {
        let question = client
            .received()
            .into_iter()
            .find(|frame| !frame.is_oneway())
            .unwrap();
        assert_eq!(question.code, request::GET_CONSUMER_STATUS_FROM_CLIENT);
        assert_eq!(question.ext_field("topic").as_deref(), Some("T"));
        let queue = MessageQueue {
            topic: "T".to_owned(),
            broker_name: "broker-a".to_owned(),
            queue_id: 0,
        };
        let body = GetConsumerStatusBody {
            message_queue_table: [(queue, offset)].into(),
            ..GetConsumerStatusBody::default()
        };
        client.read(vec![answer_of(&question, 0, None, &bodies::print(&body))]);
    }
    assert!(tool.received().is_empty(), "one is missing");
    clients[2].disconnect();
    let told = body::<GetConsumerStatusBody>(&tool.received_one()).consumer_table;
    let offsets: Vec<_> = told
        .iter()
        .map(|(id, queues)| (id.as_str(), queues.values().copied().sum::<i64>()))
        .collect();
    assert_eq!(offsets, [("a", 5), ("b", 6)]);

    let absent = GetConsumerStatus {
        group: "nobody".to_owned(),
        ..header
    };
    let answer = tool.call(request::INVOKE_BROKER_TO_GET_CONSUMER_STATUS, &absent, b"");
    assert_eq!(
        (answer.code, remark(&answer)),
        (1, "No Any Consumer online in the consumer group: [nobody]")
    );
}
