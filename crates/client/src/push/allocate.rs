//! Who reads which queues of a topic.

use ferrocket_protocol::bodies::MessageQueue;

/// The share of one member by `AllocateMessageQueueAveragely`, Java's default: consecutive queues,
/// and the first members take one more when they do not divide evenly.
///
/// Every member must sort queues and members alike, or two would read one queue. An id that is not
/// among the members gets nothing.
pub(crate) fn averagely(
    client_id: &str,
    mut queues: Vec<MessageQueue>,
    mut members: Vec<String>,
) -> Vec<MessageQueue> {
    queues.sort_by(|a, b| {
        (&a.topic, &a.broker_name, a.queue_id).cmp(&(&b.topic, &b.broker_name, b.queue_id))
    });
    members.sort();
    let Some(index) = members.iter().position(|member| member == client_id) else {
        return Vec::new();
    };
    let remainder = queues.len() % members.len();
    let takes_more = index < remainder;
    let share = queues.len() / members.len() + usize::from(takes_more);
    let start = if takes_more {
        index * share
    } else {
        index * share + remainder
    };
    queues.into_iter().skip(start).take(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn queues(count: i32) -> Vec<MessageQueue> {
        let queue = |queue_id| MessageQueue {
            topic: "T".to_owned(),
            broker_name: "broker-a".to_owned(),
            queue_id,
        };
        (0..count).rev().map(queue).collect()
    }

    fn members(count: usize) -> Vec<String> {
        (0..count)
            .rev()
            .map(|n| format!("10.0.0.1@{n:03}"))
            .collect()
    }

    fn shares(queue_count: i32, member_count: usize) -> Vec<Vec<i32>> {
        let mut sorted = members(member_count);
        sorted.sort();
        let share = |id: &String| averagely(id, queues(queue_count), members(member_count));
        sorted
            .iter()
            .map(|id| share(id).iter().map(|q| q.queue_id).collect())
            .collect()
    }

    #[test]
    fn shares_are_those_of_the_official_strategy() {
        assert_eq!(shares(8, 3), [vec![0, 1, 2], vec![3, 4, 5], vec![6, 7]]);
        assert_eq!(
            shares(10, 4),
            [vec![0, 1, 2], vec![3, 4, 5], vec![6, 7], vec![8, 9]]
        );
        assert_eq!(shares(2, 3), [vec![0], vec![1], vec![]]);
    }

    #[test]
    fn queues_are_sorted_by_broker_name_then_by_number() {
        let queue = |broker: &str, queue_id| MessageQueue {
            topic: "T".to_owned(),
            broker_name: broker.to_owned(),
            queue_id,
        };
        let all = vec![queue("b", 1), queue("a", 10), queue("a", 9)];
        let first = averagely("m1", all, vec!["m2".to_owned(), "m1".to_owned()]);
        assert_eq!(first, [queue("a", 9), queue("a", 10)]);
    }

    #[test]
    fn a_stranger_gets_nothing() {
        assert!(averagely("stranger", queues(4), members(2)).is_empty());
        assert!(averagely("stranger", queues(4), vec![]).is_empty());
    }

    proptest! {
        #[test]
        fn every_queue_has_one_owner(queue_count in 0..60i32, member_count in 1..20usize) {
            let mut all: Vec<i32> = shares(queue_count, member_count).concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..queue_count).collect::<Vec<_>>());
        }
    }
}
