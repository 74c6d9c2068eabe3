//! Keeps the broker known to its name servers.
//!
//! A full registration goes out at the start, every `registerNameServerPeriod`, and when everything
//! changed; changed topics go out at once, alone. Each name server is spoken to on its own, so that
//! a dead one delays no other. The answer to a request that made a topic is held until the name
//! servers know the topic, so that whoever asks them next finds it, as with Java, but neither for long
//! nor when the broker leaves. Names are resolved anew in every period, all at once: a name with
//! several addresses is several name servers.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ferrocket_broker::{Broker, RegistrationChange};
use ferrocket_net::Outbound;
use ferrocket_protocol::outbox::Outbox;
use ferrocket_protocol::peer::Peer;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use crate::failure::with_causes;
use crate::roles::registration_calls::{self, TellError};

/// How long an answer is held for name servers that do not react.
const HOLD_LIMIT: Duration = Duration::from_secs(1);
/// Further answers are not held, nor more bytes of them.
const HELD_MAX: usize = 10_000;
const HELD_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long a name server's name may take to resolve; its last addresses are used then.
const RESOLVE_LIMIT: Duration = Duration::from_secs(1);
/// Java's bounds of `registerNameServerPeriod`.
const PERIOD_MS: std::ops::RangeInclusive<i64> = 10_000..=60_000;
/// How long a stopping broker tries to take its leave.
const LEAVE_LIMIT: Duration = Duration::from_millis(700);
/// More changed topics than these are told by a full registration.
const INCREMENTAL_TOPICS_MAX: usize = 1_000;
/// Addresses that one name may stand for.
const ADDRESSES_PER_NAME_MAX: usize = 16;

/// What a name server is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Round {
    /// Everything, whether it changed or not.
    Full,
    /// Everything, unless it knows it already.
    IfUnknown,
    Topics(BTreeSet<String>),
}

impl Round {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Topics(mut topics), Self::Topics(more)) => {
                topics.extend(more);
                if topics.len() > INCREMENTAL_TOPICS_MAX {
                    Self::Full
                } else {
                    Self::Topics(topics)
                }
            }
            (Self::IfUnknown, Self::IfUnknown) => Self::IfUnknown,
            _ => Self::Full,
        }
    }
}

/// What the broker said has changed and nobody has been told yet, and the answers that wait for it.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pending: Mutex<Pending>,
    holding: Mutex<Holding>,
    bell: Notify,
}

#[derive(Debug, Default)]
struct Holding {
    held: Vec<Held>,
    bytes: usize,
    /// Nobody releases answers any more: none is held.
    over: bool,
}

#[derive(Debug, Default)]
struct Pending {
    round: Option<Round>,
    /// Counts changes.
    change: u64,
}

/// Answers that leave when a change has been told.
#[derive(Debug)]
struct Held {
    change: u64,
    until: Instant,
    peer: Arc<dyn Peer>,
    answers: Outbox,
}

thread_local! {
    /// The last change that the frames being handled on this thread brought about.
    static CHANGED_HERE: Cell<Option<u64>> = const { Cell::new(None) };
}

impl Changes {
    /// Called by the broker from within the handling of frames.
    pub(crate) fn add(&self, change: RegistrationChange) {
        let round = match change {
            RegistrationChange::All => Round::Full,
            RegistrationChange::Topics(topics) => Round::Topics(topics.into_iter().collect()),
        };
        let mut pending = self.pending.lock();
        pending.round = Some(match pending.round.take() {
            Some(before) => before.and(round),
            None => round,
        });
        pending.change += 1;
        CHANGED_HERE.set(Some(pending.change));
        drop(pending);
        self.bell.notify_one();
    }

    /// Handles frames; the answers stay in `out` unless a change came about that is to be told
    /// before they leave.
    pub(crate) fn telling(
        &self,
        peer: &Arc<dyn Peer>,
        out: &mut Outbox,
        handle: impl FnOnce(&mut Outbox),
    ) {
        CHANGED_HERE.set(None);
        handle(out);
        let Some(change) = CHANGED_HERE.take() else {
            return;
        };
        let bytes = out.bytes();
        let mut holding = self.holding.lock();
        let full = holding.held.len() >= HELD_MAX || holding.bytes + bytes > HELD_BYTES_MAX;
        if out.is_empty() || full || holding.over {
            return;
        }
        let answers = std::mem::take(out);
        let until = Instant::now() + HOLD_LIMIT;
        holding.bytes += bytes;
        holding.held.push(Held {
            change,
            until,
            peer: Arc::clone(peer),
            answers,
        });
        drop(holding);
        self.bell.notify_one();
    }

    fn take(&self) -> (Option<Round>, u64) {
        let mut pending = self.pending.lock();
        (pending.round.take(), pending.change)
    }

    /// Sends what waited for no more than `told` changes, or for too long; gives the time when the
    /// next one will have.
    fn release(&self, told: u64) -> Option<Instant> {
        let now = Instant::now();
        let mut holding = self.holding.lock();
        let Holding { held, bytes, .. } = &mut *holding;
        let ready = held.extract_if(.., |held| held.change <= told || held.until <= now);
        for held in ready {
            *bytes = bytes.saturating_sub(held.answers.bytes());
            held.peer.send(held.answers);
        }
        held.iter().map(|held| held.until).min()
    }

