//! What a verdict is made of: the runs, as they were recorded, and what the plan allows.

use serde::{Deserialize, Serialize};

use crate::results::{Outcome, Results};

/// All runs of a proof, and what has to be known of the change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runs {
    /// The base alone.
    pub base: Ran,
    /// The base with the change's tests, twice. Of a refactoring nobody asks.
    pub tests: [Ran; 2],
    /// The result, twice, with all of its tests; the second time with those of the changed files, where the runner can choose.
    pub result: [Ran; 2],
    /// The result with the base's versions of the changed test files; none, if the change touches none that the base has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_tests: Option<Ran>,
    /// The run with the canaries; none, if no file can carry one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canaried: Option<Ran>,
    /// The canaries of each changed test file.
    #[serde(default)]
    pub canaries: Vec<Canary>,
    /// What the tests are called, by the last part of their ids, that were made to fail behind all that they do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spoils: Vec<String>,
    /// The run with these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spoiled: Option<Ran>,
    /// The changed values that were tried.
    #[serde(default)]
    pub mutants: Vec<Mutant>,
    /// What the change does to code that is no test.
    #[serde(default)]
    pub code: Code,
    /// Test files that the base has, that the change changed, and that hold no code: snapshots, expected values.
    #[serde(default)]
    pub data: Vec<String>,
}

/// One run of the tests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// What was reported; nothing, if there was no report.
    pub results: Results,
    /// There was a report: the runner said that it ran.
    pub built: bool,
    /// Only the tests of chosen files were asked for.
    #[serde(default)]
    pub part: bool,
}

impl Ran {
    /// A run of all tests that left this report.
    pub fn whole(results: Results) -> Self {
        Self { results, built: true, part: false }
    }
}

/// A test that must fail, put into a changed test file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// The file.
    pub file: String,
    /// What its id ends in; none, if the file cannot carry one.
    pub id: Option<String>,
    /// What it was reported as.
    pub seen: Option<Outcome>,
}

/// A changed value of the new code, and what the tests say of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mutant {
    /// Where: `path:line`.
    pub at: String,
    /// What was changed: "3 became 4".
    pub what: String,
    /// The run with it.
    pub ran: Ran,
    /// The lines of the function that it is in; nothing of what was recorded before this was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<(u32, u32)>,
    /// It moves the edge of a condition.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_edge: bool,
}

/// What a change does to what is no test.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// It changes code.
    #[default]
    Changed,
    /// It changes code in a language that nobody can read here.
    Unknown,
    /// It changes no code, but other files.
    Data,
    /// It changes no more than comments and what documents.
    Comments,
    /// It changes nothing but tests.
    Nothing,
}

/// What the plan asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Old tests that need not pass: an id, the last part of one, or the beginning of some with `*` behind.
    #[serde(default)]
    pub except: Vec<String>,
    /// How many changed values are tried.
    pub mutants: u32,
    /// What is to be proved.
    pub kind: Kind,
}

/// What is to be proved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The tests fail without the change.
    #[default]
    Proof,
    /// Everything that passed passes, and nothing vanished.
    Refactor,
}
