//! The model follows the rules of the spec step by step over plain maps, without caches,
//! fingerprints, shards or locks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Broker, Connection, World, addrs, body_json};

const NAMES: [&str; 2] = ["a", "b"];
const TOPICS: [&str; 4] = ["t0", "t1", "t2", "t3"];
const SCAN_MS: i64 = 5_000;

/// Queues and permission.
type Queues = (i32, i32);

#[derive(Debug, Clone)]
struct Who {
    name: &'static str,
    id: i64,
    addr: String,
}

#[derive(Debug, Clone)]
enum Event {
    Register {
        who: Who,
        acting: Option<bool>,
        epoch: i64,
        counter: i64,
        quick: bool,
        topics: BTreeMap<&'static str, Queues>,
    },
    Unregister(Who),
    Disconnect(Who),
    Heartbeat(Who),
    Wipe(&'static str),
    Add(&'static str),
    DeleteTopic {
        topic: &'static str,
        cluster: Option<&'static str>,
    },
    Wait {
        seconds: i64,
    },
}

#[derive(Debug, Default)]
struct Model {
    now_ms: i64,
    next_scan_ms: i64,
    acting: BTreeMap<&'static str, bool>,
    members: BTreeMap<&'static str, BTreeMap<i64, String>>,
    live: BTreeMap<String, Live>,
    topics: BTreeMap<&'static str, BTreeMap<&'static str, Entry>>,
}

#[derive(Debug, Clone)]
struct Live {
    last_ms: i64,
    timeout_ms: i64,
    version: (i64, i64),
    name: &'static str,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    shown: Queues,
    registered: Queues,
}

impl Model {
    fn register(&mut self, event: &Event) -> i32 {
        let Event::Register {
            who,
            acting,
            epoch,
            counter,
            quick,
            topics,
        } = event
        else {
            unreachable!()
        };
        let version = (*epoch, *counter);
        let mut is_first = !self.members.contains_key(who.name);
        let members = self.members.entry(who.name).or_default();
        self.acting.insert(who.name, acting.unwrap_or(false));
        members.retain(|id, addr| *addr != who.addr || *id == who.id);
        if let Some(holder) = members.get(&who.id).filter(|holder| **holder != who.addr)
            && self
                .live
                .get(holder)
                .is_some_and(|live| live.version.0 > *epoch)
        {
            self.live.remove(&who.addr);
            return 0;
        }
        if !members.contains_key(&who.id) && topics.len() == 1 {
            return 1;
        }
        is_first |= members.insert(who.id, who.addr.clone()).is_none();
        let is_smallest = members.keys().next() == Some(&who.id);
        let is_prime_slave = acting.is_some() && who.id != 0 && is_smallest;
        let is_changed = self
            .live
            .get(&who.addr)
            .is_none_or(|live| live.version != version);
        if who.id == 0 || is_prime_slave {
            for (topic, (queues, perm)) in topics {
                let loses_write = is_prime_slave && *acting == Some(true);
                let new = (*queues, if loses_write { perm & !2 } else { *perm });
                let entries = self.topics.entry(topic).or_default();
                let known = entries.get(who.name);
                let is_repair = topics.len() > 1;
                if is_first
                    || is_changed
                    || known.is_none_or(|known| is_repair && known.registered != new)
                {
                    entries.insert(
                        who.name,
                        Entry {
                            shown: new,
                            registered: new,
                        },
                    );
                }
            }
        }
        let timeout_ms = if *quick { 10_000 } else { 120_000 };
        let live = Live {
            last_ms: self.now_ms,
            timeout_ms,
            version,
            name: who.name,
        };
        self.live.insert(who.addr.clone(), live);
        0
    }

    /// Removes an address from a broker name.
    fn leave(&mut self, name: &'static str, addr: &str) {
        self.live.remove(addr);
        let Some(members) = self.members.get_mut(name) else {
            return;
        };
        members.retain(|_, known| known != addr);
        if members.is_empty() {
            self.members.remove(name);
            for entries in self.topics.values_mut() {
                entries.remove(name);
            }
        } else if self.acting[name] && !members.contains_key(&0) {
            self.set_perm(name, |perm| perm & !2);
        }
    }

    fn leave_if_member(&mut self, addr: &str) {
        let Some(live) = self.live.remove(addr) else {
            return;
        };
        let is_member = |m: &BTreeMap<i64, String>| m.values().any(|known| known == addr);
        if self.members.get(live.name).is_some_and(is_member) {
            self.leave(live.name, addr);
        }
    }

    fn set_perm(&mut self, name: &str, change: impl Fn(i32) -> i32) {
        for entry in self
            .topics
            .values_mut()
            .filter_map(|entries| entries.get_mut(name))
        {
            entry.shown.1 = change(entry.shown.1);
        }
    }

    fn wait(&mut self, seconds: i64) {
        for _ in 0..seconds {
            self.now_ms += 1000;
            if self.now_ms < self.next_scan_ms {
                continue;
            }
            self.next_scan_ms = self.now_ms + SCAN_MS;
            let now_ms = self.now_ms;
            let expired = self
                .live
                .iter()
                .filter(|(_, l)| l.last_ms + l.timeout_ms < now_ms);
            let expired: Vec<String> = expired.map(|(addr, _)| addr.clone()).collect();
            for addr in expired {
                self.leave_if_member(&addr);
            }
        }
    }

    fn route(&self, topic: &str) -> BTreeMap<String, (Queues, BTreeMap<i64, String>)> {
        let entries = self.topics.get(topic).into_iter().flatten();
        entries
            .map(|(name, entry)| {
                (
                    (*name).to_owned(),
                    (entry.shown, self.members[name].clone()),
                )
            })
            .collect()
    }
}

/// The world with a connection for each address.
#[derive(Debug)]
struct Real {
    world: World,
    connections: BTreeMap<String, Arc<Connection>>,
}

impl Real {
    fn connection(&mut self, addr: &str) -> Arc<Connection> {
        let connection = self.connections.entry(addr.to_owned());
        connection.or_insert_with(|| self.world.connect()).clone()
    }

    fn broker(&mut self, who: &Who) -> Broker {
        let mut broker = Broker::new(&self.world, who.name, who.id);
        broker.connection = self.connection(&who.addr);
        broker.header.broker_addr = who.addr.clone();
        broker
    }

    fn register(&mut self, event: &Event) -> i32 {
        let Event::Register {
            who,
            acting,
            epoch,
            counter,
            quick,
            topics,
        } = event
        else {
            unreachable!()
        };
        let mut broker = self.broker(who);
        broker.header.enable_acting_master = *acting;
        broker.header.heartbeat_timeout_millis = quick.then_some(10_000);
        broker.version = (*epoch, 1, *counter);
        broker.topics = topics
            .iter()
            .map(|(topic, how)| ((*topic).to_owned(), *how))
            .collect();
        self.world.try_register(&broker).code
    }

    fn route(&self, topic: &str) -> BTreeMap<String, (Queues, BTreeMap<i64, String>)> {
        let Some(route) = self.world.route(topic) else {
            return BTreeMap::new();
        };
        let brokers = route["brokerDatas"].as_array().unwrap();
        let entry = |queue: &Value| {
            let name = queue["brokerName"].as_str().unwrap();
            let broker = brokers
                .iter()
                .find(|broker| broker["brokerName"] == name)
                .unwrap();
            let number = |field: &str| queue[field].as_i64().unwrap() as i32;
            let ids = addrs(broker)
                .into_iter()
                .map(|(id, addr)| (id.parse().unwrap(), addr));
            assert_eq!(queue["readQueueNums"], queue["writeQueueNums"]);
            (
                name.to_owned(),
                ((number("readQueueNums"), number("perm")), ids.collect()),
            )
        };
        route["queueDatas"]
            .as_array()
            .unwrap()
            .iter()
            .map(entry)
            .collect()
    }
}

fn step(real: &mut Real, model: &mut Model, event: &Event) {
    match event {
        Event::Register { .. } => assert_eq!(real.register(event), model.register(event)),
        Event::Unregister(who) => {
            let address = real.broker(who).address();
            assert_eq!(real.world.ask(104, &address, b"").code, 0);
            model.leave(who.name, &who.addr);
        }
        Event::Disconnect(who) => {
            if let Some(connection) = real.connections.remove(&who.addr) {
                real.world.disconnect(&connection);
            }
            model.leave_if_member(&who.addr);
        }
        Event::Heartbeat(who) => {
            let address = real.broker(who).address();
            real.world.ask(904, &address, b"");
            if let Some(live) = model.live.get_mut(&who.addr) {
                live.last_ms = model.now_ms;
            }
        }
        Event::Wipe(name) => {
            real.world.ask(205, &json!({ "brokerName": name }), b"");
            model.set_perm(name, |perm| perm & !2);
        }
        Event::Add(name) => {
            real.world.ask(327, &json!({ "brokerName": name }), b"");
            model.set_perm(name, |_| 6);
        }
        Event::DeleteTopic { topic, cluster } => {
            real.world.ask(
                216,
                &json!({ "topic": topic, "clusterName": cluster.unwrap_or_default() }),
                b"",
            );
            // All brokers are in cluster C, so with or without it the topic is gone.
            let is_hit = cluster.is_none_or(|cluster| cluster == "C" && !model.members.is_empty());
            if is_hit {
                model.topics.remove(topic);
            }
        }
        Event::Wait { seconds } => {
            real.world.wait_ms(seconds * 1000);
            model.wait(*seconds);
        }
    }
}

fn check(real: &Real, model: &Model) {
    let mut known = BTreeSet::new();
    for topic in TOPICS {
        let expected = model.route(topic);
        assert_eq!(real.route(topic), expected, "{topic}");
        if !expected.is_empty() {
            known.insert(topic.to_owned());
        }
    }
    let list = body_json(&real.world.ask_plain(206))["topicList"].take();
    assert_eq!(
        serde_json::from_value::<BTreeSet<String>>(list).unwrap(),
        known
    );
    let info = body_json(&real.world.ask_plain(106));
    let names: Vec<&String> = info["brokerAddrTable"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(names, model.members.keys().collect::<Vec<_>>());
}

fn who() -> impl Strategy<Value = Who> {
    (prop::sample::select(&NAMES[..]), 0..3i64, 0..2u8).prop_map(|(name, id, variant)| {
        // Sometimes two ids of a name come from one address, sometimes one id from two.
        let addr = format!("{name}-{}:1", (id + i64::from(variant)) % 3);
        Who { name, id, addr }
    })
}

fn topics() -> impl Strategy<Value = BTreeMap<&'static str, Queues>> {
    let queues = (1..3i32, prop::sample::select(&[4, 6][..]));
    prop::collection::btree_map(prop::sample::select(&TOPICS[..]), queues, 0..=4)
}

fn event() -> impl Strategy<Value = Event> {
    let register = (
        who(),
        any::<Option<bool>>(),
        0..2i64,
        0..3i64,
        any::<bool>(),
        topics(),
    );
    let register =
        register.prop_map(
            |(who, acting, epoch, counter, quick, topics)| Event::Register {
                who,
                acting,
                epoch,
                counter,
                quick,
                topics,
            },
        );
    let cluster = prop::sample::select(&[None, Some("C"), Some("D")][..]);
    prop_oneof![
        8 => register,
        1 => who().prop_map(Event::Unregister),
        2 => who().prop_map(Event::Disconnect),
        1 => who().prop_map(Event::Heartbeat),
        1 => prop::sample::select(&NAMES[..]).prop_map(Event::Wipe),
        1 => prop::sample::select(&NAMES[..]).prop_map(Event::Add),
        1 => (prop::sample::select(&TOPICS[..]), cluster)
            .prop_map(|(topic, cluster)| Event::DeleteTopic { topic, cluster }),
        2 => (1..40i64).prop_map(|seconds| Event::Wait { seconds }),
    ]
}

/// Events, with registrations that are repeated word for word among them.
fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = (event(), any::<bool>(), any::<prop::sample::Index>());
    prop::collection::vec(event, 1..60).prop_map(|drawn| {
        let mut events: Vec<Event> = Vec::new();
        for (event, repeats, index) in drawn {
            let repeated = (repeats && !events.is_empty()).then(|| index.get(&events).clone());
            events.push(repeated.unwrap_or(event));
        }
        events
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(3),
        ..ProptestConfig::default()
    })]

    #[test]
    fn routes_and_lists(events in events()) {
        let world = World::new();
        let mut real = Real { world, connections: BTreeMap::new() };
        let mut model = Model { next_scan_ms: SCAN_MS, ..Model::default() };
        for event in &events {
            step(&mut real, &mut model, event);
            check(&real, &model);
        }
    }
}
