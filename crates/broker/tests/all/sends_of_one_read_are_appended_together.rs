use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::{GetMaxOffset, SendMessageResponse, SendMessageV2};

use crate::support::*;

#[test]
fn and_answered_in_their_order() {
    let world = World::new();
    world.create_topic("T", 4);
    let client = world.connect();
    let mut frames = Vec::new();
    for number in 0..100 {
        let header = SendMessageV2::from(message("T", number % 2, ""));
        frames.push(client.request(request::SEND_MESSAGE_V2, &header, &[b'a'; 100]));
    }
    let opaques: Vec<i32> = frames.iter().map(|frame| frame.opaque).collect();
    let answers = client.read(frames);
    assert_eq!(
        answers
            .iter()
            .map(|answer| answer.opaque)
            .collect::<Vec<_>>(),
        opaques
    );
    for (number, answer) in answers.iter().enumerate() {
        let stored: SendMessageResponse<'_> = answer.header().unwrap();
        assert_eq!(stored.queue_offset, i64::try_from(number / 2).unwrap());
    }
}

#[test]
fn but_another_request_between_them_sees_what_came_before_it() {
    let world = World::new();
    world.create_topic("T", 4);
    let client = world.connect();
    let send = || {
        let header = SendMessageV2::from(message("T", 0, ""));
        client.request(request::SEND_MESSAGE_V2, &header, b"x")
    };
    let ask = || {
        let header = GetMaxOffset {
            topic: "T".to_owned(),
            ..GetMaxOffset::default()
        };
        client.request(request::GET_MAX_OFFSET, &header, b"")
    };
    let bad = client.request(
        request::SEND_MESSAGE_V2,
        &SendMessageV2::from(message("bad name!", 0, "")),
        b"x",
    );
    let answers = client.read(vec![send(), ask(), send(), bad, send(), ask()]);
    let seen: Vec<String> = answers
        .iter()
        .filter_map(|answer| answer.ext_field("offset").map(|offset| offset.into_owned()))
        .collect();
    assert_eq!(seen, ["1", "3"]);
    assert_eq!(answers.iter().filter(|answer| answer.code == 29).count(), 1);
}
