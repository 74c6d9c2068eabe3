//! QUERY_MESSAGE finds messages by unique key, key and tags, and says when there is none.

use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::Frame;
use ferrocket_protocol::headers::QueryMessageResponse;
use ferrocket_store::FlushMode;
use serde::Serialize;

use crate::recordings::recordings;
use crate::support::*;

/// What a Java client sends: the flag travels in the same fields.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    topic: &'static str,
    key: &'static str,
    max_num: i32,
    begin_timestamp: i64,
    end_timestamp: i64,
    index_type: Option<&'static str>,
    #[serde(rename = "_UNIQUE_KEY_QUERY")]
    unique: Option<bool>,
}

fn query(key: &'static str) -> Query {
    Query {
        topic: "T",
        key,
        max_num: 10,
        begin_timestamp: 0,
        end_timestamp: i64::MAX,
        index_type: None,
        unique: None,
    }
}

fn ask(client: &Client<'_>, query: &Query) -> Frame {
    client.call(request::QUERY_MESSAGE, query, b"")
}

#[test]
fn of_each_kind_at_once_and_later() {
    let world = World::new();
    let client = world.connect();
    let first = "UNIQ_KEY\x01U1\x02KEYS\x01k1 shared\x02TAGS\x01red\x02";
    let second = "UNIQ_KEY\x01U2\x02KEYS\x01k2 shared\x02TAGS\x01blue\x02";
    client.store("T", 0, first, "first");
    world.pass(1_000);
    client.store("T", 1, second, "second");
    for _ in 0..2 {
        let unique = Query {
            unique: Some(true),
            index_type: Some("U"),
            max_num: 0,
            ..query("U1")
        };
        let answer = ask(&client, &unique);
        assert_eq!((answer.code, texts(&answer)), (0, vec!["first".to_owned()]));
        let header: QueryMessageResponse = answer.header().unwrap();
        assert_eq!(header.index_last_update_timestamp, START_MS + 1_000);
        assert!(header.index_last_update_phyoffset > 0);

        assert_eq!(texts(&ask(&client, &query("U2"))), ["second"]);
        assert_eq!(texts(&ask(&client, &query("shared"))), ["first", "second"]);
        let one = Query {
            max_num: 1,
            unique: Some(false),
            index_type: Some("K"),
            ..query("shared")
        };
        assert_eq!(texts(&ask(&client, &one)), ["second"]);
        let tag = Query {
            index_type: Some("T"),
            ..query("blue")
        };
        assert_eq!(texts(&ask(&client, &tag)), ["second"]);
        let early = Query {
            end_timestamp: START_MS + 999,
            ..query("shared")
        };
        assert_eq!(texts(&ask(&client, &early)), ["first"]);
        world.store.flush_queues(world.now()).unwrap();
    }
}

#[test]
fn or_there_is_none() {
    let world = World::with(config(), store_config(FlushMode::Async));
    let client = world.connect();
    client.store("T", 0, "KEYS\x01k1\x02TAGS\x01red\x02", "first");
    let late = Query {
        begin_timestamp: START_MS + 1,
        ..query("k1")
    };
    for query in [query("none"), query("red"), query(""), late] {
        let answer = ask(&client, &query);
        let words = "can not find message, maybe time range not correct";
        assert_eq!((answer.code, remark(&answer)), (22, words), "{query:?}");
        assert_eq!(answer.ext_field("indexLastUpdateTimestamp").unwrap(), "0");
        assert_eq!(answer.ext_field("indexLastUpdatePhyoffset").unwrap(), "0");
        assert!(answer.body.is_empty());
    }
}

#[test]
fn as_java_clients_ask_for_it() {
    let mut found = 0;
    for recording in recordings(&[12]) {
        let recorded = recording.response.unwrap();
        let world = World::new();
        let client = world.connect();
        let field = |name| recording.request.ext_field(name).unwrap().into_owned();
        if recorded.code == 0 {
            let text = format!("KEYS\x01{0}\x02UNIQ_KEY\x01{0}\x02", field("key"));
            // Recordings ask for the three days before they were made.
            let begin_ms: i64 = field("beginTimestamp").parse().unwrap();
            world.pass((begin_ms - START_MS).max(0));
            client.store(&field("topic"), 0, &text, "hello");
            found += 1;
        }
        let answers = client.read(vec![recording.request.clone()]);
        assert_eq!(answers[0].code, recorded.code, "{}", recording.name);
        assert_eq!(answers[0].remark, recorded.remark, "{}", recording.name);
        assert_eq!(
            answers[0].body.is_empty(),
            recorded.code != 0,
            "{}",
            recording.name
        );
    }
    assert!(found > 4, "{found}");
}
