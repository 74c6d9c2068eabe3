//! Single messages, by where they are or by a key (`QueryMessageProcessor`).

use ferrocket_protocol::codes::response;
use ferrocket_protocol::frame::NoHeader;
use ferrocket_protocol::headers::{
    QueryMessage, QueryMessageResponse, UniqueKeyQuery, ViewMessage,
};
use ferrocket_protocol::message::{View, property};
use ferrocket_protocol::outbox::Outbox;
use ferrocket_store::PhysicalOffset;

use super::reply_read_error;
use crate::Broker;
use crate::request::Request;

/// `indexType` of a lookup by tags, and what stands before the tags in the index.
const TAG_INDEX: &str = "T";
const TAG_MARK: &str = "T#";

/// `indexType` of a lookup by key.
const KEY_INDEX: &str = "K";

const NOT_FOUND: &str = "can not find message, maybe time range not correct";

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

    /// QUERY_MESSAGE: the newest messages of a topic with a key. A unique key is looked up like any
    /// other, but the number of answers is the broker's choice; tags are looked up under a mark. An
    /// answer that has not all of them says so, and where the next page goes on.
    pub(crate) fn query_message(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(mut header) = request.header::<QueryMessage>(out) else {
            return;
        };
        let Some(flag) = request.header::<UniqueKeyQuery>(out) else {
            return;
        };
        if flag.unique == Some(true) {
            header.max_num = request.config.default_query_max_num;
        }
        if header.index_type.as_deref() == Some(TAG_INDEX) {
            header.key.insert_str(0, TAG_MARK);
        }
        let max = usize::try_from(header.max_num).unwrap_or(0);
        let (begin_ms, end_ms) = (header.begin_timestamp, header.end_timestamp);
        let before = header.last_key.as_deref().and_then(offset_of_key);
        let found = self.store.query_before(
            &header.topic,
            &header.key,
            max,
            begin_ms,
            end_ms,
            before.unwrap_or(PhysicalOffset(i64::MAX)),
        );
        let answer = match found {
            Ok(answer) => answer,
            Err(error) => return reply_read_error(request, &error, out),
        };
        let (code, remark) = if answer.records.is_empty() {
            (response::QUERY_NOT_FOUND, Some(NOT_FOUND))
        } else {
            (response::SUCCESS, None)
        };
        let oldest = answer.records.first().filter(|_| answer.truncated);
        let oldest = oldest.and_then(|record| View::parse(record).ok());
        let header = QueryMessageResponse {
            truncated: oldest.as_ref().map(|_| true),
            last_key: oldest.map(|record| {
                format!(
                    "{}@{}@{}@{}@{}@{}",
                    record.store_ms,
                    record.topic,
                    header.index_type.as_deref().unwrap_or(KEY_INDEX),
                    header.key,
                    record.property(property::UNIQ_KEY).unwrap_or_default(),
                    record.physical_offset
                )
            }),
            index_last_update_timestamp: answer.index_last_update_ms,
            index_last_update_phyoffset: answer.index_last_physical,
        };
        out.reply(request.to, code, remark, Some(&header), &answer.records);
    }
}

/// Where a page ended, from the text that tools of 5.4 and later print and take as `lastKey`: time,
/// topic, kind, key, id and offset, with `@` between.
fn offset_of_key(last_key: &str) -> Option<PhysicalOffset> {
    last_key
        .rsplit('@')
        .next()?
        .trim()
        .parse()
        .ok()
        .map(PhysicalOffset)
}
