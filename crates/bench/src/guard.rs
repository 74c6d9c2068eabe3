//! A guard that needs no clock: how many system calls and allocations a message costs, counted.
//!
//! A client and a broker share one thread: the client writes a fixed script of frames, the
//! connection's task reads all of it at once and answers. Disk and network count their calls, the
//! allocator counts what the thread asked of it; so the same script has the same counts every time.
//! What the runtime does for itself (waiting, waking) is not counted. Work of other threads (flushing, writing queues behind) is not in
//! it: it is shared by however many messages there are.

mod counted;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use allocation_counter::AllocationInfo;
use ferrocket_broker::{
    Broker, BrokerConfig, ColdRead, ConfigurationRefused, Parts, Port, RegistrationChange,
    Surroundings,
};
use ferrocket_net::{Limits, Listener, Network, Service};
use ferrocket_protocol::frame::Frame;
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::{ConnectionId, Peer};
use ferrocket_store::{NoSignals, Store, StoreConfig};
use tokio::net::TcpStream;

use self::counted::Counted;
use crate::template::{MessageShape, PullShape, PullTemplate, SendTemplate};
use crate::topic;
use crate::wire::{OPAQUE_BASE, u32_at};

/// Requests of one write, which one read of the broker takes.
const AT_ONCE: usize = 32;
const ROUNDS: usize = 16;
const NOW_MS: i64 = 1_700_000_000_000;
const TOPIC: &str = "guard";

/// What a message may cost. Lower these when the broker gets better; whoever has to raise one says
/// in the commit what it buys.
const SEND: Cost = Cost {
    calls: 0.13,
    allocations: 1.06,
};
const PULL: Cost = Cost {
    calls: 0.094,
    allocations: 0.26,
};

#[test]
fn a_message_costs_no_more_calls_and_allocations_than_agreed() {
    let (send, pull) = measured();
    assert!(
        send.is_within(&SEND),
        "P2 costs {send:?}, agreed is {SEND:?}"
    );
    assert!(
        pull.is_within(&PULL),
        "P6 costs {pull:?}, agreed is {PULL:?}"
    );
}

#[test]
fn the_same_script_costs_the_same_every_time() {
    assert_eq!(measured(), measured());
}

/// Per message.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cost {
    /// Reads and writes of files and sockets.
    calls: f64,
    allocations: f64,
}

impl Cost {
    fn is_within(&self, agreed: &Self) -> bool {
        self.calls <= agreed.calls && self.allocations <= agreed.allocations
    }
}

/// Sends and pulls, each after rounds that do not count: buffers have their sizes then.
fn measured() -> (Cost, Cost) {
    let directory = tempfile::tempdir().unwrap();
    let disk = Arc::new(Counted::default());
    let broker = open(directory.path(), &disk);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let entered = runtime.enter();
    let network = Network::new(Limits::default());
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let service = Arc::new(Direct(Arc::clone(&broker)));
    let serving = Listener::bind(loopback).unwrap().serve(&network, service);
    drop(entered);
    let client = runtime
        .block_on(TcpStream::connect(serving.local()))
        .unwrap();
    let mut script = Script::new(client);
    runtime.block_on(script.create_topic());
    let mut script = Some(script);
    let mut cost = |requests: Vec<Vec<u8>>| {
        let requests: Arc<[Vec<u8>]> = requests.into();
        let mut run = || {
            // A task of its own: waking the root of a runtime is a system call.
            let running = script.take().unwrap().run(Arc::clone(&requests));
            script = Some(runtime.block_on(runtime.spawn(running)).unwrap());
        };
        run();
        let before = calls(&network, &disk);
        let info: AllocationInfo = allocation_counter::measure(&mut run);
        let per_message = |count: u64| count as f64 / (ROUNDS * AT_ONCE) as f64;
        Cost {
            calls: per_message(calls(&network, &disk) - before),
            allocations: per_message(info.count_total),
        }
    };
    let send = cost(sends());
    let pull = cost(pulls());
    runtime.block_on(serving.stop(std::time::Duration::ZERO));
    (send, pull)
}

