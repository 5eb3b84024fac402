//! What lies outside of a step: names are resolved once, and the connection goes to the address that was checked.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::address::not_public;
use super::allow::AllowList;
use super::tally::Verdict;
use crate::plan::Destination;

/// How long one address may take to answer, and how long a name may take to resolve.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a destination is refused that is not on the list.
pub const UNLISTED: &str = "not in the step's allow list";

/// What an [`Outside`] answers with, later.
pub type Answer<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

/// Resolves names and makes connections. [`Internet`] is the real one; tests have others, which lie.
pub trait Outside: std::fmt::Debug + Send + Sync + 'static {
    /// Returns the addresses of a name.
    fn look_up(&self, name: &str) -> Answer<Vec<IpAddr>>;
    /// Connects to an address.
    fn connect(&self, address: SocketAddr) -> Answer<TcpStream>;
}

/// The host's resolver and the host's network.
#[derive(Debug, Clone, Copy)]
pub struct Internet;

impl Outside for Internet {
    fn look_up(&self, name: &str) -> Answer<Vec<IpAddr>> {
        let name = name.to_owned();
        Box::pin(
            async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip()).collect()) },
        )
    }

    fn connect(&self, address: SocketAddr) -> Answer<TcpStream> {
        Box::pin(TcpStream::connect(address))
    }
}

/// Connects to a destination of the list; everything else is refused.
pub(super) async fn connect(
    outside: &dyn Outside,
    list: &AllowList,
    target: &Destination,
) -> Result<TcpStream, Verdict> {
    if !list.lets(target) {
        return Err(Verdict::Refused {
            why: UNLISTED.to_owned(),
            allow: Some(entry(&target.host, target.port)),
        });
    }
    dial(outside, &checked(outside, list, target).await?).await
}

/// Connects to what the user chose, wherever that is.
pub(super) async fn connect_anywhere(
    outside: &dyn Outside,
    target: &Destination,
) -> Result<TcpStream, Verdict> {
    let addresses = if let Some(addresses) = literal(target) {
        addresses
    } else {
        let found = resolve(outside, &target.host).await?;
        found.into_iter().map(|address| SocketAddr::new(address, target.port)).collect()
    };
    dial(outside, &addresses).await
}

/// Returns the addresses of a destination that needs no resolver.
fn literal(target: &Destination) -> Option<Vec<SocketAddr>> {
    let all = |addresses: &[IpAddr]| {
        addresses.iter().map(|address| SocketAddr::new(*address, target.port)).collect()
    };
    if target.host == "localhost" {
        return Some(all(&[Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]));
    }
    target.host.parse().ok().map(|address| all(&[address]))
}

async fn resolve(outside: &dyn Outside, name: &str) -> Result<Vec<IpAddr>, Verdict> {
    match timeout(PATIENCE, outside.look_up(name)).await {
        Ok(Ok(found)) if found.is_empty() => Err(failed("the name has no address")),
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(failed(&format!("the name was not resolved: {error}"))),
        Err(_) => Err(failed("the name was not resolved in time")),
    }
}

/// Returns the addresses of a destination that may be connected to.
pub(super) async fn checked(
    outside: &dyn Outside,
    list: &AllowList,
    target: &Destination,
) -> Result<Vec<SocketAddr>, Verdict> {
    if let Some(addresses) = literal(target) {
        let private = addresses.iter().find_map(|address| not_public(address.ip()));
        return match private {
            Some(what) if !list.has(target) => Err(Verdict::Refused {
                why: format!("it is {what}"),
                allow: Some(entry(&target.host, target.port)),
            }),
            // It is on the list as it stands, or public where that is enough.
            _ => Ok(addresses),
        };
    }
    let port = target.port;
    let found = resolve(outside, &target.host).await?;
    let mut refused = None;
    let mut good = Vec::new();
    for address in found.into_iter().map(|address| SocketAddr::new(address.to_canonical(), port)) {
        match not_public(address.ip()) {
            Some(what) if !list.has_address(address) => refused = Some((address, what)),
            _ => good.push(address),
        }
    }
    match refused {
        Some((address, what)) if good.is_empty() => {
            let mut why = format!("the name resolves to {}, which is {what}", address.ip());
            // Clouds hand out credentials at link-local addresses; a mirror has none.
            if matches!(what, "private" | "loopback" | "shared by a provider") {
                why += ": a mirror there needs this address on the list, beside the name";
            }
            Err(Verdict::Refused { why, allow: Some(entry(&address.ip().to_string(), port)) })
        }
        _ => Ok(good),
    }
}

