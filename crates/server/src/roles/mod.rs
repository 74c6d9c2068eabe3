//! The roles that a process plays, and how they start, run and stop.

pub(crate) mod broker;
pub(crate) mod cold_reads;
pub(crate) mod exposition;
pub(crate) mod metrics_port;
pub(crate) mod namesrv;
mod opening;
pub(crate) mod registration;
pub(crate) mod registration_calls;
pub(crate) mod run;
pub(crate) mod services;
pub(crate) mod signals;
pub(crate) mod store_threads;
pub(crate) mod surroundings;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ferrocket_net::{BindError, Listener};

use crate::config::catalog::Class;
use crate::config::settings::{Settings, Severity};
use crate::failure::{EXIT_FAILED, Failure, with_causes};

/// How long what is queued on connections may take to leave at a stop.
pub(crate) const DRAIN: Duration = Duration::from_secs(1);

/// Logs what is odd about the settings.
pub(crate) fn log_findings(settings: &Settings) {
    for finding in settings.findings() {
        log_finding(finding.severity, &finding.text);
    }
}

/// Logs the keys that were given for nothing; call it when all typed structs are filled.
pub(crate) fn log_without_effect(settings: &Settings) {
    for finding in settings.without_effect() {
        log_finding(finding.severity, &finding.text);
    }
}

fn log_finding(severity: Severity, text: &str) {
    match severity {
        Severity::Debug => tracing::debug!("{text}"),
        Severity::Info => tracing::info!("{text}"),
        Severity::Warning => tracing::warn!("{text}"),
    }
}

/// `bindAddress` with a port.
pub(crate) fn bind_address(settings: &Settings, port: u16) -> Result<SocketAddr, Failure> {
    let text = settings
        .text(Class::Server, "bindAddress")
        .unwrap_or_else(|| "0.0.0.0".to_owned());
    let address: IpAddr = text.parse().map_err(|_| {
        Failure::new(
            EXIT_FAILED,
            format!(
                "bindAddress = {text:?} is not an IP address; 0.0.0.0 is every one of this machine"
            ),
        )
    })?;
    Ok(SocketAddr::new(address, port))
}

/// Opens a port; the line begins with Java's words, which monitoring looks for.
pub(crate) fn bind(address: SocketAddr, key: &str) -> Result<Listener, Failure> {
    Listener::bind(address).map_err(|error| {
        let what = match &error {
            BindError::InUse { .. } => {
                let port = address.port();
                let holder = holder_of(port).map_or_else(String::new, |who| format!(" by {who}"));
                format!("the port is in use{holder}; stop that process or set {key}")
            }
            other => with_causes(other),
        };
        Failure::new(EXIT_FAILED, format!("Failed to bind to {address}: {what}"))
    })
}

/// The process that listens on a TCP port, where the kernel lets us see it.
fn holder_of(port: u16) -> Option<String> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .find_map(|table| {
            let text = std::fs::read_to_string(table).ok()?;
            text.lines().skip(1).find_map(|line| {
                let fields: Vec<&str> = line.split_whitespace().collect();
                let listens = fields.get(3) == Some(&"0A");
                let (_, hex) = fields.get(1)?.rsplit_once(':')?;
                let same = u16::from_str_radix(hex, 16).ok()? == port;
                (listens && same).then(|| fields.get(9).map(|inode| (*inode).to_owned()))?
            })
        })?;
    let wanted = format!("socket:[{inode}]");
    let processes = std::fs::read_dir("/proc").ok()?;
    processes.flatten().find_map(|process| {
        let pid: u32 = process.file_name().to_str()?.parse().ok()?;
        let files = std::fs::read_dir(process.path().join("fd")).ok()?;
        let holds = files
            .flatten()
            .filter_map(|file| std::fs::read_link(file.path()).ok())
            .any(|target| target.to_string_lossy() == wanted);
        let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
        holds.then(|| format!("process {pid} ({})", name.trim()))
    })
}
