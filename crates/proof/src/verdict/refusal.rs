//! Refusals: why a change's tests do not prove it, in words that somebody can act on.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One of the runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// The base alone.
    Base,
    /// The base with the change's tests.
    Tests,
    /// The result.
    Result,
    /// The result with the old tests.
    OldTests,
    /// The result with tests that must fail.
    Canary,
    /// The result with a failure at the end of each test.
    Spoiled,
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Base => "without your change",
            Self::Tests => "with your tests on the old code",
            Self::Result => "with your change",
            Self::OldTests => "with your change and the old tests",
            Self::Canary => "with a test that must fail put beside yours",
            Self::Spoiled => "with a failure put at the end of each of your tests",
        })
    }
}

/// Why it is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "refusal")]
pub enum Refusal {
    /// No test fails without the change.
    #[error("no test fails without your change: write one that does")]
    NothingProved,
    /// A new or changed test that passes on the old code.
    #[error("{id} passes without your change: it does not test it")]
    PassesBefore {
        /// The test.
        id: String,
    },
    /// Only old tests whose expectation was changed fail without the change.
    #[error(
        "only old tests that expect something else now fail without your change ({}): add a test of the new behaviour, \
         or let the plan's `old_tests.except` name them", ids.join(", ")
    )]
    OnlyOldTests {
        /// The tests.
        ids: Vec<String>,
    },
    /// Nothing but comments changed.
    #[error("your change alters comments only: no test can prove that")]
    OnlyComments,
    /// There was no report.
    #[error("{which}, the tests left no report: they did not build, or their process ended early")]
    NoReport {
        /// Of which run.
        which: Which,
    },
    /// Tests that one run reported are not in another.
    #[error("{which}, the report is short: {} is not in it", ids.join(", "))]
    ReportShort {
        /// Which run lacks them.
        which: Which,
        /// The tests.
        ids: Vec<String>,
    },
    /// Something could not be loaded, or ended early.
    #[error("{which}, {what} cannot be loaded, or ends before all of its tests have")]
    Broken {
        /// In which run.
        which: Which,
        /// What.
        what: String,
    },
    /// None of the base's tests passes.
    #[error("none of the tests passes without your change: on this machine, tests can tell nothing")]
    BaseHasNoPassingTest,
    /// A test fails with the change.
    #[error("{id} fails with your change")]
    Fails {
        /// The test.
        id: String,
    },
    /// A test passes once and fails once.
    #[error("{id} passes in one run and fails in the next, of the same files: make it the same each time")]
    Flaky {
        /// The test.
        id: String,
    },
    /// An old test, as it was, fails with the change.
    #[error(
        "{id}, as it was before, fails with your change: keep what it expects, or let the plan's `old_tests.except` name it"
    )]
    OldTestFails {
        /// The test.
        id: String,
    },
    /// A test that passed is skipped.
    #[error(
        "{id} passed before, and is skipped now: let it run, or let the plan's `old_tests.except` name it"
    )]
    OldTestSkipped {
        /// The test.
        id: String,
    },
    /// A test that passed is not there.
    #[error("{id} passed before, and is gone: put it back, or let the plan's `old_tests.except` name it")]
    OldTestLost {
        /// The test.
        id: String,
    },
    /// A test that must fail does not.
    #[error(
        "a test that must fail was put into {file}, and is not reported as failed: something hides failures"
    )]
    CanaryPassed {
        /// The file.
        file: String,
    },
    /// A test that must fail is not reported.
    #[error(
        "a test that must fail was put into {file}, and is not reported: its tests do not run to their end"
    )]
    CanaryMissing {
        /// The file.
        file: String,
    },
    /// A test that passes although it was made to fail.
    #[error(
        "{id} passes also with a failure put at its end: it does not run to its end, or something hides its failures"
    )]
    SpoiledPassed {
        /// The test.
        id: String,
    },
    /// A test that proves fails as soon as another is beside it, or a comment behind the code.
    #[error(
        "{id} fails as soon as another test stands beside it and comments behind your lines: it depends on more than what \
         your code does"
    )]
    Disturbed {
        /// The test.
        id: String,
    },
    /// A changed value that no test notices.
    #[error("{at}: {what}, and no test fails: test what this line does")]
    MutantSurvived {
        /// Where.
        at: String,
        /// What was changed.
        what: String,
    },
    /// Changed values that only tests notice that do not prove the change.
    #[error(
        "no value changed in your code makes a test fail that proves it: what those tests see is not what you wrote"
    )]
    ProofUntouched,
    /// No changed value could be tried.
    #[error(
        "of {count} values changed in your code none could be tried: the tests did not run with any of them"
    )]
    MutantsUnjudged {
        /// How many.
        count: usize,
    },
    /// Tests that cannot even run on the base, and nothing that supports them.
    #[error(
        "{} cannot run without your change, which proves little: a value changed in your code, and a test that must fail, \
         would have to be noticed, and {why}", ids.join(", ")
    )]
    NotBuiltOnBaseAndUnsupported {
        /// The tests.
        ids: Vec<String>,
        /// What is missing.
        why: String,
    },
}
