//! Takes an allow list and a destination as a client names it, tells whether the list has it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::plan::Destination;

/// What a step may reach.
#[derive(Debug, Clone, Default)]
pub(super) struct AllowList {
    entries: Vec<Destination>,
    /// Whatever is public may be reached, too: to find out what has to be.
    is_open: bool,
}

impl AllowList {
    /// Makes a list of a plan's entries.
    pub(super) fn new(entries: &[Destination]) -> Self {
        Self { entries: entries.to_vec(), is_open: false }
    }

    /// Lets whatever is public be reached.
    pub(super) fn opened(self) -> Self {
        Self { is_open: true, ..self }
    }

    /// Tells whether a destination may be asked for.
    pub(super) fn lets(&self, target: &Destination) -> bool {
        self.is_open || self.has(target)
    }

    /// Tells whether a destination is on the list.
    pub(super) fn has(&self, target: &Destination) -> bool {
        self.entries.iter().any(|entry| entry.covers(target))
    }

    /// Tells whether an address is on the list itself, and not merely what a name resolves to.
    pub(super) fn has_address(&self, address: SocketAddr) -> bool {
        let (host, port) = (address.ip().to_canonical().to_string(), address.port());
        self.entries.iter().any(|entry| entry.port == port && entry.host == host)
    }

    /// Returns the entries on the host's loopback and where a step finds each on its own, each place once.
    pub(super) fn loopback(&self) -> Vec<(SocketAddr, &Destination)> {
        let mut found: Vec<(SocketAddr, &Destination)> = Vec::new();
        for entry in &self.entries {
            match on_loopback(entry) {
                Some(place) if !found.iter().any(|(known, _)| *known == place) => found.push((place, entry)),
                _ => {}
            }
        }
        found
    }
}

fn on_loopback(entry: &Destination) -> Option<SocketAddr> {
    if entry.host == "localhost" {
        return Some(SocketAddr::from((Ipv4Addr::LOCALHOST, entry.port)));
    }
    let address: IpAddr = entry.host.parse().ok()?;
    address.is_loopback().then(|| SocketAddr::new(address, entry.port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[&str]) -> AllowList {
        AllowList::new(&entries.iter().map(|entry| entry.parse().unwrap()).collect::<Vec<_>>())
    }

    fn has(entries: &[&str], target: &str) -> bool {
        list(entries).has(&target.parse().unwrap())
    }

    #[test]
    fn a_host_is_its_name_and_its_port() {
        for target in ["example.org", "EXAMPLE.org.", "example.org:443"] {
            assert!(has(&["example.org"], target), "{target}");
        }
        for target in
            ["example.org:80", "www.example.org", "evilexample.org", "example.org.evil.net", "example.or"]
        {
            assert!(!has(&["example.org"], target), "{target}");
        }
        assert!(has(&["bücher.example.org"], "xn--bcher-kva.example.org"));
    }

    #[test]
    fn a_wildcard_is_a_label_or_more() {
        for target in ["a.example.org", "a.b.example.org", "A.EXAMPLE.ORG."] {
            assert!(has(&["*.example.org"], target), "{target}");
        }
        for target in ["example.org", "evilexample.org", "example.org.evil.net", "a.example.org:80"] {
            assert!(!has(&["*.example.org"], target), "{target}");
        }
    }

    #[test]
    fn an_address_is_that_address() {
        assert!(has(&["10.1.2.3:5432"], "10.1.2.3:5432"));
        assert!(has(&["[2001:db8::1]:80"], "[2001:0db8:0::1]:80"));
        assert!(!has(&["10.1.2.3:5432"], "10.1.2.4:5432"));
        assert!(list(&["10.1.2.3:80"]).has_address("[::ffff:10.1.2.3]:80".parse().unwrap()));
    }

    #[test]
    fn what_is_on_the_loopback_is_found_there() {
        let list = list(&["localhost:1", "127.0.0.1:1", "127.0.0.2:2", "[::1]:3", "10.0.0.1:4", "a.org:5"]);
        let shown: Vec<String> =
            list.loopback().iter().map(|(place, entry)| format!("{place} {entry}")).collect();
        assert_eq!(shown, ["127.0.0.1:1 localhost:1", "127.0.0.2:2 127.0.0.2:2", "[::1]:3 [::1]:3"]);
    }
}
