//! Ten thousand mutated frames, the oddities that a port scan or a broken client brings, slow
//! senders and two thousand idle connections, while a healthy client goes on.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use ferrocket_client::{Client, Message, PullRequest};
use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::{Encoding, FLAG_ONEWAY, Head, NoHeader, Sender, encode_head};
use ferrocket_protocol::headers::{
    GetRouteInfo, PullMessage, RegisterBroker, SendMessageV2, UpdateConsumerOffset,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;

use crate::support::Cluster;

const MUTATED_FRAMES: usize = 10_000;
const FRAMES_PER_CONNECTION: usize = 25;
const IDLE_CONNECTIONS: usize = 2_000;
/// Far above what a server of this load needs, far below what an unbounded one would take.
const RESIDENT_BYTES_MAX: u64 = 500 * 1024 * 1024;
/// A healthy request on a machine that builds other things at the same time.
const HEALTHY_LIMIT: Duration = Duration::from_secs(5);

/// Bytes that mean something to one of the decoders.
const TELLING_BYTES: [u8; 8] = [0, 0xff, 0x7f, 0x80, b'"', b'{', b'-', b'9'];

/// A small generator from a seed, so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % sides
    }
}

fn frame<H: Serialize>(encoding: Encoding, code: i32, header: &H, body: &[u8]) -> Vec<u8> {
    let mut out = BytesMut::new();
    let head = Head {
        encoding,
        code,
        opaque: 7,
        flag: 0,
        remark: None,
        sender: Sender::US,
    };
    encode_head(&mut out, &head, Some(header), body.len()).unwrap();
    out.put_slice(body);
    out.to_vec()
}

/// Frames of real kinds in both encodings.
fn seeds() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for encoding in [Encoding::Json, Encoding::Binary] {
        let send = SendMessageV2 {
            producer_group: "p".into(),
            topic: "Mutants".into(),
            default_topic: "TBW102".into(),
            default_topic_queue_nums: 4,
            ..SendMessageV2::default()
        };
        all.push(frame(encoding, request::SEND_MESSAGE_V2, &send, b"a body"));
        let pull = PullMessage {
            consumer_group: "g".into(),
            topic: "Mutants".into(),
            max_msg_nums: 32,
            subscription: Some("*".into()),
            ..PullMessage::default()
        };
        all.push(frame(encoding, request::PULL_MESSAGE, &pull, b""));
        let offset = UpdateConsumerOffset {
            consumer_group: "g".into(),
            topic: "Mutants".into(),
            ..UpdateConsumerOffset::default()
        };
        all.push(frame(
            encoding,
            request::UPDATE_CONSUMER_OFFSET,
            &offset,
            b"",
        ));
        let route = GetRouteInfo {
            topic: "Mutants".into(),
            ..GetRouteInfo::default()
        };
        all.push(frame(
            encoding,
            request::GET_ROUTEINFO_BY_TOPIC,
            &route,
            b"",
        ));
        let register = RegisterBroker {
            broker_name: "mutant".into(),
            ..RegisterBroker::default()
        };
        let body = b"{\"topicConfigSerializeWrapper\":{\"dataVersion\":{\"counter\":1}}}";
        all.push(frame(encoding, request::REGISTER_BROKER, &register, body));
        let heartbeat = b"{\"clientID\":\"x\",\"consumerDataSet\":[{\"groupName\":\"g\"}]}";
        all.push(frame(
            encoding,
            request::HEART_BEAT,
            &NoHeader {},
            heartbeat,
        ));
        for code in [
            request::GET_MAX_OFFSET,
            request::LOCK_BATCH_MQ,
            request::SEND_BATCH_MESSAGE,
        ] {
            all.push(frame(encoding, code, &NoHeader {}, b"{}"));
        }
        for code in [-1, 0, 9_999, i32::MAX, i32::MIN] {
            all.push(frame(encoding, code, &NoHeader {}, b""));
        }
    }
    all
}

/// Changes a few bytes, mostly behind the length word so that the frame is looked into.
fn mutate(frame: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.roll(4) {
        let from = if dice.roll(20) == 0 { 0 } else { 4 };
        let at = from + dice.roll(frame.len() - from);
        match dice.roll(4) {
            0 => frame[at] = u8::try_from(dice.roll(256)).unwrap(),
            1 => frame[at] ^= 1 << dice.roll(8),
            2 => frame[at] = TELLING_BYTES[dice.roll(TELLING_BYTES.len())],
            _ => {
                let other = 4 + dice.roll(frame.len() - 4);
                frame.swap(at, other);
            }
        }
    }
    if dice.roll(10) == 0 {
        let kept = dice.roll(frame.len()).max(5);
        frame.truncate(kept);
        let length = u32::try_from(kept - 4).unwrap().to_be_bytes();
        frame[..4].copy_from_slice(&length);
    }
}

