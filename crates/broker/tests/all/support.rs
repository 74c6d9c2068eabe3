//! A broker on a disk in memory, with a clock that the test moves and clients that record what they
//! are sent.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU64, Ordering};

use bytes::BytesMut;
use ferrocket_broker::{
    Broker, BrokerConfig, ColdRead, ConfigurationRefused, Parts, Port, RegistrationChange,
    Surroundings,
};
use ferrocket_protocol::Language;
use ferrocket_protocol::bodies::{
    self, LockBatchRequestBody, LockBatchResponseBody, MessageQueue, UnlockBatchRequestBody,
};
use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::{self, Encoding, FLAG_ONEWAY, Frame, Head, NoHeader, Sender};
use ferrocket_protocol::headers::{
    PullMessage, PullMessageResponse, QueryConsumerOffset, SendMessage, SendMessageResponse,
    SendMessageV2, UpdateConsumerOffset,
};
use ferrocket_protocol::message::View;
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::{ConnectionId, Peer};
use ferrocket_protocol::version::VERSION;
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::mem::MemDisk;
use ferrocket_store::{FlushMode, NoSignals, Store, StoreConfig};
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) const START_MS: i64 = 1_700_000_000_000;

/// What the broker asked of the process around it.
#[derive(Debug, Default)]
pub(crate) struct Around {
    pub(crate) registrations: Mutex<Vec<RegistrationChange>>,
    pub(crate) cold: Mutex<Vec<ColdRead>>,
    pub(crate) cold_refused: AtomicBool,
    /// Calls for the thread that delivers delayed messages.
    pub(crate) delay_rings: AtomicU64,
    /// What the next UPDATE_BROKER_CONFIG makes of the settings.
    pub(crate) next_config: Mutex<Option<BrokerConfig>>,
}

impl Surroundings for Around {
    fn read_later(&self, job: ColdRead) -> bool {
        if self.cold_refused.load(Ordering::Relaxed) {
            return false;
        }
        self.cold.lock().push(job);
        true
    }

    fn registration_changed(&self, change: RegistrationChange) {
        self.registrations.lock().push(change);
    }

    fn delay_wanted(&self) {
        self.delay_rings.fetch_add(1, Ordering::Relaxed);
    }

    fn configuration(&self) -> String {
        "brokerName=broker-a\n".to_owned()
    }

    fn update_configuration(&self, _body: &[u8]) -> Result<BrokerConfig, ConfigurationRefused> {
        self.next_config
            .lock()
            .take()
            .ok_or(ConfigurationRefused::BlackList)
    }
}

/// The broker's end of a connection.
#[derive(Debug)]
pub(crate) struct FakePeer {
    id: ConnectionId,
    received: Mutex<Vec<Frame>>,
    /// Each hand-over of frames, as the number of frames in it.
    pub(crate) writes: Mutex<Vec<usize>>,
    pub(crate) closed: AtomicBool,
}

impl Peer for FakePeer {
    fn id(&self) -> ConnectionId {
        self.id
    }

    fn remote(&self) -> std::net::SocketAddr {
        ([10, 0, 0, 9], 40_000 + u16::try_from(self.id.0).unwrap()).into()
    }

    fn local(&self) -> std::net::SocketAddr {
        ([10, 0, 0, 1], 10_911).into()
    }

    fn send(&self, mut frames: Outbox) {
        self.writes.lock().push(frames.frames());
        self.received.lock().extend(decode_all(&mut frames));
    }

    fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    fn is_open(&self) -> bool {
        !self.closed.load(Ordering::Relaxed)
    }
}

pub(crate) fn decode_all(frames: &mut Outbox) -> Vec<Frame> {
    let mut bytes = BytesMut::new();
    for part in frames.take() {
        bytes.extend_from_slice(&part);
    }
    let mut decoded = Vec::new();
    while let Some(frame) = frame::decode(&mut bytes).unwrap() {
        decoded.push(frame);
    }
    assert!(bytes.is_empty());
    decoded
}

pub(crate) struct World {
    pub(crate) disk: MemDisk,
    pub(crate) around: Arc<Around>,
    pub(crate) store: Arc<Store>,
    pub(crate) broker: Arc<Broker>,
    now_ms: AtomicI64,
    connections: AtomicU64,
}

