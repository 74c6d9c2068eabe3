//! The task of one connection: one read, one call of the service, one vectored write.
//!
//! Answers that the service gives at once and frames that others queue through the [`Connection`]
//! leave in the order in which they were given. Nothing is read, and no frame that was read is
//! handled, while more than the pausing bound waits to be written, so a peer that does not read is
//! not served either. An idle connection holds no buffer.

mod input;
mod output;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::BufMut;
use ferrocket_protocol::frame::FrameError;
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::Peer;
use ferrocket_protocol::stages;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::task::yield_now;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

use self::input::Input;
use self::output::Output;
use crate::closing::Ending;
use crate::connection::{Connection, Order};
use crate::limits::READ_BYTES_MAX;
use crate::network::{Network, OpenConnection};
use crate::service::Service;

/// After so much work a connection lets others have their turn: one that always has more to read
/// would otherwise keep a worker for tens of milliseconds.
const TURN_MAX: usize = 256 * 1024;
/// What a frame counts besides its bytes.
const FRAME_WEIGHT: usize = 1024;

/// Serves a connection until it ends, and says why it ended.
pub(crate) async fn run(
    network: Arc<Network>,
    service: Arc<dyn Service>,
    connection: Arc<Connection>,
    mut stream: TcpStream,
    open: OpenConnection,
) {
    let presence = Presence::enter(service, &connection);
    let (reader, writer) = stream.split();
    let mut session = Session {
        input: Input::new(&network),
        output: Output::default(),
        answers: Outbox::new(),
        active_at: Instant::now(),
        paused: false,
        undecodable: None,
        queued_bytes: 0,
        stalled_since: None,
        turn: 0,
        timed: false,
        network: &network,
        presence: &presence,
        reader,
        writer,
    };
    let ending = session.converse().await;
    drop(session);
    network.metrics().count_closed(ending.reason());
    let peer = connection.remote();
    if ending.is_misbehaviour() {
        tracing::warn!(%peer, reason = %ending.reason(), "connection closed: {ending}");
    } else {
        tracing::debug!(%peer, reason = %ending.reason(), "connection closed: {ending}");
    }
    drop(presence);
    drop(open);
}

/// Tells the service of the connection, and, however the task ends, that it is gone.
struct Presence {
    service: Arc<dyn Service>,
    connection: Arc<Connection>,
    peer: Arc<dyn Peer>,
}

impl Presence {
    fn enter(service: Arc<dyn Service>, connection: &Arc<Connection>) -> Self {
        let peer: Arc<dyn Peer> = Arc::clone(connection) as _;
        service.connected(&peer);
        Self {
            service,
            connection: Arc::clone(connection),
            peer,
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.connection.ended();
        self.service.disconnected(self.connection.id());
    }
}

struct Session<'a> {
    network: &'a Arc<Network>,
    presence: &'a Presence,
    reader: ReadHalf<'a>,
    writer: WriteHalf<'a>,
    input: Input,
    output: Output,
    /// The service's answers of one read; kept for its spare capacity.
    answers: Outbox,
    /// When a byte last moved.
    active_at: Instant,
    /// Whether reading is paused; only for the counter.
    paused: bool,
    /// What follows the frames that were read, if it is no frame: they are answered first.
    undecodable: Option<FrameError>,
    /// What stays in the connection's queue because enough waits to be written.
    queued_bytes: usize,
    /// Since when the socket has taken nothing of what waits for it.
    stalled_since: Option<Instant>,
    /// Bytes and frames handled since other connections had their turn.
    turn: usize,
    /// Whether what the connection does now is timed.
    timed: bool,
}

enum Event {
    /// Bytes, and when they were asked for, if that is timed.
    Read(usize, Option<Instant>),
    /// Frames of the last read are left, and there is room for their answers.
    Rest,
    Readable,
    Writable,
    Woken,
    Tick,
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        let bytes = self.output.bytes() as u64;
        let metrics = self.network.metrics();
        metrics.unwritten_bytes.fetch_sub(bytes, Relaxed);
    }
}

