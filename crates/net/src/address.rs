//! Addresses as users write them: `host:port`, with names and IPv6 literals.

use std::net::{IpAddr, SocketAddr};

use tokio::net::lookup_host;

/// Why an address text leads nowhere.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    #[error("address {address:?} has no port: write host:port, or [host]:port for IPv6")]
    NoPort { address: String },
    #[error("cannot resolve {address}: check the name and the resolver of this machine")]
    Resolve {
        address: String,
        source: std::io::Error,
    },
    #[error("{address} resolves to no address")]
    Nothing { address: String },
}

/// All socket addresses behind `address`, in the resolver's order. Names are asked for every time,
/// so that a moved server is found again on the next connect.
pub(crate) async fn resolve(address: &str) -> Result<Vec<SocketAddr>, AddressError> {
    let (host, port) = split(address)?;
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let found = lookup_host((host, port))
        .await
        .map_err(|source| AddressError::Resolve {
            address: address.to_owned(),
            source,
        })?;
    let found: Vec<_> = found.collect();
    if found.is_empty() {
        return Err(AddressError::Nothing {
            address: address.to_owned(),
        });
    }
    Ok(found)
}

/// Splits at the last colon, as Java does, so that `::1:9876` works without brackets too.
fn split(address: &str) -> Result<(&str, u16), AddressError> {
    let no_port = || AddressError::NoPort {
        address: address.to_owned(),
    };
    let (host, port) = address.trim().rsplit_once(':').ok_or_else(no_port)?;
    let port = port.parse().map_err(|_| no_port())?;
    let host = host
        .strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host);
    if host.is_empty() {
        Err(no_port())
    } else {
        Ok((host, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_split_as_users_write_them() {
        assert_eq!(split("127.0.0.1:9876").unwrap(), ("127.0.0.1", 9876));
        assert_eq!(
            split(" broker-a.example:10911 ").unwrap(),
            ("broker-a.example", 10911)
        );
        assert_eq!(split("[::1]:9876").unwrap(), ("::1", 9876));
        assert_eq!(split("::1:9876").unwrap(), ("::1", 9876));
    }

    #[test]
    fn an_address_without_port_says_how_to_write_it() {
        for address in ["localhost", "localhost:", "localhost:x", ":9876", ""] {
            let error = split(address).unwrap_err().to_string();
            assert!(error.contains("write host:port"), "{error}");
        }
    }
}
