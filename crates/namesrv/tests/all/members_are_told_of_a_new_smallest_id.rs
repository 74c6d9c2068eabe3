use std::collections::BTreeMap;

use ferrocket_namesrv::NamesrvConfig;

use crate::support::{Broker, Connection, World};

fn world() -> World {
    World::with(NamesrvConfig {
        notify_min_broker_id_changed: true,
        ..NamesrvConfig::default()
    })
}

/// The fields of the one notification that came.
fn told(connection: &Connection) -> BTreeMap<String, String> {
    let mut frames = connection.received();
    assert_eq!(frames.len(), 1);
    let frame = frames.pop().unwrap();
    assert_eq!(frame.code, 905);
    assert!(frame.is_oneway() && !frame.is_response());
    frame
        .ext()
        .iter()
        .map(|(name, value)| (name.into_owned(), value.unwrap_or_default().into_owned()))
        .collect()
}

fn fields<const N: usize>(fields: [(&str, &str); N]) -> BTreeMap<String, String> {
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn when_the_master_is_gone_and_when_it_is_back() {
    let world = world();
    let master = Broker::new(&world, "a", 0).acting();
    let [first, second] = [1, 2].map(|id| Broker::new(&world, "a", id).acting());
    for broker in [&master, &first, &second] {
        world.register(broker);
    }
    assert!(first.connection.received().is_empty());

    world.disconnect(&master.connection);
    let expected = fields([
        ("minBrokerId", "1"),
        ("minBrokerAddr", "a-1:10911"),
        ("offlineBrokerAddr", "a-0:10911"),
    ]);
    assert_eq!(told(&first.connection), expected);
    assert_eq!(told(&second.connection), expected);

    let back = Broker {
        connection: world.connect(),
        ..master
    };
    world.register(&back);
    let expected = fields([
        ("minBrokerId", "0"),
        ("minBrokerAddr", "a-0:10911"),
        ("haBrokerAddr", "a-0:10912"),
    ]);
    assert_eq!(told(&first.connection), expected);
    assert_eq!(told(&second.connection), expected);
    assert!(
        back.connection.received().is_empty(),
        "the new smallest knows"
    );
}

#[test]
fn not_when_another_member_leaves() {
    let world = world();
    let master = Broker::new(&world, "a", 0).acting();
    let slave = Broker::new(&world, "a", 1).acting();
    world.register(&master);
    world.register(&slave);
    world.disconnect(&slave.connection);
    assert!(master.connection.received().is_empty());
}

#[test]
fn not_when_members_do_not_act_as_masters() {
    let world = world();
    let master = Broker::new(&world, "a", 0);
    let slave = Broker::new(&world, "a", 1);
    world.register(&master);
    world.register(&slave);
    world.disconnect(&master.connection);
    assert!(slave.connection.received().is_empty());
}

#[test]
fn not_by_default() {
    let world = World::new();
    let master = Broker::new(&world, "a", 0).acting();
    let slave = Broker::new(&world, "a", 1).acting();
    world.register(&slave);
    world.register(&master);
    world.disconnect(&master.connection);
    assert!(slave.connection.received().is_empty());
}
