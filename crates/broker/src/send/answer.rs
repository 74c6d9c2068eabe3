//! The answers to sends.

use std::borrow::Cow;

use ferrocket_protocol::codes::response;
use ferrocket_protocol::frame::ReplyTo;
use ferrocket_protocol::headers::{RegionAndTrace, SendMessageResponse};
use ferrocket_protocol::message::ids::OffsetMessageId;
use ferrocket_protocol::outbox::Outbox;
use ferrocket_store::{AppendBatch, Appended};

use super::Send;
use super::error::SendError;
use crate::config::BrokerConfig;

fn trace(config: &BrokerConfig) -> RegionAndTrace<'_> {
    RegionAndTrace {
        region: Some(Cow::Borrowed(&config.region_id)),
        trace_on: Some(config.trace_on),
    }
}

/// Tells a producer why its message is not stored.
pub(super) fn refusal(config: &BrokerConfig, to: ReplyTo, error: &SendError, out: &mut Outbox) {
    let remark = error.to_string();
    if error.is_traced() {
        out.reply(to, error.code(), Some(&remark), Some(&trace(config)), &[]);
    } else {
        out.reply_error(to, error.code(), &remark);
    }
}

/// Puts the ids of a batch's messages behind the batch's unique key, comma-joined.
pub(super) fn append_batch_ids(
    config: &BrokerConfig,
    batch: &AppendBatch,
    index: usize,
    send: &mut Send,
    ids: &mut String,
) {
    let start = ids.len();
    for physical_offset in batch.physical_offsets(index) {
        if ids.len() > start {
            ids.push(',');
        }
        OffsetMessageId {
            store_host: config.store_host,
            physical_offset: physical_offset.0,
        }
        .append_to(ids);
    }
    send.batch_ids = start..ids.len();
}

/// What an answer borrows its texts from.
#[derive(Debug)]
pub(super) struct Texts<'a> {
    /// The ids of the run.
    pub(super) ids: &'a str,
    /// Where the id of a message is put together; used again and again.
    pub(super) scratch: &'a mut String,
}

/// Tells a producer where its message is: with SUCCESS, or with a code that says that it is not yet
/// as safe as it should be.
pub(super) fn stored(
    config: &BrokerConfig,
    send: &Send,
    at: &Appended,
    texts: Texts<'_>,
    code: i32,
    out: &mut Outbox,
) {
    if send.to.oneway {
        return;
    }
    if send.is_send_back {
        match code {
            response::SUCCESS => out.reply_ok(send.to),
            // To the consumer anything else means that it must send the message itself.
            _ => out.reply_error(send.to, response::SYSTEM_ERROR, "FLUSH_DISK_TIMEOUT"),
        }
        return;
    }
    let Texts { ids, scratch } = texts;
    let msg_id = if send.batch {
        ids.get(send.batch_ids.clone()).unwrap_or_default()
    } else {
        scratch.clear();
        OffsetMessageId {
            store_host: config.store_host,
            physical_offset: at.physical_offset.0,
        }
        .append_to(scratch);
        scratch
    };
    let unique_key = ids
        .get(send.unique_key.clone())
        .filter(|key| !key.is_empty());
    let header = SendMessageResponse {
        msg_id: Cow::Borrowed(msg_id),
        queue_id: send.told_queue_id,
        queue_offset: at.queue_offset.0,
        transaction_id: unique_key.map(Cow::Borrowed),
        batch_uniq_id: unique_key
            .filter(|_| send.is_inner_batch)
            .map(Cow::Borrowed),
        recall_handle: None,
    };
    // Java's batches answer with an empty remark (`SendMessageProcessor#sendBatchMessage`).
    let remark = send.batch.then_some("");
    out.reply(send.to, code, remark, Some(&(header, trace(config))), &[]);
}
