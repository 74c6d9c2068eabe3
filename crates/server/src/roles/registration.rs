//! Keeps the broker known to its name servers.
//!
//! A full registration goes out at the start, every `registerNameServerPeriod`, and when everything
//! changed; changed topics go out at once, alone. All name servers are spoken to at the same time,
//! so that a dead one delays nobody. Names are resolved anew on every round: a name with several
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

/// What the broker said has changed and no round has told yet.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pending: Mutex<Pending>,
    bell: Notify,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Pending {
    all: bool,
    topics: BTreeSet<String>,
}

impl Changes {
    pub(crate) fn add(&self, change: RegistrationChange) {
        let mut pending = self.pending.lock();
        match change {
            RegistrationChange::All => pending.all = true,
            RegistrationChange::Topics(topics) => pending.topics.extend(topics),
        }
        if pending.topics.len() > INCREMENTAL_TOPICS_MAX {
            pending.all = true;
        }
        if pending.all {
            pending.topics.clear();
        }
        drop(pending);
        self.bell.notify_one();
    }

    fn take(&self) -> Pending {
        std::mem::take(&mut self.pending.lock())
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
            states: BTreeMap::new(),
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
    /// What was last logged about each address.
    states: BTreeMap<String, String>,
}

/// What one round tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Round {
    /// Everything, whether it changed or not.
    Full,
    /// Everything, to those name servers that do not know it yet.
    IfUnknown,
    Topics(Vec<String>),
}

impl Registration {
    async fn run(mut self, mut stopped: watch::Receiver<bool>, first_done: watch::Sender<bool>) {
        let gone = stopped.clone();
        let mut next = self.round(Round::Full, gone.clone()).await;
        let _ = first_done.send(true);
        loop {
            tokio::select! {
                biased;
                () = set(&mut stopped) => break,
                () = self.changes.bell.notified() => {
                    sleep(GATHER).await;
                    let pending = self.changes.take();
                    let round = if pending.all {
                        Round::Full
                    } else {
                        Round::Topics(pending.topics.into_iter().collect())
                    };
                    self.round(round, gone.clone()).await;
                }
                () = sleep_until(next) => {
                    let force = self.broker.config().force_register;
                    let round = if force { Round::Full } else { Round::IfUnknown };
                    next = self.round(round, gone.clone()).await;
                }
            }
        }
        self.leave().await;
    }

    /// Speaks to all name servers at once; returns when the next round is due.
    async fn round(&mut self, round: Round, mut stopped: watch::Receiver<bool>) -> Instant {
        let period_ms = self.broker.config().register_name_server_period_ms;
        let period_ms = period_ms.clamp(*PERIOD_MS.start(), *PERIOD_MS.end());
        let period = Duration::from_millis(u64::try_from(period_ms).unwrap_or_default());
        let next = Instant::now() + period;
        if matches!(&round, Round::Topics(topics) if topics.is_empty()) {
            return next;
        }
        let told = registration_calls::messages(&self.broker, &round);
        let told = Arc::new(told);
        let mut calls = JoinSet::new();
        for address in self.names.resolve().await {
            let outbound = self.outbound.clone();
            let (broker, told) = (Arc::clone(&self.broker), Arc::clone(&told));
            calls.spawn(async move {
                let result = registration_calls::tell(&outbound, &address, &broker, &told).await;
                (address, result)
            });
        }
        loop {
            tokio::select! {
                biased;
                () = set(&mut stopped) => break,
                ended = calls.join_next() => match ended {
                    None => break,
                    Some(Ok((address, result))) => self.note(&address, &result),
                    Some(Err(_)) => {}
                }
            }
        }
        next
    }

    /// Logs what is new about a name server, once.
    fn note(&mut self, address: &str, result: &Result<(), TellError>) {
        let state = result
            .as_ref()
            .err()
            .map(|error| with_causes(error))
            .unwrap_or_default();
        let before = self.states.insert(address.to_owned(), state.clone());
        if before.as_ref() == Some(&state) {
            return;
        }
        if state.is_empty() {
            tracing::info!(name_server = %address, "registered");
        } else {
            tracing::warn!(name_server = %address, cause = %state, "cannot register, will try again");
        }
    }

    async fn leave(mut self) {
        let mut calls = JoinSet::new();
        for address in self.names.resolve().await {
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
    async fn resolve(&mut self) -> Vec<String> {
        let mut all = Vec::new();
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
                None => all.push(name.clone()),
            }
        }
        all.dedup();
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_gather_until_they_are_taken() {
        let changes = Changes::default();
        changes.add(RegistrationChange::Topics(vec![
            "a".to_owned(),
            "b".to_owned(),
        ]));
        changes.add(RegistrationChange::Topics(vec!["a".to_owned()]));
        assert_eq!(changes.take().topics.len(), 2);
        assert_eq!(changes.take(), Pending::default());
        changes.add(RegistrationChange::All);
        changes.add(RegistrationChange::Topics(vec!["a".to_owned()]));
        assert_eq!(
            changes.take(),
            Pending {
                all: true,
                topics: BTreeSet::new()
            }
        );
    }

    #[test]
    fn very_many_changes_become_a_full_registration() {
        let changes = Changes::default();
        let topics = (0..=INCREMENTAL_TOPICS_MAX)
            .map(|n| format!("t{n}"))
            .collect();
        changes.add(RegistrationChange::Topics(topics));
        assert!(changes.take().all);
    }

    #[tokio::test]
    async fn a_name_that_stops_resolving_keeps_its_addresses() {
        let given = vec!["127.0.0.1:9876".to_owned(), "nosuch.invalid:1".to_owned()];
        let known =
            BTreeMap::from([("nosuch.invalid:1".to_owned(), vec!["10.0.0.1:1".to_owned()])]);
        let mut names = Names { given, known };
        assert_eq!(names.resolve().await, ["127.0.0.1:9876", "10.0.0.1:1"]);
        names.known.clear();
        assert_eq!(
            names.resolve().await,
            ["127.0.0.1:9876", "nosuch.invalid:1"]
        );
    }
}
