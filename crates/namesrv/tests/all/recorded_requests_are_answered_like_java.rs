//! Each recorded request meets a name server that was brought into the state that the recorded
//! answer tells of, and must be answered alike: code, remark, ext fields, and the body's content.

use std::collections::BTreeSet;

use ferrocket_namesrv::NamesrvConfig;
use ferrocket_protocol::bodies::{
    self, BrokerData, ClusterInfo, GetBrokerMemberGroupResponseBody, KVTable, TopicList,
    TopicRouteData,
};
use ferrocket_protocol::frame::Frame;
use ferrocket_protocol::headers::{GetRouteInfo, RegisterBroker};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::recorded::{Exchange, exchanges};
use crate::support::{Broker, World};

/// Replays the exchanges of a code. `prepare` gets the recorded answer, `compare` also ours.
fn replay(
    code: i32,
    prepare: impl Fn(&World, &Exchange, &Frame),
    compare: impl Fn(&Exchange, &Frame, &Frame),
) {
    let exchanges = exchanges(code);
    assert!(!exchanges.is_empty(), "nothing recorded of {code}");
    for exchange in &exchanges {
        let world = World::with(NamesrvConfig {
            order_message_enable: true,
            ..Default::default()
        });
        let Some(theirs) = &exchange.response else {
            let answer = world.answer(&world.connect(), exchange.request.clone());
            assert!(answer.is_none(), "{}", exchange.name);
            continue;
        };
        prepare(&world, exchange, theirs);
        let ours = world
            .answer(&world.connect(), exchange.request.clone())
            .unwrap();
        assert_eq!(ours.code, theirs.code, "{}", exchange.name);
        assert_eq!(ours.opaque, theirs.opaque, "{}", exchange.name);
        assert_eq!(
            ours.encoding, exchange.request.encoding,
            "{}",
            exchange.name
        );
        assert_eq!(fields(&ours), fields(theirs), "{}", exchange.name);
        assert_eq!(
            ours.body.is_empty(),
            theirs.body.is_empty(),
            "{}",
            exchange.name
        );
        // 4.9 points to another page.
        let link = "See http";
        let words = |frame: &Frame| {
            frame
                .remark
                .as_deref()
                .and_then(|remark| remark.split(link).next())
                .map(str::to_owned)
        };
        assert_eq!(words(&ours), words(theirs), "{}", exchange.name);
        compare(exchange, &ours, theirs);
    }
}

fn fields(frame: &Frame) -> BTreeSet<String> {
    frame
        .ext()
        .iter()
        .map(|(name, _)| name.into_owned())
        .collect()
}

fn nothing(_: &World, _: &Exchange, _: &Frame) {}

fn no_more(_: &Exchange, _: &Frame, _: &Frame) {}

fn read<T: DeserializeOwned>(frame: &Frame) -> T {
    bodies::read(&frame.body).unwrap()
}

/// Registers what a route or a cluster shows.
fn register(world: &World, data: &BrokerData, topics: &[String]) {
    for (id, addr) in &data.broker_addrs {
        let mut broker = Broker::new(world, &data.broker_name, *id);
        broker.header.broker_addr = addr.clone();
        broker.header.cluster_name = data.cluster.clone();
        broker.header.enable_acting_master = Some(data.enable_acting_master);
        if !topics.is_empty() {
            broker.topics = topics.iter().map(|topic| (topic.clone(), (1, 6))).collect();
        }
        world.register(&broker);
    }
}

fn a_broker(world: &World, topics: &[String]) {
    let data = BrokerData {
        broker_addrs: [(0, "127.0.0.1:23110".to_owned())].into(),
        broker_name: "broker-a".to_owned(),
        cluster: "DefaultCluster".to_owned(),
        ..BrokerData::default()
    };
    register(world, &data, topics);
}

