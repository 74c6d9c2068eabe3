use crate::support::{Broker, World};
use serde_json::json;

fn wipe(world: &World, code: i32, count: &str) -> Option<String> {
    let answer = world.ask(code, &json!({ "brokerName": "a" }), b"");
    assert_eq!(answer.code, 0);
    answer.ext_field(count).map(|count| count.into_owned())
}

#[test]
fn two_registrations_do_not_undo_it_and_a_change_undoes_it_for_its_topic() {
    let world = World::new();
    let broker = Broker::new(&world, "a", 0).topic("U", 4, 6);
    world.register(&broker);
    world.register(&Broker::new(&world, "b", 0));
    assert_eq!(wipe(&world, 205, "wipeTopicCount").as_deref(), Some("3"));
    assert_eq!(world.perms("T"), [("a".into(), 4), ("b".into(), 6)].into());
    assert_eq!(world.perms("a")["a"], 5);

    world.register(&broker);
    world.register(&broker);
    assert_eq!(world.perms("U")["a"], 4, "unchanged registrations leave it");

    let changed = broker.topic("U", 8, 6).changed();
    world.register(&changed.clone().only("U"));
    assert_eq!(
        world.perms("U")["a"],
        6,
        "the changed topic is as registered"
    );
    assert_eq!(world.perms("T")["a"], 4, "the others are not");
    world.register(&changed);
    assert_eq!(world.perms("T")["a"], 4);
}

#[test]
fn a_full_registration_with_a_new_version_undoes_it() {
    let world = World::new();
    let broker = Broker::new(&world, "a", 0);
    world.register(&broker);
    wipe(&world, 205, "wipeTopicCount");
    world.register(&broker.changed());
    assert_eq!(world.perms("T")["a"], 6);
}

#[test]
fn a_new_connection_of_the_broker_undoes_it() {
    let world = World::new();
    let broker = Broker::new(&world, "a", 0);
    world.register(&broker);
    wipe(&world, 205, "wipeTopicCount");
    world.disconnect(&broker.connection);
    world.register(&Broker {
        connection: world.connect(),
        ..broker
    });
    assert_eq!(world.perms("T")["a"], 6);
}

#[test]
fn adding_it_back_sets_read_and_write_and_nothing_else() {
    let world = World::new();
    world.register(&Broker::new(&world, "a", 0).topic("Closed", 1, 0));
    assert_eq!(wipe(&world, 327, "addTopicCount").as_deref(), Some("3"));
    for topic in ["T", "a", "Closed"] {
        assert_eq!(world.perms(topic)["a"], 6);
    }
}

#[test]
fn an_unknown_broker_has_no_topics() {
    let world = World::new();
    assert_eq!(wipe(&world, 205, "wipeTopicCount").as_deref(), Some("0"));
    assert_eq!(wipe(&world, 327, "addTopicCount").as_deref(), Some("0"));
}
