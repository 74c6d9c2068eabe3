use ferrocket_protocol::codes::request;
use ferrocket_protocol::headers::{QueryMessage, QueryMessageResponse};

use crate::support::*;

#[test]
fn newest_first_and_each_page_says_whether_there_are_more() {
    let world = World::new();
    let client = world.connect();
    for number in 0..150 {
        client.store("T", 0, "KEYS\x01all\x02", &format!("{number:03}"));
        world.pass(1);
    }
    let mut seen = Vec::new();
    let mut pages = 0;
    let mut last_key = None;
    loop {
        let header = QueryMessage {
            topic: "T".to_owned(),
            key: "all".to_owned(),
            max_num: 1_000,
            end_timestamp: i64::MAX,
            index_type: Some("K".to_owned()),
            last_key,
            ..QueryMessage::default()
        };
        let answer = client.call(request::QUERY_MESSAGE, &header, b"");
        assert_eq!(answer.code, 0);
        let mut page = texts(&answer);
        pages += 1;
        page.append(&mut seen);
        seen = page;
        let header: QueryMessageResponse = answer.header().unwrap();
        assert_eq!(header.truncated.is_some(), header.last_key.is_some());
        last_key = header.last_key;
        if last_key.is_none() {
            break;
        }
        assert!(last_key.as_deref().unwrap().contains("@T@K@all@"));
    }
    assert_eq!(pages, 3, "64, 64 and 22");
    let sent: Vec<_> = (0..150).map(|number| format!("{number:03}")).collect();
    assert_eq!(seen, sent);
}
