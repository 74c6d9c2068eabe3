//! Deletions that an operator asks for instead of waiting until they are due.

use ferrocket_protocol::codes::response;
use ferrocket_protocol::outbox::Outbox;

use crate::Broker;
use crate::request::Request;
use crate::topics::names::LIGHT_PREFIX;

impl Broker {
    /// DELETE_EXPIRED_COMMITLOG: what is expired goes whatever the hour. The answer does not wait for
    /// it, as with Java.
    pub(crate) fn delete_expired_log(&self, request: &Request<'_>, out: &mut Outbox) {
        tracing::info!(remote = %request.peer.remote(), "expired commit log segments are to be deleted");
        self.store.clean_by_hand();
        out.reply_ok(request.to);
    }

    /// CLEAN_EXPIRED_CONSUMEQUEUE: queues whose messages are all deleted go, except those of the
    /// system's topics.
    pub(crate) fn clean_expired_queues(&self, request: &Request<'_>, out: &mut Outbox) {
        let is_kept = |topic: &str| self.topics.is_system(topic);
        match self.store.remove_expired_queues(&is_kept) {
            Ok(removed) => {
                tracing::info!(removed, remote = %request.peer.remote(), "expired consume queues removed");
                out.reply_ok(request.to);
            }
            Err(error) => self.cannot_clean(request, &error, out),
        }
    }

    /// CLEAN_UNUSED_TOPIC: queues of topics that nobody has configured go, except those of the
    /// system's topics and light queues.
    pub(crate) fn clean_unused_topics(&self, request: &Request<'_>, out: &mut Outbox) {
        for topic in self.store.topics() {
            let is_light = topic.starts_with(LIGHT_PREFIX);
            if is_light || self.topics.contains(&topic) || self.topics.is_system(&topic) {
                continue;
            }
            tracing::info!(%topic, remote = %request.peer.remote(), "queues of an unused topic removed");
            if let Err(error) = self.store.delete_topic(&topic) {
                return self.cannot_clean(request, &error, out);
            }
        }
        out.reply_ok(request.to);
    }

    fn cannot_clean(&self, request: &Request<'_>, error: &dyn std::error::Error, out: &mut Outbox) {
        let cause = error
            .source()
            .map_or_else(String::new, |cause| format!(": {cause}"));
        let remark = format!("{error}{cause}");
        tracing::error!(remark, "queues that are to go are still there");
        out.reply_error(request.to, response::SYSTEM_ERROR, &remark);
    }
}
