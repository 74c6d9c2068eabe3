//! The name server as its shell sees it: frames in, answers out.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU64, Ordering};

use bytes::Bytes;
use ferrocket_protocol::codes::{request, response};
use ferrocket_protocol::frame::{Frame, NoHeader};
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::{ConnectionId, Peer};
use parking_lot::RwLock;

use crate::config::NamesrvConfig;
use crate::kv::{Kv, KvUnreadable};
use crate::refusal::{AdminRefused, Refusal};
use crate::surroundings::Surroundings;
use crate::tables::{Notice, Tables};

/// When the first expiry scan runs after the start (`NamesrvController#startScheduleService`).
const FIRST_SCAN_MS: i64 = 5_000;

/// The name server. One value serves all connections; methods take `&self` and may be called from
/// many threads at once.
#[derive(Debug)]
pub struct NameServer {
    pub(crate) tables: Tables,
    pub(crate) kv: Kv,
    pub(crate) surroundings: Arc<dyn Surroundings>,
    pub(crate) work: Work,
    config: RwLock<Arc<NamesrvConfig>>,
    started_ms: i64,
    next_scan_ms: AtomicI64,
    /// Numbers our own requests.
    opaque: AtomicI32,
}

/// What was done, in units that cost something.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) routes_encoded: Counter,
    pub(crate) registrations_decoded: Counter,
    pub(crate) registrations_renewed: Counter,
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How much work was done since the start; see [`NameServer::work`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkDone {
    /// Route bodies made; all other route requests were answered with a copy of a reference.
    pub routes_encoded: u64,
    /// Registration bodies read.
    pub registrations_decoded: u64,
    /// Registrations that were the same as the last one of their broker, and not read.
    pub registrations_renewed: u64,
}

/// A request with what its handler needs besides.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) now_ms: i64,
    pub(crate) peer: &'a Arc<dyn Peer>,
    pub(crate) frame: &'a Frame,
}

impl NameServer {
    /// A name server without brokers. `kv_json` is the content of the KV file, `None` when there is
    /// none.
    ///
    /// # Errors
    /// When the KV file cannot be read as JSON: the next change would overwrite it.
    pub fn new(
        config: NamesrvConfig,
        kv_json: Option<&[u8]>,
        surroundings: Arc<dyn Surroundings>,
        now_ms: i64,
    ) -> Result<Self, KvUnreadable> {
        Ok(Self {
            tables: Tables::default(),
            kv: Kv::open(kv_json, surroundings.clone())?,
            surroundings,
            work: Work::default(),
            config: RwLock::new(Arc::new(config)),
            started_ms: now_ms,
            next_scan_ms: AtomicI64::new(now_ms.saturating_add(FIRST_SCAN_MS)),
            opaque: AtomicI32::new(0),
        })
    }

    /// A peer connected. Nothing is known of it until it registers as a broker.
    pub fn connected(&self, now_ms: i64, peer: &Arc<dyn Peer>) {
        let _ = (now_ms, peer);
    }

    /// Executes requests in their order. Answers go to `out`; once it is full, what follows stays
    /// in `frames` for the next call, but at least one frame is taken. Notifications of brokers go
    /// out over their own peers.
    pub fn frames(
        &self,
        now_ms: i64,
        peer: &Arc<dyn Peer>,
        frames: &mut Vec<Frame>,
        out: &mut Outbox,
    ) {
        let mut taken = 0;
        for frame in frames.iter() {
            if taken > 0 && out.is_full() {
                break;
            }
            taken += 1;
            if frame.is_response() {
                continue;
            }
            let request = Request {
                now_ms,
                peer,
                frame,
            };
            if let Err(refusal) = self.execute(&request, out) {
                out.reply_error(frame.reply_to(), refusal.code, &refusal.remark);
            }
        }
        frames.drain(..taken);
    }

    /// A connection is gone, and with it the brokers that registered over it.
    pub fn disconnected(&self, now_ms: i64, id: ConnectionId) {
        let _ = now_ms;
        self.notify(&self.tables.disconnected(id));
    }

