//! Requests about a consumer that only the consumer itself can answer: they go on to its connection,
//! and its answer comes back to whoever asked.

use std::sync::Arc;

use bytes::Bytes;
use ferrocket_protocol::bodies::{self, GetConsumerStatusBody};
use ferrocket_protocol::codes::{request, response};
use ferrocket_protocol::frame::{Encoding, Frame, NoHeader};
use ferrocket_protocol::headers::{
    ConsumeMessageDirectlyResult, GetConsumerRunningInfo, GetConsumerStatus,
};
use ferrocket_protocol::message::ids::OffsetMessageId;
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::ConnectionId;
use ferrocket_protocol::version;
use ferrocket_store::PhysicalOffset;
use serde::Serialize;

use super::reply_read_error;
use crate::Broker;
use crate::clients::ClientInfo;
use crate::clients::calls::{Asker, CALLS_MAX, Call, Purpose, StatusRound, Statuses};
use crate::request::Request;

/// How long a client may take to answer a question of a tool.
const RELAY_MS: i64 = 10_000;
/// How long clients may take to tell their offsets.
const STATUS_MS: i64 = 5_000;

/// Why a client's answer does not come.
#[derive(Debug, Clone, Copy)]
enum Silence {
    /// It had this long.
    Timeout(i64),
    Gone,
    TooMany,
}

impl Broker {
    /// GET_CONSUMER_RUNNING_INFO.
    pub(crate) fn consumer_running_info(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<GetConsumerRunningInfo>(out) else {
            return;
        };
        let (group, client_id) = (&header.consumer_group, &header.client_id);
        if let Some(client) = self.callable_consumer(request, group, client_id, out) {
            self.relay(request, &client, group, &header, &[], out);
        }
    }

    /// CONSUME_MESSAGE_DIRECTLY: the consumer gets the message itself.
    pub(crate) fn consume_directly(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(mut header) = request.header::<ConsumeMessageDirectlyResult>(out) else {
            return;
        };
        header.broker_name = Some(request.config.broker_name.clone());
        let topic = header.topic.as_deref().unwrap_or_default();
        let topic_flag = self
            .topics
            .get(topic)
            .map(|topic| topic.config.topic_sys_flag);
        header.topic_sys_flag = topic_flag.or(header.topic_sys_flag);
        let group = self.groups.get(&header.consumer_group);
        header.group_sys_flag = group
            .map(|group| group.config.group_sys_flag)
            .or(header.group_sys_flag);
        let mut body = Vec::new();
        if let Some(id) = header.msg_id.as_deref().filter(|id| !id.is_empty()) {
            let Some(record) = self.message_by_id(request, id, out) else {
                return;
            };
            body.push(record);
        }
        let client_id = header.client_id.clone().unwrap_or_default();
        let group = header.consumer_group.clone();
        if let Some(client) = self.callable_consumer(request, &group, &client_id, out) {
            self.relay(request, &client, &group, &header, &body, out);
        }
    }

    /// The record that an offset message id names; without one the answer is given.
    fn message_by_id(&self, request: &Request<'_>, id: &str, out: &mut Outbox) -> Option<Bytes> {
        let offset = match OffsetMessageId::parse(id) {
            Ok(id) => PhysicalOffset(id.physical_offset),
            Err(error) => {
                let remark = format!("msgId[{id}] names no message of this broker: {error}");
                out.reply_error(request.to, response::SYSTEM_ERROR, &remark);
                return None;
            }
        };
        match self.store.record_at(offset) {
            Ok(Some(record)) => Some(record),
            Ok(None) => {
                let remark = format!("can not find message by the offset, {offset}");
                out.reply_error(request.to, response::SYSTEM_ERROR, &remark);
                None
            }
            Err(error) => {
                reply_read_error(request, &error, out);
                None
            }
        }
    }

