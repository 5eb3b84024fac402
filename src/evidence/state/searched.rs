//! What a search of a result branch for secrets came to.

use crate::evidence::text::Text;

/// What a search of a result branch for secrets came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Searched {
    /// What looks like a secret, by kind and place; the first of them.
    pub found: Vec<String>,
    /// How many more.
    pub more: u64,
    /// What was not searched, and why.
    pub unsearched: Vec<String>,
}

impl Searched {
    pub(super) fn of(found: &[Text], more: u64, unsearched: &[Text]) -> Self {
        let strings = |texts: &[Text]| texts.iter().map(ToString::to_string).collect();
        Self { found: strings(found), more, unsearched: strings(unsearched) }
    }

    /// Says what somebody has to look at, one thing each; no more than so many of a kind.
    pub fn to_check(&self, named: usize) -> impl Iterator<Item = String> {
        let found = listed("a secret, it seems, in the result", &self.found, self.more, named);
        found.chain(listed("not searched for secrets", &self.unsearched, 0, named))
    }
}

fn listed(what: &str, all: &[String], more: u64, named: usize) -> impl Iterator<Item = String> {
    let more = more.saturating_add(all.len().saturating_sub(named) as u64);
    let first = all.iter().take(named).map(move |each| format!("{what}: {each}"));
    first.chain((more > 0).then(|| format!("and {more} more of those")))
}
