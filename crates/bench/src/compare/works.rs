//! The works that are compared. A new row of the table is a new entry of [`all`].

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::rows::Row;
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
    pub(crate) idle_connections: usize,
    /// Topics of eight queues after which the memory is looked at.
    pub(crate) many_topics: usize,
    /// Topics and connections that the cost per message is looked at with, at most.
    pub(crate) growth_topics: usize,
    pub(crate) growth_connections: usize,
    /// Length of the run that memory must stay flat in; zero: none.
    pub(crate) soak: Duration,
    /// Length of the run at twice the sustainable rate.
    pub(crate) overload: Duration,
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
            idle_connections: 10_000,
            many_topics: 10_000,
            growth_topics: 10_000,
            growth_connections: 5000,
            soak: Duration::ZERO,
            overload: Duration::from_secs(60),
        }
    }

    /// A tenth of everything, to see that it works.
    pub(crate) fn quick() -> Self {
        let full = Self::new(2, 3);
        Self {
            settle: Duration::from_secs(2),
            rest: Duration::from_secs(2),
            messages: full.messages / 10,
            idle_connections: full.idle_connections / 10,
            many_topics: full.many_topics / 10,
            growth_topics: full.growth_topics / 10,
            growth_connections: full.growth_connections / 10,
            overload: full.overload / 10,
            ..full
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
    /// What needs it.
    pub(crate) rows: &'static [Row],
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
    /// As many messages as the scale says.
    Fill { body_bytes: usize, to: Stored },
    /// What `Fill` stored, with this tag, so often.
    Pull {
        tag: Option<&'static str>,
        from: Stored,
        passes: u32,
    },
    EndToEnd {
        connections: usize,
        body_bytes: usize,
    },
}

/// A topic that messages are stored in and read back from.
#[derive(Debug, Clone, Copy)]
struct Stored {
    topic: &'static str,
    queues: u32,
}

const EIGHT: Stored = Stored {
    topic: "bench_million",
    queues: QUEUES,
};
const ONE: Stored = Stored {
    topic: "bench_million_1",
    queues: 1,
};
/// Reading all of it takes one second and more; what matches one in a hundred a tenth of that.
const PASSES: u32 = 2;
const TAG_PASSES: u32 = 10;

/// All works in the order in which they run. `pull` reads what `million` stored.
pub(crate) fn all(_: &Scale) -> Vec<Work> {
    use Row::{P1, P2, P3, P4, P5, P6, P7, P9, P10};
    let closed = |connections, in_flight, body_bytes, batch| Kind::Closed {
        connections,
        in_flight,
        body_bytes,
        batch,
    };
    let (connections, body_bytes) = (16, 1024);
    let open = Kind::Open {
        connections,
        body_bytes,
    };
    let end_to_end = Kind::EndToEnd {
        connections: 4,
        body_bytes,
    };
    let fill = |to| Kind::Fill {
        body_bytes: 128,
        to,
    };
    let pull = |from| Kind::Pull {
        tag: None,
        from,
        passes: PASSES,
    };
    let pull_tag = |from| Kind::Pull {
        tag: Some("hit"),
        from,
        passes: TAG_PASSES,
    };
    let works: [(_, &'static [Row], _); 12] = [
        ("sync-1KiB", &[P1], closed(1, 1, 1024, 1)),
        ("async-1KiB", &[P2, P5, P9], closed(16, 64, 1024, 1)),
        ("async-128B", &[P3, P9, P10], closed(16, 64, 128, 1)),
        ("batch-32x128B", &[P4], closed(4, 8, 128, 32)),
        ("rate-1KiB", &[], open),
        ("end-to-end", &[P7], end_to_end),
        ("million", &[P6, P9], fill(EIGHT)),
        ("pull-all", &[P6, P9], pull(EIGHT)),
        ("pull-1-percent", &[P6, P9], pull_tag(EIGHT)),
        ("million-1-queue", &[P6], fill(ONE)),
        ("pull-all-1-queue", &[P6], pull(ONE)),
        ("pull-1-percent-1-queue", &[P6], pull_tag(ONE)),
    ];
    works
        .map(|(name, rows, kind)| Work { name, rows, kind })
        .into()
}

/// Queues of topics that are not said to have others.
pub(super) const QUEUES: u32 = 8;
/// Where everything is stored that is not read back.
pub(super) const TOPIC: &str = "bench";

/// Makes the topics that works store in.
pub(super) fn create_topics(address: SocketAddr) -> anyhow::Result<()> {
    topic::create(address, TOPIC, QUEUES)?;
    for stored in [EIGHT, ONE] {
        topic::create(address, stored.topic, stored.queues)?;
    }
    Ok(())
}

/// Load that does not count, with the shape of the heaviest work, reading included.
pub(crate) fn warm_up(scale: &Scale, running: &Running) -> anyhow::Result<()> {
    create_topics(running.address)?;
    if scale.warm_up.is_zero() {
        return Ok(());
    }
    let stored = Stored {
        topic: "bench_warm_up",
        queues: QUEUES,
    };
    topic::create(running.address, stored.topic, stored.queues)?;
    let mut send = send(scale, running, stored.topic);
    (send.warm_up, send.length) = (Duration::ZERO, scale.warm_up);
    send.run()?;
    (send.connections, send.in_flight, send.length) = (1, 1, scale.warm_up / 4);
    send.run()?;
    pull(running, stored, None, 1).run()?;
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
            Kind::Fill { body_bytes, to } => SendWork {
                body_bytes,
                queues: to.queues,
                messages: Some(scale.messages),
                tag_every: 100,
                ..send(scale, running, to.topic)
            }
            .run(),
            Kind::Pull { tag, from, passes } => pull(running, from, tag, passes).run(),
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

/// Sends of 1 KiB in a closed loop, 16 × 64 in flight, as everything else is made of.
pub(super) fn send(scale: &Scale, running: &Running, topic: &str) -> SendWork {
    SendWork {
        server: Some(running.observed()),
        ..send_to(scale, running.address, topic)
    }
}

/// The same to a server that is not watched.
pub(super) fn send_to(scale: &Scale, address: SocketAddr, topic: &str) -> SendWork {
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
        server: None,
    }
}

fn pull(running: &Running, stored: Stored, tag: Option<&str>, passes: u32) -> PullWork {
    PullWork {
        address: running.address,
        topic: stored.topic.to_owned(),
        queues: stored.queues,
        messages_max: 32,
        tag: tag.map(str::to_owned),
        passes,
        server: Some(running.observed()),
    }
}
