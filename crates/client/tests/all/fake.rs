//! A name server and brokers, as far as the client can tell.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ferrocket_client::{Client, ClientConfig};
use ferrocket_net::{Limits, Listener, Network, Service, Serving};
use ferrocket_protocol::bodies::{
    self, BrokerData, GetConsumerListByGroupResponseBody, HeartbeatData, QueueData, TopicRouteData,
};
use ferrocket_protocol::codes::{request, response};
use ferrocket_protocol::frame::{Encoding, Frame, NoHeader, ReplyTo};
use ferrocket_protocol::headers::{
    GetConsumerListByGroup, GetMaxOffsetResponse, NotifyConsumerIdsChanged, PullMessage,
    PullMessageResponse, QueryConsumerOffset, QueryConsumerOffsetResponse, SendMessageResponse,
    SendMessageV2, UnregisterClient, UpdateConsumerOffset,
};
use ferrocket_protocol::message::{NewMessage, batch, record};
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::{ConnectionId, Peer};
use parking_lot::Mutex;

pub(crate) const TOPIC: &str = "FakeTopic";
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What a broker was asked to store.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) body: Vec<u8>,
    pub(crate) properties: Vec<u8>,
    pub(crate) sys_flag: i32,
    pub(crate) record: Vec<u8>,
}

/// The groups of a client and its connection.
type Member = (BTreeSet<String>, Arc<dyn Peer>);
/// A pull that waits for messages, with its answer when none match.
type Parked = (Arc<dyn Peer>, ReplyTo, PullMessageResponse);

#[derive(Default)]
pub(crate) struct Broker {
    pub(crate) queues: Mutex<BTreeMap<i32, Vec<Stored>>>,
    pub(crate) offsets: Mutex<BTreeMap<(String, i32), i64>>,
    /// All offsets that were committed, in the order in which they came.
    pub(crate) commits: Mutex<Vec<i64>>,
    /// The answer to sends; 0 stores.
    pub(crate) send_code: AtomicI32,
    pub(crate) sends: AtomicUsize,
    members: Mutex<BTreeMap<String, Member>>,
    parked: Mutex<Vec<Parked>>,
}

struct NameServer {
    route: TopicRouteData,
}

pub(crate) struct Cluster {
    pub(crate) brokers: Vec<Arc<Broker>>,
    pub(crate) name_server: SocketAddr,
    _serving: Vec<Serving>,
}

impl Cluster {
    /// Each broker has this many queues of the topic.
    pub(crate) fn start(brokers: usize, queues: i32) -> Self {
        let network = Network::new(Limits::default());
        let serve = |service: Arc<dyn Service>| {
            let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
            listener.serve(&network, service)
        };
        let brokers: Vec<_> = (0..brokers).map(|_| Arc::new(Broker::default())).collect();
        let mut serving: Vec<_> = brokers.iter().map(|b| serve(Arc::clone(b) as _)).collect();
        let mut route = TopicRouteData::default();
        for (n, broker) in serving.iter().enumerate() {
            let broker_name = format!("broker-{n}");
            route.broker_datas.push(BrokerData {
                broker_addrs: [(0, broker.local().to_string())].into(),
                broker_name: broker_name.clone(),
                cluster: "C".to_owned(),
                ..BrokerData::default()
            });
            let (read_queue_nums, write_queue_nums) = (queues, queues);
            let (perm, topic_sys_flag) = (6, 0);
            let queues = QueueData {
                broker_name,
                perm,
                read_queue_nums,
                write_queue_nums,
                topic_sys_flag,
            };
            route.queue_datas.push(queues);
        }
        let names = serve(Arc::new(NameServer { route }));
        let name_server = names.local();
        serving.push(names);
        Self {
            brokers,
            name_server,
            _serving: serving,
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::start(ClientConfig::new([self.name_server.to_string()])).unwrap()
    }

    pub(crate) fn stored(&self) -> Vec<Stored> {
        let of = |broker: &Arc<Broker>| -> Vec<Stored> {
            broker.queues.lock().values().flatten().cloned().collect()
        };
        self.brokers.iter().flat_map(of).collect()
    }
}

/// Waits for a state that other tasks bring about.
pub(crate) async fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let waiting = async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("never: {what}"));
}

