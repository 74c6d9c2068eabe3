//! The broker: store, core, ports, threads and registration, put together and taken apart in order.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ferrocket_broker::{Broker, BrokerConfig, Parts, Port};
use ferrocket_net::{Listener, Network, Outbound, OutboundSettings, Serving};
use ferrocket_store::disk::Disk;
use ferrocket_store::disk::os::OsDisk;
use ferrocket_store::{OpenError, Store};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::MissedTickBehavior;

use crate::address;
use crate::clock::now_ms;
use crate::config::catalog::Class;
use crate::config::live::LiveSettings;
use crate::config::settings::{Settings, home};
use crate::config::{bind, checks};
use crate::failure::{EXIT_FAILED, EXIT_INIT, Failure, end_process_on_panic, with_causes};
use crate::memory;
use crate::roles::cold_reads::ColdReads;
use crate::roles::exposition::{self, BrokerExposition};
use crate::roles::metrics_port::MetricsPort;
use crate::roles::opening::OpeningThreads;
use crate::roles::registration::{self, Changes, Registrar, set};
use crate::roles::services::BrokerPort;
use crate::roles::store_threads::{Bells, StoreThreads};
use crate::roles::surroundings::BrokerSurroundings;
use crate::roles::{self, DRAIN};

/// The longest pause between two ticks that the core allows.
const TICK: Duration = Duration::from_millis(100);
/// How long the boot line waits for the first registration.
const FIRST_REGISTRATION: Duration = Duration::from_secs(2);

/// A running broker.
#[derive(Debug)]
pub(crate) struct BrokerRole {
    broker: Arc<Broker>,
    store: Arc<Store>,
    serving: Vec<Serving>,
    threads: StoreThreads,
    cold_reads: ColdReads,
    registrar: Registrar,
    outbound: Outbound,
    ticker: JoinHandle<()>,
    metrics: Option<MetricsPort>,
    boot_line: String,
}

/// Where an update of the configuration is written: the `-c` path, or Java's default.
pub(crate) fn config_path(given: Option<&PathBuf>) -> PathBuf {
    given.cloned().unwrap_or_else(|| {
        PathBuf::from(home())
            .join("store")
            .join("config")
            .join("broker.properties")
    })
}

impl BrokerRole {
    /// Opens ports and store, registers, and serves. `settings` have been checked. Nothing is left
    /// running when `ending` is set before the store is open; later it is stopped as usual.
    pub(crate) async fn start(
        mut settings: Settings,
        config_path: PathBuf,
        network: &Arc<Network>,
        ending: &mut watch::Receiver<bool>,
    ) -> Result<Option<Self>, Failure> {
        let listed = settings.text(Class::Broker, "namesrvAddr");
        let name_servers = checks::addresses(listed.as_deref().unwrap_or_default());
        let ports = Ports::open(&settings)?;
        settle_addresses(&mut settings, &name_servers).await?;
        let mut config = bind::broker(&settings);
        ports.enter(&mut config);
        config.store_host = store_host(&config).await?;

        let limit_ms: u64 = settings.number(Class::Broker, "registerBrokerTimeoutMills");
        let registration_limit = Duration::from_millis(limit_ms);

        let metrics = match exposition::wanted(&settings)? {
            Some((address, labels)) => Some((MetricsPort::bind(address).await?, labels)),
            None => None,
        };
        let memory = memory::available();
        let bells = Arc::new(Bells::default());
        let opening = open_store(bind::store(&settings, memory), memory, Arc::clone(&bells));
        let store = tokio::select! {
            biased;
            store = opening => store?,
            () = set(ending) => return Ok(None),
        };
        let Core {
            broker,
            threads,
            surroundings,
        } = Core::open(&store, &bells, settings, config, config_path)?;
        let metrics = metrics.map(|(listener, labels)| {
            let exposition = BrokerExposition {
                broker: Arc::clone(&broker),
                store: Arc::clone(&store),
                network: Arc::clone(network),
                labels,
            };
            MetricsPort::serve(listener, Arc::new(exposition))
        });
        let ticker = tokio::spawn(tick(Arc::clone(&broker)));
        let changes: Arc<Changes> = Arc::clone(&surroundings.changes);
        let serving = ports.serve(&broker, &changes, network);
        let outbound = Outbound::new(network, OutboundSettings::default());
        let mut registrar = Registrar::start(
            Arc::clone(&broker),
            outbound.clone(),
            changes,
            name_servers,
            registration_limit,
        );
        tokio::select! {
            () = registrar.first_round(FIRST_REGISTRATION) => {}
            () = set(ending) => {}
        }
        let cold_reads = surroundings.cold_reads.clone();
        let boot_line = boot_line(&broker.config(), listed.as_deref());
        Ok(Some(Self {
            broker,
            store,
            serving,
            threads,
            cold_reads,
            registrar,
            outbound,
            ticker,
            metrics,
            boot_line,
        }))
    }