/// Sends mutants and reads what comes back until the server closes or has answered.
fn attack(ports: &[u16], count: usize, seed: u64) {
    let (seeds, mut dice) = (seeds(), Dice(seed));
    for connection in 0..count / FRAMES_PER_CONNECTION {
        let port = ports[connection % ports.len()];
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut bytes = Vec::new();
        for _ in 0..FRAMES_PER_CONNECTION {
            let mut mutant = seeds[dice.roll(seeds.len())].clone();
            mutate(&mut mutant, &mut dice);
            bytes.extend(mutant);
        }
        // The server may close at the first frame.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
}

/// Bytes after which the connection must be closed by the server.
fn oddities() -> Vec<(&'static str, Vec<u8>)> {
    let with_length = |length: u32, rest: &[u8]| [&length.to_be_bytes(), rest].concat();
    vec![
        ("a length of zero", with_length(0, &[0; 8])),
        ("a negative length", with_length(0xffff_ffff, &[0; 8])),
        ("a length of a gigabyte", with_length(1 << 30, &[0; 8])),
        (
            "a length just above the limit",
            with_length(16 * 1024 * 1024 + 1, &[0; 8]),
        ),
        (
            "a header longer than the frame",
            with_length(8, &[0, 0, 1, 0, b'{', b'}', 0, 0]),
        ),
        (
            "an unknown encoding",
            with_length(8, &[9, 0, 0, 4, b'{', b'}', 0, 0]),
        ),
        (
            "a header that is not JSON",
            with_length(8, &[0, 0, 0, 4, b'n', b'o', b'p', b'e']),
        ),
        (
            "HTTP",
            b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        ),
        (
            "TLS",
            vec![
                0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03,
            ],
        ),
    ]
}

fn is_closed_after(port: u16, bytes: &[u8]) -> bool {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let _ = stream.write_all(bytes);
    match stream.read_to_end(&mut Vec::new()) {
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

/// Connections that stay open and say little or nothing.
fn crowd(ports: &[u16]) -> Vec<TcpStream> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    )
    .unwrap();
    let mut crowd: Vec<TcpStream> = (0..IDLE_CONNECTIONS)
        .map(|n| TcpStream::connect(("127.0.0.1", ports[n % ports.len()])).unwrap())
        .collect();
    for (n, stream) in crowd.iter_mut().take(40).enumerate() {
        // A long frame announced and begun, never finished.
        let _ = stream.write_all(&(15_u32 << 20).to_be_bytes());
        let _ = stream.write_all(&vec![0; 1 + n]);
    }
    crowd
}

/// Sends and reads back until told to stop; gives the longest time that one of both took.
async fn healthy(client: Client, stop: Arc<AtomicBool>, done: Arc<AtomicU64>) -> Duration {
    let producer = client.producer("healthy").unwrap();
    let consumer = client.pull_consumer("healthy_c").unwrap();
    let mut longest = Duration::ZERO;
    while !stop.load(Ordering::Relaxed) {
        let number = done.load(Ordering::Relaxed);
        let body = format!("healthy {number}");
        let began = Instant::now();
        let receipt = producer
            .send(&Message::new("Healthy", body.clone()))
            .await
            .unwrap();
        let request = PullRequest::new(&receipt.queue, receipt.queue_offset);
        let pulled = consumer.pull(&request).await.unwrap();
        assert_eq!(pulled.messages.first().unwrap().body, body.into_bytes());
        longest = longest.max(began.elapsed());
        done.fetch_add(1, Ordering::Relaxed);
    }
    longest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn malformed_input_leaves_the_server_up() {
    let cluster = Cluster::new();
    let mut server = cluster.start(&[]);
    let ports = [
        cluster.namesrv_port,
        cluster.broker_port,
        cluster.broker_port - 2,
    ];
    let (stop, done) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let client = cluster.client();
    let healthy = tokio::spawn(healthy(
        client.clone(),
        Arc::clone(&stop),
        Arc::clone(&done),
    ));

    let attackers = tokio::task::spawn_blocking(move || {
        let crowd = crowd(&ports);
        let threads: Vec<_> = (1..=2)
            .map(|n| {
                std::thread::spawn(move || attack(&ports, MUTATED_FRAMES / 2, n * 0x9e37_79b9))
            })
            .collect();
        for port in ports {
            for (what, bytes) in oddities() {
                assert!(
                    is_closed_after(port, &bytes),
                    "{what} on port {port} was not refused"
                );
            }
        }
        for thread in threads {
            thread.join().unwrap();
        }
        crowd
    });
    let crowd = attackers.await.unwrap();
    let before = done.load(Ordering::Relaxed);
    let resident = server.resident_bytes();
    stop.store(true, Ordering::Relaxed);
    let longest = healthy.await.unwrap();
    drop(crowd);
    client.close(Duration::from_secs(1)).await;

    assert!(before > 20, "the healthy client got only {before} rounds");
    assert!(longest < HEALTHY_LIMIT, "a healthy round took {longest:?}");
    assert!(
        resident < RESIDENT_BYTES_MAX,
        "{} MiB resident",
        resident >> 20
    );
    let panicked = server
        .lines()
        .into_iter()
        .find(|line| line.contains("panicked"));
    assert_eq!(panicked, None);
    assert!(server.terminate().success());
}

#[test]
fn a_oneway_frame_is_not_answered() {
    let cluster = Cluster::new();
    let mut server = cluster.start(&[]);
    let mut out = BytesMut::new();
    let head = Head {
        encoding: Encoding::Json,
        code: 9_999,
        opaque: 1,
        flag: FLAG_ONEWAY,
        remark: None,
        sender: Sender::US,
    };
    encode_head(&mut out, &head, None::<&NoHeader>, 0).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", cluster.broker_port)).unwrap();
    stream.write_all(&Bytes::from(out)).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(answer, b"");
    assert!(server.terminate().success());
}
