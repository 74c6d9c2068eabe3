//! Which name server to ask: one is kept while it answers, the next takes over when it fails.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::error::Error;

#[derive(Debug)]
pub(crate) struct NameServers {
    addresses: Vec<String>,
    current: AtomicUsize,
}

impl NameServers {
    /// `start` spreads clients over the servers, as Java's shuffling does.
    pub(crate) fn new(addresses: Vec<String>, start: usize) -> Result<Self, Error> {
        if addresses.is_empty() {
            return Err(Error::NoNameServer);
        }
        let current = AtomicUsize::new(start % addresses.len());
        Ok(Self { addresses, current })
    }

    pub(crate) fn all(&self) -> &[String] {
        &self.addresses
    }

    /// The servers in the order in which to try them.
    pub(crate) fn in_turn(&self) -> impl Iterator<Item = &str> {
        let start = self.current.load(Relaxed) % self.addresses.len();
        let (before, after) = self.addresses.split_at(start);
        after.iter().chain(before).map(String::as_str)
    }

    /// Passes on from a server that failed, unless another caller has done so already.
    pub(crate) fn failed(&self, address: &str) {
        let current = self.current.load(Relaxed);
        if self.addresses.get(current).is_some_and(|a| a == address) {
            let next = (current + 1) % self.addresses.len();
            let _ = self
                .current
                .compare_exchange(current, next, Relaxed, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers() -> NameServers {
        NameServers::new(["a", "b", "c"].map(String::from).to_vec(), 4).unwrap()
    }

    #[test]
    fn one_server_is_kept_until_it_fails() {
        let servers = servers();
        assert_eq!(servers.in_turn().collect::<Vec<_>>(), ["b", "c", "a"]);
        servers.failed("a");
        assert_eq!(servers.in_turn().next(), Some("b"));
        servers.failed("b");
        servers.failed("b");
        assert_eq!(servers.in_turn().collect::<Vec<_>>(), ["c", "a", "b"]);
        servers.failed("c");
        assert_eq!(servers.in_turn().next(), Some("a"));
    }

    #[test]
    fn an_empty_list_says_what_is_missing() {
        let error = NameServers::new(vec![], 0).unwrap_err();
        assert!(matches!(error, Error::NoNameServer));
    }
}
