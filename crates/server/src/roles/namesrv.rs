//! The name server: its port, its clock and its two files.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ferrocket_namesrv::{ConfigurationRefused, NameServer, NamesrvConfig, Surroundings};
use ferrocket_net::{Network, Serving};
use tokio::task::JoinHandle;

use crate::clock::now_ms;
use crate::config::bind;
use crate::config::catalog::Class;
use crate::config::live::{LiveSettings, UpdateError, replace};
use crate::config::settings::Settings;
use crate::failure::{EXIT_FAILED, EXIT_INIT, Failure};
use crate::roles::services::NamesrvPort;
use crate::roles::{self, DRAIN};

/// The core looks at `scanNotActiveBrokerInterval` itself.
const TICK: Duration = Duration::from_secs(1);

/// A running name server.
#[derive(Debug)]
pub(crate) struct Namesrv {
    serving: Serving,
    ticker: JoinHandle<()>,
}

impl Namesrv {
    /// Opens the port and serves it.
    pub(crate) fn start(settings: Settings, network: &Arc<Network>) -> Result<Self, Failure> {
        let port: u16 = settings.number(Class::Server, "listenPort");
        let address = roles::bind_address(&settings, port)?;
        let listener = roles::bind(address, "listenPort")?;
        let kv_path = path_of(&settings, "kvConfigPath");
        let config = bind::namesrv(&settings);
        if settings.boolean(Class::Namesrv, "enableControllerInNamesrv") {
            tracing::warn!(
                "enableControllerInNamesrv has no effect: there is no controller in this version"
            );
        }
        roles::log_without_effect(&settings);
        let kv = match std::fs::read(&kv_path) {
            Ok(content) => Some(content),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(unreadable(&kv_path, &error)),
        };
        let config_path = path_of(&settings, "configStorePath");
        let shown_kv_path = kv_path.clone();
        let surroundings = Arc::new(Files {
            live: LiveSettings::new(settings, bind::NAMESRV_RULES, config_path),
            kv_path,
        });
        let server =
            NameServer::new(config, kv.as_deref(), surroundings, now_ms()).map_err(|error| {
                Failure::new(EXIT_INIT, format!("{}: {error}", shown_kv_path.display()))
            })?;
        let server = Arc::new(server);
        let ticker = tokio::spawn(tick(Arc::clone(&server)));
        let serving = listener.serve(network, Arc::new(NamesrvPort(server)));
        Ok(Self { serving, ticker })
    }

    pub(crate) fn local(&self) -> SocketAddr {
        self.serving.local()
    }

    pub(crate) async fn stop(self) {
        self.ticker.abort();
        self.serving.stop(DRAIN).await;
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        EXIT_FAILED,
        format!(
            "cannot read {}: {error}; make it readable or set kvConfigPath",
            path.display()
        ),
    )
}

fn path_of(settings: &Settings, key: &str) -> PathBuf {
    PathBuf::from(settings.text(Class::Namesrv, key).unwrap_or_default())
}

async fn tick(server: Arc<NameServer>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        server.tick(now_ms());
    }
}

#[derive(Debug)]
struct Files {
    live: LiveSettings,
    kv_path: PathBuf,
}

impl Surroundings for Files {
    fn configuration(&self) -> String {
        self.live.text()
    }

    fn update_configuration(&self, body: &[u8]) -> Result<NamesrvConfig, ConfigurationRefused> {
        match self.live.update(body) {
            Ok(settings) => Ok(bind::namesrv(&settings)),
            Err(UpdateError::BlackList) => Err(ConfigurationRefused::BlackList),
            Err(UpdateError::Malformed(_)) => Err(ConfigurationRefused::Malformed),
            Err(UpdateError::Refused(text)) => Err(ConfigurationRefused::Invalid(text)),
            Err(UpdateError::Write { source, .. }) => {
                Err(ConfigurationRefused::Io(source.to_string()))
            }
        }
    }

    fn save_kv(&self, json: &[u8]) -> std::io::Result<()> {
        replace(&self.kv_path, json)
    }
}
