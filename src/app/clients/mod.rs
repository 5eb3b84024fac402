//! Takes the clients of registries that a repository or a command needs, gives the hosts that each says it asks on this host, and by whose
//! settings. No registry is known here: the clients are asked.
//!
//! They are the user's own programs, found on PATH without what the checkout could bring there, started in `/` and for a bounded time: no
//! settings and no toolchain file of a repository are in their reach. Each is asked twice, as the user has it and as a step would
//! have it, since HOME and most of the environment are not the user's there.

mod ask;
mod cargo;
mod found;
mod kind;
mod maven;
mod url;
mod words;

use std::collections::BTreeSet;

use crate::plan::Invocation;
use crate::policy::HostFacts;
use ask::Asking;
use found::Found;
pub use kind::Client;
use url::Registry;

/// What a client answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The client.
    pub client: Client,
    /// The hosts that it asks as the user has it, as a plan names them; none where it is not there, or tells nothing.
    pub hosts: BTreeSet<String>,
    /// Those that it would ask in a step.
    pub in_step: BTreeSet<String>,
    /// Where the answer is from: a command, or a file.
    pub from: String,
    /// What the plan's step has to say so that these settings of the user's hold in it, too; nothing where they do, or where there is no such line.
    pub follow: Option<String>,
}

impl Answered {
    /// Tells whether a step asks others than the user does.
    pub fn differs(&self) -> bool {
        self.hosts != self.in_step
    }
}

/// Returns the host of a registry's address, as a plan names it.
pub fn host_of(address: &str) -> Option<String> {
    Some(Registry::read(address)?.in_plan())
}

/// Returns the clients by which a command downloads something.
pub fn of_command(invocation: &Invocation) -> BTreeSet<Client> {
    words::clients(invocation)
}

/// Asks the clients, all at once, what they ask for. `in_step` is the environment that a step has but for HOME; where nobody knows
/// it yet, [`bare`] is.
///
pub fn ask(clients: &BTreeSet<Client>, host: &HostFacts, in_step: &[(String, String)]) -> Vec<Answered> {
    each(clients, host, in_step, &answer)
}

/// The same, and asks over the network, too, where the settings tell but the first of several hosts: pip's index names others.
pub fn ask_all(clients: &BTreeSet<Client>, host: &HostFacts, in_step: &[(String, String)]) -> Vec<Answered> {
    each(clients, host, in_step, &|client, asking, host| {
        let mut answered = answer(client, asking, host);
        answered.hosts.extend(kind::of_download(client, asking).iter().map(Registry::in_plan));
        answered
    })
}

fn each(
    clients: &BTreeSet<Client>,
    host: &HostFacts,
    in_step: &[(String, String)],
    answer: &(dyn Fn(Client, &Asking, &HostFacts) -> Answered + Sync),
) -> Vec<Answered> {
    let Ok(asking) = Asking::new(host, in_step) else { return Vec::new() };
    std::thread::scope(|scope| {
        let asked: Vec<_> =
            clients.iter().map(|client| scope.spawn(|| answer(*client, &asking, host))).collect();
        asked.into_iter().filter_map(|asked| asked.join().ok()).collect()
    })
}

/// Returns the environment that a step has whose plan says nothing of it, but for HOME.
pub fn bare(host: &HostFacts) -> Vec<(String, String)> {
    let path: Vec<_> = host.path.iter().map(|dir| dir.to_string_lossy()).collect();
    let path = ("PATH".to_owned(), path.join(":"));
    [path].into_iter().chain(host.toolchain_env.iter().cloned()).collect()
}

fn answer(client: Client, asking: &Asking, host: &HostFacts) -> Answered {
    let found = match client {
        Client::Cargo => cargo::ask(asking, host),
        Client::Maven => maven::ask(asking, host),
        _ => kind::ask(client, asking),
    };
    let Found { own, in_step, from, file } = found;
    let hosts = |all: &[Registry]| all.iter().map(Registry::in_plan).collect::<BTreeSet<String>>();
    let mut answered = Answered { client, hosts: hosts(&own), in_step: hosts(&in_step), from, follow: None };
    if answered.differs() {
        answered.follow = own.first().and_then(|first| client.follow(first, file.as_deref()));
    }
    answered
}