    /// The client of a group, if it is online and understands questions of this kind; otherwise the
    /// answer is given.
    fn callable_consumer(
        &self,
        request: &Request<'_>,
        group: &str,
        client_id: &str,
        out: &mut Outbox,
    ) -> Option<ClientInfo> {
        let clients = self.clients.consumers.get(group);
        let client = clients
            .map(|consumers| consumers.clients())
            .unwrap_or_default()
            .into_iter()
            .find(|client| &*client.client_id == client_id);
        let Some(client) = client else {
            let remark = format!("The Consumer <{group}> <{client_id}> not online");
            out.reply_error(request.to, response::SYSTEM_ERROR, &remark);
            return None;
        };
        if client.version < version::V3_1_8_SNAPSHOT {
            let remark = format!(
                "The Consumer <{client_id}> Version <{}> too low to finish, please upgrade it to V3_1_8_SNAPSHOT",
                version::name(client.version)
            );
            out.reply_error(request.to, response::SYSTEM_ERROR, &remark);
            return None;
        }
        Some(client)
    }

    /// Sends a request on to a client, with the ext fields of `header`.
    fn relay<H: Serialize>(
        &self,
        request: &Request<'_>,
        client: &ClientInfo,
        group: &str,
        header: &H,
        body: &[Bytes],
        out: &mut Outbox,
    ) {
        if request.to.oneway {
            return;
        }
        let asker = Asker {
            peer: Arc::clone(request.peer),
            to: request.to,
        };
        let call = Call {
            client: client.peer.id(),
            client_id: Arc::clone(&client.client_id),
            deadline_ms: request.now_ms + RELAY_MS,
            purpose: Purpose::Relay {
                asker,
                group: group.to_owned(),
            },
        };
        if let Err((call, silence)) = self.call(client, request.frame.code, header, body, call) {
            silent(&call, silence, out);
        }
    }

    /// Sends a request to a client and notes who waits for its answer.
    fn call<H: Serialize>(
        &self,
        client: &ClientInfo,
        code: i32,
        header: &H,
        body: &[Bytes],
        call: Call,
    ) -> Result<(), (Call, Silence)> {
        let calls = &self.clients.calls;
        let opaque = calls.begin(call).map_err(|call| (call, Silence::TooMany))?;
        let mut frames = Outbox::new();
        // Every client reads JSON, whatever it writes itself.
        let made = frames.request(Encoding::Json, code, opaque, false, Some(header), body);
        if made.is_ok() {
            client.peer.send(frames);
        }
        // Whoever closes the connection after this look finds the call.
        if made.is_err() || !client.peer.is_open() {
            return match calls.end(client.peer.id(), opaque) {
                Some(call) => Err((call, Silence::Gone)),
                None => Ok(()),
            };
        }
        Ok(())
    }

    /// INVOKE_BROKER_TO_GET_CONSUMER_STATUS: the offsets that the clients of a group remember, of all
    /// or of one.
    pub(crate) fn consumer_status(&self, request: &Request<'_>, out: &mut Outbox) {
        let Some(header) = request.header::<GetConsumerStatus>(out) else {
            return;
        };
        let consumers = self.clients.consumers.get(&header.group);
        let mut clients = consumers
            .map(|consumers| consumers.clients())
            .unwrap_or_default();
        if clients.is_empty() {
            let remark = format!(
                "No Any Consumer online in the consumer group: [{}]",
                header.group
            );
            out.reply_error(request.to, response::SYSTEM_ERROR, &remark);
            return;
        }
        if let Some(old) = clients
            .iter()
            .find(|client| client.version < version::V3_0_7_SNAPSHOT)
        {
            let remark = too_old(old);
            out.reply_error(request.to, response::SYSTEM_ERROR, &remark);
            return;
        }
        let one = header.client_addr.as_deref().unwrap_or_default().trim();
        if !one.is_empty() {
            clients.retain(|client| &*client.client_id == one);
        }
        self.ask_for_status(request, &header, &clients, out);
    }

    fn ask_for_status(
        &self,
        request: &Request<'_>,
        header: &GetConsumerStatus,
        clients: &[ClientInfo],
        out: &mut Outbox,
    ) {
        let asker = Asker {
            peer: Arc::clone(request.peer),
            to: request.to,
        };
        if clients.is_empty() {
            answer_statuses(&asker, Statuses::new(), out);
            return;
        }
        let round = Arc::new(StatusRound::new(asker, clients.len()));
        let asked = GetConsumerStatus {
            client_addr: None,
            ..header.clone()
        };
        for client in clients {
            let call = Call {
                client: client.peer.id(),
                client_id: Arc::clone(&client.client_id),
                deadline_ms: request.now_ms + STATUS_MS,
                purpose: Purpose::Status(Arc::clone(&round)),
            };
            let code = request::GET_CONSUMER_STATUS_FROM_CLIENT;
            if let Err((call, silence)) = self.call(client, code, &asked, &[], call) {
                silent(&call, silence, out);
            }
        }
    }

