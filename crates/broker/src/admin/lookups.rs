//! Single messages.

use ferrocket_protocol::codes::response;
use ferrocket_protocol::frame::NoHeader;
use ferrocket_protocol::headers::ViewMessage;
use ferrocket_protocol::outbox::Outbox;
use ferrocket_store::PhysicalOffset;

use super::reply_read_error;
use crate::Broker;
use crate::request::Request;

impl Broker {
    /// VIEW_MESSAGE_BY_ID: the record at a physical offset, which the id of a message holds.
    pub(crate) fn view_message(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<ViewMessage>(out) else {
            return;
        };
        match self.store.record_at(PhysicalOffset(header.offset)) {
            Ok(Some(record)) => {
                out.reply::<NoHeader>(request.to, response::SUCCESS, None, None, &[record]);
            }
            Ok(None) => {
                let remark = format!("can not find message by the offset, {}", header.offset);
                out.reply_error(request.to, response::SYSTEM_ERROR, &remark);
            }
            Err(error) => reply_read_error(request, &error, out),
        }
    }
}
