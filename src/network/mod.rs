//! Takes an allow list, a model, and the listeners on a step's own loopback; serves them from outside of the sandbox,
//! and gives every decision.
//!
//! ```text
//! step ── 127.0.0.1:61080 ──→ runner: the proxy ──────────→ hosts of the allow list
//!      ── 127.0.0.1:11434 ──→ runner ─────────────────────→ the same port of the host, if the list names it
//!      ── 127.0.0.1:61079 ──→ runner: the model endpoint ─→ the model's server, with the key
//! ```
//!
//! The listeners were made inside of the step's network namespace (`sandbox`), which has no other way out; whoever
//! holds them accepts from there. A [`Gate`] says where they have to be and what the step's environment has to say:
//!
//! ```no_run
//! use autopilot::network::{Auth, Dialect, Gate, Upstream};
//! # fn confine(_: Vec<std::net::SocketAddr>, _: Vec<(String, String)>) -> Vec<std::net::TcpListener> { Vec::new() }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let key = String::new();
//! let base = "https://api.openai.com/v1";
//! let model = Upstream::new(Dialect::Responses, base, &Auth::Bearer(key))?.limit(Some(500_000));
//! let gate = Gate::closed().allow(&["example.org".parse().unwrap()]).model(model);
//! assert_eq!(gate.model_url().as_deref(), Some("http://127.0.0.1:61079/v1"));
//! let listeners = confine(gate.listen(), gate.env(&[]));
//! let serving = gate.serve(listeners)?;
//! // … the command runs and ends …
//! let traffic = serving.end();
//! println!("{} tokens, {} destinations", traffic.model.tokens(), traffic.decisions.len());
//! # Ok(())
//! # }
//! ```
//!
//! The endpoint passes on what its [`Dialect`] asks a model with, `POST /v1/responses` or `POST /v1/messages`, to the base
//! URL, streams both ways, and counts what each answer says it cost. Over the limit the next request is answered with 403, and [`Usage::refused`] says so.

mod address;
mod allow;
mod answer;
mod asked;
mod before;
mod bill;
mod counted;
mod dated;
mod dialect;
mod exchange;
mod gate;
mod grammar;
mod hello;
mod http;
mod judge;
mod metered;
mod model;
mod outside;
mod price;
mod proxy;
mod send;
mod serve;
mod tally;
mod told;
mod tunnel;
mod upstream;
mod usage;

/// What fuzz targets need of the inside.
#[cfg(fuzzing)]
pub mod fuzzing {
    /// Tells whether a request would be passed on to the model; the server gave nothing before.
    pub fn passes_on(body: &[u8]) -> bool {
        let request = super::Dialect::Responses.request();
        super::judge::judge(body, request, &|_| false).is_ok()
    }
}

pub use before::{Shut, shut};
pub use dialect::{Dialect, is_priced};
pub use exchange::{Class, Exchange};
pub use gate::Gate;
pub use outside::{Answer, Internet, Outside, UNLISTED};
pub use price::PRICES_OF;
pub use serve::{Serving, Traffic};
pub use tally::{Decision, Verdict};
pub use upstream::{Auth, Upstream, UpstreamError};
pub use usage::Usage;
