//! Keeps the broker known to its name servers.
//!
//! A full registration goes out at the start, every `registerNameServerPeriod`, and when everything
//! changed; changed topics go out at once, alone. Each name server is spoken to on its own, so that
//! a dead one delays no other. Names are resolved anew in every period: a name with several
//! addresses is several name servers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ferrocket_broker::{Broker, RegistrationChange};
use ferrocket_net::Outbound;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::failure::with_causes;
use crate::roles::registration_calls::{self, TellError};

/// Changes that arrive together leave together.
const GATHER: Duration = Duration::from_millis(10);
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

/// What the broker said has changed and nobody has been told yet.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pending: Mutex<Option<Round>>,
    bell: Notify,
}

impl Changes {
    pub(crate) fn add(&self, change: RegistrationChange) {
        let round = match change {
            RegistrationChange::All => Round::Full,
            RegistrationChange::Topics(topics) => Round::Topics(topics.into_iter().collect()),
        };
        let mut pending = self.pending.lock();
        *pending = Some(match pending.take() {
            Some(before) => before.and(round),
            None => round,
        });
        drop(pending);
        self.bell.notify_one();
    }

    fn take(&self) -> Option<Round> {
        self.pending.lock().take()
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
            calls: JoinSet::new(),
            limit,
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
    /// At most one for each name server.
    calls: JoinSet<(String, Result<(), TellError>)>,
    /// `registerBrokerTimeoutMills`.
    limit: Duration,
}

/// What is known of one address.
#[derive(Debug, Default)]
struct NameServer {
    talking: bool,
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
        loop {
            tokio::select! {
                biased;
                () = set(&mut stopped) => break,
                Some(ended) = self.calls.join_next(), if !self.calls.is_empty() => {
                    if let Ok((address, result)) = ended {
                        self.ended(&address, &result);
                    }
                }
                () = self.changes.bell.notified() => {
                    sleep(GATHER).await;
                    if let Some(round) = self.changes.take() {
                        self.begin(&round);
                    }
                }
                () = sleep_until(next) => {
                    next = Instant::now() + self.period();
                    self.resolve().await;
                    let force = first.is_some() || self.broker.config().force_register;
                    self.begin(&if force { Round::Full } else { Round::IfUnknown });
                }
            }
            if self.calls.is_empty()
                && let Some(first) = first.take()
            {
                let _ = first.send(true);
            }
        }
        self.calls.abort_all();
        self.leave().await;
    }

    fn period(&self) -> Duration {
        let period_ms = self.broker.config().register_name_server_period_ms;
        let period_ms = period_ms.clamp(*PERIOD_MS.start(), *PERIOD_MS.end());
        Duration::from_millis(u64::try_from(period_ms).unwrap_or_default())
    }

    async fn resolve(&mut self) {
        let addresses = self.names.resolve().await;
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
    let repair = server.failure.is_some();
    let (broker, outbound) = (Arc::clone(&with.broker), with.outbound.clone());
    let (address, limit) = (address.to_owned(), with.limit);
    calls.spawn(async move {
        let told = registration_calls::tell(&outbound, &address, &broker, &round, repair, limit);
        let result = told.await;
        (address, result)
    });
}

/// Ends when the flag is set.
async fn set(flag: &mut watch::Receiver<bool>) {
    let _ = flag.wait_for(|flag| *flag).await;
}

/// The name servers as configured, and the addresses that their names had last.
#[derive(Debug)]
struct Names {
    given: Vec<String>,
    known: BTreeMap<String, Vec<String>>,
}

impl Names {
    /// One `ip:port` for each address of each name; the last known ones when a name does not
    /// resolve now, and the name itself when it never did, so that the failure is reported.
    async fn resolve(&mut self) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for name in &self.given {
            let found = tokio::net::lookup_host(name.as_str()).await;
            let found: Vec<String> = found
                .map(|found| {
                    found
                        .take(ADDRESSES_PER_NAME_MAX)
                        .map(|a| a.to_string())
                        .collect()
                })
                .unwrap_or_default();
            if !found.is_empty() {
                self.known.insert(name.clone(), found);
            }
            match self.known.get(name) {
                Some(addresses) => all.extend(addresses.iter().cloned()),
                None => drop(all.insert(name.clone())),
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(names: &[&str]) -> Round {
        Round::Topics(names.iter().map(|name| (*name).to_owned()).collect())
    }

    fn change(names: &[&str]) -> RegistrationChange {
        RegistrationChange::Topics(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn changes_gather_until_they_are_taken() {
        let changes = Changes::default();
        changes.add(change(&["a", "b"]));
        changes.add(change(&["a", "c"]));
        assert_eq!(changes.take(), Some(topics(&["a", "b", "c"])));
        assert_eq!(changes.take(), None);
        changes.add(RegistrationChange::All);
        changes.add(change(&["a"]));
        assert_eq!(changes.take(), Some(Round::Full));
    }

    #[test]
    fn very_many_changes_become_a_full_registration() {
        let many: Vec<String> = (0..=INCREMENTAL_TOPICS_MAX)
            .map(|n| n.to_string())
            .collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(topics(&many).and(topics(&["x"])), Round::Full);
        assert_eq!(Round::IfUnknown.and(topics(&["x"])), Round::Full);
        assert_eq!(Round::IfUnknown.and(Round::IfUnknown), Round::IfUnknown);
    }

    #[tokio::test]
    async fn a_name_that_stops_resolving_keeps_its_addresses() {
        let given = vec!["127.0.0.1:9876".to_owned(), "nosuch.invalid:1".to_owned()];
        let known =
            BTreeMap::from([("nosuch.invalid:1".to_owned(), vec!["10.0.0.1:1".to_owned()])]);
        let mut names = Names { given, known };
        let list = |all: BTreeSet<String>| all.into_iter().collect::<Vec<_>>();
        assert_eq!(
            list(names.resolve().await),
            ["10.0.0.1:1", "127.0.0.1:9876"]
        );
        names.known.clear();
        assert_eq!(
            list(names.resolve().await),
            ["127.0.0.1:9876", "nosuch.invalid:1"]
        );
    }
}
