//! Takes an allow list and the listeners on a step's own loopback, serves them from outside of the sandbox, gives
//! every decision.
//!
//! ```text
//! step ── 127.0.0.1:61080 ──→ runner: the proxy ─────→ hosts of the allow list
//!      ── 127.0.0.1:11434 ──→ runner ────────────────→ the same port of the host, if the list names it
//! ```
//!
//! The listeners were made inside of the step's network namespace (`sandbox`), which has no other way out; whoever
//! holds them accepts from there. A [`Gate`] says where they have to be and what the step's environment has to say:
//!
//! ```no_run
//! # use autopilot::network::Gate;
//! # fn confine(_: Vec<std::net::SocketAddr>, _: Vec<(String, String)>) -> Vec<std::net::TcpListener> { Vec::new() }
//! # fn main() -> std::io::Result<()> {
//! let gate = Gate::new(&["example.org".parse().unwrap()]);
//! let listeners = confine(gate.listen(), gate.env());
//! let serving = gate.serve(listeners)?;
//! // … the command runs and ends …
//! for decision in serving.end() {
//!     println!("{}:{} {:?}", decision.host, decision.port, decision.verdict);
//! }
//! # Ok(())
//! # }
//! ```

mod address;
mod allow;
mod counted;
mod hello;
mod outside;
mod proxy;
mod serve;
mod tally;
mod tunnel;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

pub use allow::AllowList;
pub use outside::{Answer, Internet, Outside};
pub use serve::Serving;
pub use tally::{Decision, Verdict};

use crate::plan::Destination;

/// Where a step finds the proxy: above the ports that the kernel gives out, so that no server of a step's own that
/// asks for any port gets this one.
const PROXY_PORT: u16 = 61_080;

/// The way out of one command.
#[derive(Debug, Clone)]
pub struct Gate {
    list: AllowList,
    proxy: SocketAddr,
    outside: Arc<dyn Outside>,
}

impl Gate {
    /// Makes the way out for an allow list.
    pub fn new(allow: &[Destination]) -> Self {
        Self::through(allow, Arc::new(Internet))
    }

    /// Makes a way out that leads elsewhere than to the internet.
    pub fn through(allow: &[Destination], outside: Arc<dyn Outside>) -> Self {
        let list = AllowList::new(allow);
        let taken = list.loopback();
        let free = |port: &u16| !taken.iter().any(|(place, _)| place.port() == *port);
        let port = (PROXY_PORT..u16::MAX).find(free).unwrap_or(PROXY_PORT);
        Self { list, proxy: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), outside }
    }

    /// Returns where on the command's loopback there have to be listeners, in the order that [`Gate::serve`] takes
    /// them: the proxy, and each entry on the host's loopback at its own address.
    pub fn listen(&self) -> Vec<SocketAddr> {
        std::iter::once(self.proxy).chain(self.list.loopback().into_iter().map(|(place, _)| place)).collect()
    }

    /// Returns what the command's environment has to say for its programs to find the proxy.
    pub fn env(&self) -> Vec<(String, String)> {
        const PROXY: [&str; 9] = [
            "HTTP_PROXY",
            "http_proxy",
            "HTTPS_PROXY",
            "https_proxy",
            "ALL_PROXY",
            "all_proxy",
            "CARGO_HTTP_PROXY",
            "npm_config_proxy",
            "npm_config_https_proxy",
        ];
        let proxy = format!("http://{}", self.proxy);
        let own = "localhost,127.0.0.1,::1";
        let proxies = PROXY.map(|name| (name, &*proxy));
        let rest = [("NO_PROXY", own), ("no_proxy", own), ("NODE_USE_ENV_PROXY", "1")];
        proxies.into_iter().chain(rest).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Serves the listeners until the answer is ended or dropped.
    pub fn serve(&self, listeners: Vec<TcpListener>) -> io::Result<Serving> {
        serve::start(self, listeners)
    }
}
