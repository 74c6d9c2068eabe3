//! From frames to handlers.
//!
//! Consecutive sends of one socket read form a run that is appended at once; any other frame ends
//! the run, so that a client sees its requests take effect in the order in which it sent them.

use std::sync::Arc;

use ferrocket_protocol::codes::{request, response};
use ferrocket_protocol::frame::Frame;
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::Peer;
use ferrocket_protocol::version;

use crate::request::Request;
use crate::send::{self, SendRun};
use crate::{Broker, Port};

impl Broker {
    /// All complete frames of one socket read, in order. Immediate answers go into `out`; once it
    /// is full, what follows stays in `frames` for the next call. At least one frame is taken.
    pub fn frames(
        &self,
        now_ms: i64,
        port: Port,
        peer: &Arc<dyn Peer>,
        frames: &mut Vec<Frame>,
        out: &mut Outbox,
    ) {
        let config = self.config.load();
        let mut run: Option<SendRun> = None;
        let mut taken = 0;
        for frame in frames.iter() {
            if taken > 0 && out.is_full() {
                break;
            }
            taken += 1;
            if frame.is_response() {
                self.answered(peer.id(), frame);
                continue;
            }
            let request = Request {
                now_ms,
                config: &config,
                peer,
                frame,
                to: frame.reply_to(),
            };
            if self.is_stopping() && frame.version > version::V5_3_1 {
                out.reply_error(request.to, response::GO_AWAY, "please go away");
                continue;
            }
            if send::is_send(frame.code) {
                let run = run.get_or_insert_with(|| self.take_run());
                self.add_send(&request, run, out);
                continue;
            }
            if let Some(run) = &mut run {
                self.commit_sends(now_ms, &config, peer, run, out);
            }
            self.dispatch(port, &request, out);
        }
        if let Some(mut run) = run {
            self.commit_sends(now_ms, &config, peer, &mut run, out);
            self.give_run_back(run);
        }
        frames.drain(..taken);
    }

    fn dispatch(&self, port: Port, request: &Request<'_>, out: &mut Outbox) {
        match request.frame.code {
            request::PULL_MESSAGE | request::LITE_PULL_MESSAGE if port == Port::Main => {
                self.pull(request, out);
            }
            request::UPDATE_CONSUMER_OFFSET => self.update_consumer_offset(request, out),
            request::QUERY_CONSUMER_OFFSET => self.query_consumer_offset(request, out),
            request::HEART_BEAT => self.heartbeat(request, out),
            request::UNREGISTER_CLIENT => self.unregister_client(request, out),
            request::CHECK_CLIENT_CONFIG => self.check_client_config(request, out),
            request::GET_CONSUMER_LIST_BY_GROUP => self.consumer_list(request, out),
            request::LOCK_BATCH_MQ => self.lock_queues(request, out),
            request::UNLOCK_BATCH_MQ => self.unlock_queues(request, out),
            request::GET_MAX_OFFSET => self.max_offset(request, out),
            request::GET_MIN_OFFSET => self.min_offset(request, out),
            request::SEARCH_OFFSET_BY_TIMESTAMP => self.search_offset(request, out),
            request::GET_EARLIEST_MSG_STORETIME => self.earliest_store_time(request, out),
            request::VIEW_MESSAGE_BY_ID => self.view_message(request, out),
            request::QUERY_MESSAGE => self.query_message(request, out),
            _ => self.administer(request, out),
        }
    }

    fn administer(&self, request: &Request<'_>, out: &mut Outbox) {
        match request.frame.code {
            request::UPDATE_AND_CREATE_TOPIC => self.create_topic(request, out),
            request::UPDATE_AND_CREATE_TOPIC_LIST => self.create_topics(request, out),
            request::DELETE_TOPIC_IN_BROKER => self.delete_topic(request, out),
            request::GET_ALL_TOPIC_CONFIG => self.all_topics(request, out),
            request::GET_TOPIC_CONFIG => self.topic_config(request, out),
            request::GET_SYSTEM_TOPIC_LIST_FROM_BROKER => self.system_topics(request, out),
            request::GET_TOPIC_STATS_INFO => self.topic_stats(request, out),
            request::QUERY_TOPIC_CONSUME_BY_WHO => self.consumers_of_topic(request, out),
            request::QUERY_TOPICS_BY_CONSUMER => self.topics_of_consumer(request, out),
            request::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP => self.create_group(request, out),
            request::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST => self.create_groups(request, out),
            request::GET_ALL_SUBSCRIPTIONGROUP_CONFIG => self.all_groups(request, out),
            request::GET_SUBSCRIPTIONGROUP_CONFIG => self.group_config(request, out),
            request::DELETE_SUBSCRIPTIONGROUP => self.delete_group(request, out),
            request::UPDATE_AND_GET_GROUP_FORBIDDEN => self.group_forbidden(request, out),
            request::GET_CONSUME_STATS => self.consume_stats(request, out),
            request::GET_BROKER_CONSUME_STATS => self.all_consume_stats(request, out),
            request::QUERY_CONSUME_TIME_SPAN => self.consume_time_span(request, out),
            request::QUERY_SUBSCRIPTION_BY_CONSUMER => self.subscription_of_group(request, out),
            request::QUERY_CONSUME_QUEUE => self.consume_queue(request, out),
            request::INVOKE_BROKER_TO_RESET_OFFSET => self.reset_offsets(request, out),
            request::CLONE_GROUP_OFFSET => self.clone_offsets(request, out),
            request::QUERY_CORRECTION_OFFSET => self.correction_offsets(request, out),
            request::GET_CONSUMER_RUNNING_INFO => self.consumer_running_info(request, out),
            request::CONSUME_MESSAGE_DIRECTLY => self.consume_directly(request, out),
            request::INVOKE_BROKER_TO_GET_CONSUMER_STATUS => self.consumer_status(request, out),
            request::GET_ALL_CONSUMER_OFFSET => self.all_offsets(request, out),
            request::GET_ALL_DELAY_OFFSET => self.all_delay_offsets(request, out),
            request::GET_CONSUMER_CONNECTION_LIST => self.consumer_connections(request, out),
            request::GET_PRODUCER_CONNECTION_LIST => self.producer_connections(request, out),
            request::GET_ALL_PRODUCER_INFO => self.all_producers(request, out),
            request::GET_BROKER_CONFIG => self.broker_config(request, out),
            request::UPDATE_BROKER_CONFIG => self.update_broker_config(request, out),
            request::DELETE_EXPIRED_COMMITLOG => self.delete_expired_log(request, out),
            request::CLEAN_EXPIRED_CONSUMEQUEUE => self.clean_expired_queues(request, out),
            request::CLEAN_UNUSED_TOPIC => self.clean_unused_topics(request, out),
            request::GET_BROKER_RUNTIME_INFO => self.runtime_info(request, out),
            code => {
                self.metrics.unsupported_requests.add(1);
                let remark = format!(" request type {code} not supported");
                out.reply_error(request.to, response::REQUEST_CODE_NOT_SUPPORTED, &remark);
            }
        }
    }
}