pub(crate) fn config() -> BrokerConfig {
    BrokerConfig {
        broker_name: "broker-a".to_owned(),
        broker_ip1: "10.0.0.1".to_owned(),
        store_host: "10.0.0.1:10911".parse().unwrap(),
        ..BrokerConfig::default()
    }
}

pub(crate) fn store_config(flush_mode: FlushMode) -> StoreConfig {
    StoreConfig {
        flush_mode,
        segment_bytes: 1 << 20,
        queue_file_bytes: 20_000,
        index_slots: 100,
        index_entries: 400,
        ..StoreConfig::new(PathBuf::from("/store"))
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(config(), store_config(FlushMode::Async))
    }

    pub(crate) fn sync() -> Self {
        Self::with(config(), store_config(FlushMode::Sync))
    }

    /// With light queues (`enableLmq`, `enableMultiDispatch`).
    pub(crate) fn with_light_queues(flush_mode: FlushMode) -> Self {
        let store_config = StoreConfig {
            enable_lmq: true,
            enable_multi_dispatch: true,
            ..store_config(flush_mode)
        };
        Self::with(config(), store_config)
    }

    pub(crate) fn with(config: BrokerConfig, store_config: StoreConfig) -> Self {
        Self::on(MemDisk::new(), config, store_config)
    }

    pub(crate) fn on(disk: MemDisk, config: BrokerConfig, store_config: StoreConfig) -> Self {
        let store = Store::open(
            Arc::new(disk.clone()),
            store_config,
            Arc::new(NoSignals),
            START_MS,
        )
        .unwrap();
        let store = Arc::new(store);
        let around = Arc::new(Around::default());
        let parts = Parts {
            store: Arc::clone(&store),
            disk: Arc::new(disk.clone()),
            surroundings: Arc::clone(&around) as Arc<dyn Surroundings>,
            seed: 1,
        };
        let broker = Arc::new(Broker::open(config, parts, START_MS).unwrap());
        Self {
            disk,
            around,
            store,
            broker,
            now_ms: AtomicI64::new(START_MS),
            connections: AtomicU64::new(0),
        }
    }

    /// Stops cleanly and starts again on the same disk.
    pub(crate) fn restart(self) -> Self {
        let config = BrokerConfig::clone(&self.broker.config());
        let store_config = self.store.config().clone();
        let disk = self.disk.clone();
        self.broker.shutdown(self.now()).unwrap();
        self.store.close(self.now()).unwrap();
        drop(self);
        Self::on(disk, config, store_config)
    }

    /// Ends without a word and starts again on the same disk.
    pub(crate) fn kill(self) -> Self {
        let config = BrokerConfig::clone(&self.broker.config());
        let store_config = self.store.config().clone();
        let disk = self.disk.clone();
        drop(self);
        Self::on(disk, config, store_config)
    }

    /// `consumerOffset.json` as it is on the disk; empty when there is none.
    pub(crate) fn offset_file(&self) -> String {
        let path = Path::new("/store/config/consumerOffset.json");
        String::from_utf8(self.disk.read(path).unwrap_or_default()).unwrap()
    }

    /// What is committed, asked for through a client.
    pub(crate) fn committed(&self, group: &str, topic: &str, queue_id: i32) -> Option<i64> {
        let header = QueryConsumerOffset {
            consumer_group: group.into(),
            topic: topic.into(),
            queue_id,
            set_zero_if_not_found: Some(false),
        };
        let answer = self
            .connect()
            .call(request::QUERY_CONSUMER_OFFSET, &header, b"");
        answer.ext_field("offset").map(|text| text.parse().unwrap())
    }

    pub(crate) fn now(&self) -> i64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    /// Moves the clock and does what is due.
    pub(crate) fn pass(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::Relaxed);
        self.broker.tick(self.now());
    }

    /// What the thread that delivers delayed messages does; tells when it wants to be called again.
    pub(crate) fn deliver(&self) -> i64 {
        self.broker.deliver_delayed(&|| self.now())
    }

    /// The same with a clock that goes on by a millisecond whenever it is looked at.
    pub(crate) fn deliver_ticking(&self) -> i64 {
        self.broker
            .deliver_delayed(&|| self.now_ms.fetch_add(1, Ordering::Relaxed))
    }

    /// What the flusher thread does.
    pub(crate) fn flush(&self) {
        self.store.flush(self.now()).unwrap();
        self.broker.durable_advanced(self.now());
    }

    /// What the threads for cold reads do.
    pub(crate) fn read_cold(&self) -> usize {
        let jobs = std::mem::take(&mut *self.around.cold.lock());
        let count = jobs.len();
        for job in jobs {
            self.broker.read_cold(self.now(), job);
        }
        count
    }

    pub(crate) fn connect(&self) -> Client<'_> {
        let id = ConnectionId(self.connections.fetch_add(1, Ordering::Relaxed));
        let peer = Arc::new(FakePeer {
            id,
            received: Mutex::default(),
            writes: Mutex::default(),
            closed: AtomicBool::new(false),
        });
        let handle = Arc::clone(&peer) as Arc<dyn Peer>;
        self.broker.connected(self.now(), &handle);
        Client {
            world: self,
            peer,
            handle,
            opaque: AtomicI32::new(1),
            version: VERSION,
        }
    }

    pub(crate) fn create_topic(&self, topic: &str, queues: i32) {
        self.create_topic_with(topic, queues, 6, false);
    }

    pub(crate) fn create_topic_with(&self, topic: &str, queues: i32, perm: i32, order: bool) {
        let header = ferrocket_protocol::headers::CreateTopic {
            topic: topic.to_owned(),
            default_topic: "TBW102".to_owned(),
            read_queue_nums: queues,
            write_queue_nums: queues,
            perm,
            topic_filter_type: "SINGLE_TAG".to_owned(),
            order,
            ..Default::default()
        };
        let answer = self
            .connect()
            .call(request::UPDATE_AND_CREATE_TOPIC, &header, b"");
        assert_eq!((answer.code, answer.remark), (0, None), "creating {topic}");
    }
}

