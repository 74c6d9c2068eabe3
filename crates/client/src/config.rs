//! What a [`Client`](crate::Client) is told.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::Duration;

use ferrocket_protocol::frame::Encoding;

/// Where the name servers are, and how this process presents itself. Defaults are Java's.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// `host:port` each; names and IPv6 literals are fine.
    pub name_servers: Vec<String>,
    /// The address in this client's id and unique keys. Found out by default.
    pub client_ip: IpAddr,
    /// Tells clients of one process apart.
    pub instance_name: String,
    /// For everything but sends and pulls (`mqClientApiTimeout`).
    pub request_timeout: Duration,
    /// `pollNameServerInterval`.
    pub route_refresh: Duration,
    /// `heartbeatBrokerInterval`. Brokers forget a client after 120 s.
    pub heartbeat: Duration,
    /// The header encoding of requests; JSON is what every server understands.
    pub encoding: Encoding,
    /// Connections for each server.
    pub lanes: usize,
}

impl ClientConfig {
    /// A client of these name servers. Each text may hold several, separated by `;` or `,`.
    pub fn new<S: AsRef<str>>(name_servers: impl IntoIterator<Item = S>) -> Self {
        let split = |text: S| -> Vec<String> {
            let parts = text.as_ref().split([';', ',']).map(str::trim);
            parts
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect()
        };
        Self {
            name_servers: name_servers.into_iter().flat_map(split).collect(),
            client_ip: local_ip(),
            instance_name: String::from("DEFAULT"),
            request_timeout: Duration::from_secs(3),
            route_refresh: Duration::from_secs(30),
            heartbeat: Duration::from_secs(30),
            encoding: Encoding::Json,
            lanes: 1,
        }
    }

    /// The id under which brokers list this client: `ip@instance`. The default instance becomes
    /// the process id and a number of this client, so that two clients never share an id
    /// (`changeInstanceNameToPID`).
    pub(crate) fn client_id(&self, number: u64) -> String {
        let ip = self.client_ip;
        if self.instance_name == "DEFAULT" {
            format!("{ip}@{}#{number}", std::process::id())
        } else {
            format!("{ip}@{}", self.instance_name)
        }
    }
}

/// The address of the interface that packets to the world would leave through. Nothing is sent: a
/// datagram socket is only asked for its route.
fn local_ip() -> IpAddr {
    let route = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
        // TEST-NET-1, RFC 5737.
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    route().unwrap_or(Ipv4Addr::LOCALHOST.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_name_servers_are_taken_apart() {
        let config = ClientConfig::new(["a:1;b:2", " c:3 , d:4 ", ""]);
        assert_eq!(config.name_servers, ["a:1", "b:2", "c:3", "d:4"]);
    }

    #[test]
    fn two_clients_of_a_process_have_two_ids() {
        let mut config = ClientConfig::new(["a:1"]);
        assert_ne!(config.client_id(1), config.client_id(2));
        config.instance_name = String::from("mine");
        assert!(config.client_id(1).ends_with("@mine"));
    }
}
