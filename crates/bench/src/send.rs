//! Sending: as fast as answers come back (closed loop), or at a rate whatever comes back (open
//! loop, latency from the time at which a message should have left).

mod closed;
mod open;

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{anyhow, ensure};

use crate::measure::{Outcome, Tally, Watch, Window};
use crate::observed::Observed;
use crate::template::{MessageShape, SendTemplate};
use crate::wire::{Inbox, connect, connect_small};

/// Stacks of load threads: there may be thousands.
const STACK_BYTES: usize = 256 * 1024;
/// A counted run has no end in time.
const FOREVER: Duration = Duration::from_secs(24 * 3600);

/// What to send.
#[derive(Debug, Clone)]
pub(crate) struct SendWork {
    pub(crate) address: SocketAddr,
    pub(crate) topics: Vec<String>,
    pub(crate) queues: u32,
    pub(crate) connections: usize,
    /// Requests in flight on each connection of a closed loop.
    pub(crate) in_flight: usize,
    pub(crate) body_bytes: usize,
    /// Messages in one request.
    pub(crate) batch: usize,
    /// One request in so many has the tag `hit`, all others `miss`; zero: no tags.
    pub(crate) tag_every: u64,
    /// Messages per second over all connections; none: closed loop.
    pub(crate) rate: Option<f64>,
    pub(crate) warm_up: Duration,
    pub(crate) length: Duration,
    /// Ends after so many messages instead of after a time; all of them count.
    pub(crate) messages: Option<u64>,
    pub(crate) server: Option<Observed>,
}

/// Requests for all queues in turn; shared by all connections.
#[derive(Debug)]
struct Templates {
    /// With the tag `miss`, or none.
    ordinary: Vec<SendTemplate>,
    /// With the tag `hit`.
    hits: Vec<SendTemplate>,
    tag_every: u64,
}

/// One connection's part of the work.
#[derive(Debug)]
struct Share {
    stream: TcpStream,
    /// Taken by whoever reads.
    inbox: Option<Inbox>,
    templates: Arc<Templates>,
    /// The first sequence number; no other connection reaches it.
    first: u64,
    window: Window,
    work: SendWork,
    /// Requests to send, for counted runs.
    quota: u64,
}

impl SendWork {
    pub(crate) fn name(&self) -> String {
        let what = match self.batch {
            0 | 1 => format!("{} B", self.body_bytes),
            batch => format!("{batch} x {} B", self.body_bytes),
        };
        match self.rate {
            Some(rate) => format!(
                "send {what}, {rate:.0}/s on {} connections",
                self.connections
            ),
            None => format!(
                "send {what}, {} x {} in flight",
                self.connections, self.in_flight
            ),
        }
    }

    pub(crate) fn run(&self) -> anyhow::Result<Outcome> {
        if self.messages.is_some() {
            let window = Window::new(Duration::ZERO, FOREVER);
            let watch = Watch::start(self.server)?;
            let tally = self.run_in(window)?;
            return Ok(watch.stop()?.outcome(self.name(), &tally));
        }
        let window = Window::new(self.warm_up, self.length);
        thread::scope(|scope| {
            let sending = scope.spawn(|| self.run_in(window));
            window.sleep_until(window.from_ns);
            let watch = Watch::start(self.server)?;
            window.sleep_until(window.to_ns);
            let watched = watch.stop()?;
            let tally = sending
                .join()
                .map_err(|_| anyhow!("the sender panicked"))??;
            Ok(watched.outcome(self.name(), &tally))
        })
    }