/// A client's end of a connection.
pub(crate) struct Client<'w> {
    pub(crate) world: &'w World,
    pub(crate) peer: Arc<FakePeer>,
    pub(crate) handle: Arc<dyn Peer>,
    opaque: AtomicI32,
    pub(crate) version: i32,
}

impl Client<'_> {
    pub(crate) fn request<H: Serialize>(&self, code: i32, header: &H, body: &[u8]) -> Frame {
        self.flagged(code, 0, header, body)
    }

    pub(crate) fn oneway<H: Serialize>(&self, code: i32, header: &H, body: &[u8]) -> Frame {
        self.flagged(code, FLAG_ONEWAY, header, body)
    }

    fn flagged<H: Serialize>(&self, code: i32, flag: i32, header: &H, body: &[u8]) -> Frame {
        let opaque = self.opaque.fetch_add(1, Ordering::Relaxed);
        let sender = Sender {
            language: Some(Language::Java),
            version: self.version,
        };
        let head = Head {
            encoding: Encoding::Json,
            code,
            opaque,
            flag,
            remark: None,
            sender,
        };
        Frame::new(&head, Some(header), body).unwrap()
    }

    /// Hands over the frames of one socket read; answers the frames that come back at once.
    pub(crate) fn read(&self, frames: Vec<Frame>) -> Vec<Frame> {
        self.read_at(Port::Main, frames)
    }

    pub(crate) fn read_at(&self, port: Port, mut frames: Vec<Frame>) -> Vec<Frame> {
        let mut out = Outbox::new();
        let mut answers = Vec::new();
        while !frames.is_empty() {
            let before = frames.len();
            self.world
                .broker
                .frames(self.world.now(), port, &self.handle, &mut frames, &mut out);
            assert!(frames.len() < before, "at least one frame is taken");
            answers.extend(decode_all(&mut out));
        }
        answers
    }

    /// One request with its answer.
    pub(crate) fn call<H: Serialize>(&self, code: i32, header: &H, body: &[u8]) -> Frame {
        let request = self.request(code, header, body);
        let opaque = request.opaque;
        let mut answers = self.read(vec![request]);
        answers.extend(
            self.peer
                .received
                .lock()
                .extract_if(.., |frame| frame.is_response()),
        );
        assert_eq!(answers.len(), 1, "one request, one answer: {answers:?}");
        let answer = answers.remove(0);
        assert!(answer.is_response());
        assert_eq!(answer.opaque, opaque);
        answer
    }

    /// One request that is not answered yet.
    pub(crate) fn call_later<H: Serialize>(&self, code: i32, header: &H, body: &[u8]) {
        let answers = self.read(vec![self.request(code, header, body)]);
        assert!(answers.is_empty(), "answered at once: {answers:?}");
    }

    /// What came through the connection's own handle since the last look.
    pub(crate) fn received(&self) -> Vec<Frame> {
        std::mem::take(&mut *self.peer.received.lock())
    }

    pub(crate) fn received_one(&self) -> Frame {
        let mut received = self.received();
        assert_eq!(received.len(), 1, "{received:?}");
        received.remove(0)
    }

    pub(crate) fn disconnect(&self) {
        self.peer.close();
        self.world
            .broker
            .disconnected(self.world.now(), self.peer.id);
    }

    pub(crate) fn send(&self, header: &SendMessage<'_>, body: &[u8]) -> Frame {
        self.call(
            request::SEND_MESSAGE_V2,
            &SendMessageV2::from(header.clone()),
            body,
        )
    }

    /// Stores a message and answers its queue offset.
    pub(crate) fn store(&self, topic: &str, queue_id: i32, properties: &str, body: &str) -> i64 {
        let answer = self.send(&message(topic, queue_id, properties), body.as_bytes());
        assert_eq!(
            (answer.code, &answer.remark),
            (0, &None),
            "sending to {topic}"
        );
        answer
            .header::<SendMessageResponse<'_>>()
            .unwrap()
            .queue_offset
    }

    /// Stores a message that is in these light queues as well.
    pub(crate) fn store_listing(&self, topic: &str, light_queues: &str, body: &str) {
        self.store(topic, 0, &listing(light_queues), body);
    }

    /// A heartbeat whose notifications of the client itself are left to be received.
    pub(crate) fn heartbeat_quietly(
        &self,
        client_id: &str,
        group: &str,
        topic: &str,
        expression: &str,
    ) {
        self.heartbeat_as(client_id, group, topic, expression, "CLUSTERING");
    }

    pub(crate) fn heartbeat_as(
        &self,
        client_id: &str,
        group: &str,
        topic: &str,
        expression: &str,
        model: &str,
    ) {
        let subscription =
            format!(r#"{{"subString":"{expression}","subVersion":1,"topic":"{topic}"}}"#);
        self.heartbeat_with(client_id, group, model, &subscription);
    }

    /// A heartbeat of a group that wants what an SQL92 expression says.
    pub(crate) fn heartbeat_sql(
        &self,
        client_id: &str,
        group: &str,
        topic: &str,
        expression: &str,
        version: i64,
    ) {
        let subscription = format!(
            r#"{{"classFilterMode":false,"codeSet":[],"expressionType":"SQL92","subString":"{expression}","subVersion":{version},"tagsSet":[],"topic":"{topic}"}}"#
        );
        self.heartbeat_with(client_id, group, "CLUSTERING", &subscription);
    }

    fn heartbeat_with(&self, client_id: &str, group: &str, model: &str, subscription: &str) {
        let body = format!(
            r#"{{"clientID":"{client_id}","consumerDataSet":[{{"consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET","consumeType":"CONSUME_PASSIVELY","groupName":"{group}","messageModel":"{model}","subscriptionDataSet":[{subscription}],"unitMode":false}}],"producerDataSet":[]}}"#
        );
        // Notifications go through the connection's own handle: they are not the answer.
        let frame = self.request(request::HEART_BEAT, &NoHeader {}, body.as_bytes());
        let answers = self.read(vec![frame]);
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].code, 0);
    }

    pub(crate) fn peer_address(&self) -> String {
        self.peer.remote().to_string()
    }

    pub(crate) fn commit(&self, group: &str, topic: &str, queue_id: i32, commit_offset: i64) {
        let header = UpdateConsumerOffset {
            consumer_group: group.into(),
            topic: topic.into(),
            queue_id,
            commit_offset,
        };
        let frame = self.oneway(request::UPDATE_CONSUMER_OFFSET, &header, b"");
        assert!(self.read(vec![frame]).is_empty());
    }

    /// Asks for locks, and answers those that were granted.
    pub(crate) fn lock(
        &self,
        group: &str,
        client_id: &str,
        mq_set: Vec<MessageQueue>,
    ) -> Vec<MessageQueue> {
        let request = LockBatchRequestBody {
            client_id: client_id.to_owned(),
            consumer_group: group.to_owned(),
            mq_set,
            only_this_broker: false,
        };
        let answer = self.call(
            request::LOCK_BATCH_MQ,
            &NoHeader {},
            &bodies::print(&request),
        );
        body::<LockBatchResponseBody>(&answer).lock_ok_mq_set
    }

    pub(crate) fn unlock(&self, group: &str, client_id: &str, mq_set: Vec<MessageQueue>) {
        let request = UnlockBatchRequestBody {
            client_id: client_id.to_owned(),
            consumer_group: group.to_owned(),
            mq_set,
            only_this_broker: false,
        };
        let answer = self.call(
            request::UNLOCK_BATCH_MQ,
            &NoHeader {},
            &bodies::print(&request),
        );
        assert_eq!(answer.code, 0);
    }
}