    /// Sends everything that waits; answers are not held any more.
    fn hold_no_more(&self) {
        self.holding.lock().over = true;
        self.release(u64::MAX);
    }
}

/// The running loop.
#[derive(Debug)]
pub(crate) struct Registrar {
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
    first: watch::Receiver<bool>,
}

impl Registrar {
    /// Starts with a full registration. `name_servers` are `host:port`.
    pub(crate) fn start(
        broker: Arc<Broker>,
        outbound: Outbound,
        changes: Arc<Changes>,
        name_servers: Vec<String>,
        limit: Duration,
    ) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (first_done, first) = watch::channel(false);
        let registration = Registration {
            broker,
            outbound,
            changes,
            names: Names {
                given: name_servers,
                known: BTreeMap::new(),
            },
            servers: BTreeMap::new(),
            resolving: JoinSet::new(),
            resolved: false,
            calls: JoinSet::new(),
            limit,
            taken: 0,
            told: 0,
        };
        let task = tokio::spawn(registration.run(stopped, first_done));
        Self { task, stop, first }
    }

    /// Waits until every name server has answered, refused or failed once, but not for ever.
    pub(crate) async fn first_round(&mut self, limit: Duration) {
        let _ = timeout(limit, set(&mut self.first)).await;
    }

    /// Tells every name server that the broker leaves.
    pub(crate) async fn leave(self) {
        let _ = self.stop.send(true);
        let _ = self.task.await;
    }
}

#[derive(Debug)]
struct Registration {
    broker: Arc<Broker>,
    outbound: Outbound,
    changes: Arc<Changes>,
    names: Names,
    servers: BTreeMap<String, NameServer>,
    /// At most one.
    resolving: JoinSet<Found>,
    /// The names have been resolved once: before, there is nobody to tell.
    resolved: bool,
    /// At most one for each name server.
    calls: JoinSet<(String, Result<(), TellError>)>,
    /// `registerBrokerTimeoutMills`.
    limit: Duration,
    /// Changes that have been taken up, and those that every name server was told.
    taken: u64,
    told: u64,
}

/// What is known of one address.
#[derive(Debug, Default)]
struct NameServer {
    talking: bool,
    /// The present call counts for answers until then; a silent server must not delay them for ever.
    patience: Option<Instant>,
    registered: bool,
    /// What it is to be told after the present call.
    pending: Option<Round>,
    /// The last call failed, or there was none yet.
    failure: Option<String>,
}

impl Registration {
    async fn run(mut self, mut stopped: watch::Receiver<bool>, first_done: watch::Sender<bool>) {
        let mut next = Instant::now();
        let mut first = Some(first_done);
        let mut release = None;
        // Also if this task should panic.
        let holding = HoldUntilDropped(Arc::clone(&self.changes));
        loop {
            tokio::select! {
                biased;
                () = set(&mut stopped) => break,
                Some(ended) = self.calls.join_next(), if !self.calls.is_empty() => {
                    if let Ok((address, result)) = ended {
                        self.ended(&address, &result);
                    }
                }
                () = self.changes.bell.notified() => self.take(),
                () = at(release) => {}
                () = sleep_until(next) => {
                    next = Instant::now() + self.period();
                    if self.resolving.is_empty() {
                        self.resolving.spawn(look_up(self.names.given.clone(), resolve));
                    }
                }
                Some(found) = self.resolving.join_next(), if !self.resolving.is_empty() => {
                    self.found(found.unwrap_or_default());
                    let force = first.is_some() || self.broker.config().force_register;
                    self.begin(&if force { Round::Full } else { Round::IfUnknown });
                }
            }
            let awaited = self.awaited_until();
            if self.resolved && awaited.is_none() {
                self.told = self.taken;
                if let Some(first) = first.take() {
                    let _ = first.send(true);
                }
            }
            release = self
                .changes
                .release(self.told)
                .into_iter()
                .chain(awaited)
                .min();
        }
        drop(holding);
        self.calls.abort_all();
        self.leave().await;
    }

    /// When the last of the calls that answers wait for has had its time. Servers that fail, and
    /// those that are silent, are not waited for.
    fn awaited_until(&self) -> Option<Instant> {
        let now = Instant::now();
        let waited_for = self
            .servers
            .values()
            .filter(|server| server.talking && server.failure.is_none());
        waited_for
            .filter_map(|server| server.patience)
            .filter(|until| *until > now)
            .max()
    }

    fn take(&mut self) {
        let (round, change) = self.changes.take();
        self.taken = change;
        if let Some(round) = round {
            self.begin(&round);
        }
    }

    fn period(&self) -> Duration {
        let period_ms = self.broker.config().register_name_server_period_ms;
        let period_ms = period_ms.clamp(*PERIOD_MS.start(), *PERIOD_MS.end());
        Duration::from_millis(u64::try_from(period_ms).unwrap_or_default())
    }

