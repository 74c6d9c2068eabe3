//! The queues of a topic, read out of the name server's answer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use ferrocket_protocol::bodies::{MessageQueue, PERM_READ, PERM_WRITE, TopicRouteData};

/// `MixAll#MASTER_ID`.
const MASTER_ID: i64 = 0;

/// Where a topic's messages go to and come from.
#[derive(Debug)]
pub struct TopicRoute {
    /// Queues that take messages: write permission, and a master that is known.
    pub write_queues: Vec<MessageQueue>,
    /// Queues that give messages.
    pub read_queues: Vec<MessageQueue>,
    /// Broker name to broker id to address.
    pub brokers: BTreeMap<String, BTreeMap<i64, String>>,
    /// The name server's answer as it came.
    pub data: TopicRouteData,
    /// The round robin of this topic.
    next: AtomicUsize,
}

impl TopicRoute {
    /// `MQClientInstance#topicRouteData2TopicPublishInfo` and `...SubscribeInfo`.
    pub(crate) fn new(topic: &str, data: TopicRouteData, start: usize) -> Self {
        let brokers: BTreeMap<String, BTreeMap<i64, String>> = data
            .broker_datas
            .iter()
            .map(|b| {
                (
                    b.broker_name.clone(),
                    b.broker_addrs.clone().into_iter().collect(),
                )
            })
            .collect();
        let has_master = |name: &str| {
            brokers
                .get(name)
                .is_some_and(|addresses| addresses.contains_key(&MASTER_ID))
        };
        let mut datas: Vec<_> = data.queue_datas.iter().collect();
        datas.sort_by(|a, b| a.broker_name.cmp(&b.broker_name));
        let mut write_queues = Vec::new();
        let mut read_queues = Vec::new();
        for queue in datas {
            if queue.perm & PERM_WRITE != 0 && has_master(&queue.broker_name) {
                push_queues(
                    &mut write_queues,
                    topic,
                    &queue.broker_name,
                    queue.write_queue_nums,
                );
            }
            if queue.perm & PERM_READ != 0 {
                push_queues(
                    &mut read_queues,
                    topic,
                    &queue.broker_name,
                    queue.read_queue_nums,
                );
            }
        }
        if let Some(order) = data
            .order_topic_conf
            .as_deref()
            .filter(|conf| !conf.is_empty())
        {
            write_queues = ordered_queues(topic, order);
        }
        Self {
            write_queues,
            read_queues,
            brokers,
            data,
            next: AtomicUsize::new(start),
        }
    }

    /// The route that a topic will have once brokers have created it from the default topic.
    pub(crate) fn of_default_topic(
        topic: &str,
        mut data: TopicRouteData,
        queues_max: i32,
        start: usize,
    ) -> Self {
        for queue in &mut data.queue_datas {
            let queues = queue.read_queue_nums.min(queues_max);
            (queue.read_queue_nums, queue.write_queue_nums) = (queues, queues);
        }
        Self::new(topic, data, start)
    }

    /// Whether the name server said something new.
    pub(crate) fn differs(&self, data: &TopicRouteData) -> bool {
        let sorted = |data: &TopicRouteData| {
            let mut data = data.clone();
            data.queue_datas
                .sort_by(|a, b| a.broker_name.cmp(&b.broker_name));
            data.broker_datas
                .sort_by(|a, b| a.broker_name.cmp(&b.broker_name));
            data
        };
        sorted(&self.data) != sorted(data)
    }

    /// The next queue in turn, on another broker than `avoided` if there is one.
    pub(crate) fn pick(&self, avoided: Option<&str>) -> Option<&MessageQueue> {
        let next = || {
            let turn = self.next.fetch_add(1, Relaxed) & 0x7fff_ffff;
            self.write_queues.get(turn % self.write_queues.len().max(1))
        };
        let Some(avoided) = avoided else {
            return next();
        };
        let others = std::iter::repeat_with(next)
            .take(self.write_queues.len())
            .flatten();
        others
            .into_iter()
            .find(|queue| queue.broker_name != avoided)
            .or_else(next)
    }

    /// The address of a broker's master.
    pub(crate) fn master(&self, broker_name: &str) -> Option<&str> {
        self.brokers
            .get(broker_name)?
            .get(&MASTER_ID)
            .map(String::as_str)
    }

    /// The address to read from: the broker asked for, else the next id, else any
    /// (`MQClientInstance#findBrokerAddressInSubscribe`).
    pub(crate) fn reader(&self, broker_name: &str, broker_id: i64) -> Option<&str> {
        let addresses = self.brokers.get(broker_name)?;
        let wanted = addresses.get(&broker_id);
        let next = || {
            (broker_id != MASTER_ID)
                .then(|| addresses.get(&(broker_id + 1)))
                .flatten()
        };
        let any = || addresses.values().next();
        wanted.or_else(next).or_else(any).map(String::as_str)
    }
}