impl Service for NameServer {
    fn connected(&self, _: &Arc<dyn Peer>) {}

    fn frames(&self, _: &Arc<dyn Peer>, frames: &mut Vec<Frame>, out: &mut Outbox) {
        for frame in frames.drain(..) {
            let to = frame.reply_to();
            let topic = frame.ext_field("topic").unwrap_or_default().into_owned();
            if frame.code == request::GET_ROUTEINFO_BY_TOPIC && topic == TOPIC {
                let body = Bytes::from(bodies::print(&self.route));
                out.reply::<NoHeader>(to, response::SUCCESS, None, None, &[body]);
            } else {
                out.reply_error(to, response::TOPIC_NOT_EXIST, "no route");
            }
        }
    }

    fn disconnected(&self, _: ConnectionId) {}
}

impl Service for Broker {
    fn connected(&self, _: &Arc<dyn Peer>) {}

    fn frames(&self, peer: &Arc<dyn Peer>, frames: &mut Vec<Frame>, out: &mut Outbox) {
        for frame in frames.drain(..) {
            self.handle(peer, &frame, out);
        }
    }

    fn disconnected(&self, _: ConnectionId) {}
}

impl Broker {
    pub(crate) fn members(&self) -> usize {
        self.members.lock().len()
    }

    fn handle(&self, peer: &Arc<dyn Peer>, frame: &Frame, out: &mut Outbox) {
        let to = frame.reply_to();
        match frame.code {
            request::SEND_MESSAGE_V2 | request::SEND_BATCH_MESSAGE => self.send(frame, out),
            request::PULL_MESSAGE => self.pull(peer, frame, out),
            request::HEART_BEAT => {
                self.heartbeat(peer, &bodies::read(&frame.body).unwrap());
                out.reply_ok(to);
            }
            request::UNREGISTER_CLIENT => {
                let header: UnregisterClient = frame.header().unwrap();
                self.members.lock().remove(&header.client_id);
                self.notify();
                out.reply_ok(to);
            }
            request::GET_CONSUMER_LIST_BY_GROUP => {
                let header: GetConsumerListByGroup = frame.header().unwrap();
                let members = self.members.lock();
                let of_group = members
                    .iter()
                    .filter(|(_, m)| m.0.contains(&header.consumer_group));
                let consumer_id_list = of_group.map(|(id, _)| id.clone()).collect();
                let body = bodies::print(&GetConsumerListByGroupResponseBody { consumer_id_list });
                out.reply::<NoHeader>(to, response::SUCCESS, None, None, &[body.into()]);
            }
            request::QUERY_CONSUMER_OFFSET => {
                let header: QueryConsumerOffset<'_> = frame.header().unwrap();
                let key = (header.consumer_group.into_owned(), header.queue_id);
                match self.offsets.lock().get(&key) {
                    Some(offset) => {
                        let header = QueryConsumerOffsetResponse { offset: *offset };
                        out.reply(to, response::SUCCESS, None, Some(&header), &[]);
                    }
                    None => out.reply_error(to, response::QUERY_NOT_FOUND, "none"),
                }
            }
            request::UPDATE_CONSUMER_OFFSET => {
                let header: UpdateConsumerOffset<'_> = frame.header().unwrap();
                let key = (header.consumer_group.into_owned(), header.queue_id);
                self.offsets.lock().insert(key, header.commit_offset);
                self.commits.lock().push(header.commit_offset);
                out.reply_ok(to);
            }
            request::GET_MIN_OFFSET | request::GET_MAX_OFFSET => {
                let header = GetMaxOffsetResponse { offset: 0 };
                out.reply(to, response::SUCCESS, None, Some(&header), &[]);
            }
            code => out.reply_error(to, response::REQUEST_CODE_NOT_SUPPORTED, &code.to_string()),
        }
    }