fn open(root: &Path, disk: &Arc<Counted>) -> Arc<Broker> {
    let config = StoreConfig {
        segment_bytes: 64 << 20,
        index_slots: 1000,
        index_entries: 100_000,
        ..StoreConfig::new(root)
    };
    let store = Store::open(Arc::clone(disk) as _, config, Arc::new(NoSignals), NOW_MS).unwrap();
    let parts = Parts {
        store: Arc::new(store),
        disk: Arc::clone(disk) as _,
        surroundings: Arc::new(Alone),
        seed: 1,
    };
    Arc::new(Broker::open(BrokerConfig::default(), parts, NOW_MS).unwrap())
}

/// Reads and writes of sockets and files.
fn calls(network: &Network, disk: &Counted) -> u64 {
    let sockets = network.metrics().snapshot();
    sockets.reads + sockets.writes + disk.calls()
}

/// One connection that writes requests and takes answers without allocating.
struct Script {
    stream: TcpStream,
    answers: Vec<u8>,
}

impl Script {
    fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        let answers = vec![0; 1 << 20];
        Self { stream, answers }
    }

    async fn create_topic(&mut self) {
        let request = topic::create_request(TOPIC, 1).unwrap();
        self.exchange(&request.bytes, 1).await;
    }

    async fn run(mut self, requests: Arc<[Vec<u8>]>) -> Self {
        for bytes in requests.iter() {
            let frames = frames(bytes);
            self.exchange(bytes, frames).await;
        }
        self
    }

    async fn exchange(&mut self, request: &[u8], answers: usize) {
        let written = self.stream.try_write(request).unwrap();
        assert_eq!(written, request.len(), "the socket takes it in one write");
        let mut end = 0;
        while frames(&self.answers[..end]) < answers {
            self.stream.readable().await.unwrap();
            match self.stream.try_read(&mut self.answers[end..]) {
                Ok(0) => panic!("the broker closed the connection"),
                Ok(bytes) => end += bytes,
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
        assert!(
            self.answers[..end]
                .windows(9)
                .any(|it| it == b"\"code\":0,")
        );
    }
}

/// Complete frames.
fn frames(mut bytes: &[u8]) -> usize {
    let mut count = 0;
    while let Some(length) = u32_at(bytes, 0) {
        let Some(rest) = bytes.get(4 + length as usize..) else {
            break;
        };
        (bytes, count) = (rest, count + 1);
    }
    count
}

/// As the work `async-1KiB`.
fn sends() -> Vec<Vec<u8>> {
    let shape = MessageShape {
        topic: TOPIC.to_owned(),
        queue: 0,
        body_bytes: 1024,
        batch: 1,
        tag: None,
        sender: 1,
    };
    let template = SendTemplate::new(&shape, NOW_MS.unsigned_abs().into()).unwrap();
    let round = |round: usize| {
        let mut out = Vec::new();
        for n in 0..AT_ONCE {
            let opaque = OPAQUE_BASE + i32::try_from(n).unwrap();
            template.append(&mut out, opaque, (round * AT_ONCE + n) as u64, 0);
        }
        out
    };
    (0..ROUNDS).map(round).collect()
}

/// As the work `pull-all`: what the sends have stored.
fn pulls() -> Vec<Vec<u8>> {
    let shape = PullShape {
        topic: TOPIC,
        queue: 0,
        messages_max: AT_ONCE as u32,
        suspend_ms: 0,
        tag: None,
    };
    let template = PullTemplate::new(&shape).unwrap();
    let round = |round: usize| {
        let mut out = Vec::new();
        template.append(&mut out, (round * AT_ONCE) as i64).unwrap();
        out
    };
    (0..ROUNDS).map(round).collect()
}

struct Direct(Arc<Broker>);

impl Service for Direct {
    fn connected(&self, peer: &Arc<dyn Peer>) {
        self.0.connected(NOW_MS, peer);
    }

    fn frames(&self, peer: &Arc<dyn Peer>, frames: &mut Vec<Frame>, out: &mut Outbox) {
        self.0.frames(NOW_MS, Port::Main, peer, frames, out);
    }

    fn disconnected(&self, id: ConnectionId) {
        self.0.disconnected(NOW_MS, id);
    }
}

#[derive(Debug)]
struct Alone;

impl Surroundings for Alone {
    fn read_later(&self, _: ColdRead) -> bool {
        false
    }

    fn registration_changed(&self, _: RegistrationChange) {}

    fn delay_wanted(&self) {}

    fn configuration(&self) -> String {
        String::new()
    }

    fn update_configuration(&self, _: &[u8]) -> Result<BrokerConfig, ConfigurationRefused> {
        Err(ConfigurationRefused::BlackList)
    }
}
