//! What of a change is to be proved, and by which command: `expectation.proves`, resolved.

use std::path::PathBuf;

use autopilot_proof::results::Format;
use serde::Serialize;

use super::command::Invocation;
use super::glob::Glob;

/// Changes of the new code that some test has to notice, where a plan says nothing.
pub const MUTANTS: u32 = 10;

/// Pieces of the new code that are put back when all is decided, beside those for which changed values leave room.
pub const HUNKS: u32 = 3;

/// What shows that the tests of a change fail without it and pass with it.
#[derive(Debug, Clone, Serialize)]
pub struct Proves {
    /// Files that hold the tests.
    pub tests: Vec<Glob>,
    /// What runs them.
    pub command: Invocation,
    /// The step before which the base of the proof stood, if it is not what stood before the run's first agent or patch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Old tests that rightly change: they need not pass any more.
    pub except: Vec<String>,
    /// Configuration of the runner that the change may touch.
    pub may_change: Vec<Glob>,
    /// Changes of the new code that some test has to notice.
    pub mutants: u32,
    /// What the command leaves by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
    /// The change is to be noticed by no test: all that passed passes, and nothing is gone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub refactor: bool,
}

/// A report that a command leaves by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How it is written.
    pub format: Format,
    /// Where, relative to the step's folder; nothing: it is what the command prints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
}

impl Proves {
    /// Returns how often the tests are run, at least and at most, if nothing is refused before: on the base, twice with the
    /// change's tests alone, twice with the change; with the old tests, with tests that must fail, with failures in each, with
    /// each changed value, and without some of the changed lines, of which one may have to be made again with all tests.
    pub fn runs(&self) -> (u32, u32) {
        match (self.refactor, self.mutants) {
            (true, _) => (3, 5),
            (false, 0) => (5, 8),
            (false, mutants) => (5, mutants.saturating_add(9 + HUNKS)),
        }
    }
}
