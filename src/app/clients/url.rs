//! Takes the address of a registry as a client tells it, gives the host as a plan names it.

use crate::plan::Destination;

/// A registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Registry {
    host: Destination,
    /// The address, without a name and a password.
    pub(super) address: String,
}

impl Registry {
    /// Reads an address; `sparse+https` is one of https. Nothing where it is none, or a folder of this host.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim().trim_matches(['"', '\'']);
        let (scheme, rest) = text.split_once("://")?;
        let port = match scheme.rsplit('+').next() {
            Some("https") => 443,
            Some("http") => 80,
            _ => return None,
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
        let has_port = place.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let named = if has_port { place.to_owned() } else { format!("{place}:{port}") };
        let host = named.parse().ok()?;
        Some(Self { host, address: format!("{scheme}://{place}{path}") })
    }

    /// Returns the host's name alone.
    pub(super) fn name(&self) -> &str {
        &self.host.host
    }

    /// Writes it as a plan has it.
    pub(super) fn in_plan(&self) -> String {
        self.host.in_plan()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gives_its_host_and_never_its_password() {
        for (address, host, without) in [
            ("https://mirror.example.org/npm/", "mirror.example.org", "https://mirror.example.org/npm/"),
            (
                "sparse+https://mirror.example.org/x/",
                "mirror.example.org",
                "sparse+https://mirror.example.org/x/",
            ),
            ("http://10.0.0.7:8081/simple", "10.0.0.7:8081", "http://10.0.0.7:8081/simple"),
            ("http://mirror.example.org", "mirror.example.org:80", "http://mirror.example.org"),
            (
                "https://me:p@ss@mirror.example.org:443/x",
                "mirror.example.org",
                "https://mirror.example.org:443/x",
            ),
            ("'https://mirror.example.org?a@b'\n", "mirror.example.org", "https://mirror.example.org?a@b"),
        ] {
            let read = Registry::read(address).unwrap();
            assert_eq!((read.in_plan().as_str(), read.address.as_str()), (host, without));
        }
        for none in ["undefined", "", "file:///srv/mirror", "direct", "https://", "https://a b/", "off"] {
            assert_eq!(Registry::read(none), None, "{none}");
        }
    }
}