    /// The line by which scripts see that a broker is up.
    pub(crate) fn boot_line(&self) -> &str {
        &self.boot_line
    }

    /// Leaves the name servers, answers what waits, writes everything, closes the store.
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        let Self {
            broker,
            store,
            serving,
            threads,
            cold_reads,
            registrar,
            outbound,
            ticker,
            metrics,
            ..
        } = self;
        if let Some(metrics) = metrics {
            metrics.stop().await;
        }
        registrar.leave().await;
        ticker.abort();
        let closing = Arc::clone(&broker);
        let flushing = Arc::clone(&store);
        let written = blocking(move || {
            if let Err(error) = flushing.flush(now_ms()) {
                tracing::error!(cause = %with_causes(&error), "the last flush failed");
            }
            closing.durable_advanced(now_ms());
            let written = closing.shutdown(now_ms());
            // While there are connections: what waits is answered.
            cold_reads.stop();
            written.map_err(|error| with_causes(&error))
        })
        .await;
        let mut stops = JoinSet::new();
        for port in serving {
            stops.spawn(port.stop(DRAIN));
        }
        stops.join_all().await;
        outbound.stop(Duration::ZERO).await;
        let closed = blocking(move || {
            threads.stop();
            // Older clients commit offsets until their connection ends.
            let saved = broker
                .persist_final(now_ms())
                .map_err(|error| with_causes(&error));
            drop(broker);
            let closed = store.close(now_ms()).map_err(|error| with_causes(&error));
            saved.and(closed)
        })
        .await;
        for result in [written, closed] {
            result.map_err(|cause| {
                Failure::new(
                    EXIT_FAILED,
                    format!("not everything was written at the stop: {cause}"),
                )
            })?;
        }
        Ok(())
    }
}

/// The core over a store, and the threads that serve both.
struct Core {
    broker: Arc<Broker>,
    threads: StoreThreads,
    surroundings: Arc<BrokerSurroundings>,
}

impl Core {
    fn open(
        store: &Arc<Store>,
        bells: &Arc<Bells>,
        settings: Settings,
        config: BrokerConfig,
        config_path: PathBuf,
    ) -> Result<Self, Failure> {
        roles::log_without_effect(&settings);
        let surroundings = Arc::new(BrokerSurroundings {
            cold_reads: ColdReads::default(),
            changes: Arc::default(),
            bells: Arc::clone(bells),
            store: Arc::clone(store),
            live: LiveSettings::new(settings, bind::BROKER_RULES, config_path),
            store_host: config.store_host,
            ports: (config.listen_port, config.ha_listen_port),
        });
        let parts = Parts {
            store: Arc::clone(store),
            disk: Arc::new(OsDisk),
            surroundings: Arc::clone(&surroundings) as _,
            seed: seed(),
        };
        let broker = Broker::open(config, parts, now_ms())
            .map_err(|error| Failure::new(EXIT_INIT, with_causes(&error)))?;
        let broker = Arc::new(broker);
        surroundings.cold_reads.serve(&broker);
        let threads = StoreThreads::start(store, &broker, bells).map_err(|error| {
            Failure::new(EXIT_FAILED, format!("cannot start a thread: {error}"))
        })?;
        Ok(Self {
            broker,
            threads,
            surroundings,
        })
    }
}

async fn blocking<T: Send + 'static>(
    job: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(job)
        .await
        .unwrap_or_else(|error| Err(error.to_string()))
}

async fn open_store(
    mut config: ferrocket_store::StoreConfig,
    memory: memory::Memory,
    bells: Arc<Bells>,
) -> Result<Arc<Store>, Failure> {
    let (root, flush) = (config.root.clone(), config.flush_mode);
    let opened_root = root.clone();
    tracing::debug!(root = %root.display(), "opening the store");
    let disk: Arc<dyn Disk> = Arc::new(OsDisk);
    let opened = blocking(move || {
        config.batch_topics = ferrocket_broker::batch_topics(Arc::clone(&disk), &config.root)
            .map_err(|error| with_causes(&error))?;
        let opening = OpeningThreads::new();
        Store::open_with(disk, config, bells, now_ms(), &opening).map_err(|error| {
            let remedy = match &error {
                OpenError::Locked(_) => format!(
                    "; storePathRootDir is {}, set another one or end what holds it",
                    root.display()
                ),
                _ => String::new(),
            };
            with_causes(&error) + &remedy
        })
    });
    let store = opened
        .await
        .map_err(|cause| Failure::new(EXIT_FAILED, cause))?;
    tracing::info!(
        memory_mib = memory.bytes >> 20,
        counted_by = memory.source,
        root = %opened_root.display(),
        ?flush,
        "store open"
    );
    Ok(Arc::new(store))
}

