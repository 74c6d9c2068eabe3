//! Which address the broker registers when `brokerIP1` is not set.
//!
//! Java takes the last private address in the order of interfaces, which picks container bridges and
//! VPNs. Here the kernel decides: the source address that it would use towards the name server, or
//! else on the default route. Nothing is sent to find out. Every candidate is kept with the reason
//! why it was taken or not, so that the log explains a surprise. A loopback address is never
//! registered at a name server on another machine.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;

/// An address of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) interface: String,
    pub(crate) address: IpAddr,
    pub(crate) reason: &'static str,
    pub(crate) chosen: bool,
}

/// What the machine looks like; taken from the kernel, or made up in tests.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    pub(crate) interfaces: Vec<(String, IpAddr, bool)>,
    /// Source address towards the first name server on another machine.
    pub(crate) towards_name_server: Option<IpAddr>,
    pub(crate) on_default_route: Option<IpAddr>,
    pub(crate) remote_name_server: Option<String>,
}

/// No address can be registered.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "only loopback addresses were found, which clients of the name server {name_server} cannot reach; set brokerIP1 to an address of this machine that they can"
)]
pub(crate) struct NoAddress {
    pub(crate) name_server: String,
}

/// The choice, and every candidate in the order of interfaces.
pub(crate) fn choose(surroundings: &Surroundings) -> (Result<IpAddr, NoAddress>, Vec<Candidate>) {
    let usable = |address: &IpAddr, bridge: bool| {
        !address.is_loopback() && !bridge && !is_link_local(address)
    };
    let routed = [
        (
            surroundings.towards_name_server,
            "the route to the name server leaves from it",
        ),
        (
            surroundings.on_default_route,
            "the default route leaves from it",
        ),
    ]
    .into_iter()
    .find_map(|(address, reason)| Some((address.filter(|a| !a.is_loopback())?, reason)));
    let first = |v4: bool| {
        let mut all = surroundings.interfaces.iter();
        all.find(|(_, address, bridge)| address.is_ipv4() == v4 && usable(address, *bridge))
            .map(|(_, address, _)| (*address, "no route tells, and it is the first usable one"))
    };
    let chosen = routed.or_else(|| first(true)).or_else(|| first(false));
    let loopback = (IpAddr::from([127, 0, 0, 1]), "there is no other address");
    let (address, reason) = chosen.unwrap_or(loopback);
    let candidates = surroundings
        .interfaces
        .iter()
        .map(|(interface, candidate, bridge)| Candidate {
            interface: interface.clone(),
            address: *candidate,
            chosen: *candidate == address,
            reason: if *candidate == address {
                reason
            } else if candidate.is_loopback() {
                "it is a loopback address"
            } else if *bridge {
                "the interface is a bridge"
            } else if is_link_local(candidate) {
                "it is a link-local address"
            } else {
                "another one is on the route"
            },
        })
        .collect();
    let result = match &surroundings.remote_name_server {
        Some(name_server) if address.is_loopback() => Err(NoAddress {
            name_server: name_server.clone(),
        }),
        _ => Ok(address),
    };
    (result, candidates)
}

fn is_link_local(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}

impl Surroundings {
    /// Looks at the machine. Name servers are `host:port` with what it resolves to; a name that does
    /// not resolve now counts as remote without a route.
    pub(crate) fn look(name_servers: &[(String, Vec<SocketAddr>)]) -> Self {
        let interfaces: Vec<(String, IpAddr, bool)> = if_addrs::get_if_addrs()
            .unwrap_or_default()
            .into_iter()
            .map(|interface| {
                let bridge = Path::new("/sys/class/net")
                    .join(&interface.name)
                    .join("bridge");
                (interface.name.clone(), interface.ip(), bridge.exists())
            })
            .collect();
        let own = |address: IpAddr| {
            address.is_loopback() || interfaces.iter().any(|(_, mine, _)| *mine == address)
        };
        let mut remote = None;
        let mut towards = None;
        for (name_server, resolved) in name_servers {
            if resolved.iter().any(|address| own(address.ip())) {
                continue;
            }
            remote.get_or_insert_with(|| name_server.clone());
            towards = towards.or_else(|| resolved.iter().copied().find_map(source_towards));
        }
        // Addresses of the documentation networks: routed like any other, never reached.
        let beyond = [
            SocketAddr::from(([203, 0, 113, 1], 9)),
            SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 9)),
        ];
        Self {
            interfaces,
            towards_name_server: towards,
            on_default_route: beyond.into_iter().find_map(source_towards),
            remote_name_server: remote,
        }
    }
}