impl Session<'_> {
    async fn converse(&mut self) -> Ending {
        let timer = sleep_until(self.next_tick());
        tokio::pin!(timer);
        loop {
            match self.step(timer.as_mut()).await {
                Ok(None) => {}
                Ok(Some(ending)) => return self.drain(ending).await,
                Err(ending) => return ending,
            }
        }
    }

    /// One turn: write what there is, wait, act. An ending in `Ok` lets what is queued leave first.
    async fn step(&mut self, mut timer: Pin<&mut Sleep>) -> Result<Option<Ending>, Ending> {
        let limits = *self.network.limits();
        let wants_more = self.output.bytes() < limits.write_pause_bytes;
        let queued = self.presence.connection.take_queued(wants_more);
        self.queued_bytes = queued.bytes_left;
        if let Some(mut frames) = queued.frames {
            self.output.push(&mut frames, self.network.metrics());
        }
        match queued.order {
            Order::Run => {}
            Order::Close(why) => return Ok(Some(why.ending())),
            Order::Cut { bytes } => {
                return Err(Ending::QueueFull {
                    bytes,
                    max: limits.queued_bytes_max,
                });
            }
        }
        self.write()?;
        if self.turn >= TURN_MAX {
            self.turn = 0;
            yield_now().await;
        }
        let pause = self.output.bytes() >= limits.write_pause_bytes;
        if pause && !self.paused {
            self.network.metrics().read_pauses.fetch_add(1, Relaxed);
        }
        self.paused = pause;
        match self.event(timer.as_mut()).await.map_err(Ending::Io)? {
            Event::Read(0, _) => Ok(Some(Ending::Peer)),
            Event::Read(bytes, asked_at) => {
                self.received(bytes, asked_at)?;
                Ok(self.handle())
            }
            Event::Rest => Ok(self.handle()),
            Event::Readable => {
                self.input.wake();
                Ok(None)
            }
            Event::Tick => self.tick(timer),
            Event::Writable | Event::Woken => Ok(None),
        }
    }

    async fn event(&mut self, mut timer: Pin<&mut Sleep>) -> io::Result<Event> {
        let rest = !self.input.frames.is_empty();
        if rest && !self.paused {
            return Ok(Event::Rest);
        }
        let awake = self.input.is_awake();
        if awake {
            self.input.make_room();
        }
        let due = self.next_tick();
        if due < timer.deadline() {
            timer.as_mut().reset(due);
        }
        let blocked = !self.output.is_empty();
        // A buffer that held a large frame has room for far more than one call should handle.
        let mut room = (&mut self.input.buffer).limit(READ_BYTES_MAX);
        let reads = self.presence.connection.reads.load(Relaxed);
        self.timed = reads.is_multiple_of(stages::ONE_IN);
        let event = tokio::select! {
            biased;
            read = read(&mut self.reader, &mut room, self.timed), if awake && !self.paused => {
                let (bytes, asked_at) = read?;
                Event::Read(bytes, asked_at)
            }
            ready = self.writer.as_ref().readable(), if !awake && !self.paused => {
                ready?;
                Event::Readable
            }
            ready = self.writer.writable(), if blocked => {
                ready?;
                Event::Writable
            }
            () = self.presence.connection.woken() => Event::Woken,
            () = timer.as_mut() => Event::Tick,
        };
        Ok(event)
    }

    /// Takes up what a read brought.
    fn received(&mut self, bytes: usize, asked_at: Option<Instant>) -> Result<(), Ending> {
        let metrics = self.network.metrics();
        self.active_at = Instant::now();
        self.presence.connection.reads.fetch_add(1, Relaxed);
        metrics.reads.fetch_add(1, Relaxed);
        metrics.bytes_in.fetch_add(bytes as u64, Relaxed);
        self.undecodable = self.input.decode(bytes, self.active_at)?;
        if let Some(asked_at) = asked_at {
            let stages = &metrics.stages;
            stages.receive.add(ns(self.active_at - asked_at));
            stages.decode.add(ns(self.active_at.elapsed()));
        }
        let frames = self.input.frames.len();
        self.turn += bytes + frames * FRAME_WEIGHT;
        if frames > 0 {
            metrics.frames_in.fetch_add(frames as u64, Relaxed);
        }
        if self.undecodable.is_none() {
            self.input.settle(self.network.limits())?;
        }
        Ok(())
    }

    /// Hands the frames of a read to the service: all of them in one call, unless it leaves some
    /// until their answers have room.
    fn handle(&mut self) -> Option<Ending> {
        let before = self.input.frames.len();
        if before > 0 {
            let service = &self.presence.service;
            service.frames(
                &self.presence.peer,
                &mut self.input.frames,
                &mut self.answers,
            );
            let left = self.input.frames.len();
            debug_assert!(left < before, "a service handles at least one frame");
            if left == before {
                self.input.frames.clear();
            }
            self.output.push(&mut self.answers, self.network.metrics());
        }
        if !self.input.frames.is_empty() {
            return None;
        }
        self.undecodable.take().map(Ending::Undecodable)
    }

    /// Writes as much as the socket takes.
    fn write(&mut self) -> Result<(), Ending> {
        let metrics = self.network.metrics();
        if self.output.is_empty() {
            return Ok(());
        }
        let mut progressed = false;
        let timed_from = std::mem::take(&mut self.timed).then(Instant::now);
        while !self.output.is_empty() {
            match self
                .output
                .write(|slices| self.writer.try_write_vectored(slices))
            {
                Ok(bytes) => {
                    self.active_at = Instant::now();
                    self.turn += bytes;
                    progressed = true;
                    metrics.writes.fetch_add(1, Relaxed);
                    metrics.bytes_out.fetch_add(bytes as u64, Relaxed);
                    metrics.unwritten_bytes.fetch_sub(bytes as u64, Relaxed);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(Ending::Io(error)),
            }
        }
        if let (Some(from), true) = (timed_from, progressed) {
            metrics.stages.answer.add(ns(self.active_at - from));
        }
        self.presence.connection.set_writing(self.output.bytes());
        if self.output.is_empty() {
            self.stalled_since = None;
        } else if progressed {
            self.stalled_since = Some(self.active_at);
        } else if self.stalled_since.is_none() {
            self.stalled_since = Some(Instant::now());
        }
        Ok(())
    }

    /// When a peer that has stopped reading is cut off, if too much waits for it.
    fn stalled_until(&self) -> Option<Instant> {
        let limits = self.network.limits();
        let waiting = self.output.bytes() + self.queued_bytes;
        self.stalled_since
            .filter(|_| waiting > limits.stalled_bytes_max)
            .map(|since| since + limits.stall)
    }

    /// When the clock next matters to this connection.
    fn next_tick(&self) -> Instant {
        let limits = self.network.limits();
        let patience = if self.input.is_awake() {
            limits.buffer_linger
        } else {
            limits.idle
        };
        let due = self.active_at + patience.min(limits.idle);
        let due = self.stalled_until().map_or(due, |until| due.min(until));
        self.input
            .frame_since()
            .map_or(due, |since| due.min(since + limits.frame_time))
    }

    fn tick(&mut self, timer: Pin<&mut Sleep>) -> Result<Option<Ending>, Ending> {
        let limits = self.network.limits();
        let now = Instant::now();
        if now >= self.active_at + limits.idle {
            return Err(Ending::Idle {
                seconds: limits.idle.as_secs(),
            });
        }
        if self.stalled_until().is_some_and(|until| now >= until) {
            return Err(Ending::SlowReader {
                seconds: limits.stall.as_secs(),
                bytes: self.output.bytes() + self.queued_bytes,
            });
        }
        if self
            .input
            .frame_since()
            .is_some_and(|since| now >= since + limits.frame_time)
        {
            let bytes = self.input.buffer.len();
            return Err(Ending::SlowSender {
                seconds: limits.frame_time.as_secs(),
                bytes,
            });
        }
        if now >= self.active_at + limits.buffer_linger {
            self.input.release();
            self.answers = Outbox::new();
            self.output.release();
        }
        timer.reset(self.next_tick());
        Ok(None)
    }

    /// Writes what is queued before the connection ends, for as long as a peer may take.
    async fn drain(&mut self, ending: Ending) -> Ending {
        let limit = self.network.limits().drain;
        match timeout(limit, self.write_everything()).await {
            Ok(Ok(())) => ending,
            Ok(Err(failed)) => failed,
            Err(_) => Ending::NotDrained {
                seconds: limit.as_secs(),
            },
        }
    }

    async fn write_everything(&mut self) -> Result<(), Ending> {
        loop {
            let queued = self.presence.connection.take_queued(true);
            if let Some(mut frames) = queued.frames {
                self.output.push(&mut frames, self.network.metrics());
            }
            self.write()?;
            if self.output.is_empty() {
                return Ok(());
            }
            self.writer.writable().await.map_err(Ending::Io)?;
        }
    }
}

/// Reads once, and tells when the call was made that brought the bytes, if that is timed.
async fn read(
    reader: &mut ReadHalf<'_>,
    room: &mut impl BufMut,
    timed: bool,
) -> io::Result<(usize, Option<Instant>)> {
    let reading = reader.read_buf(room);
    tokio::pin!(reading);
    let mut asked_at = None;
    let bytes = poll_fn(|context| {
        asked_at = timed.then(Instant::now);
        reading.as_mut().poll(context)
    })
    .await?;
    Ok((bytes, asked_at))
}

fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