    fn found(&mut self, found: Found) {
        self.resolved = true;
        let addresses = self.names.addresses(found);
        self.servers
            .retain(|address, _| addresses.contains(address));
        for address in addresses {
            self.servers.entry(address).or_default();
        }
    }

    /// Tells every name server, those that are being talked to afterwards.
    fn begin(&mut self, round: &Round) {
        let with = self.with();
        for (address, server) in &mut self.servers {
            server.pending = Some(match server.pending.take() {
                Some(before) => before.and(round.clone()),
                None => round.clone(),
            });
            if !server.talking {
                talk(&mut self.calls, &with, address, server);
            }
        }
    }

    /// Logs what is new about a name server, once, and goes on with what came up meanwhile.
    fn ended(&mut self, address: &str, result: &Result<(), TellError>) {
        let with = self.with();
        let Some(server) = self.servers.get_mut(address) else {
            return;
        };
        server.talking = false;
        let failure = result.as_ref().err().map(|error| with_causes(error));
        match (&failure, &server.failure) {
            (Some(new), Some(old)) if new == old => {}
            (Some(cause), _) => {
                tracing::warn!(name_server = %address, %cause, "cannot register, will try again");
            }
            (None, None) if server.registered => {}
            (None, _) => tracing::info!(name_server = %address, "registered"),
        }
        server.registered |= failure.is_none();
        server.failure = failure;
        if server.pending.is_some() {
            talk(&mut self.calls, &with, address, server);
        }
    }

    fn with(&self) -> With {
        With {
            broker: Arc::clone(&self.broker),
            outbound: self.outbound.clone(),
            limit: self.limit,
        }
    }

    async fn leave(self) {
        let mut calls = JoinSet::new();
        for address in self.servers.into_keys() {
            let outbound = self.outbound.clone();
            let broker = Arc::clone(&self.broker);
            calls.spawn(async move {
                registration_calls::unregister(&outbound, &address, &broker, LEAVE_LIMIT).await
            });
        }
        let all = async { while calls.join_next().await.is_some() {} };
        let _ = timeout(LEAVE_LIMIT, all).await;
    }
}

/// What a call needs.
struct With {
    broker: Arc<Broker>,
    outbound: Outbound,
    limit: Duration,
}

/// Starts the one call that a name server may have.
fn talk(
    calls: &mut JoinSet<(String, Result<(), TellError>)>,
    with: &With,
    address: &str,
    server: &mut NameServer,
) {
    let Some(round) = server.pending.take() else {
        return;
    };
    server.talking = true;
    server.patience = Some(Instant::now() + HOLD_LIMIT);
    let repair = server.failure.is_some();
    let (broker, outbound) = (Arc::clone(&with.broker), with.outbound.clone());
    let (address, limit) = (address.to_owned(), with.limit);
    calls.spawn(async move {
        let told = registration_calls::tell(&outbound, &address, &broker, &round, repair, limit);
        let result = told.await;
        (address, result)
    });
}

/// Holds answers as long as somebody can release them.
struct HoldUntilDropped(Arc<Changes>);

impl Drop for HoldUntilDropped {
    fn drop(&mut self) {
        self.0.hold_no_more();
    }
}

/// Ends when the flag is set.
pub(crate) async fn set(flag: &mut watch::Receiver<bool>) {
    let _ = flag.wait_for(|flag| *flag).await;
}

/// Ends at a time, or never.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// The addresses of names; none for a name that does not resolve now.
pub(crate) type Found = BTreeMap<String, Vec<String>>;

/// Looks all names up at the same time, each for [`RESOLVE_LIMIT`] at most.
pub(crate) async fn look_up<F>(names: Vec<String>, resolve: impl Fn(String) -> F) -> Found
where
    F: Future<Output = Vec<String>> + Send + 'static,
{
    let mut lookups = JoinSet::new();
    for name in names {
        let addresses = timeout(RESOLVE_LIMIT, resolve(name.clone()));
        lookups.spawn(async move { (name, addresses.await.unwrap_or_default()) });
    }
    lookups.join_all().await.into_iter().collect()
}

/// One `ip:port` for each address of a name.
pub(crate) async fn resolve(name: String) -> Vec<String> {
    let found = tokio::net::lookup_host(name).await;
    let found = found.map(|found| found.take(ADDRESSES_PER_NAME_MAX));
    found.map_or_else(
        |_| Vec::new(),
        |found| found.map(|a| a.to_string()).collect(),
    )
}

/// The name servers as configured, and the addresses that their names had last.
#[derive(Debug)]
struct Names {
    given: Vec<String>,
    known: Found,
}

impl Names {
    /// What was found, the last known addresses of names that do not resolve now, and the name
    /// itself when it never did, so that the failure is reported.
    fn addresses(&mut self, found: Found) -> BTreeSet<String> {
        let found = found.into_iter().filter(|(_, found)| !found.is_empty());
        self.known.extend(found);
        let mut all = BTreeSet::new();
        for name in &self.given {
            match self.known.get(name) {
                Some(addresses) => all.extend(addresses.iter().cloned()),
                None => drop(all.insert(name.clone())),
            }
        }
        all
    }
}

#[cfg(test)]
#[path = "registration_tests.rs"]
mod tests;
