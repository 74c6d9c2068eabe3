//! The works that are compared. A new row of the table is a new entry of [`all`].

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::servers::Running;
use crate::e2e::EndToEndWork;
use crate::measure::Outcome;
use crate::pull::PullWork;
use crate::send::SendWork;
use crate::topic;

/// Messages of the `million` work at full scale.
const MILLION: u64 = 1_000_000;

/// How long everything takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// Load before anything counts: a JVM needs it.
    pub(crate) warm_up: Duration,
    /// Of each work in time.
    pub(crate) length: Duration,
    /// Watching a server at rest.
    pub(crate) rest: Duration,
    /// Before watching.
    pub(crate) settle: Duration,
    /// Messages stored and read back; a million but for a quick look.
    pub(crate) messages: u64,
    /// Messages per second of the open loops.
    pub(crate) rate: f64,
}

impl Scale {
    pub(crate) fn new(seconds: u64, warm_up_seconds: u64) -> Self {
        Self {
            warm_up: Duration::from_secs(warm_up_seconds),
            length: Duration::from_secs(seconds),
            rest: Duration::from_secs(seconds.max(5)),
            settle: Duration::from_secs(10),
            messages: MILLION,
            rate: 10_000.0,
        }
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} warm-up, {:?} for each work, {:?} at rest, {} messages stored and read",
            self.warm_up, self.length, self.rest, self.messages
        )
    }
}

/// A row or several of the table.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) name: &'static str,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Connections, requests in flight on each, bytes of a body, messages of a request.
    Closed {
        connections: usize,
        in_flight: usize,
        body_bytes: usize,
        batch: usize,
    },
    /// At the rate of the scale.
    Open {
        connections: usize,
        body_bytes: usize,
    },
    /// As many messages as the scale says, into eight queues.
    Fill { body_bytes: usize },
    /// What `Fill` stored, with this tag.
    Pull { tag: Option<&'static str> },
    EndToEnd {
        connections: usize,
        body_bytes: usize,
    },
}

/// All works in the order in which they run. `pull` reads what `million` stored.
pub(crate) fn all(_: &Scale) -> Vec<Work> {
    let closed = |connections, in_flight, body_bytes, batch| Kind::Closed {
        connections,
        in_flight,
        body_bytes,
        batch,
    };
    [
        ("sync-1KiB", closed(1, 1, 1024, 1)),
        ("async-1KiB", closed(16, 64, 1024, 1)),
        ("async-128B", closed(16, 64, 128, 1)),
        ("batch-32x128B", closed(4, 8, 128, 32)),
        (
            "rate-1KiB",
            Kind::Open {
                connections: 16,
                body_bytes: 1024,
            },
        ),
        (
            "end-to-end",
            Kind::EndToEnd {
                connections: 4,
                body_bytes: 1024,
            },
        ),
        ("million", Kind::Fill { body_bytes: 128 }),
        ("pull-all", Kind::Pull { tag: None }),
        ("pull-1-percent", Kind::Pull { tag: Some("hit") }),
    ]
    .map(|(name, kind)| Work { name, kind })
    .into()
}

/// Queues of every topic here.
const QUEUES: u32 = 8;
/// Where `million` stores.
const MILLION_TOPIC: &str = "bench_million";
/// Where everything else stores.
const TOPIC: &str = "bench";

/// Load that does not count, with the shape of the heaviest work, reading included.
pub(crate) fn warm_up(scale: &Scale, running: &Running) -> anyhow::Result<()> {
    for name in [TOPIC, MILLION_TOPIC] {
        topic::create(running.address, name, QUEUES)?;
    }
    if scale.warm_up.is_zero() {
        return Ok(());
    }
    topic::create(running.address, "bench_warm_up", QUEUES)?;
    let mut send = send(scale, running, "bench_warm_up");
    (send.warm_up, send.length) = (Duration::ZERO, scale.warm_up);
    send.run()?;
    (send.connections, send.in_flight, send.length) = (1, 1, scale.warm_up / 4);
    send.run()?;
    pull(running, "bench_warm_up", None).run()?;
    Ok(())
}

impl Work {
    pub(crate) fn run(&self, scale: &Scale, running: &Running) -> anyhow::Result<Outcome> {
        match self.kind {
            Kind::Closed {
                connections,
                in_flight,
                body_bytes,
                batch,
            } => SendWork {
                connections,
                in_flight,
                body_bytes,
                batch,
                ..send(scale, running, TOPIC)
            }
            .run(),
            Kind::Open {
                connections,
                body_bytes,
            } => SendWork {
                connections,
                body_bytes,
                rate: Some(scale.rate),
                ..send(scale, running, TOPIC)
            }
            .run(),
            Kind::Fill { body_bytes } => SendWork {
                body_bytes,
                messages: Some(scale.messages),
                tag_every: 100,
                ..send(scale, running, MILLION_TOPIC)
            }
            .run(),
            Kind::Pull { tag } => pull(running, MILLION_TOPIC, tag).run(),
            Kind::EndToEnd {
                connections,
                body_bytes,
            } => EndToEndWork {
                send: SendWork {
                    connections,
                    body_bytes,
                    rate: Some(scale.rate),
                    ..send(scale, running, TOPIC)
                },
            }
            .run(),
        }
    }
}

fn send(scale: &Scale, running: &Running, topic: &str) -> SendWork {
    let address: SocketAddr = running.address;
    SendWork {
        address,
        topics: vec![topic.to_owned()],
        queues: QUEUES,
        connections: 16,
        in_flight: 64,
        body_bytes: 1024,
        batch: 1,
        tag_every: 0,
        rate: None,
        warm_up: scale.length / 5,
        length: scale.length,
        messages: None,
        server_pid: Some(running.pid),
    }
}

fn pull(running: &Running, topic: &str, tag: Option<&str>) -> PullWork {
    PullWork {
        address: running.address,
        topic: topic.to_owned(),
        queues: QUEUES,
        messages_max: 32,
        tag: tag.map(str::to_owned),
        server_pid: Some(running.pid),
    }
}
