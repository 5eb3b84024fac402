//! Takes an allow list, tells before anything runs which of its names this host's resolver leads to where no step is let: a mirror in a private
//! network, a resolver that answers everything with an address of its own.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::allow::AllowList;
use super::outside::{Internet, Outside, checked};
use super::tally::Verdict;
use crate::plan::Destination;

/// So long resolvers are waited for, all together: whoever does not answer by then is told of when it is asked.
const PATIENCE: Duration = Duration::from_secs(2);

/// A name of the list that would be refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shut {
    /// It.
    pub destination: Destination,
    /// Why.
    pub why: String,
    /// What the list has to have beside it.
    pub allow: Option<String>,
}

/// Resolves the names of a list, and tells which of them would be refused now. Patterns stand for no name.
pub fn shut(allowed: &[Destination]) -> Vec<Shut> {
    shut_to(Arc::new(Internet), allowed)
}

fn shut_to(outside: Arc<dyn Outside>, allowed: &[Destination]) -> Vec<Shut> {
    let is_name = |own: &&Destination| {
        !own.host.starts_with("*.") && !own.is_loopback() && own.host.parse::<std::net::IpAddr>().is_err()
    };
    let names: Vec<Destination> = allowed.iter().filter(is_name).cloned().collect();
    if names.is_empty() {
        return Vec::new();
    }
    let list = AllowList::new(allowed);
    // In a thread of its own: whoever asks may have a runtime already.
    let asked = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let found = runtime.block_on(ask(&outside, names, list));
        // A resolver that does not answer is not waited for.
        runtime.shutdown_background();
        Some(found)
    });
    let mut found = asked.join().ok().flatten().unwrap_or_default();
    found.sort_by_cached_key(|shut| shut.destination.to_string());
    found
}

async fn ask(outside: &Arc<dyn Outside>, names: Vec<Destination>, list: AllowList) -> Vec<Shut> {
    let mut asked = JoinSet::new();
    for destination in names {
        let (outside, list) = (Arc::clone(outside), list.clone());
        asked.spawn(async move {
            match timeout(PATIENCE, checked(&*outside, &list, &destination)).await {
                Ok(Err(Verdict::Refused { why, allow })) => Some(Shut { destination, why, allow }),
                _ => None,
            }
        });
    }
    asked.join_all().await.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::{IpAddr, SocketAddr};

    use tokio::net::TcpStream;

    use super::super::outside::Answer;
    use super::*;

    /// Answers with an address by the first letter of a name.
    #[derive(Debug)]
    struct Resolver;

    impl Outside for Resolver {
        fn look_up(&self, name: &str) -> Answer<Vec<IpAddr>> {
            let address = match name.as_bytes() {
                [b'p', ..] => "10.0.0.7",
                [b'd', ..] => "192.0.2.1",
                [b'n', ..] => return Box::pin(async { Err(io::Error::other("no such name")) }),
                _ => "9.9.9.9",
            };
            Box::pin(async move { Ok(vec![address.parse().unwrap()]) })
        }

        fn connect(&self, _: SocketAddr) -> Answer<TcpStream> {
            Box::pin(async { Err(io::Error::other("nobody connects")) })
        }
    }

    #[test]
    fn names_that_lead_where_no_step_is_let_are_told_unless_their_address_is_listed() {
        let told = |all: &[&str]| {
            let all: Vec<Destination> = all.iter().map(|own| own.parse().unwrap()).collect();
            let shut = shut_to(Arc::new(Resolver), &all);
            shut.iter()
                .map(|own| format!("{} {}", own.destination, own.allow.clone().unwrap_or_default()))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            told(&["good.example.org", "private.example.org:8443", "doc.example.org", "none.example.org"]),
            ["doc.example.org:443 192.0.2.1", "private.example.org:8443 10.0.0.7:8443"]
        );
        assert_eq!(told(&["private.example.org", "10.0.0.7", "good.example.org"]), Vec::<String>::new());
        // Addresses, patterns and the loopback are no names to be resolved.
        assert_eq!(
            told(&["10.0.0.9", "*.private.example.org", "localhost:5432", "127.0.0.1:80"]),
            Vec::<String>::new()
        );
    }
}
