//! A name server with connections that end in memory, and brokers that register over them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::{Bytes, BytesMut};
use ferrocket_namesrv::{ConfigurationRefused, NameServer, NamesrvConfig, Surroundings};
use ferrocket_protocol::frame::{self, Encoding, Frame, Head, NoHeader, Sender};
use ferrocket_protocol::headers::RegisterBroker;
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::{ConnectionId, Peer};
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Value, json};

pub(crate) const REGISTER_BROKER: i32 = 103;
pub(crate) const UNREGISTER_BROKER: i32 = 104;
pub(crate) const ROUTE: i32 = 105;

/// The process around the name server.
#[derive(Debug, Default)]
pub(crate) struct Process {
    /// What the KV file holds.
    pub(crate) kv_file: Mutex<Option<Vec<u8>>>,
    pub(crate) is_disk_full: AtomicBool,
    config: Mutex<NamesrvConfig>,
}

impl Surroundings for Process {
    fn configuration(&self) -> String {
        "kvConfigPath=/srv/kv.json\nlistenPort=9876\n".to_owned()
    }

    fn update_configuration(&self, body: &[u8]) -> Result<NamesrvConfig, ConfigurationRefused> {
        let mut config = self.config.lock();
        match std::str::from_utf8(body).map(str::trim) {
            Ok("orderMessageEnable=true") => config.order_message_enable = true,
            Ok("supportActingMaster=true") => config.support_acting_master = true,
            Ok("kvConfigPath=x") => return Err(ConfigurationRefused::BlackList),
            Ok("full=disk") => return Err(ConfigurationRefused::Io("no space left".to_owned())),
            _ => return Err(ConfigurationRefused::Malformed),
        }
        Ok(config.clone())
    }

    fn save_kv(&self, json: &[u8]) -> io::Result<()> {
        if self.is_disk_full.load(Ordering::Relaxed) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        *self.kv_file.lock() = Some(json.to_vec());
        Ok(())
    }
}

/// A connection to the name server.
#[derive(Debug)]
pub(crate) struct Connection {
    id: ConnectionId,
    sent: Mutex<Vec<u8>>,
    is_open: AtomicBool,
}

impl Connection {
    /// The requests that the name server sent over it since the last look.
    pub(crate) fn received(&self) -> Vec<Frame> {
        frames(&std::mem::take(&mut *self.sent.lock()))
    }
}

impl Peer for Connection {
    fn id(&self) -> ConnectionId {
        self.id
    }

    fn remote(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 40_000))
    }

    fn local(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 9876))
    }

    fn send(&self, mut frames: Outbox) {
        for part in frames.take() {
            self.sent.lock().extend_from_slice(&part);
        }
    }

    fn close(&self) {
        self.is_open.store(false, Ordering::Relaxed);
    }

    fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }
}

/// A name server at some time.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) server: NameServer,
    pub(crate) process: Arc<Process>,
    now_ms: Cell<i64>,
    connections: Cell<u64>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(NamesrvConfig::default())
    }

    pub(crate) fn with(config: NamesrvConfig) -> Self {
        let process = Arc::new(Process {
            config: Mutex::new(config),
            ..Process::default()
        });
        Self::start(process)
    }

    pub(crate) fn start(process: Arc<Process>) -> Self {
        let now_ms = 1_000_000;
        let config = process.config.lock().clone();
        let kv = process.kv_file.lock().clone();
        let server = NameServer::new(config, kv.as_deref(), process.clone(), now_ms).unwrap();
        Self {
            server,
            process,
            now_ms: Cell::new(now_ms),
            connections: Cell::new(0),
        }
    }

    pub(crate) fn connect(&self) -> Arc<Connection> {
        self.connections.set(self.connections.get() + 1);
        let connection = Arc::new(Connection {
            id: ConnectionId(self.connections.get()),
            sent: Mutex::default(),
            is_open: AtomicBool::new(true),
        });
        let peer: Arc<dyn Peer> = connection.clone();
        self.server.connected(self.now_ms.get(), &peer);
        connection
    }

    pub(crate) fn disconnect(&self, connection: &Connection) {
        connection.close();
        self.server.disconnected(self.now_ms.get(), connection.id);
    }

    /// Lets time pass, a second at a time.
    pub(crate) fn wait_ms(&self, ms: i64) {
        let end_ms = self.now_ms.get() + ms;
        while self.now_ms.get() < end_ms {
            self.now_ms.set((self.now_ms.get() + 1000).min(end_ms));
            self.server.tick(self.now_ms.get());
        }
    }

    /// Sends a frame; what comes back, as it would be written.
    pub(crate) fn exchange(&self, from: &Arc<Connection>, frame: Frame) -> Vec<Bytes> {
        let peer: Arc<dyn Peer> = from.clone();
        let mut out = Outbox::new();
        self.server
            .frames(self.now_ms.get(), &peer, &mut vec![frame], &mut out);
        out.take().into()
    }

    /// Sends a frame; the answer, if there is one.
    pub(crate) fn answer(&self, from: &Arc<Connection>, frame: Frame) -> Option<Frame> {
        let bytes = self.exchange(from, frame).concat();
        frames(&bytes).pop()
    }

    /// Asks something on a new connection.
    pub(crate) fn ask<H: Serialize>(&self, code: i32, header: &H, body: &[u8]) -> Frame {
        self.answer(&self.connect(), request(code, Some(header), body))
            .unwrap()
    }

    /// Asks something without header and body.
    pub(crate) fn ask_plain(&self, code: i32) -> Frame {
        self.answer(&self.connect(), request::<NoHeader>(code, None, b""))
            .unwrap()
    }

    pub(crate) fn route_frame(&self, topic: &str) -> Frame {
        self.ask(ROUTE, &json!({ "topic": topic }), b"")
    }

    /// The route of a topic, `None` when the name server says that there is none.
    pub(crate) fn route(&self, topic: &str) -> Option<Value> {
        let answer = self.route_frame(topic);
        match answer.code {
            0 => Some(body_json(&answer)),
            17 => None,
            code => panic!("code {code}: {:?}", answer.remark),
        }
    }

    /// Broker names of a topic with the permission of each.
    pub(crate) fn perms(&self, topic: &str) -> BTreeMap<String, i64> {
        let Some(route) = self.route(topic) else {
            return BTreeMap::new();
        };
        let entries = route["queueDatas"].as_array().unwrap().iter();
        entries
            .map(|entry| {
                let name = entry["brokerName"].as_str().unwrap().to_owned();
                (name, entry["perm"].as_i64().unwrap())
            })
            .collect()
    }

    /// Registers a broker and expects success.
    pub(crate) fn register(&self, broker: &Broker) -> Frame {
        let answer = self.try_register(broker);
        assert_eq!(answer.code, 0, "{:?}", answer.remark);
        answer
    }

    pub(crate) fn try_register(&self, broker: &Broker) -> Frame {
        self.answer(&broker.connection, broker.request()).unwrap()
    }
}

