//! What one kind of tool needs around a piece of work.

/// What one kind of tool needs.
#[derive(Debug, Default)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// The command that fetches, and the hosts it reaches.
    pub(super) fetch: Option<(String, Vec<String>)>,
    pub(super) test: Option<String>,
    /// What it makes: the pattern, and words by which rules of the repository would ignore it.
    pub(super) makes: Vec<Made>,
}

/// A pattern of what a tool makes, and the words of rules that ignore it.
pub(super) type Made = (&'static str, &'static [&'static str]);

/// Returns hosts by their names.
pub(super) fn hosts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
