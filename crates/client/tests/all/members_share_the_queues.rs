use ferrocket_client::{Client, Listener, Outcome, PushConsumer, PushSettings, StoredMessage};

use crate::fake::{Cluster, PATIENCE, TOPIC, until};

struct Nobody;

impl Listener for Nobody {
    async fn consume(&self, _: &[StoredMessage]) -> Outcome {
        Outcome::Ack
    }
}

async fn join(client: &Client) -> PushConsumer {
    client
        .push_consumer(PushSettings::new("g").subscribe(TOPIC, "*"), Nobody)
        .await
        .unwrap()
}

#[tokio::test]
async fn queues_move_when_a_member_comes_and_when_it_leaves() {
    let cluster = Cluster::start(2, 4);
    let clients = [cluster.client(), cluster.client(), cluster.client()];
    let first = join(&clients[0]).await;
    until("one member has all", || first.assigned().len() == 8).await;
    let second = join(&clients[1]).await;
    let third = join(&clients[2]).await;
    let shares = |members: &[&PushConsumer]| -> Vec<usize> {
        members
            .iter()
            .map(|member| member.assigned().len())
            .collect()
    };
    until("three members share", || {
        let mut shares = shares(&[&first, &second, &third]);
        shares.sort_unstable();
        shares == [2, 3, 3]
    })
    .await;
    let mut all = [first.assigned(), second.assigned(), third.assigned()].concat();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 8, "no queue has two readers");
    second.shutdown(PATIENCE).await;
    until("two members share", || shares(&[&first, &third]) == [4, 4]).await;
    first.shutdown(PATIENCE).await;
    until("one is left", || third.assigned().len() == 8).await;
}