fn push_queues(queues: &mut Vec<MessageQueue>, topic: &str, broker_name: &str, count: i32) {
    queues.extend((0..count).map(|queue_id| MessageQueue {
        topic: topic.to_owned(),
        broker_name: broker_name.to_owned(),
        queue_id,
    }));
}

/// `brokerA:4;brokerB:2`, in that order. Items that are malformed are left out.
fn ordered_queues(topic: &str, order: &str) -> Vec<MessageQueue> {
    let mut queues = Vec::new();
    for item in order.split(';') {
        if let Some((broker_name, count)) = item.split_once(':')
            && let Ok(count) = count.trim().parse()
        {
            push_queues(&mut queues, topic, broker_name, count);
        }
    }
    queues
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferrocket_protocol::bodies;

    const ANSWER: &str = r#"{"brokerDatas":[
        {"brokerAddrs":{0:"b:10911",1:"b:10921"},"brokerName":"broker-b","cluster":"C"},
        {"brokerAddrs":{0:"a:10911"},"brokerName":"broker-a","cluster":"C"},
        {"brokerAddrs":{2:"c:10911"},"brokerName":"broker-c","cluster":"C"}],
        "filterServerTable":{},
        "queueDatas":[
        {"brokerName":"broker-b","perm":6,"readQueueNums":2,"topicSysFlag":0,"writeQueueNums":1},
        {"brokerName":"broker-a","perm":4,"readQueueNums":1,"topicSysFlag":0,"writeQueueNums":4},
        {"brokerName":"broker-c","perm":6,"readQueueNums":1,"topicSysFlag":0,"writeQueueNums":4}]}"#;

    fn route(text: &str) -> TopicRoute {
        TopicRoute::new("T", bodies::read(text.as_bytes()).unwrap(), 0)
    }

    fn names(queues: &[MessageQueue]) -> Vec<String> {
        queues
            .iter()
            .map(|q| format!("{}/{}", q.broker_name, q.queue_id))
            .collect()
    }

    #[test]
    fn writing_needs_permission_and_a_master() {
        let route = route(ANSWER);
        assert_eq!(names(&route.write_queues), ["broker-b/0"]);
        let read = ["broker-a/0", "broker-b/0", "broker-b/1", "broker-c/0"];
        assert_eq!(names(&route.read_queues), read);
    }

    #[test]
    fn readers_fall_back_from_slave_to_whoever_is_there() {
        let route = route(ANSWER);
        assert_eq!(route.reader("broker-b", 1), Some("b:10921"));
        assert_eq!(route.reader("broker-a", 1), Some("a:10911"));
        assert_eq!(route.reader("broker-c", 0), Some("c:10911"));
        assert_eq!(route.reader("broker-x", 0), None);
        assert_eq!(route.master("broker-c"), None);
    }

    #[test]
    fn queues_are_picked_in_turn_and_a_failed_broker_is_avoided() {
        let two = ANSWER.replace(r#""perm":4"#, r#""perm":6"#);
        let route = route(&two);
        let picked: Vec<_> = (0..5).map(|_| route.pick(None).unwrap().clone()).collect();
        let expected = [
            "broker-a/0",
            "broker-a/1",
            "broker-a/2",
            "broker-a/3",
            "broker-b/0",
        ];
        assert_eq!(names(&picked), expected);
        for _ in 0..10 {
            assert_eq!(
                route.pick(Some("broker-a")).unwrap().broker_name,
                "broker-b"
            );
        }
    }

    #[test]
    fn the_only_broker_is_picked_again_although_it_failed() {
        let route = route(ANSWER);
        assert_eq!(
            route.pick(Some("broker-b")).unwrap().broker_name,
            "broker-b"
        );
    }

    #[test]
    fn an_order_configuration_names_the_queues() {
        let ordered = ANSWER.replacen(
            '{',
            r#"{"orderTopicConf":"broker-b:2;nonsense;broker-a:1","#,
            1,
        );
        let route = route(&ordered);
        assert_eq!(
            names(&route.write_queues),
            ["broker-b/0", "broker-b/1", "broker-a/0"]
        );
    }

    #[test]
    fn a_topic_to_be_created_has_at_most_the_default_queues() {
        let data: TopicRouteData = bodies::read(ANSWER.replace(":4,", ":8,").as_bytes()).unwrap();
        let route = TopicRoute::of_default_topic("New", data, 1, 0);
        assert_eq!(names(&route.write_queues), ["broker-b/0"]);
        assert!(route.write_queues.iter().all(|queue| queue.topic == "New"));
    }

    #[test]
    fn the_order_of_brokers_is_no_change() {
        let route = route(ANSWER);
        let mut data: TopicRouteData = bodies::read(ANSWER.as_bytes()).unwrap();
        data.queue_datas.reverse();
        data.broker_datas.reverse();
        assert!(!route.differs(&data));
        data.queue_datas.pop();
        assert!(route.differs(&data));
    }
}