pub(crate) fn message<'a>(topic: &'a str, queue_id: i32, properties: &'a str) -> SendMessage<'a> {
    SendMessage {
        producer_group: "producers".into(),
        topic: topic.into(),
        default_topic: "TBW102".into(),
        default_topic_queue_nums: 4,
        queue_id,
        born_timestamp: START_MS - 5,
        properties: Some(properties.into()),
        reconsume_times: Some(0),
        unit_mode: Some(false),
        batch: Some(false),
        ..SendMessage::default()
    }
}

/// The property that lists light queues.
pub(crate) fn listing(light_queues: &str) -> String {
    format!("INNER_MULTI_DISPATCH\x01{light_queues}\x02")
}

/// A pull that may wait 15 s, with the subscription of the heartbeats.
pub(crate) fn pull<'a>(
    group: &'a str,
    topic: &'a str,
    queue_id: i32,
    offset: i64,
) -> PullMessage<'a> {
    PullMessage {
        consumer_group: group.into(),
        topic: topic.into(),
        queue_id,
        queue_offset: offset,
        max_msg_nums: 32,
        sys_flag: 0x2,
        suspend_timeout_millis: 15_000,
        sub_version: 1,
        ..PullMessage::default()
    }
}

/// A pull that brings its subscription and is answered at once, as of a lite pull consumer.
pub(crate) fn poll<'a>(
    group: &'a str,
    topic: &'a str,
    queue_id: i32,
    offset: i64,
) -> PullMessage<'a> {
    PullMessage {
        sys_flag: 0x4,
        subscription: Some("*".into()),
        expression_type: Some("TAG".into()),
        ..pull(group, topic, queue_id, offset)
    }
}

