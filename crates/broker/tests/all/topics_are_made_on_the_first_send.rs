use ferrocket_broker::RegistrationChange;
use ferrocket_protocol::bodies::TopicConfig;
use ferrocket_protocol::headers::SendMessage;
use ferrocket_store::FlushMode;

use crate::support::*;

fn made(world: &World, topic: &str) -> Option<TopicConfig> {
    let body = world.broker.registration(None);
    body.topic_config_serialize_wrapper
        .topic_config_table
        .get(topic)
        .cloned()
}

#[test]
fn with_as_many_queues_as_the_client_wants_and_the_template_allows() {
    for (wanted, expected) in [(4, 4), (8, 8), (100, 8)] {
        let world = World::new();
        let header = SendMessage {
            default_topic_queue_nums: wanted,
            ..message("New", 0, "")
        };
        assert_eq!(world.connect().send(&header, b"x").code, 0);
        let topic = made(&world, "New").unwrap();
        assert_eq!(
            (topic.read_queue_nums, topic.write_queue_nums),
            (expected, expected)
        );
        assert_eq!((topic.perm, topic.topic_sys_flag), (6, 0));
        let told = RegistrationChange::Topics(vec!["New".to_owned()]);
        assert_eq!(*world.around.registrations.lock(), [told]);
    }
}

#[test]
fn after_any_template_that_may_be_inherited() {
    let world = World::new();
    let header = SendMessage {
        default_topic: "DefaultCluster".into(),
        default_topic_queue_nums: 100,
        unit_mode: Some(true),
        ..message("New", 0, "")
    };
    assert_eq!(world.connect().send(&header, b"x").code, 0);
    let topic = made(&world, "New").unwrap();
    assert_eq!((topic.write_queue_nums, topic.topic_sys_flag), (16, 1));
}

#[test]
fn only_when_that_is_allowed_but_retry_topics_always() {
    let mut settings = config();
    settings.auto_create_topic_enable = false;
    let world = World::with(settings, store_config(FlushMode::Async));
    let client = world.connect();
    assert_eq!(client.send(&message("New", 0, ""), b"x").code, 17);
    assert_eq!(made(&world, "New"), None);
    assert_eq!(made(&world, "TBW102"), None);
    assert_eq!(client.send(&message("%RETRY%g", 0, ""), b"x").code, 0);
    let topic = made(&world, "%RETRY%g").unwrap();
    assert_eq!((topic.write_queue_nums, topic.perm), (1, 6));
}

#[test]
fn and_are_there_after_a_restart_even_without_a_clean_stop() {
    let world = World::new();
    world.connect().store("New", 0, "", "x");
    world.store.flush(world.now()).unwrap();
    let disk = world.disk.power_loss(7);
    let world = World::on(disk, config(), store_config(FlushMode::Async));
    assert!(made(&world, "New").is_some());
}

#[test]
fn on_a_queue_of_the_broker_s_choice_when_the_client_has_none() {
    let world = World::new();
    let client = world.connect();
    let mut queues = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let answer = client.send(&message("New", -1, ""), b"x");
        assert_eq!(answer.code, 0);
        queues.insert(answer.ext_field("queueId").unwrap().into_owned());
    }
    assert_eq!(queues.into_iter().collect::<Vec<_>>(), ["0", "1", "2", "3"]);
}