/// A broker process as it registers.
#[derive(Debug, Clone)]
pub(crate) struct Broker {
    pub(crate) connection: Arc<Connection>,
    pub(crate) header: RegisterBroker,
    /// Topics with their queues and permission.
    pub(crate) topics: BTreeMap<String, (i32, i32)>,
    /// stateVersion, timestamp, counter.
    pub(crate) version: (i64, i64, i64),
    pub(crate) mappings: Value,
    pub(crate) filter_servers: Value,
}

impl Broker {
    /// A broker with two topics, `T` and one of its own name.
    pub(crate) fn new(world: &World, name: &str, id: i64) -> Self {
        let header = RegisterBroker {
            broker_name: name.to_owned(),
            broker_addr: format!("{name}-{id}:10911"),
            cluster_name: "C".to_owned(),
            ha_server_addr: format!("{name}-{id}:10912"),
            broker_id: id,
            enable_acting_master: Some(false),
            ..RegisterBroker::default()
        };
        let topics = [("T", (4, 6)), (name, (1, 7))].map(|(topic, how)| (topic.to_owned(), how));
        Self {
            connection: world.connect(),
            header,
            topics: topics.into(),
            version: (0, 1_700_000_000_000, 1),
            mappings: json!({}),
            filter_servers: json!([]),
        }
    }

    pub(crate) fn acting(mut self) -> Self {
        self.header.enable_acting_master = Some(true);
        self
    }

    pub(crate) fn topic(mut self, topic: &str, queues: i32, perm: i32) -> Self {
        self.topics.insert(topic.to_owned(), (queues, perm));
        self
    }

    /// The same broker after a change of its topics.
    pub(crate) fn changed(mut self) -> Self {
        self.version.2 += 1;
        self
    }

    /// The message that tells of one topic only.
    pub(crate) fn only(mut self, topic: &str) -> Self {
        self.topics.retain(|name, _| name == topic);
        self
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        let table: serde_json::Map<String, Value> = self
            .topics
            .iter()
            .map(|(topic, (queues, perm))| {
                let config = json!({
                    "attributes": {}, "order": false, "perm": perm, "readQueueNums": queues,
                    "topicFilterType": "SINGLE_TAG", "topicName": topic, "topicSysFlag": 0,
                    "writeQueueNums": queues,
                });
                (topic.clone(), config)
            })
            .collect();
        let body = json!({
            "filterServerList": self.filter_servers,
            "topicConfigSerializeWrapper": {
                "dataVersion": self.data_version(),
                "topicConfigTable": table,
                "topicQueueMappingDetailMap": {},
                "topicQueueMappingInfoMap": self.mappings,
            },
        });
        body.to_string().into_bytes()
    }

    pub(crate) fn data_version(&self) -> Value {
        let (state_version, timestamp, counter) = self.version;
        json!({ "counter": counter, "stateVersion": state_version, "timestamp": timestamp })
    }

    pub(crate) fn request(&self) -> Frame {
        request(REGISTER_BROKER, Some(&self.header), &self.body())
    }

    /// The four fields that 104 and 322 ask for.
    pub(crate) fn address(&self) -> Value {
        json!({
            "brokerName": self.header.broker_name, "brokerAddr": self.header.broker_addr,
            "clusterName": self.header.cluster_name, "brokerId": self.header.broker_id.to_string(),
        })
    }
}

pub(crate) fn request<H: Serialize>(code: i32, header: Option<&H>, body: &[u8]) -> Frame {
    let head = Head {
        encoding: Encoding::Json,
        code,
        opaque: 7,
        flag: 0,
        remark: None,
        sender: Sender::US,
    };
    Frame::new(&head, header, body).unwrap()
}

pub(crate) fn frames(bytes: &[u8]) -> Vec<Frame> {
    let mut bytes = BytesMut::from(bytes);
    std::iter::from_fn(|| frame::decode(&mut bytes).unwrap()).collect()
}

pub(crate) fn body_json(frame: &Frame) -> Value {
    serde_json::from_slice(&frame.body).unwrap()
}

/// Addresses by id of a broker name in a route or in cluster info.
pub(crate) fn addrs(broker: &Value) -> BTreeMap<String, String> {
    serde_json::from_value(broker["brokerAddrs"].clone()).unwrap()
}
