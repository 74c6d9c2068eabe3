use ferrocket_broker::{BrokerConfig, BrokerRole};
use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::{SendMessage, SendMessageV2};
use ferrocket_store::FlushMode;

use crate::support::*;

const FAQ: &str = "\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.";
const ILLEGAL: &str = "the message is illegal, maybe msg body or properties length not matched. msg body length limit 4194304B, msg properties length limit 32KB.";

struct Case {
    header: SendMessage<'static>,
    code: i32,
    words: String,
}

fn case(header: SendMessage<'static>, code: i32, words: impl Into<String>) -> Case {
    Case {
        header,
        code,
        words: words.into(),
    }
}

fn cases() -> Vec<Case> {
    let long = Box::leak("t".repeat(128).into_boxed_str());
    let batch = Some(true);
    vec![
        case(message("", 0, ""), 29, "The specified topic is blank."),
        case(
            message("bad topic!", 0, ""),
            29,
            "The specified topic: bad topic!, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$",
        ),
        case(
            message(long, 0, ""),
            29,
            format!("The specified topic: {long}, is longer than topic max length: 127"),
        ),
        case(
            message("SCHEDULE_TOPIC_XXXX", 0, ""),
            16,
            "Sending message to topic[SCHEDULE_TOPIC_XXXX] is forbidden.",
        ),
        case(
            message("RMQ_SYS_TRANS_HALF_TOPIC", 0, ""),
            16,
            "Sending message to topic[RMQ_SYS_TRANS_HALF_TOPIC] is forbidden.",
        ),
        case(
            SendMessage {
                default_topic: "absent".into(),
                ..message("New", 0, "")
            },
            17,
            format!("topic[New] not exist, apply first please!{FAQ}"),
        ),
        case(
            SendMessage {
                default_topic: "T".into(),
                ..message("New", 0, "")
            },
            17,
            format!("topic[New] not exist, apply first please!{FAQ}"),
        ),
        case(
            message("T", 2, ""),
            29,
            "request queueId[2] is illegal, TopicConfig [topicName=T, readQueueNums=2, writeQueueNums=2, perm=RW-, topicFilterType=SINGLE_TAG, topicSysFlag=0, order=false, attributes={}] Producer: <producer>",
        ),
        case(
            SendMessage {
                batch,
                ..message("%RETRY%g", 0, "")
            },
            13,
            "batch request does not support retry group %RETRY%g",
        ),
        case(
            message("T", 0, "TRAN_MSG\x01true\x02"),
            16,
            "the broker[10.0.0.1] sending transaction message is forbidden",
        ),
        case(
            message("T", 0, "TIMER_DELAY_SEC\x0110\x02"),
            13,
            "this broker does not deliver delayed messages yet, and would not pretend to: the message for topic[T] has the property TIMER_DELAY_SEC",
        ),
        case(
            SendMessage {
                sys_flag: 0x4,
                ..message("T", 0, "")
            },
            13,
            ILLEGAL,
        ),
        case(
            message(
                "T",
                0,
                Box::leak(format!("K\x01{}\x02", "v".repeat(33_000)).into_boxed_str()),
            ),
            13,
            ILLEGAL,
        ),
    ]
}

#[test]
fn about_the_topic_and_the_message() {
    let world = World::new();
    world.create_topic("T", 2);
    let client = world.connect();
    for case in cases() {
        let answer = client.send(&case.header, b"body");
        let words = case.words.replace("<producer>", &client.peer_address());
        assert_eq!((answer.code, remark(&answer)), (case.code, words.as_str()));
        assert_eq!(
            answer.ext_field("MSG_REGION").as_deref(),
            Some("DefaultRegion")
        );
        assert_eq!(answer.ext_field("TRACE_ON").as_deref(), Some("true"));
        assert_eq!(answer.ext_field("msgId"), None);
    }
    assert_eq!(world.store.appended().0, 0, "nothing of all this is stored");
}

#[test]
fn about_the_body() {
    let world = World::new();
    let client = world.connect();
    let empty = client.send(&message("T", 0, ""), b"");
    assert_eq!((empty.code, remark(&empty)), (13, ILLEGAL));
    let long = client.send(&message("T", 0, ""), &vec![0; 4 * 1024 * 1024 + 1]);
    assert_eq!((long.code, remark(&long)), (13, ILLEGAL));
}