#[test]
fn routes() {
    let sorted = |frame: &Frame| {
        let mut route: TopicRouteData = read(frame);
        route
            .queue_datas
            .sort_by(|a, b| a.broker_name.cmp(&b.broker_name));
        route
            .broker_datas
            .sort_by(|a, b| a.broker_name.cmp(&b.broker_name));
        route
    };
    let prepare = |world: &World, exchange: &Exchange, theirs: &Frame| {
        if theirs.body.is_empty() {
            return;
        }
        let header: GetRouteInfo = exchange.request.header().unwrap();
        let route = sorted(theirs);
        if route.broker_datas.is_empty() {
            // All its brokers are in other zones.
            a_broker(world, &[header.topic.clone(), "Another".to_owned()]);
        }
        for data in &route.broker_datas {
            let mut broker = Broker::new(world, &data.broker_name, 0);
            if let Some(mappings) = &route.topic_queue_mapping_by_broker {
                let of_it = &mappings[&data.broker_name];
                broker.mappings = json!({ header.topic.clone(): of_it });
                broker.header.broker_addr = data.broker_addrs[&0].clone();
                broker.header.cluster_name = data.cluster.clone();
                world.register(&broker);
            } else {
                register(world, data, &[]);
            }
        }
        if let Some(order) = &route.order_topic_conf {
            let topic = &header.topic;
            let put = json!({ "namespace": "ORDER_TOPIC_CONFIG", "key": topic, "value": order });
            assert_eq!(world.ask(100, &put, b"").code, 0);
        }
        let entries = TopicRouteData {
            queue_datas: route.queue_datas,
            ..Default::default()
        };
        world.ask(
            217,
            &json!({ "topic": header.topic }),
            &bodies::print(&entries),
        );
    };
    replay(105, prepare, |exchange, ours, theirs| {
        if theirs.code == 0 {
            assert_eq!(sorted(ours), sorted(theirs), "{}", exchange.name);
        }
    });
}

#[test]
fn clusters_and_members() {
    let register_all = |world: &World, _: &Exchange, theirs: &Frame| {
        for data in read::<ClusterInfo>(theirs).broker_addr_table.values() {
            register(world, data, &[]);
        }
    };
    replay(106, register_all, |exchange, ours, theirs| {
        assert_eq!(
            read::<ClusterInfo>(ours),
            read::<ClusterInfo>(theirs),
            "{}",
            exchange.name
        );
    });
    let register_members = |world: &World, _: &Exchange, theirs: &Frame| {
        let body: GetBrokerMemberGroupResponseBody = read(theirs);
        let group = body.broker_member_group.unwrap();
        let data = BrokerData {
            broker_addrs: group.broker_addrs,
            broker_name: group.broker_name,
            cluster: group.cluster,
            ..BrokerData::default()
        };
        register(world, &data, &[]);
    };
    replay(901, register_members, |exchange, ours, theirs| {
        let group = |frame: &Frame| read::<GetBrokerMemberGroupResponseBody>(frame);
        assert_eq!(group(ours), group(theirs), "{}", exchange.name);
    });
}

#[test]
fn topic_lists() {
    let register_list = |world: &World, _: &Exchange, theirs: &Frame| {
        a_broker(world, &read::<TopicList>(theirs).topic_list);
    };
    let compare = |exchange: &Exchange, ours: &Frame, theirs: &Frame| {
        let topics = |frame: &Frame| -> BTreeSet<String> {
            read::<TopicList>(frame).topic_list.into_iter().collect()
        };
        assert_eq!(topics(ours), topics(theirs), "{}", exchange.name);
        let addr = |frame: &Frame| read::<TopicList>(frame).broker_addr;
        assert_eq!(addr(ours), addr(theirs), "{}", exchange.name);
    };
    for code in [206, 224, 304] {
        replay(code, register_list, compare);
    }
    for code in [311, 312, 313] {
        replay(code, |world, _, _| a_broker(world, &[]), compare);
    }
}

