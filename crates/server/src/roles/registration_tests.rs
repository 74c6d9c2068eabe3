use std::net::SocketAddr;

use ferrocket_protocol::frame::{Encoding, NoHeader, ReplyTo};
use ferrocket_protocol::peer::ConnectionId;

use super::*;

fn topics(names: &[&str]) -> Round {
    Round::Topics(names.iter().map(|name| (*name).to_owned()).collect())
}

fn change(names: &[&str]) -> RegistrationChange {
    RegistrationChange::Topics(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn changes_gather_until_they_are_taken() {
    let changes = Changes::default();
    changes.add(change(&["a", "b"]));
    changes.add(change(&["a", "c"]));
    assert_eq!(changes.take(), (Some(topics(&["a", "b", "c"])), 2));
    assert_eq!(changes.take(), (None, 2));
    changes.add(RegistrationChange::All);
    changes.add(change(&["a"]));
    assert_eq!(changes.take(), (Some(Round::Full), 4));
}

#[test]
fn very_many_changes_become_a_full_registration() {
    let many: Vec<String> = (0..=INCREMENTAL_TOPICS_MAX)
        .map(|n| n.to_string())
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!(topics(&many).and(topics(&["x"])), Round::Full);
    assert_eq!(Round::IfUnknown.and(topics(&["x"])), Round::Full);
    assert_eq!(Round::IfUnknown.and(Round::IfUnknown), Round::IfUnknown);
}

#[derive(Debug, Default)]
struct Listening(Mutex<usize>);

impl Peer for Listening {
    fn id(&self) -> ConnectionId {
        ConnectionId(1)
    }
    fn remote(&self) -> SocketAddr {
        ([127, 0, 0, 1], 1).into()
    }
    fn local(&self) -> SocketAddr {
        ([127, 0, 0, 1], 2).into()
    }
    fn send(&self, frames: Outbox) {
        *self.0.lock() += frames.frames();
    }
    fn close(&self) {}
    fn is_open(&self) -> bool {
        true
    }
}

const REQUEST: ReplyTo = ReplyTo {
    encoding: Encoding::Json,
    opaque: 1,
    version: 0,
    oneway: false,
};

#[tokio::test(start_paused = true)]
async fn an_answer_waits_for_the_name_servers_but_not_for_ever() {
    let (changes, listening) = (Changes::default(), Arc::new(Listening::default()));
    let peer: Arc<dyn Peer> = Arc::clone(&listening) as _;
    let mut out = Outbox::new();
    changes.telling(&peer, &mut out, |out| out.reply_ok(REQUEST));
    assert_eq!(out.frames(), 1, "nothing changed, nothing waits");

    changes.telling(&peer, &mut out, |out| {
        changes.add(change(&["new"]));
        out.reply_ok(REQUEST);
    });
    assert_eq!((out.frames(), *listening.0.lock()), (0, 0));
    let until = changes.release(0);
    assert!(until.is_some());
    assert_eq!(changes.release(1), None);
    assert_eq!(*listening.0.lock(), 2, "both leave, in one piece");

    changes.telling(&peer, &mut out, |out| {
        changes.add(change(&["newer"]));
        out.reply_ok(REQUEST);
    });
    tokio::time::advance(HOLD_LIMIT).await;
    assert_eq!(changes.release(1), None);
    assert_eq!(
        *listening.0.lock(),
        3,
        "the name servers did not react in time"
    );
}

#[tokio::test(start_paused = true)]
async fn answers_are_not_held_beyond_the_bound_of_bytes_nor_after_the_leave() {
    let (changes, listening) = (Changes::default(), Arc::new(Listening::default()));
    let peer: Arc<dyn Peer> = Arc::clone(&listening) as _;
    let part = bytes::Bytes::from(vec![0; HELD_BYTES_MAX / 8]);
    let ask = || {
        let mut out = Outbox::new();
        changes.telling(&peer, &mut out, |out| {
            changes.add(change(&["new"]));
            out.reply::<NoHeader>(REQUEST, 0, None, None, std::slice::from_ref(&part));
        });
        out.frames()
    };
    let passed: Vec<usize> = (0..9).map(|_| ask()).collect();
    assert_eq!(passed, [0, 0, 0, 0, 0, 0, 0, 1, 1]);
    assert!(changes.release(1).is_some());
    assert_eq!((ask(), *listening.0.lock()), (0, 1), "there is room again");

    changes.hold_no_more();
    assert_eq!(
        (ask(), *listening.0.lock()),
        (1, 8),
        "all left, none is held"
    );
}

#[tokio::test(start_paused = true)]
async fn a_name_that_does_not_resolve_in_time_delays_no_other() {
    let names = ["dead:1", "good:1", "dead:2"].map(str::to_owned).to_vec();
    let begun = Instant::now();
    let found = look_up(names, |name| async move {
        if name.starts_with("dead") {
            std::future::pending::<()>().await;
        }
        vec![format!("10.0.0.1 of {name}")]
    });
    let found = found.await;
    assert_eq!(begun.elapsed(), RESOLVE_LIMIT);
    assert_eq!(found.get("good:1").unwrap(), &["10.0.0.1 of good:1"]);
    assert!(found.get("dead:1").unwrap().is_empty());
}

#[tokio::test]
async fn an_address_is_its_own_name() {
    assert_eq!(
        resolve("127.0.0.1:9876".to_owned()).await,
        ["127.0.0.1:9876"]
    );
}

#[test]
fn a_name_that_stops_resolving_keeps_its_addresses() {
    let given = vec!["here:9876".to_owned(), "gone:1".to_owned()];
    let known = Found::from([("gone:1".to_owned(), vec!["10.0.0.1:1".to_owned()])]);
    let found = || {
        Found::from([
            ("gone:1".to_owned(), vec![]),
            ("here:9876".to_owned(), vec!["127.0.0.1:9876".to_owned()]),
        ])
    };
    let mut names = Names { given, known };
    let list = |all: BTreeSet<String>| all.into_iter().collect::<Vec<_>>();
    assert_eq!(
        list(names.addresses(found())),
        ["10.0.0.1:1", "127.0.0.1:9876"]
    );
    names.known.clear();
    assert_eq!(list(names.addresses(found())), ["127.0.0.1:9876", "gone:1"]);
}
