//! Messages that the broker itself stores: those that waited and are due. They go the way of sends,
//! appended in runs, counted, and seen by consumers when the disk has them; nobody is answered.

use std::sync::Arc;

use ferrocket_protocol::frame::{Encoding, ReplyTo};
use ferrocket_protocol::message::{properties, property, tags_code};
use ferrocket_protocol::outbox::Outbox;
use ferrocket_store::{AppendError, NewMessage, StoreConfig};

use super::{Outcome, Send, SendRun};
use crate::Broker;
use crate::topics::Topic;

/// Where no answer goes.
const NOBODY: ReplyTo = ReplyTo {
    encoding: Encoding::Json,
    opaque: 0,
    version: 0,
    oneway: true,
};

/// What became of a run of own messages.
#[derive(Debug)]
pub(crate) struct OwnRun {
    /// So many, from the first on, are stored.
    pub(crate) stored: usize,
    /// Why the next is not.
    pub(crate) refusal: Option<AppendError>,
}

impl SendRun {
    /// Encoded bytes in here.
    pub(crate) fn bytes(&self) -> usize {
        self.batch.bytes()
    }
}

impl Broker {
    /// Adds a message to a run.
    ///
    /// # Errors
    /// When it can never be stored.
    pub(crate) fn add_own(
        &self,
        limits: &StoreConfig,
        topic: Arc<Topic>,
        message: &NewMessage<'_>,
        run: &mut SendRun,
    ) -> Result<(), AppendError> {
        run.batch
            .push_to(limits, topic.queue_type(), std::slice::from_ref(message))?;
        let tags = properties::find(message.properties, property::TAGS);
        run.sends.push(Send {
            to: NOBODY,
            queue_id: message.queue_id,
            told_queue_id: message.queue_id,
            unique_key: 0..0,
            tags_code: Some(tags.map_or(0, tags_code)),
            wait_store_ok: false,
            batch: false,
            is_inner_batch: false,
            is_send_back: false,
            batch_ids: 0..0,
            light: Vec::new(),
            outcome: Outcome::Encoded,
            topic,
        });
        Ok(())
    }

    /// Whether so much waits for the disk that the broker should not add its own.
    pub(crate) fn has_flush_backlog(&self, run: &SendRun) -> bool {
        self.check_flush_backlog(run).is_err()
    }

    /// Appends a run of own messages and wakes consumers that wait for them.
    pub(crate) fn commit_own(&self, now_ms: i64, run: &mut SendRun) -> OwnRun {
        let mut done = OwnRun {
            stored: 0,
            refusal: None,
        };
        if run.sends.is_empty() {
            return done;
        }
        let config = self.config.load();
        self.store.append(now_ms, &mut run.batch);
        for result in run.batch.results() {
            match result {
                Ok(_) => done.stored += 1,
                Err(refusal) => {
                    done.refusal = Some(refusal.clone());
                    break;
                }
            }
        }
        // Only what clients send is timed.
        run.began_ns = None;
        self.finish_run(now_ms, &config, None, run, &mut Outbox::new());
        done
    }
}