/// A pull of queue 0 that brings an SQL92 expression and is answered at once.
pub(crate) fn sql<'a>(
    group: &'a str,
    topic: &'a str,
    expression: &'a str,
    offset: i64,
) -> PullMessage<'a> {
    PullMessage {
        subscription: Some(expression.into()),
        expression_type: Some("SQL92".into()),
        ..poll(group, topic, 0, offset)
    }
}

/// A broker with `enablePropertyFilter`.
pub(crate) fn world_with_filters() -> World {
    let mut settings = config();
    settings.enable_property_filter = true;
    World::with(settings, store_config(FlushMode::Async))
}

/// The bodies of the messages of a pull answer.
pub(crate) fn texts(answer: &Frame) -> Vec<String> {
    let mut rest = answer.body.as_ref();
    let mut texts = Vec::new();
    while !rest.is_empty() {
        let record = View::parse(rest).unwrap();
        texts.push(String::from_utf8(record.body.to_vec()).unwrap());
        rest = &rest[record.bytes().len()..];
    }
    texts
}

pub(crate) fn next_offset(answer: &Frame) -> i64 {
    answer
        .header::<PullMessageResponse>()
        .unwrap()
        .next_begin_offset
}

pub(crate) fn body<T: DeserializeOwned>(answer: &Frame) -> T {
    assert_eq!(answer.code, 0, "{:?}", answer.remark);
    bodies::read(&answer.body).unwrap()
}

pub(crate) fn remark(answer: &Frame) -> &str {
    answer.remark.as_deref().unwrap_or_default()
}
