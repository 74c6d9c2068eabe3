//! Reading a topic without a consumer group of one's own: nothing is committed and nothing is left
//! behind on the brokers, so that a second look shows the same again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ferrocket_client::{Client, Error, Listener, MessageQueue, PullConsumer, PullRequest};
use tokio::task::JoinSet;

use super::client::failed;
use crate::cli::{self, From};
use crate::failure::Failure;

/// The group that every broker has for tools (Java's `MixAll#TOOLS_CONSUMER_GROUP`).
const TOOLS_GROUP: &str = "TOOLS_CONSUMER";
/// How often queues that came into being are looked for.
const LOOK: Duration = Duration::from_secs(2);
/// The pause after a pull that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Gives every message to `listener` until it is dropped. A topic that does not exist yet is waited
/// for; what comes into queues that appear later is read from its beginning.
pub(crate) async fn watch<L: Listener>(
    client: &Client,
    options: &cli::Consume,
    listener: Arc<L>,
) -> Result<(), Failure> {
    let consumer = client
        .pull_consumer(TOOLS_GROUP)
        .map_err(|error| failed(&error))?;
    let mut known: BTreeSet<(String, i32)> = BTreeSet::new();
    let mut readers = JoinSet::new();
    let mut from = options.from;
    loop {
        match consumer.queues(&options.topic).await {
            Ok(queues) => {
                for queue in queues {
                    if known.insert((queue.broker_name.clone(), queue.queue_id)) {
                        let begin = begin(&consumer, &queue, from)
                            .await
                            .map_err(|error| failed(&error))?;
                        readers.spawn(read(
                            consumer.clone(),
                            queue,
                            begin,
                            options.tag.clone(),
                            Arc::clone(&listener),
                        ));
                    }
                }
            }
            Err(Error::NoRoute { topic }) => {
                tracing::debug!(topic, "waiting for the topic");
            }
            Err(error) if known.is_empty() => return Err(failed(&error)),
            Err(error) => tracing::warn!(%error, "cannot look for queues"),
        }
        from = From::First;
        tokio::time::sleep(LOOK).await;
    }
}

async fn begin(consumer: &PullConsumer, queue: &MessageQueue, from: From) -> Result<i64, Error> {
    match from {
        From::First => consumer.min_offset(queue).await,
        From::Last => consumer.max_offset(queue).await,
    }
}

/// Reads one queue in order, for ever.
async fn read<L: Listener>(
    consumer: PullConsumer,
    queue: MessageQueue,
    mut offset: i64,
    expression: String,
    listener: Arc<L>,
) {
    let mut broker_id = 0;
    let mut failing = false;
    loop {
        let mut request = PullRequest::new(&queue, offset);
        request.expression = &expression;
        request.broker_id = broker_id;
        match consumer.pull(&request).await {
            Ok(pulled) => {
                failing = false;
                (offset, broker_id) = (pulled.next_offset, pulled.broker_id);
                if !pulled.messages.is_empty() {
                    listener.consume(&pulled.messages).await;
                }
            }
            Err(error) => {
                if !failing {
                    tracing::warn!(%error, broker = queue.broker_name, queue = queue.queue_id, "cannot read, trying again");
                }
                failing = true;
                broker_id = 0;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
