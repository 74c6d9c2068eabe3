//! The short form; `interop/run --only kill9` repeats it many times under more load.

use std::collections::BTreeMap;
use std::time::Duration;

use ferrocket_client::{Client, Message, MessageQueue, PullRequest, PullStatus};

use crate::support::Cluster;

type Place = (String, i32, i64);

/// Sends until it fails, and says where each acknowledged message is.
async fn produce(client: Client, name: usize) -> Vec<(Place, String)> {
    let producer = client.producer(&format!("p{name}")).unwrap();
    let mut acknowledged = Vec::new();
    for number in 0.. {
        let body = format!("{name}/{number}");
        let message = Message::new("Load", body.clone());
        let Ok(Ok(receipt)) =
            tokio::time::timeout(Duration::from_secs(2), producer.send(&message)).await
        else {
            break;
        };
        let queue = receipt.queue;
        acknowledged.push((
            (queue.broker_name, queue.queue_id, receipt.queue_offset),
            body,
        ));
    }
    acknowledged
}

async fn everything(client: &Client) -> BTreeMap<Place, String> {
    let consumer = client.pull_consumer("c").unwrap();
    let mut all = BTreeMap::new();
    for queue in consumer.queues("Load").await.unwrap() {
        read_queue(&consumer, &queue, &mut all).await;
    }
    all
}

async fn read_queue(
    consumer: &ferrocket_client::PullConsumer,
    queue: &MessageQueue,
    all: &mut BTreeMap<Place, String>,
) {
    let mut offset = consumer.min_offset(queue).await.unwrap();
    let end = consumer.max_offset(queue).await.unwrap();
    while offset < end {
        let pulled = consumer
            .pull(&PullRequest::new(queue, offset))
            .await
            .unwrap();
        assert_eq!(
            pulled.status,
            PullStatus::Found,
            "{queue:?} at {offset} of {end}"
        );
        for message in pulled.messages {
            assert_eq!(message.queue_offset, offset, "a gap in {queue:?}");
            let place = (
                queue.broker_name.clone(),
                message.queue_id,
                message.queue_offset,
            );
            all.insert(place, String::from_utf8(message.body).unwrap());
            offset += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_messages_survive_a_kill() {
    let cluster = Cluster::new();
    for round in 0..2 {
        let mut server = cluster.start(&[]);
        let client = cluster.client();
        let producers: Vec<_> = (0..2)
            .map(|n| tokio::spawn(produce(client.clone(), 10 * round + n)))
            .collect();
        tokio::time::sleep(Duration::from_millis(500)).await;
        server.kill();
        let mut acknowledged = Vec::new();
        for producer in producers {
            acknowledged.extend(producer.await.unwrap());
        }
        client.close(Duration::from_millis(100)).await;
        assert!(
            acknowledged.len() > 20,
            "only {} were sent",
            acknowledged.len()
        );

        let mut server = cluster.start(&[]);
        let client = cluster.client();
        let kept = everything(&client).await;
        for (place, body) in &acknowledged {
            assert_eq!(kept.get(place), Some(body), "{place:?} was acknowledged");
        }
        client.close(Duration::from_secs(1)).await;
        assert!(server.terminate().success());
    }
}