/// The address that the kernel would send from. Connecting a datagram socket sends nothing.
fn source_towards(address: SocketAddr) -> Option<IpAddr> {
    let any: SocketAddr = if address.is_ipv4() {
        ([0, 0, 0, 0], 0).into()
    } else {
        ([0_u16; 8], 0).into()
    };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(address).ok()?;
    let source = socket.local_addr().ok()?.ip();
    (!source.is_unspecified()).then_some(source)
}

/// As Java writes an address into `brokerIP1`: IPv6 in brackets.
pub(crate) fn text(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn machine() -> Surroundings {
        Surroundings {
            interfaces: vec![
                ("lo".to_owned(), ip("127.0.0.1"), false),
                ("eth0".to_owned(), ip("10.1.2.3"), false),
                ("tun0".to_owned(), ip("192.168.7.7"), false),
                ("docker0".to_owned(), ip("172.17.0.1"), true),
            ],
            ..Surroundings::default()
        }
    }

    #[test]
    fn the_route_to_the_name_server_decides_before_the_default_route() {
        let surroundings = Surroundings {
            towards_name_server: Some(ip("192.168.7.7")),
            on_default_route: Some(ip("10.1.2.3")),
            remote_name_server: Some("ns:9876".to_owned()),
            ..machine()
        };
        let (address, candidates) = choose(&surroundings);
        assert_eq!(address, Ok(ip("192.168.7.7")));
        let reasons: Vec<_> = candidates
            .iter()
            .map(|c| (c.interface.as_str(), c.reason))
            .collect();
        assert_eq!(
            reasons,
            [
                ("lo", "it is a loopback address"),
                ("eth0", "another one is on the route"),
                ("tun0", "the route to the name server leaves from it"),
                ("docker0", "the interface is a bridge"),
            ]
        );
    }

    #[test]
    fn without_a_name_server_elsewhere_the_default_route_decides() {
        let surroundings = Surroundings {
            on_default_route: Some(ip("10.1.2.3")),
            ..machine()
        };
        assert_eq!(choose(&surroundings).0, Ok(ip("10.1.2.3")));
    }

    #[test]
    fn a_bridge_is_not_taken_when_no_route_tells() {
        let mut surroundings = machine();
        surroundings.interfaces.reverse();
        assert_eq!(choose(&surroundings).0, Ok(ip("192.168.7.7")));
    }

    #[test]
    fn loopback_is_taken_only_when_all_name_servers_are_here() {
        let mut surroundings = machine();
        surroundings.interfaces.truncate(1);
        assert_eq!(choose(&surroundings).0, Ok(ip("127.0.0.1")));
        surroundings.remote_name_server = Some("10.9.9.9:9876".to_owned());
        let error = choose(&surroundings).0.unwrap_err();
        assert!(error.to_string().contains("set brokerIP1"), "{error}");
    }

    #[test]
    fn a_name_server_on_loopback_is_not_remote() {
        let here = Surroundings::look(&[(
            "127.0.0.1:9876".to_owned(),
            vec![SocketAddr::from(([127, 0, 0, 1], 9876))],
        )]);
        assert_eq!(
            (here.remote_name_server, here.towards_name_server),
            (None, None)
        );
    }
}
