use std::time::Duration;

use ferrocket_client::{Message, PullRequest};

use crate::support::Cluster;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_survive_a_restart() {
    let cluster = Cluster::new();
    let mut server = cluster.start(&[]);
    let client = cluster.client();
    let producer = client.producer("p").unwrap();
    let mut receipts = Vec::new();
    for number in 0..20 {
        let message = Message::new("Kept", format!("message {number}"));
        receipts.push((producer.send(&message).await.unwrap(), number));
    }
    drop(producer);
    client.close(Duration::from_secs(1)).await;
    assert!(server.terminate().success(), "{:#?}", server.lines());
    assert!(
        !cluster.store().join("abort").exists(),
        "the stop was not clean"
    );

    let mut server = cluster.start(&[]);
    let client = cluster.client();
    let consumer = client.pull_consumer("c").unwrap();
    for (receipt, number) in receipts {
        let request = PullRequest::new(&receipt.queue, receipt.queue_offset);
        let pulled = consumer.pull(&request).await.unwrap();
        let message = pulled.messages.first().unwrap();
        assert_eq!(message.body, format!("message {number}").into_bytes());
    }
    client.close(Duration::from_secs(1)).await;
    assert!(server.terminate().success());
}
