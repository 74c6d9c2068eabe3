//! Light queues as topics (`LmqTopicConfigManager`): any name with their prefix is a topic of one queue
//! that may be read and written. Nobody makes one, and no file keeps one.
//!
//! What requests and waiting pulls share of such a topic lives as long as one of them holds it, so
//! names that somebody made up leave nothing behind.

use std::sync::{Arc, Weak};

use ferrocket_protocol::bodies::TopicConfig;
use parking_lot::Mutex;

use super::{Topic, names};
use crate::config::{PERM_READ, PERM_WRITE};
use crate::read_mostly::FixedMap;

/// Names that are kept without a look at whether they are still in use.
const UNCHECKED_NAMES: usize = 1_024;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct LightTopics(Mutex<Names>);

#[derive(Debug, Default)]
struct Names {
    topics: FixedMap<Box<str>, Weak<Topic>>,
    /// With this many names those that nobody holds are dropped.
    checked_at: usize,
}

impl LightTopics {
    /// The topic of a light queue, if `name` may be one's.
    pub(super) fn find(&self, name: &str) -> Option<Arc<Topic>> {
        if !name.starts_with(names::LIGHT_PREFIX) || !names::may_be_directory(name) {
            return None;
        }
        let mut names = self.0.lock();
        if let Some(topic) = names.topics.get(name).and_then(Weak::upgrade) {
            return Some(topic);
        }
        if names.topics.len() >= names.checked_at {
            names.topics.retain(|_, topic| topic.strong_count() > 0);
            names.checked_at = (names.topics.len() * 2).max(UNCHECKED_NAMES);
        }
        let topic = Arc::new(Topic::new(settings(name), None));
        names.topics.insert(name.into(), Arc::downgrade(&topic));
        Some(topic)
    }

    pub(super) fn in_use(&self, name: &str) -> Option<Arc<Topic>> {
        self.0.lock().topics.get(name)?.upgrade()
    }

    pub(super) fn all_in_use(&self) -> Vec<Arc<Topic>> {
        let names = self.0.lock();
        names.topics.values().filter_map(Weak::upgrade).collect()
    }
}

fn settings(name: &str) -> TopicConfig {
    TopicConfig {
        topic_name: name.to_owned(),
        read_queue_nums: 1,
        write_queue_nums: 1,
        perm: PERM_READ | PERM_WRITE,
        ..TopicConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_the_same_for_all_who_hold_it_and_forgotten_after() {
        let light = LightTopics::default();
        let first = light.find("%LMQ%a").unwrap();
        let second = light.find("%LMQ%a").unwrap();
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(light.all_in_use().len(), 1);
        drop((first, second));
        assert!(light.in_use("%LMQ%a").is_none());
    }

    #[test]
    fn made_up_names_leave_nothing_behind() {
        let light = LightTopics::default();
        let held = light.find("%LMQ%held").unwrap();
        for number in 0..10 * UNCHECKED_NAMES {
            light.find(&format!("%LMQ%{number}")).unwrap();
        }
        assert!(light.0.lock().topics.len() <= UNCHECKED_NAMES);
        assert!(Arc::ptr_eq(&held, &light.find("%LMQ%held").unwrap()));
    }

    #[test]
    fn other_names_are_not_light_queues() {
        let light = LightTopics::default();
        let long = format!("%LMQ%{}", "x".repeat(251));
        for name in ["T", "%LMQ%a/b", "%LMQ%a\0", &long] {
            assert!(light.find(name).is_none(), "{name:?}");
        }
    }
}
