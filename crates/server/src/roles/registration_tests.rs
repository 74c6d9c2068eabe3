use std::net::SocketAddr;

use ferrocket_protocol::frame::{Encoding, ReplyTo};
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

#[tokio::test]
async fn a_name_that_stops_resolving_keeps_its_addresses() {
    let given = vec!["127.0.0.1:9876".to_owned(), "nosuch.invalid:1".to_owned()];
    let known = BTreeMap::from([("nosuch.invalid:1".to_owned(), vec!["10.0.0.1:1".to_owned()])]);
    let mut names = Names { given, known };
    let list = |all: BTreeSet<String>| all.into_iter().collect::<Vec<_>>();
    assert_eq!(
        list(names.resolve().await),
        ["10.0.0.1:1", "127.0.0.1:9876"]
    );
    names.known.clear();
    assert_eq!(
        list(names.resolve().await),
        ["127.0.0.1:9876", "nosuch.invalid:1"]
    );
}
