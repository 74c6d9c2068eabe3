//! A request on its way to its handler.

use std::sync::Arc;

use ferrocket_protocol::bodies;
use ferrocket_protocol::codes::response;
use ferrocket_protocol::frame::{Frame, ReplyTo};
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::Peer;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::config::BrokerConfig;

/// What `FAQUrl#suggestTodo` adds to remarks.
pub(crate) const FAQ: &str =
    "\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.";

/// A frame with what a handler needs to know around it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) now_ms: i64,
    /// The settings in force when the frame came.
    pub(crate) config: &'a BrokerConfig,
    pub(crate) peer: &'a Arc<dyn Peer>,
    pub(crate) frame: &'a Frame,
    pub(crate) to: ReplyTo,
}

impl<'a> Request<'a> {
    /// The typed header; a header that is none is answered and `None`.
    pub(crate) fn header<T: Deserialize<'a>>(&self, out: &mut Outbox) -> Option<T> {
        match self.frame.header() {
            Ok(header) => Some(header),
            Err(error) => {
                out.reply_error(self.to, response::SYSTEM_ERROR, &error.to_string());
                None
            }
        }
    }

    /// The typed body; a body that is none is answered and `None`.
    pub(crate) fn body<T: DeserializeOwned>(&self, out: &mut Outbox) -> Option<T> {
        match bodies::read(&self.frame.body) {
            Ok(body) => Some(body),
            Err(error) => {
                let remark = format!("the body cannot be read: {error}");
                out.reply_error(self.to, response::SYSTEM_ERROR, &remark);
                None
            }
        }
    }
}
