//! Reading one queue: pull, handle, go on.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use ferrocket_protocol::bodies::MessageQueue;
use ferrocket_protocol::message::{StoredMessage, property};
use tokio::sync::watch;
use tokio::time::sleep;

use super::group::{Group, RETRY_PREFIX};
use super::{Listener, Outcome, StartFrom};
use crate::error::Error;
use crate::pull::{PullRequest, PullStatus, Pulled};

/// Set when the queue is to be given up; also when its owner is gone.
pub(super) type Stop = watch::Receiver<bool>;

/// A queue being read.
pub(super) struct Reading<L> {
    pub(super) group: Arc<Group<L>>,
    pub(super) queue: MessageQueue,
    pub(super) expression: String,
    pub(super) stop: Stop,
}

impl<L: Listener> Reading<L> {
    /// Reads until told to stop; the listener is never interrupted.
    pub(super) async fn run(mut self) {
        let Some(mut offset) = self.find_start().await else {
            return;
        };
        let mut broker_id = 0;
        loop {
            let request = PullRequest {
                expression: &self.expression,
                messages_max: self.group.settings.pull_messages_max,
                broker_id,
                ..PullRequest::new(&self.queue, offset)
            };
            let pulled = tokio::select! {
                biased;
                _ = self.stop.wait_for(|stop| *stop) => return,
                pulled = self.group.pull.pull(&request) => pulled,
            };
            match pulled {
                Ok(pulled) => {
                    broker_id = pulled.broker_id;
                    match self.handle(pulled).await {
                        Some(next) => offset = next,
                        None => return,
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, queue = ?self.queue, "pull failed, trying again");
                    broker_id = 0;
                    if self.pause().await {
                        return;
                    }
                }
            }
        }
    }

    /// Where the group goes on; nothing when told to stop first.
    async fn find_start(&mut self) -> Option<i64> {
        loop {
            match self.start_offset().await {
                Ok(offset) => return Some(offset),
                Err(error) => {
                    tracing::warn!(%error, queue = ?self.queue, "no start offset, trying again");
                    if self.pause().await {
                        return None;
                    }
                }
            }
        }
    }

    /// `RebalancePushImpl#computePullFromWhere`.
    async fn start_offset(&self) -> Result<i64, Error> {
        let pull = &self.group.pull;
        if let Some(offset) = pull.committed(&self.queue).await? {
            return Ok(offset);
        }
        let is_retry = self.queue.topic.starts_with(RETRY_PREFIX);
        match self.group.settings.start_from {
            StartFrom::Latest if is_retry => Ok(0),
            StartFrom::Latest => pull.max_offset(&self.queue).await,
            StartFrom::Earliest => pull.min_offset(&self.queue).await,
            StartFrom::Timestamp(_) if is_retry => pull.max_offset(&self.queue).await,
            StartFrom::Timestamp(time_ms) => pull.offset_at(&self.queue, time_ms).await,
        }
    }

    /// Gives messages to the listener; the next offset to pull, or nothing when told to stop.
    async fn handle(&mut self, pulled: Pulled) -> Option<i64> {
        match pulled.status {
            PullStatus::Found => {
                let messages = pulled.messages.into_iter().map(with_original_topic);
                let messages: Vec<_> = messages.collect();
                let size = self.group.settings.batch_messages_max.max(1);
                for batch in messages.chunks(size) {
                    if *self.stop.borrow() || !self.deliver(batch).await {
                        return None;
                    }
                    if let Some(last) = batch.last() {
                        self.group.offsets.set(&self.queue, last.queue_offset + 1);
                    }
                }
            }
            PullStatus::NoNewMessage | PullStatus::NoMatchedMessage => {}
            PullStatus::OffsetIllegal => tracing::warn!(
                queue = ?self.queue, next_offset = pulled.next_offset,
                "the offset is outside the queue, corrected"
            ),
        }
        self.group.offsets.set(&self.queue, pulled.next_offset);
        Some(pulled.next_offset)
    }

    /// Gives a batch until it is acknowledged; false when told to stop before.
    async fn deliver(&mut self, batch: &[StoredMessage]) -> bool {
        loop {
            if self.group.consume(batch).await == Outcome::Ack {
                return true;
            }
            if self.pause().await {
                return false;
            }
        }
    }

    /// Waits before something is tried again; true when told to stop.
    async fn pause(&mut self) -> bool {
        let pause: Duration = self.group.settings.retry_pause;
        tokio::select! {
            _ = self.stop.wait_for(|stop| *stop) => true,
            () = sleep(pause) => false,
        }
    }
}

impl<L: Listener> Group<L> {
    /// Calls the listener; a panic is no acknowledgement.
    async fn consume(&self, batch: &[StoredMessage]) -> Outcome {
        let call = CatchPanic(Box::pin(self.listener.consume(batch)));
        call.await.unwrap_or_else(|()| {
            tracing::error!(group = self.settings.group, "the listener panicked");
            Outcome::Retry
        })
    }
}

/// A message sent back by a consumer carries its topic in a property.
fn with_original_topic(mut message: StoredMessage) -> StoredMessage {
    if message.topic.starts_with(RETRY_PREFIX)
        && let Some(topic) = message.property(property::RETRY_TOPIC).map(str::to_owned)
    {
        message.topic = topic;
    }
    message
}

/// Turns a panic of the inner future into an error.
struct CatchPanic<F>(std::pin::Pin<Box<F>>);

impl<F: Future> Future for CatchPanic<F> {
    type Output = Result<F::Output, ()>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        let poll = AssertUnwindSafe(|| self.0.as_mut().poll(context));
        match std::panic::catch_unwind(poll) {
            Ok(poll) => poll.map(Ok),
            Err(_) => std::task::Poll::Ready(Err(())),
        }
    }
}
