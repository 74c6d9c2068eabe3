use crate::support::{Broker, World};

/// Java trusts the equal data version and serves the old queues until the broker changes again.
#[test]
fn although_the_data_version_is_known_by_then() {
    let world = World::new();
    let broker = Broker::new(&world, "a", 0).topic("Lost", 4, 6);
    world.register(&broker);
    // The message about `Lost` never arrives, the next one does.
    let changed = broker
        .topic("Lost", 16, 4)
        .changed()
        .topic("Later", 1, 6)
        .changed();
    world.register(&changed.clone().only("Later"));
    assert_eq!(world.perms("Lost")["a"], 6);
    world.register(&changed);
    assert_eq!(world.perms("Lost")["a"], 4);
    assert_eq!(
        world.route("Lost").unwrap()["queueDatas"][0]["readQueueNums"],
        16
    );
}

/// With `enableSplitRegistration` all messages of one registration carry the same version.
#[test]
fn and_every_chunk_of_a_split_registration_counts() {
    let world = World::new();
    let with_perms = |perm| {
        Broker::new(&world, "a", 0)
            .topic("Before", 4, perm)
            .topic("First", 4, perm)
            .topic("Second", 4, perm)
    };
    let chunks = |broker: &Broker| {
        let mut second = broker.clone();
        second.topics = second.topics.split_off("Second");
        let mut first = broker.clone();
        first
            .topics
            .retain(|topic, _| !second.topics.contains_key(topic));
        [first, second]
    };
    for chunk in chunks(&with_perms(6)) {
        world.register(&chunk);
    }
    assert_eq!(
        [world.perms("First")["a"], world.perms("Second")["a"]],
        [6, 6]
    );
    for chunk in chunks(&with_perms(4).changed()) {
        world.register(&chunk);
    }
    assert_eq!(
        [world.perms("First")["a"], world.perms("Second")["a"]],
        [4, 4]
    );
}

#[test]
fn and_a_broker_that_is_told_of_a_change_registers() {
    let world = World::new();
    let broker = Broker::new(&world, "a", 0);
    let ask = |broker: &Broker| {
        let body = broker.data_version().to_string();
        world.ask(322, &broker.address(), body.as_bytes())
    };
    world.register(&broker);
    let same = ask(&broker);
    assert_eq!(same.ext_field("changed").as_deref(), Some("false"));
    assert_eq!(crate::support::body_json(&same), broker.data_version());
    let changed = broker.changed();
    assert_eq!(ask(&changed).ext_field("changed").as_deref(), Some("true"));
    world.register(&changed);
    assert_eq!(ask(&changed).ext_field("changed").as_deref(), Some("false"));
}
