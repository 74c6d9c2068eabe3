//! Requests of operators and tools (`AdminBrokerProcessor`), and those of clients that only look
//! something up.

mod calls;
mod cleaning;
mod configuration;
mod connections;
mod groups;
mod locks;
mod lookups;
mod offsets;
mod progress;
mod reset;
mod runtime;
mod statistics;
mod topics;

use ferrocket_protocol::bodies;
use ferrocket_protocol::codes::response;
use ferrocket_protocol::frame::NoHeader;
use ferrocket_protocol::outbox::Outbox;
use serde::Serialize;

use crate::PersistError;
use crate::request::Request;

pub(crate) use offsets::log_step_back;

/// A success with a JSON body.
pub(crate) fn reply_body<T: Serialize>(request: &Request<'_>, body: &T, out: &mut Outbox) {
    let body = bodies::print(body);
    out.reply::<NoHeader>(request.to, response::SUCCESS, None, None, &[body.into()]);
}

/// A success with a header and nothing else.
fn reply_header<H: Serialize>(request: &Request<'_>, header: &H, out: &mut Outbox) {
    out.reply(request.to, response::SUCCESS, None, Some(header), &[]);
}

/// What was changed is in force, but whether it survives a restart is another matter: the requester
/// must know, or take it for done.
fn reply_saved(request: &Request<'_>, saved: Result<(), PersistError>, out: &mut Outbox) {
    match saved {
        Ok(()) => out.reply_ok(request.to),
        Err(error) => {
            tracing::error!(%error, "a table is changed but not saved");
            let remark = format!("the change is in force but not saved, repeat it: {error}");
            out.reply_error(request.to, response::SYSTEM_ERROR, &remark);
        }
    }
}

/// The store cannot be read.
fn reply_read_error(request: &Request<'_>, error: &ferrocket_store::ReadError, out: &mut Outbox) {
    tracing::error!(%error, code = request.frame.code, "the store cannot be read");
    out.reply_error(request.to, response::SYSTEM_ERROR, &error.to_string());
}
