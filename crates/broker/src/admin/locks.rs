//! Locks of queues for consumption in order.

use ferrocket_protocol::bodies::{
    LockBatchRequestBody, LockBatchResponseBody, UnlockBatchRequestBody,
};
use ferrocket_protocol::outbox::Outbox;

use super::reply_body;
use crate::Broker;
use crate::request::Request;

impl Broker {
    /// LOCK_BATCH_MQ: always a success, which says what was locked.
    pub(crate) fn lock_queues(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(body) = request.body::<LockBatchRequestBody>(out) else {
            return;
        };
        let lock_ok_mq_set = self.locks.lock(
            &body.consumer_group,
            &body.client_id,
            body.mq_set,
            request.now_ms,
        );
        reply_body(request, &LockBatchResponseBody { lock_ok_mq_set }, out);
    }

    /// UNLOCK_BATCH_MQ.
    pub(crate) fn unlock_queues(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(body) = request.body::<UnlockBatchRequestBody>(out) else {
            return;
        };
        self.locks
            .unlock(&body.consumer_group, &body.client_id, &body.mq_set);
        out.reply_ok(request.to);
    }
}
