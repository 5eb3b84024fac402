//! The way out of a step: what an allow list lets through, what it does not, and what is written down about it.

mod clients;
mod decides;
mod degraded;
mod elsewhere;
mod endpoint;
mod host;
mod learn;
mod messages;
mod money;
mod plans;
mod proxy;
mod registries;
pub(crate) mod site;
mod tokens;
