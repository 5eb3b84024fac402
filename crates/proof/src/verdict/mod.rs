//! Takes the results of all runs, gives the verdict.
//!
//! The runner decides by it, and an audit derives it again from what was recorded.

mod judge;
mod lines;
mod mutants;
mod names;
mod note;
mod old;
mod refusal;
mod runs;
mod support;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use judge::Judge;
pub use lines::{Lines, Proved, Undone, is_noticed, lines};
pub use mutants::{Function, unheard};
pub use note::Note;
pub use refusal::{Refusal, Which};
pub use runs::{Canary, Code, Kind, Mutant, Ran, Runs, Terms};

/// A changed value that a test noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noticed {
    /// Where: `path:line`.
    pub at: String,
    /// What was changed.
    pub what: String,
    /// The tests that failed with it; those that prove the change, where there are any.
    pub by: BTreeSet<String>,
}

/// What the runs come to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The tests that fail, or are not there, without the change, and pass with it.
    pub proved: BTreeSet<String>,
    /// Old tests that fail with the change, but whose new versions fail without it and pass with it.
    pub excused: BTreeSet<String>,
    /// Old tests that do not pass any more, which the plan names.
    pub named: BTreeSet<String>,
    /// Old tests that pass where they are put back, but are not in the result.
    pub vanished: BTreeSet<String>,
    /// Tests that the result skips.
    pub skipped: BTreeSet<String>,
    /// Changed values that some test noticed.
    pub noticed: Vec<Noticed>,
    /// Why it is refused.
    pub refusals: Vec<Refusal>,
    /// What has to be said, without being a reason to refuse.
    pub notes: Vec<Note>,
}

impl Verdict {
    /// Nothing speaks against it.
    pub fn is_accepted(&self) -> bool {
        self.refusals.is_empty()
    }
}

/// Decides.
pub fn decide(runs: &Runs, terms: &Terms) -> Verdict {
    let mut judge = Judge::of(runs, terms);
    judge.first();
    judge.support();
    judge.verdict
}

/// Tells whether the runs without canaries and mutants are enough to refuse, before those are made.
pub fn is_refused_already(runs: &Runs, terms: &Terms) -> bool {
    let mut judge = Judge::of(runs, terms);
    judge.first();
    if runs.canaried.is_some() {
        judge.canaries();
    }
    if runs.spoiled.is_some() {
        judge.spoiled();
    }
    !judge.verdict.is_accepted()
}