    /// Removes brokers whose registration expired. Call it about once a second; it looks at
    /// `scan_not_active_broker_interval` itself.
    pub fn tick(&self, now_ms: i64) {
        if now_ms < self.next_scan_ms.load(Ordering::Acquire) {
            return;
        }
        let interval_ms = self.config().scan_not_active_broker_interval;
        self.next_scan_ms
            .store(now_ms.saturating_add(interval_ms), Ordering::Release);
        let (notices, peers) = self.tables.expire(now_ms);
        for peer in peers {
            peer.close();
        }
        self.notify(&notices);
    }

    /// How much work was done since the start.
    pub fn work(&self) -> WorkDone {
        WorkDone {
            routes_encoded: self.work.routes_encoded.read(),
            registrations_decoded: self.work.registrations_decoded.read(),
            registrations_renewed: self.work.registrations_renewed.read(),
        }
    }

    pub(crate) fn config(&self) -> Arc<NamesrvConfig> {
        self.config.read().clone()
    }

    pub(crate) fn set_config(&self, config: NamesrvConfig) {
        *self.config.write() = Arc::new(config);
        self.tables.forget_routes();
    }

    /// `needWaitForService`: brokers get time to register before clients are told that their topics
    /// do not exist.
    pub(crate) fn is_ready(&self, now_ms: i64) -> bool {
        let config = self.config();
        let wait_ms = i64::from(config.wait_seconds_for_service) * 1000;
        !config.need_wait_for_service || now_ms >= self.started_ms.saturating_add(wait_ms)
    }

    /// Tells brokers, where that is configured.
    pub(crate) fn notify(&self, notices: &[Notice]) {
        if !notices.is_empty() && self.config().notify_min_broker_id_changed {
            for notice in notices {
                notice.send(|| self.opaque.fetch_add(1, Ordering::Relaxed));
            }
        }
    }

    fn execute(&self, request: &Request<'_>, out: &mut Outbox) -> Result<(), Refusal> {
        match request.frame.code {
            request::GET_ROUTEINFO_BY_TOPIC => self.route(request, out),
            request::REGISTER_BROKER => self.register_broker(request, out),
            request::UNREGISTER_BROKER => self.unregister_broker(request, out),
            request::BROKER_HEARTBEAT => self.broker_heartbeat(request, out),
            request::QUERY_DATA_VERSION => self.query_data_version(request, out),
            request::REGISTER_TOPIC_IN_NAMESRV => self.register_topic(request, out),
            request::GET_BROKER_MEMBER_GROUP => self.broker_member_group(request, out),
            request::GET_BROKER_CLUSTER_INFO => self.cluster_info(request, out),
            request::PUT_KV_CONFIG => self.put_kv(request, out),
            request::GET_KV_CONFIG => self.kv_value(request, out),
            request::DELETE_KV_CONFIG => self.delete_kv(request, out),
            request::GET_KVLIST_BY_NAMESPACE => self.kv_namespace(request, out),
            request::WIPE_WRITE_PERM_OF_BROKER => self.wipe_write_perm(request, out),
            request::ADD_WRITE_PERM_OF_BROKER => self.add_write_perm(request, out),
            request::DELETE_TOPIC_IN_NAMESRV => self.delete_topic(request, out),
            request::GET_ALL_TOPIC_LIST_FROM_NAMESERVER => self.all_topics(request, out),
            request::GET_TOPICS_BY_CLUSTER => self.topics_of_cluster(request, out),
            request::GET_SYSTEM_TOPIC_LIST_FROM_NS => self.system_topics(request, out),
            request::GET_UNIT_TOPIC_LIST => self.unit_topics(request, out),
            request::GET_HAS_UNIT_SUB_TOPIC_LIST => self.unit_sub_topics(request, out),
            request::GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST => {
                self.unit_sub_ununit_topics(request, out)
            }
            request::UPDATE_NAMESRV_CONFIG => self.update_config(request, out),
            request::GET_NAMESRV_CONFIG => self.shown_config(request, out),
            code => Err(AdminRefused::UnknownCode(code).into()),
        }
    }
}

/// Answers with a body and no header.
pub(crate) fn reply_body(request: &Request<'_>, out: &mut Outbox, body: Bytes) {
    out.reply::<NoHeader>(
        request.frame.reply_to(),
        response::SUCCESS,
        None,
        None,
        &[body],
    );
}
