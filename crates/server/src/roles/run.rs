//! Runs roles until a signal.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::time::Instant;

use ferrocket_net::{Limits, Network};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::watch;

use crate::config::catalog::Class;
use crate::config::settings::{Settings, Source};
use crate::config::{bind, checks};
use crate::failure::{EXIT_FAILED, Failure};
use crate::logging::Logs;
use crate::roles::broker::BrokerRole;
use crate::roles::namesrv::Namesrv;
use crate::roles::signals::{Signals, Stop};

/// What a process plays.
#[derive(Debug)]
pub(crate) struct Play {
    pub(crate) namesrv: Option<Settings>,
    /// Settings, and where updates of them are written.
    pub(crate) broker: Option<(Settings, PathBuf)>,
}

/// Starts the roles, prints their boot lines, serves until a signal, stops them.
pub(crate) async fn until_signal(play: Play, logs: Logs) -> Result<Stop, Failure> {
    let mut signals = Signals::listen(logs).map_err(|error| {
        Failure::new(EXIT_FAILED, format!("cannot listen for signals: {error}"))
    })?;
    let mut boot_line = say;
    let (end, mut ending) = watch::channel(false);
    let mut starting = pin!(Running::start(play, &mut boot_line, &mut ending));
    let early = tokio::select! {
        running = &mut starting => Ok(running?),
        stop = signals.stop() => Err(stop),
    };
    let (running, stop) = match early {
        Ok(running) => {
            let stop = signals.stop().await;
            signals.force_on_next(stop);
            (running, stop)
        }
        Err(stop) => {
            // What lives already must not be dropped: threads and ports are stopped in order.
            signals.force_on_next(stop);
            end.send_replace(true);
            (starting.await?, stop)
        }
    };
    running.stop().await?;
    Ok(stop)
}

/// The roles, running.
#[derive(Debug)]
pub(crate) struct Running {
    namesrv: Option<Namesrv>,
    broker: Option<BrokerRole>,
}

impl Running {
    /// The name server first, so that the broker beside it can register. There is no broker when
    /// `ending` is set before its store is open.
    pub(crate) async fn start(
        play: Play,
        boot_line: &mut (dyn FnMut(&str) + Send),
        ending: &mut watch::Receiver<bool>,
    ) -> Result<Self, Failure> {
        let settings = play
            .broker
            .as_ref()
            .map(|(settings, _)| settings)
            .or(play.namesrv.as_ref());
        let idle = settings.map_or_else(|| Limits::default().idle, bind::idle);
        let network = Network::new(Limits {
            idle,
            ..Limits::default()
        });
        let namesrv = match play.namesrv {
            Some(settings) => {
                let namesrv = Namesrv::start(settings, &network)?;
                let local = namesrv.local();
                boot_line(&format!(
                    "The Name Server boot success. serializeType=JSON, address {}:{}",
                    local.ip(),
                    local.port()
                ));
                Some(namesrv)
            }
            None => None,
        };
        let broker = match play.broker {
            Some((mut settings, config_path)) => {
                if let Some(namesrv) = &namesrv {
                    register_beside(&mut settings, namesrv.local());
                }
                let broker = BrokerRole::start(settings, config_path, &network, ending).await?;
                if let Some(broker) = &broker {
                    boot_line(broker.boot_line());
                }
                broker
            }
            None => None,
        };
        Ok(Self { namesrv, broker })
    }

    /// Stops the broker first, so that it can take its leave of the name server beside it.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        let started = Instant::now();
        tracing::info!("stopping");
        let result = match self.broker {
            Some(broker) => broker.stop().await,
            None => Ok(()),
        };
        if let Some(namesrv) = self.namesrv {
            namesrv.stop().await;
        }
        tracing::info!(took_ms = started.elapsed().as_millis(), "stopped");
        result
    }
}

/// Adds the name server of this process to those that the broker registers at.
fn register_beside(settings: &mut Settings, local: SocketAddr) {
    let host = match local.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let own = SocketAddr::new(host, local.port()).to_string();
    let listed = settings
        .text(Class::Broker, "namesrvAddr")
        .unwrap_or_default();
    let mut all = checks::addresses(&listed);
    if !all.contains(&own) {
        all.insert(0, own);
    }
    settings.give("namesrvAddr", &all.join(";"), Source::Request);
}

/// A line on stdout, at once.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // A closed stdout is no reason to stop a server.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Lets this process open as many files as the system grants it: each connection is one.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: limit.maximum,
                ..limit
            },
        )
    {
        tracing::warn!(%error, "cannot raise the limit of open files");
    }
}

/// Runs a server's future on a runtime of its own. What still blocks a thread when the future has
/// ended, such as the opening of a store that a signal interrupted, does not delay the exit.
pub(crate) fn block_on<T>(serve: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = runtime()?;
    let result = runtime.block_on(serve);
    runtime.shutdown_background();
    result
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    raise_file_limit();
    tokio::runtime::Builder::new_multi_thread()
        .thread_name("net")
        .thread_stack_size(512 * 1024)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(EXIT_FAILED, format!("cannot start threads: {error}")))
}
