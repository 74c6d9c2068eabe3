use std::time::{Duration, Instant};

use ferrocket_client::{Message, PullRequest};

use crate::support::Cluster;

async fn stops_in_time(set: &[&str]) {
    let cluster = Cluster::new();
    let mut server = cluster.start(set);
    let client = cluster.client();
    let producer = client.producer("p").unwrap();
    let first = producer.send(&Message::new("Load", "first")).await.unwrap();
    let mut load = Vec::new();
    for _ in 0..8 {
        let producer = producer.clone();
        load.push(tokio::spawn(async move {
            while producer
                .send(&Message::new("Load", vec![b'x'; 512]))
                .await
                .is_ok()
            {}
        }));
    }
    // And one that waits for a message that never comes.
    let consumer = client.pull_consumer("c").unwrap();
    let queue = first.queue.clone();
    load.push(tokio::spawn(async move {
        let _ = consumer.pull(&PullRequest::new(&queue, 1_000_000)).await;
    }));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let asked = Instant::now();
    let status = tokio::task::spawn_blocking(move || (server.terminate(), server));
    let (status, server) = status.await.unwrap();
    let took = asked.elapsed();
    for task in load {
        task.abort();
    }
    assert!(status.success(), "{status}: {:#?}", server.lines());
    assert!(took < Duration::from_secs(3), "the stop took {took:?}");
    assert!(
        !cluster.store().join("abort").exists(),
        "the stop was not clean"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loaded_server_stops_within_three_seconds() {
    stops_in_time(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loaded_server_that_flushes_each_message_does_too() {
    stops_in_time(&["flushDiskType=SYNC_FLUSH"]).await;
}
