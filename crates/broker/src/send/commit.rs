//! The end of a run of sends: appended, counted, answered or parked, and consumers woken.

use std::sync::Arc;

use bytes::Bytes;
use ferrocket_protocol::codes::response;
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::Peer;
use ferrocket_store::{Appended, FlushMode, PhysicalOffset};

use super::answer::{self, Texts};
use super::error::{BusyError, SendError};
use super::flush_wait::Parked;
use super::{Outcome, Send, SendRun};
use crate::Broker;
use crate::config::BrokerConfig;
use crate::pull::waiting::{Waiting, before_arrivals};
use crate::stages::Stopwatch;
use crate::topics::TopicKind;

impl Broker {
    /// Appends the run, answers it or parks its answers, and wakes consumers that wait.
    pub(crate) fn commit_sends(
        &self,
        now_ms: i64,
        config: &BrokerConfig,
        peer: &Arc<dyn Peer>,
        run: &mut SendRun,
        out: &mut Outbox,
    ) {
        if run.sends.is_empty() {
            return;
        }
        if let Some(since_ns) = run.began_ns {
            self.stopwatch(since_ns).checked();
            run.batch.time_next_append();
        }
        self.store.append(now_ms, &mut run.batch);
        // The store counts what it did itself.
        run.began_ns = run.began_ns.map(|_| self.surroundings.ticks_ns());
        self.finish_run(now_ms, config, Some(peer), run, out);
    }

    /// What follows the append of a run; whoever sent it, if anybody, is `peer`.
    pub(super) fn finish_run(
        &self,
        now_ms: i64,
        config: &BrokerConfig,
        peer: Option<&Arc<dyn Peer>>,
        run: &mut SendRun,
        out: &mut Outbox,
    ) {
        let mut watch = run.began_ns.take().map(|since_ns| self.stopwatch(since_ns));
        if self.store.config().flush_mode == FlushMode::Async {
            let end = self.settle(config, None, run, out);
            watch.iter_mut().for_each(Stopwatch::replied);
            if end.is_some() {
                self.wake_for(now_ms, config, &run.sends);
                watch.iter_mut().for_each(Stopwatch::dispatched);
            }
            run.clear();
            return;
        }
        let mut answers = Outbox::with_room_for(run.sends.len());
        let end = self.settle(config, Some(&mut answers), run, out);
        watch.iter_mut().for_each(Stopwatch::replied);
        if let Some(end) = end {
            self.park_sends(run, |run| Parked {
                end,
                deadline_ms: now_ms + config.sync_flush_timeout_ms,
                peer: peer.map(Arc::clone),
                answers,
                run,
            });
            // The disk may have had it before the answers were parked.
            if self.store.durable() >= end {
                self.complete_durable(now_ms);
            }
        }
        run.clear();
    }

    /// Counts what was stored and answers it: into `durable` whoever waits for the disk, if there is
    /// such a thing. Tells where the run ends in the log, if any of it is there.
    fn settle(
        &self,
        config: &BrokerConfig,
        mut durable: Option<&mut Outbox>,
        run: &mut SendRun,
        out: &mut Outbox,
    ) -> Option<PhysicalOffset> {
        let mut end = None;
        let (mut messages, mut bytes) = (0, 0);
        for (index, send) in run.sends.iter_mut().enumerate() {
            let at = match run.batch.results().get(index) {
                Some(Ok(at)) => *at,
                refused => {
                    self.stats.put_failed.add(1);
                    send.outcome = Outcome::Refused;
                    let error = match refused {
                        Some(Err(error)) => SendError::from_append(error, self.store.config()),
                        _ => BusyError::Unknown("store putMessage return null".to_owned()).into(),
                    };
                    if send.is_send_back {
                        out.reply_error(send.to, response::SYSTEM_ERROR, &error.to_string());
                    } else {
                        answer::refusal(config, send.to, &error, out);
                    }
                    continue;
                }
            };
            let sent_messages = u64::from(at.messages);
            let sent_bytes = u64::try_from(at.end.0 - at.physical_offset.0).unwrap_or(0);
            send.topic.live.put_messages.add(sent_messages);
            send.topic.live.put_bytes.add(sent_bytes);
            messages += sent_messages;
            bytes += sent_bytes;
            end = end.max(Some(at.end));
            if send.batch {
                // The ids of a batch's messages are known to the batch alone: kept as text.
                answer::append_batch_ids(config, &run.batch, index, send, &mut run.ids);
            }
            let light = run.batch.light_arrivals(index);
            send.light
                .extend(light.map(|(name, next)| (name.into(), next.0)));
            let durable = durable.as_deref_mut().filter(|_| send.wait_store_ok);
            send.outcome = Outcome::Stored {
                at,
                answered: durable.is_none(),
            };
            let texts = Texts {
                ids: &run.ids,
                scratch: &mut run.message_id,
            };
            let out = durable.unwrap_or(&mut *out);
            answer::stored(config, send, &at, texts, response::SUCCESS, out);
        }
        self.stats.put_messages.add(messages);
        self.stats.put_bytes.add(bytes);
        end
    }

    /// Wakes consumers that wait for any of these messages.
    pub(super) fn wake_for(&self, now_ms: i64, config: &BrokerConfig, sends: &[Send]) {
        before_arrivals();
        let mut woken = Vec::new();
        for send in sends {
            let Outcome::Stored { at, .. } = send.outcome else {
                continue;
            };
            let next = at.queue_offset.0 + i64::from(at.messages);
            let waiting = &send.topic.live.waiting;
            let records = self.arrived_records(waiting, &at);
            waiting.arrived(send.queue_id, next, send.tags_code, &records, &mut woken);
            if send.topic.kind == TopicKind::Schedule && self.delay.arrived(send.queue_id) {
                self.surroundings.delay_wanted();
            }
            for (name, next) in &send.light {
                if let Some(topic) = self.topics.in_use(name) {
                    let waiting = &topic.live.waiting;
                    let records = self.arrived_records(waiting, &at);
                    waiting.arrived(0, *next, send.tags_code, &records, &mut woken);
                }
            }
        }
        self.resume_pulls(now_ms, config, woken);
    }

    /// What was stored, for waiters who look into it; nothing when there are none.
    fn arrived_records(&self, waiting: &Waiting, at: &Appended) -> Vec<Bytes> {
        let mut records = Vec::new();
        let mut offset = at.physical_offset;
        while waiting.looks_into_records() && offset < at.end {
            let Ok(Some(record)) = self.store.record_at(offset) else {
                // Whoever waits looks for himself.
                return Vec::new();
            };
            offset.0 += record.len() as i64;
            records.push(record);
        }
        records
    }
}
