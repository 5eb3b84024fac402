//! Verdicts: what was expected, whether it held, and what was seen.

use serde::{Deserialize, Serialize};

use crate::evidence::id::AttemptId;
use crate::evidence::text::{self, Document, Text};
use crate::git::Oid;

/// An expectation that was judged. Raw bytes decide; what was seen is masked, and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// Which attempt.
    #[serde(flatten)]
    pub at: AttemptId,
    /// Which kind of expectation.
    pub kind: Expected,
    /// Which of the plan's list of that kind, from 0; 0 where the plan has one. Of `changes`, which are judged again
    /// behind `post`, 1 is that second time.
    pub index: u32,
    /// It held.
    pub held: bool,
    /// What was seen, where there is something to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "text::maybe")]
    pub saw: Option<Text>,
    /// The tree that it was judged on, where the worktree was committed for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<Oid>,
}

/// Kinds of expectations, as the plan calls them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// The exit code of the action.
    ExitCode,
    /// A path that has to be there.
    FilesExist,
    /// A path that must not be there.
    FilesAbsent,
    /// A pattern in a file.
    FileContains,
    /// A pattern in the output.
    OutputMatches,
    /// A pattern that must not be in the output.
    OutputExcludes,
    /// Bounds on what changed.
    Changes,
    /// A `post` command, which has to exit with 0.
    Post,
    /// That the tests of the change fail without it, and pass with it.
    Proves,
}

/// One of the runs by which it is proved that tests would have noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofRan {
    /// Which attempt.
    #[serde(flatten)]
    pub at: AttemptId,
    /// On what.
    pub run: ProofRun,
    /// The code that the tests' command exited with, if it exited.
    pub exit_code: Option<i32>,
    /// The signal that ended it, if one did.
    pub signal: Option<i32>,
    /// Milliseconds it took.
    pub ms: u64,
    /// It came out as the proof needs it.
    pub held: bool,
    /// What was seen, where there is something to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "text::maybe")]
    pub saw: Option<Text>,
    /// What it reported, test by test, from which the verdict follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "text::maybe_document")]
    pub report: Option<Document>,
}

/// What the tests of a proof are run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofRun {
    /// The base alone.
    Base,
    /// The base with the change's tests.
    Tests,
    /// The result.
    Result,
    /// The result with the base's tests.
    OldTests,
    /// The result with tests that must fail.
    Canary,
    /// The result with a failure at the end of each test.
    Spoiled,
    /// The result with a fault put into it.
    Mutant,
    /// The result with some of its lines put back to what they had been. It decides nothing.
    Hunk,
}