#[test]
fn about_the_broker() {
    type Change = fn(&mut BrokerConfig);
    let cases: [(Change, i32, &str, bool); 3] = [
        (
            |config| config.start_accept_send_request_time_stamp_ms = START_MS + 1_123,
            1,
            "broker unable to service, until 2023-11-14 22:13:21,123",
            true,
        ),
        (
            |config| config.broker_permission = 4,
            16,
            "the broker[10.0.0.1] sending message is forbidden",
            true,
        ),
        (
            |config| config.broker_role = BrokerRole::Slave,
            2,
            "[REJECTREQUEST]system busy, start flow control for a while",
            false,
        ),
    ];
    for (change, code, words, traced) in cases {
        let mut settings = config();
        change(&mut settings);
        let world = World::with(settings, store_config(FlushMode::Async));
        world.create_topic_with("T", 1, 6, true);
        let answer = world.connect().send(&message("T", 0, ""), b"body");
        assert_eq!((answer.code, remark(&answer)), (code, words));
        assert_eq!(answer.ext_field("TRACE_ON").is_some(), traced);
    }
}

#[test]
fn but_only_ordered_topics_heed_the_broker_s_permission() {
    let mut settings = config();
    settings.broker_permission = 4;
    let world = World::with(settings, store_config(FlushMode::Async));
    assert_eq!(world.connect().send(&message("T", 0, ""), b"body").code, 0);
}

#[test]
fn about_the_store_when_its_disk_fails() {
    let world = World::new();
    let client = world.connect();
    client.store("T", 0, "", "good");
    world
        .disk
        .fail_next(ferrocket_store::disk::mem::Operation::Write, "commitlog");
    let answer = client.send(&message("T", 0, ""), b"lost");
    assert_eq!(answer.code, 14, "{answer:?}");
    let words = remark(&answer);
    assert!(words.starts_with("service not available now. "), "{words}");
    let again = client.send(&message("T", 0, ""), b"refused");
    assert_eq!(again.code, 14, "a poisoned store takes nothing more");
    let answer = client.call(request::PULL_MESSAGE, &poll("g", "T", 0, 0), b"");
    assert_eq!(texts(&answer), ["good"], "and goes on reading");
}

#[test]
fn about_a_full_disk_until_there_is_room() {
    let world = World::new();
    let client = world.connect();
    client.store("T", 0, "", "good");
    world.disk.set_capacity(Some(world.disk.used_bytes()));
    let answer = client.send(&message("T", 0, ""), &[0; 10_000]);
    assert_eq!(answer.code, 14, "{answer:?}");
    let words = remark(&answer);
    for part in [
        "service not available now. It is because the broker's disk is full: writing the commit log failed: ",
        "/store/commitlog is 100 % used, 0 B of ",
        "free space or lower fileReservedTime",
    ] {
        assert!(words.contains(part), "{words}");
    }
    let answer = client.call(request::PULL_MESSAGE, &poll("g", "T", 0, 0), b"");
    assert_eq!(texts(&answer), ["good"]);
    world.disk.set_capacity(Some(1 << 40));
    world.store.watch_space();
    assert_eq!(client.store("T", 0, "", "again"), 1);
}

#[test]
fn about_a_header_that_is_none() {
    let world = World::new();
    let client = world.connect();
    let answer = client.call(
        request::SEND_MESSAGE_V2,
        &[("b", "T"), ("e", "zero")]
            .into_iter()
            .collect::<std::collections::BTreeMap<_, _>>(),
        b"body",
    );
    assert_eq!(answer.code, 1);
    assert!(remark(&answer).contains("zero"), "{answer:?}");
}

#[test]
fn about_the_backlog_of_a_slow_disk() {
    let world = World::sync();
    let client = world.connect();
    let header = SendMessageV2::from(message("T", 0, ""));
    let read = |count: usize| {
        let send = || client.request(request::SEND_MESSAGE_V2, &header, b"x");
        let answers = client.read((0..count).map(|_| send()).collect());
        world.store.prepare_segment().unwrap();
        answers
    };
    for _ in 0..32 {
        assert!(read(1_024).is_empty());
    }
    let refused = read(1);
    assert_eq!(
        (refused[0].code, remark(&refused[0])),
        (
            2,
            "[OVERLOAD]broker busy, start flow control for a while: 32768 sends wait for the disk, the limit is 32768"
        )
    );
    assert_eq!(world.broker.metrics().sends_refused_for_backlog, 1);
    world.flush();
    assert_eq!(client.received().len(), 32_768);
    assert!(read(1).is_empty(), "and is accepted again");
}