    /// A client answers a request of the broker.
    pub(crate) fn answered(&self, peer: ConnectionId, frame: &Frame) {
        let Some(call) = self.clients.calls.end(peer, frame.opaque) else {
            tracing::debug!(
                code = frame.code,
                opaque = frame.opaque,
                "an answer nobody waits for"
            );
            return;
        };
        let mut out = Outbox::new();
        let asker = match &call.purpose {
            Purpose::Relay { asker, .. } => {
                let remark = frame.remark.as_deref();
                let body = std::slice::from_ref(&frame.body);
                out.reply::<NoHeader>(asker.to, frame.code, remark, None, body);
                asker
            }
            Purpose::Status(round) => {
                let said = (frame.code == response::SUCCESS)
                    .then(|| bodies::read::<GetConsumerStatusBody>(&frame.body).ok())
                    .flatten()
                    .map(|body| (call.client_id.to_string(), body.message_queue_table));
                if let Some(statuses) = round.ended(said) {
                    answer_statuses(&round.asker, statuses, &mut out);
                }
                &round.asker
            }
        };
        if !out.is_empty() {
            asker.peer.send(out);
        }
    }

    /// Ends the calls to a connection that closed.
    pub(crate) fn end_calls_to(&self, client: ConnectionId) {
        for call in self.clients.calls.end_of(client) {
            send_silence(&call, Silence::Gone);
        }
    }

    /// Ends the calls whose time is over.
    pub(crate) fn expire_calls(&self, now_ms: i64) {
        for call in self.clients.calls.overdue(now_ms) {
            let waited_ms = match call.purpose {
                Purpose::Relay { .. } => RELAY_MS,
                Purpose::Status(_) => STATUS_MS,
            };
            send_silence(&call, Silence::Timeout(waited_ms));
        }
    }
}

fn send_silence(call: &Call, silence: Silence) {
    let mut out = Outbox::new();
    silent(call, silence, &mut out);
    let asker = match &call.purpose {
        Purpose::Relay { asker, .. } => asker,
        Purpose::Status(round) => &round.asker,
    };
    if !out.is_empty() {
        asker.peer.send(out);
    }
}

/// What the asker is told instead of an answer.
fn silent(call: &Call, silence: Silence, out: &mut Outbox) {
    let client = &call.client_id;
    let (asker, group) = match &call.purpose {
        Purpose::Relay { asker, group } => (asker, group),
        Purpose::Status(round) => {
            tracing::warn!(%client, ?silence, "a client does not tell its offsets");
            if let Some(statuses) = round.ended(None) {
                answer_statuses(&round.asker, statuses, out);
            }
            return;
        }
    };
    let (code, remark) = match silence {
        Silence::Timeout(ms) => (
            response::CONSUME_MSG_TIMEOUT,
            format!("consumer <{group}> <{client}> Timeout: no answer within {ms} ms"),
        ),
        Silence::Gone => (
            response::SYSTEM_ERROR,
            format!("invoke consumer <{group}> <{client}> Exception: its connection is closed"),
        ),
        Silence::TooMany => (
            response::SYSTEM_BUSY,
            format!("[OVERLOAD]broker busy: {CALLS_MAX} calls wait for clients, try again later"),
        ),
    };
    out.reply_error(asker.to, code, &remark);
}

/// What is said of a client that does not know a request of the broker.
pub(super) fn too_old(client: &ClientInfo) -> String {
    format!(
        "the client does not support this feature. version={}",
        version::name(client.version)
    )
}

fn answer_statuses(asker: &Asker, consumer_table: Statuses, out: &mut Outbox) {
    let body = bodies::print(&GetConsumerStatusBody {
        consumer_table,
        ..GetConsumerStatusBody::default()
    });
    out.reply::<NoHeader>(asker.to, response::SUCCESS, None, None, &[body.into()]);
}