    fn send(&self, frame: &Frame, out: &mut Outbox) {
        self.sends.fetch_add(1, Ordering::SeqCst);
        let code = self.send_code.load(Ordering::SeqCst);
        let is_stored = matches!(code, 0 | 10 | 11 | 12);
        if !is_stored {
            return out.reply_error(frame.reply_to(), code, "as told");
        }
        let header: SendMessageV2<'_> = frame.header().unwrap();
        let properties = header
            .properties
            .as_deref()
            .unwrap_or_default()
            .as_bytes()
            .to_vec();
        let parts: Vec<(Vec<u8>, Vec<u8>)> = if header.batch == Some(true) {
            let parts = batch::iter(&frame.body).map(Result::unwrap);
            parts
                .map(|part| (part.body.to_vec(), part.properties.to_vec()))
                .collect()
        } else {
            vec![(frame.body.to_vec(), properties)]
        };
        let mut queues = self.queues.lock();
        let queue = queues.entry(header.queue_id).or_default();
        let queue_offset = queue.len() as i64;
        for (body, properties) in parts {
            let record = encode(&header, &body, &properties, queue.len() as i64);
            queue.push(Stored {
                body,
                properties,
                sys_flag: header.sys_flag,
                record,
            });
        }
        drop(queues);
        let answer = SendMessageResponse {
            msg_id: "OFFSETID".into(),
            queue_id: header.queue_id,
            queue_offset,
            ..SendMessageResponse::default()
        };
        out.reply(frame.reply_to(), code, None, Some(&answer), &[]);
        for (peer, to, header) in self.parked.lock().drain(..) {
            let mut late = Outbox::new();
            late.reply(
                to,
                response::PULL_RETRY_IMMEDIATELY,
                None,
                Some(&header),
                &[],
            );
            peer.send(late);
        }
    }

    fn pull(&self, peer: &Arc<dyn Peer>, frame: &Frame, out: &mut Outbox) {
        let header: PullMessage<'_> = frame.header().unwrap();
        let queues = self.queues.lock();
        let stored = queues
            .get(&header.queue_id)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let from = header.queue_offset as usize;
        let found: Vec<_> = stored
            .iter()
            .skip(from)
            .take(header.max_msg_nums as usize)
            .collect();
        let answer = PullMessageResponse {
            next_begin_offset: header.queue_offset + found.len() as i64,
            max_offset: stored.len() as i64,
            ..PullMessageResponse::default()
        };
        if found.is_empty() {
            self.parked
                .lock()
                .push((Arc::clone(peer), frame.reply_to(), answer));
            return;
        }
        let body: Vec<u8> = found
            .iter()
            .flat_map(|stored| stored.record.clone())
            .collect();
        out.reply(
            frame.reply_to(),
            response::SUCCESS,
            None,
            Some(&answer),
            &[body.into()],
        );
    }

    fn heartbeat(&self, peer: &Arc<dyn Peer>, data: &HeartbeatData) {
        let groups = data
            .consumer_data_set
            .iter()
            .map(|c| c.group_name.clone())
            .collect();
        let before = self
            .members
            .lock()
            .insert(data.client_id.clone(), (groups, Arc::clone(peer)));
        if before.is_none() {
            self.notify();
        }
    }

    fn notify(&self) {
        for (groups, peer) in self.members.lock().values() {
            for group in groups {
                let header = NotifyConsumerIdsChanged {
                    consumer_group: group.clone(),
                };
                let mut out = Outbox::new();
                let code = request::NOTIFY_CONSUMER_IDS_CHANGED;
                out.request(Encoding::Json, code, 0, true, Some(&header), &[])
                    .unwrap();
                peer.send(out);
            }
        }
    }
}

fn encode(header: &SendMessageV2<'_>, body: &[u8], properties: &[u8], offset: i64) -> Vec<u8> {
    let host = SocketAddr::from(([127, 0, 0, 1], 10911));
    let message = NewMessage {
        topic: &header.topic,
        queue_id: header.queue_id,
        flag: header.flag,
        sys_flag: header.sys_flag,
        born_ms: header.born_timestamp,
        born_host: host,
        store_host: host,
        reconsume_times: 0,
        prepared_transaction_offset: 0,
        properties,
        body,
    };
    let mut bytes = Vec::new();
    record::encode(&mut bytes, &message, record::Limits::default()).unwrap();
    let holes = record::Holes {
        queue_offset: offset,
        physical_offset: 0,
        store_ms: 1,
    };
    record::fill_holes(&mut bytes, holes);
    bytes
}