/// Both ports, open but not served yet.
struct Ports {
    main: Listener,
    vip: Listener,
}

impl Ports {
    fn open(settings: &Settings) -> Result<Self, Failure> {
        let port: u16 = settings.number(Class::Server, "listenPort");
        let main = roles::bind(roles::bind_address(settings, port)?, "listenPort")?;
        // Java asks for any free port when listenPort − 2 is none.
        let vip_port = main.local().port().saturating_sub(2);
        let vip = roles::bind(
            roles::bind_address(settings, vip_port)?,
            &format!(
                "listenPort, now {}: this port is two below it",
                main.local().port()
            ),
        )?;
        Ok(Self { main, vip })
    }

    /// Port 0 of a file is the port that the system chose.
    fn enter(&self, config: &mut BrokerConfig) {
        let port = i32::from(self.main.local().port());
        if config.ha_listen_port == config.listen_port + 1 {
            config.ha_listen_port = port + 1;
        }
        config.listen_port = port;
    }

    fn serve(
        self,
        broker: &Arc<Broker>,
        changes: &Arc<Changes>,
        network: &Arc<Network>,
    ) -> Vec<Serving> {
        [(self.main, Port::Main), (self.vip, Port::Vip)]
            .into_iter()
            .map(|(listener, port)| {
                listener.serve(
                    network,
                    Arc::new(BrokerPort {
                        broker: Arc::clone(broker),
                        port,
                        changes: Arc::clone(changes),
                    }),
                )
            })
            .collect()
    }
}

/// Fills `brokerIP1` and `brokerIP2` with the guess, and says what was considered.
async fn settle_addresses(settings: &mut Settings, name_servers: &[String]) -> Result<(), Failure> {
    if let Some(given) = settings.text(Class::Broker, "brokerIP1") {
        let host = given.trim_matches(['[', ']']);
        let loopback = host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        if loopback && let Some(remote) = look(name_servers).await?.remote_name_server {
            tracing::warn!(
                "brokerIP1 = {given} is given to clients by the name server {remote}, but only programs of this machine can reach it"
            );
        }
        settings.ambient("brokerIP2", given);
        return Ok(());
    }
    let (choice, candidates) = address::choose(&look(name_servers).await?);
    for candidate in candidates {
        tracing::info!(
            interface = %candidate.interface,
            address = %candidate.address,
            chosen = candidate.chosen,
            "brokerIP1 candidate: {}", candidate.reason
        );
    }
    let choice = choice.map_err(|error| Failure::new(EXIT_INIT, error))?;
    settings.ambient("brokerIP1", address::text(choice));
    settings.ambient("brokerIP2", address::text(choice));
    Ok(())
}

/// Looks at the machine and the name servers, without waiting for slow name services.
async fn look(name_servers: &[String]) -> Result<address::Surroundings, Failure> {
    let mut found = registration::look_up(name_servers.to_vec(), registration::resolve).await;
    let servers: Vec<_> = name_servers
        .iter()
        .map(|name| {
            let addresses = found.remove(name).unwrap_or_default();
            let addresses = addresses.iter().filter_map(|text| text.parse().ok());
            (name.clone(), addresses.collect())
        })
        .collect();
    blocking(move || Ok(address::Surroundings::look(&servers)))
        .await
        .map_err(|cause| Failure::new(EXIT_FAILED, cause))
}

async fn store_host(config: &BrokerConfig) -> Result<SocketAddr, Failure> {
    let text = config.broker_addr();
    let asked = text.clone();
    let resolved = blocking(move || {
        let mut found = asked.to_socket_addrs().map_err(|error| error.to_string())?;
        found.next().ok_or_else(|| "it has no address".to_owned())
    });
    resolved.await.map_err(|cause| {
        Failure::new(
            EXIT_INIT,
            format!(
                "brokerIP1 = {} cannot be resolved: {cause}; set an IP address",
                config.broker_ip1
            ),
        )
    })
}

/// Differs between starts and between brokers of one machine.
fn seed() -> u64 {
    let now = u64::try_from(now_ms()).unwrap_or_default();
    now.rotate_left(20) ^ u64::from(std::process::id())
}

async fn tick(broker: Arc<Broker>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        end_process_on_panic("tick", || broker.tick(now_ms()));
    }
}

fn boot_line(config: &BrokerConfig, name_servers: Option<&str>) -> String {
    let servers =
        name_servers.map_or_else(String::new, |list| format!(" and name server is {list}"));
    format!(
        "The broker[{}, {}] boot success. serializeType=JSON{servers}",
        config.broker_name,
        config.broker_addr()
    )
}
