//! What one kind of tool needs around a piece of work.

use crate::app::clients::Client;

/// What one kind of tool needs.
#[derive(Debug, Default)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// What fetches.
    pub(super) fetch: Option<Fetching>,
    pub(super) test: Option<String>,
    /// What it makes: the pattern, and words by which rules of the repository would ignore it.
    pub(super) makes: Vec<Made>,
}

/// A pattern of what a tool makes, and the words of rules that ignore it.
pub(super) type Made = (&'static str, &'static [&'static str]);

/// How what a tool needs is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fetching {
    pub(super) command: String,
    /// The hosts that the repository itself names.
    pub(super) named: Vec<String>,
    /// Who knows the others.
    pub(super) client: Option<Client>,
}

impl Fetching {
    /// By a client that alone knows whom it asks.
    pub(super) fn by(client: Client, command: impl Into<String>) -> Self {
        Self { command: command.into(), named: Vec::new(), client: Some(client) }
    }
}
