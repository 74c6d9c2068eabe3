use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::{PullMessageResponse, SendMessageResponse};
use ferrocket_protocol::message::{View, properties};

use crate::support::*;

#[test]
fn with_its_body_its_properties_and_the_broker_s_own() {
    let world = World::new();
    let client = world.connect();
    let header = message(
        "T",
        1,
        "KEYS\x01k\x02UNIQ_KEY\x01U1\x02TAGS\x01A\x02POP_CK\x01x\x02",
    );
    let answer = client.send(&header, b"hello");
    assert_eq!(answer.code, 0);
    let stored: SendMessageResponse<'_> = answer.header().unwrap();
    assert_eq!(stored.msg_id, "0A00000100002A9F0000000000000000");
    assert_eq!((stored.queue_id, stored.queue_offset), (1, 0));
    assert_eq!(stored.transaction_id.as_deref(), Some("U1"));
    assert_eq!(
        answer.ext_field("MSG_REGION").as_deref(),
        Some("DefaultRegion")
    );
    assert_eq!(answer.ext_field("TRACE_ON").as_deref(), Some("true"));

    let answer = client.call(request::LITE_PULL_MESSAGE, &poll("g", "T", 1, 0), b"");
    assert_eq!((answer.code, remark(&answer)), (0, "FOUND"));
    let header: PullMessageResponse = answer.header().unwrap();
    assert_eq!(
        (
            header.next_begin_offset,
            header.min_offset,
            header.max_offset
        ),
        (1, 0, 1)
    );
    assert_eq!(texts(&answer), ["hello"]);
    let record = View::parse(&answer.body).unwrap();
    let text = record.properties;
    assert_eq!(properties::find(text, "KEYS"), Some("k"));
    assert_eq!(properties::find(text, "MSG_REGION"), Some("DefaultRegion"));
    assert_eq!(properties::find(text, "TRACE_ON"), Some("true"));
    assert_eq!(properties::find(text, "CLUSTER"), Some("DefaultCluster"));
    assert_eq!(
        properties::find(text, "POP_CK"),
        None,
        "a popped message forwarded is an ordinary one"
    );
}

#[test]
fn and_gets_a_key_when_it_came_without_one() {
    let world = World::new();
    let client = world.connect();
    let answer = client.send(&message("T", 0, ""), b"hello");
    let stored: SendMessageResponse<'_> = answer.header().unwrap();
    let key = stored.transaction_id.unwrap().into_owned();
    assert_eq!(key.len(), 32);
    let answer = client.call(request::PULL_MESSAGE, &poll("g", "T", 0, 0), b"");
    let record = View::parse(&answer.body).unwrap();
    assert_eq!(
        properties::find(record.properties, "UNIQ_KEY"),
        Some(key.as_str())
    );
}