    /// Sends until the window ends, or the quota is used up.
    pub(crate) fn run_in(&self, window: Window) -> anyhow::Result<Tally> {
        ensure!(
            self.connections > 0 && self.in_flight > 0,
            "nothing would be in flight"
        );
        let templates = Arc::new(self.templates()?);
        // With one request in flight there is one answer to read; there may be thousands of these.
        let open = if self.in_flight == 1 {
            connect_small
        } else {
            connect
        };
        let sockets: Vec<_> = (0..self.connections)
            .map(|_| open(self.address))
            .collect::<anyhow::Result<_>>()?;
        let mut threads = Vec::new();
        for (number, (stream, inbox)) in (0..).zip(sockets) {
            let share = Share {
                stream,
                inbox: Some(inbox),
                templates: Arc::clone(&templates),
                first: number << 40,
                window,
                work: self.clone(),
                quota: self.quota(),
            };
            let open = self.rate.is_some();
            let run = move || {
                if open {
                    open::run(share)
                } else {
                    closed::run(share)
                }
            };
            threads.push(thread::Builder::new().stack_size(STACK_BYTES).spawn(run)?);
        }
        join(threads)
    }

    /// Requests of one connection in a counted run.
    fn quota(&self) -> u64 {
        let per_request = self.batch.max(1) as u64 * self.connections as u64;
        self.messages
            .map_or(u64::MAX, |messages| messages.div_ceil(per_request))
    }

    fn templates(&self) -> anyhow::Result<Templates> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let make = |tag: Option<&str>| -> anyhow::Result<Vec<SendTemplate>> {
            let topics = self.topics.iter();
            let queues = topics.flat_map(|topic| (0..self.queues).map(move |q| (topic, q)));
            let shape = |(topic, queue): (&String, u32)| MessageShape {
                topic: topic.clone(),
                queue,
                body_bytes: self.body_bytes,
                batch: self.batch,
                tag: tag.map(str::to_owned),
                sender: since.as_micros() as u64,
            };
            queues
                .map(|queue| SendTemplate::new(&shape(queue), since.as_millis()))
                .collect()
        };
        let tagged = self.tag_every > 0;
        let templates = Templates {
            ordinary: make(tagged.then_some("miss"))?,
            hits: if tagged {
                make(Some("hit"))?
            } else {
                Vec::new()
            },
            tag_every: self.tag_every,
        };
        ensure!(
            !templates.ordinary.is_empty(),
            "no topic or no queue to send to"
        );
        Ok(templates)
    }
}

impl Templates {
    /// The template of a connection's `n`th request.
    fn pick(&self, first: u64, n: u64) -> Option<&SendTemplate> {
        let hit = self.tag_every > 0 && n.is_multiple_of(self.tag_every);
        let templates = if hit { &self.hits } else { &self.ordinary };
        // Connections start at different queues.
        let turn = (n + (first >> 40)) % templates.len().max(1) as u64;
        templates.get(turn as usize)
    }
}

impl Share {
    /// Appends the `n`th request of this connection.
    fn append(&self, out: &mut Vec<u8>, opaque: i32, n: u64, stamp: u64) {
        let batch = self.work.batch.max(1) as u64;
        if let Some(template) = self.templates.pick(self.first, n) {
            template.append(out, opaque, self.first + n * batch, stamp);
        }
    }

    /// Counts an answer that came at `now_ns` to a request due at `due_ns`.
    fn count(&self, tally: &mut Tally, code: i32, due_ns: u64, now_ns: u64) {
        if !self.window.contains(now_ns) {
            return;
        }
        if code != 0 {
            tally.refuse(code);
            return;
        }
        let batch = self.work.batch.max(1) as u64;
        tally.messages += batch;
        tally.body_bytes += batch * self.work.body_bytes as u64;
        tally.record(now_ns.saturating_sub(due_ns));
    }
}

/// Waits for all threads of a run and adds up what they counted.
pub(crate) fn join(threads: Vec<JoinHandle<anyhow::Result<Tally>>>) -> anyhow::Result<Tally> {
    let mut sum = Tally::new()?;
    for thread in threads {
        let tally = thread
            .join()
            .map_err(|_| anyhow!("a load thread panicked"))??;
        sum.add(&tally)?;
    }
    Ok(sum)
}