async fn dial(outside: &dyn Outside, addresses: &[SocketAddr]) -> Result<TcpStream, Verdict> {
    let mut last = failed("it has no address");
    for address in addresses {
        match timeout(PATIENCE, outside.connect(*address)).await {
            Ok(Ok(stream)) => {
                // A tunnel must not add to what small messages wait; that it cannot be asked for changes nothing.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => last = failed(&format!("{}: {error}", address.ip())),
            Err(_) => last = failed(&format!("{}: no answer in time", address.ip())),
        }
    }
    Err(last)
}

fn failed(why: &str) -> Verdict {
    Verdict::Failed { why: why.to_owned() }
}

/// Writes an entry as a plan has it: 443 is left out.
fn entry(host: &str, port: u16) -> String {
    match (Destination { host: host.to_owned(), port }, port) {
        (Destination { host, .. }, 443) => host,
        (other, _) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A resolver that answers what it was told to, and a network in which nobody listens.
    #[derive(Debug, Clone, Default)]
    struct Told {
        addresses: Vec<IpAddr>,
        dialled: Arc<Mutex<Vec<SocketAddr>>>,
    }

    impl Outside for Told {
        fn look_up(&self, _: &str) -> Answer<Vec<IpAddr>> {
            let addresses = self.addresses.clone();
            Box::pin(async move { Ok(addresses) })
        }

        fn connect(&self, address: SocketAddr) -> Answer<TcpStream> {
            self.dialled.lock().unwrap().push(address);
            Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) })
        }
    }

    /// Asks for a destination of which the name has these addresses; returns what was dialled, and why it failed.
    fn asked(allowed: &[&str], target: &str, addresses: &[&str]) -> (Vec<String>, Verdict) {
        let list = AllowList::new(&allowed.iter().map(|entry| entry.parse().unwrap()).collect::<Vec<_>>());
        let outside = Told {
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
            ..Told::default()
        };
        let target = target.parse().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let verdict = runtime.block_on(connect(&outside, &list, &target)).unwrap_err();
        let dialled = outside.dialled.lock().unwrap().iter().map(ToString::to_string).collect();
        (dialled, verdict)
    }

    #[test]
    fn of_a_mixed_answer_only_what_is_public_is_dialled() {
        let mixed = ["10.0.0.1", "1.1.1.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "2606:4700::1111"];
        let (dialled, verdict) = asked(&["example.org"], "example.org", &mixed);
        assert_eq!(dialled, ["1.1.1.1:443", "[2606:4700::1111]:443"]);
        assert!(matches!(verdict, Verdict::Failed { .. }), "{verdict:?}");
        // What is on the list by itself is dialled as well, at its port alone.
        let (dialled, _) = asked(&["example.org", "10.0.0.1"], "example.org", &mixed);
        assert_eq!(dialled, ["10.0.0.1:443", "1.1.1.1:443", "[2606:4700::1111]:443"]);
        let (dialled, _) = asked(&["example.org", "10.0.0.1:80"], "example.org", &mixed);
        assert_eq!(dialled, ["1.1.1.1:443", "[2606:4700::1111]:443"]);
    }

    #[test]
    fn a_name_with_no_public_address_is_refused_and_says_what_would_allow_it() {
        for (addresses, entry) in [
            (&["10.0.0.1"][..], "10.0.0.1"),
            (&["169.254.169.254"], "169.254.169.254"),
            (&["127.0.0.1", "::1"], "::1"),
            (&["::ffff:192.168.1.1"], "192.168.1.1"),
        ] {
            let (dialled, verdict) = asked(&["example.org"], "example.org", addresses);
            assert!(dialled.is_empty(), "{addresses:?}: {dialled:?}");
            let Verdict::Refused { why, allow } = verdict else { panic!("{addresses:?}: {verdict:?}") };
            assert!(why.starts_with(&format!("the name resolves to {entry}, which is ")), "{why}");
            let allowed = allow.unwrap();
            // Taken literally it does.
            assert!(!asked(&["example.org", &allowed], "example.org", addresses).0.is_empty(), "{allowed}");
        }
    }

    #[test]
    fn another_port_or_name_is_not_even_resolved() {
        for target in ["example.org:80", "www.example.org", "1.1.1.1"] {
            let (dialled, verdict) = asked(&["example.org"], target, &["1.1.1.1"]);
            assert!(
                dialled.is_empty() && matches!(verdict, Verdict::Refused { .. }),
                "{target}: {verdict:?}"
            );
        }
        for target in ["example.org", "example.org:443"] {
            assert_eq!(asked(&["example.org"], target, &["1.1.1.1"]).0, ["1.1.1.1:443"], "{target}");
        }
        assert_eq!(asked(&["example.org:80"], "example.org:80", &["1.1.1.1"]).0, ["1.1.1.1:80"]);
    }
}