#[test]
fn registrations() {
    let prepare = |world: &World, exchange: &Exchange, theirs: &Frame| {
        if !theirs.body.is_empty() {
            put_all(world, "ORDER_TOPIC_CONFIG", &read(theirs));
        }
        let own: RegisterBroker = exchange.request.header().unwrap();
        let told = |field: &str| theirs.ext_field(field).map(|text| text.into_owned());
        if let (Some(addr), Some(ha_addr)) = (told("masterAddr"), told("haServerAddr")) {
            let mut master = Broker::new(world, &own.broker_name, 0);
            master.header.cluster_name = own.cluster_name;
            master.header.broker_addr = addr;
            master.header.ha_server_addr = ha_addr;
            world.register(&master);
        } else if theirs.code == 0 {
            // An incremental message follows a full one.
            let mut known = Broker::new(world, &own.broker_name, own.broker_id);
            known.header = own;
            known.header.body_crc32 = None;
            world.register(&known);
        }
    };
    replay(103, prepare, |exchange, ours, theirs| {
        for field in fields(theirs) {
            assert_eq!(
                ours.ext_field(&field),
                theirs.ext_field(&field),
                "{}",
                exchange.name
            );
        }
        assert_eq!(ours.body, theirs.body, "{}", exchange.name);
    });
}

#[test]
fn other_requests_of_brokers() {
    for code in [104, 904, 217] {
        replay(code, nothing, no_more);
    }
    let prepare = |world: &World, exchange: &Exchange, theirs: &Frame| {
        if theirs.body.is_empty() {
            return;
        }
        let version: bodies::DataVersion = read(theirs);
        let mut broker = Broker::new(world, "golden-fake", 0);
        broker.header.broker_addr = exchange
            .request
            .ext_field("brokerAddr")
            .unwrap()
            .into_owned();
        broker.header.cluster_name = exchange
            .request
            .ext_field("clusterName")
            .unwrap()
            .into_owned();
        broker.version = (version.state_version, version.timestamp, version.counter);
        world.register(&broker);
    };
    replay(322, prepare, |exchange, ours, theirs| {
        assert_eq!(
            ours.ext_field("changed"),
            theirs.ext_field("changed"),
            "{}",
            exchange.name
        );
        assert_eq!(ours.body, theirs.body, "{}", exchange.name);
    });
}

fn put_all(world: &World, namespace: &str, table: &KVTable) {
    for (key, value) in &table.table {
        let header = json!({ "namespace": namespace, "key": key, "value": value });
        assert_eq!(world.ask(100, &header, b"").code, 0);
    }
}

#[test]
fn kv_requests() {
    for code in [100, 102] {
        replay(code, nothing, no_more);
    }
    let field = |frame: &Frame, name: &str| frame.ext_field(name).map(|text| text.into_owned());
    let put_value = |world: &World, exchange: &Exchange, theirs: &Frame| {
        if let Some(value) = field(theirs, "value") {
            let key = field(&exchange.request, "key").unwrap();
            let table = KVTable {
                table: [(key, value)].into(),
            };
            put_all(
                world,
                &field(&exchange.request, "namespace").unwrap(),
                &table,
            );
        }
    };
    replay(101, put_value, |exchange, ours, theirs| {
        assert_eq!(
            field(ours, "value"),
            field(theirs, "value"),
            "{}",
            exchange.name
        );
    });
    let put_table = |world: &World, exchange: &Exchange, theirs: &Frame| {
        if theirs.code == 0 {
            put_all(
                world,
                &field(&exchange.request, "namespace").unwrap(),
                &read(theirs),
            );
        }
    };
    replay(219, put_table, |exchange, ours, theirs| {
        assert_eq!(ours.body, theirs.body, "{}", exchange.name);
    });
}

#[test]
fn other_requests_of_administrators() {
    for code in [205, 327] {
        replay(code, |world, _, _| a_broker(world, &[]), no_more);
    }
    for code in [216, 318, 319] {
        replay(code, nothing, no_more);
    }
}
