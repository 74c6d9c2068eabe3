use ferrocket_namesrv::NamesrvConfig;
use serde_json::json;

use crate::support::{Broker, World};

fn two_clusters(world: &World) -> (Broker, Broker) {
    let here = Broker::new(world, "a", 0);
    let mut there = Broker::new(world, "b", 0);
    there.header.cluster_name = "D".to_owned();
    world.register(&here);
    world.register(&there);
    (here, there)
}

#[test]
fn without_a_cluster_it_is_gone_everywhere() {
    let world = World::new();
    let (here, _) = two_clusters(&world);
    assert_eq!(world.ask(216, &json!({ "topic": "T" }), b"").code, 0);
    assert!(world.route("T").is_none());
    assert!(world.route("a").is_some(), "other topics stay");
    world.register(&here);
    assert_eq!(world.perms("T").into_keys().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn with_a_cluster_it_is_gone_there() {
    let world = World::new();
    two_clusters(&world);
    for (cluster, left) in [("nowhere", vec!["a", "b"]), ("C", vec!["b"]), ("D", vec![])] {
        let answer = world.ask(216, &json!({ "topic": "T", "clusterName": cluster }), b"");
        assert_eq!(answer.code, 0);
        assert_eq!(world.perms("T").into_keys().collect::<Vec<_>>(), left);
    }
}

#[test]
fn by_default_a_topic_that_the_broker_does_not_name_stays() {
    let world = World::new();
    let broker = Broker::new(&world, "a", 0).topic("Old", 1, 6);
    world.register(&broker);
    world.register(&Broker::new(&world, "a", 0).changed());
    assert!(world.route("Old").is_some());
}

#[test]
fn with_delete_topic_with_broker_registration_it_goes() {
    let world = World::with(NamesrvConfig {
        delete_topic_with_broker_registration: true,
        ..NamesrvConfig::default()
    });
    let broker = Broker::new(&world, "a", 0).topic("Old", 1, 6);
    world.register(&broker);
    world.register(&Broker::new(&world, "b", 0).topic("Old", 1, 6));
    world.register(&Broker::new(&world, "a", 0).changed());
    assert_eq!(world.perms("Old").into_keys().collect::<Vec<_>>(), ["b"]);
}
