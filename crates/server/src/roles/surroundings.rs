//! What the broker core asks of this process.

use std::net::SocketAddr;
use std::sync::Arc;

use ferrocket_broker::{
    BrokerConfig, ColdRead, ConfigurationRefused, RegistrationChange, Surroundings,
};

use ferrocket_store::Store;

use crate::clock::ticks_ns;
use crate::config::bind;
use crate::config::live::{LiveSettings, UpdateError};
use crate::roles::cold_reads::ColdReads;
use crate::roles::registration::Changes;
use crate::roles::store_threads::Bells;

#[derive(Debug)]
pub(crate) struct BrokerSurroundings {
    pub(crate) cold_reads: ColdReads,
    pub(crate) changes: Arc<Changes>,
    pub(crate) bells: Arc<Bells>,
    pub(crate) live: LiveSettings,
    pub(crate) store: Arc<Store>,
    /// The store host that was resolved at the start.
    pub(crate) store_host: SocketAddr,
    /// Ports as they are open, which a file with port 0 does not tell.
    pub(crate) ports: (i32, i32),
}

impl Surroundings for BrokerSurroundings {
    fn read_later(&self, job: ColdRead) -> bool {
        self.cold_reads.submit(job)
    }

    fn ticks_ns(&self) -> u64 {
        ticks_ns()
    }

    fn registration_changed(&self, change: RegistrationChange) {
        self.changes.add(change);
    }

    fn delay_wanted(&self) {
        self.bells.delay_wanted();
    }

    fn configuration(&self) -> String {
        self.live.text()
    }

    fn update_configuration(&self, body: &[u8]) -> Result<BrokerConfig, ConfigurationRefused> {
        let settings = self.live.update(body).map_err(|error| match error {
            UpdateError::BlackList => ConfigurationRefused::BlackList,
            other => ConfigurationRefused::Io(other.to_string()),
        })?;
        self.store.set_retention(bind::retention(&settings));
        let mut config = bind::broker(&settings);
        config.store_host = self.store_host;
        (config.listen_port, config.ha_listen_port) = self.ports;
        Ok(config)
    }
}
