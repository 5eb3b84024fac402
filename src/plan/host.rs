//! Reads and writes the destinations of an allow list, for plans and for the command line.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use super::wrong::Wrong;
use super::{Destination, Network};

impl FromStr for Destination {
    type Err = Wrong;

    /// Reads `host`, `host:port`, `*.host`, an address, or `[v6]:port`; the port is 443 unless written.
    fn from_str(text: &str) -> Result<Self, Wrong> {
        read(text)
    }
}

/// Returns the host of the address of a page.
pub(super) fn of_page(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    rest.split(['/', '?']).next()
}

fn read(text: &str) -> Result<Destination, Wrong> {
    if let Some(host) = of_page(text) {
        return Err(Wrong::new("is an address of a page, not a host", format!("write `{host}`")));
    }
    if text == "*" {
        return Err(Wrong::new("allows everything", "write `network: full` if you mean it"));
    }
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Ok(Destination { host: address.to_string(), port: 443 });
    }
    let (host, port) = split_port(text)?;
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address = inner.parse::<Ipv6Addr>().map_err(|_| not_a_host())?;
        return Ok(Destination { host: address.to_string(), port });
    }
    let host = ascii(host)?;
    let name = host.strip_prefix("*.").unwrap_or(&host);
    if name.contains('*') {
        return Err(Wrong::new(
            "has its `*` in the wrong place",
            "`*.` may only come first: `*.example.org`",
        ));
    }
    let looks_like_address = name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let is_good =
        if looks_like_address { name == host && name.parse::<IpAddr>().is_ok() } else { is_name(name) };
    if is_good { Ok(Destination { host, port }) } else { Err(not_a_host()) }
}

/// Returns a name as DNS compares it: in lower case, international labels in their ASCII form, no dot at the end.
fn ascii(host: &str) -> Result<String, Wrong> {
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.is_ascii() {
        return Ok(host.to_ascii_lowercase());
    }
    let (wildcard, name) = host.strip_prefix("*.").map_or(("", host), |name| ("*.", name));
    let name = idna::domain_to_ascii(name).map_err(|_| not_a_host())?;
    Ok(format!("{wildcard}{name}"))
}

fn split_port(text: &str) -> Result<(&str, u16), Wrong> {
    let Some((host, port)) = text.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) else {
        return Ok((text, 443));
    };
    let is_number = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    match port.parse::<u16>() {
        Ok(port) if is_number && port > 0 => Ok((host, port)),
        _ => Err(Wrong::new("has a port that is none", "write a number from 1 to 65535: `example.org:8443`")),
    }
}

fn is_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

fn not_a_host() -> Wrong {
    Wrong::new("is not a host", "write `example.org`, `*.example.org:8443`, `127.0.0.1:11434` or `[::1]:80`")
}

impl Network {
    /// Writes the line of a plan that allows these hosts, and no others.
    pub fn allowing<H: AsRef<str>>(hosts: impl IntoIterator<Item = H>) -> String {
        let hosts: Vec<String> = hosts.into_iter().map(|host| format!("\"{}\"", host.as_ref())).collect();
        format!("network: {{allow: [{}]}}", hosts.join(", "))
    }

    /// Tells whether all that a destination, or a pattern of some, stands for may be reached.
    pub fn lets(&self, target: &Destination) -> bool {
        match self {
            Self::None => false,
            Self::Full => true,
            Self::Allow(allowed) => allowed.iter().any(|own| own.covers(target)),
        }
    }
}

impl Destination {
    /// Writes it as a plan has it: a port of 443 goes without saying.
    pub fn in_plan(&self) -> String {
        let text = self.to_string();
        match text.strip_suffix(":443") {
            Some(name) if !name.ends_with(']') => name.to_owned(),
            _ => text,
        }
    }

    /// Tells whether this entry of a list lets another one be reached. A `*.` stands for one label or more, and never for none:
    /// `*.example.org` is neither `example.org` nor `evilexample.org`.
    pub fn covers(&self, target: &Self) -> bool {
        let is_named = match self.host.strip_prefix("*.") {
            Some(parent) => {
                target.host.parse::<IpAddr>().is_err()
                    && target
                        .host
                        .strip_suffix(parent)
                        .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }
            None => self.host == target.host,
        };
        self.port == target.port && is_named
    }

    /// Tells whether it is on the loopback.
    pub fn is_loopback(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for (text, shown) in [
            ("Example.org", "example.org:443"),
            ("*.example.org:8443", "*.example.org:8443"),
            ("127.0.0.1:11434", "127.0.0.1:11434"),
            ("::1", "[::1]:443"),
            ("[::1]:80", "[::1]:80"),
            ("localhost:1", "localhost:1"),
            ("Example.org.:8443", "example.org:8443"),
            ("Bücher.example.org", "xn--bcher-kva.example.org:443"),
            ("*.münchen.example.org.", "*.xn--mnchen-3ya.example.org:443"),
            ("XN--mnchen-3ya.example.org", "xn--mnchen-3ya.example.org:443"),
        ] {
            assert_eq!(read(text).unwrap().to_string(), shown);
            assert_eq!(read(&read(text).unwrap().to_string()).unwrap(), read(text).unwrap());
        }
    }

    #[test]
    fn refuses_what_no_rule_can_mean() {
        for text in [
            "",
            "*",
            "a.*.org",
            "*example.org",
            "https://example.org/x",
            "a b",
            "a:0",
            "a:65536",
            "a:",
            "a:+1",
            "-a.org",
            "a..org",
            "1.2.3",
            "*.1.2.3.4",
            "[::1",
            "example.org..",
            ".",
            "\u{200d}.example.org",
            "a/b",
            "user@host",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
