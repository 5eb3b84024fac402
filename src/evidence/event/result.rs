//! How something ended, and why.

use serde::{Deserialize, Serialize};

use crate::evidence::text::{self, Text};

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptResult {
    /// Everything expected held.
    Passed,
    /// Something did not.
    Failed,
    /// The run was interrupted.
    Interrupted,
    /// Another attempt took its place, whose work it did not fit; it costs no retry. From version 2 on.
    Superseded,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepResult {
    /// An attempt passed.
    Passed,
    /// No attempt passed.
    Failed,
    /// No attempt was made.
    Skipped,
    /// The run was interrupted in it.
    Interrupted,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunResult {
    /// Every step that counts passed.
    Done,
    /// One did not.
    Failed,
    /// A signal ended it.
    Interrupted,
    /// The runner died.
    Crashed,
}

impl RunResult {
    /// Returns the word for it, the same in every text.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Crashed => "crashed",
        }
    }
}

/// Why something did not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The class of the reason, for programs.
    pub kind: ReasonKind,
    /// The reason in words.
    #[serde(deserialize_with = "text::one")]
    pub text: Text,
}

/// Classes of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonKind {
    /// Another exit code than expected, or a signal.
    Exit,
    /// The step's timeout.
    Timeout,
    /// The run's timeout.
    RunTimeout,
    /// Over one of its resources.
    Limit,
    /// An expectation did not hold, or could not be evaluated.
    Expectation,
    /// A `post` command failed.
    Post,
    /// The agent's turn was not completed.
    Agent,
    /// The model's rate limit or quota; no failure of the step's work.
    RateLimit,
    /// More model tokens than the plan allows, or a number that is not known.
    Tokens,
    /// It could not be confined or started.
    Launch,
    /// Its state could not be committed.
    Checkpoint,
    /// Too many failed attempts in a row.
    ConsecutiveFailures,
    /// A step that aborts the run failed.
    StepFailed,
    /// A signal to the runner.
    Signal,
    /// The runner died.
    Crash,
    /// The runner itself failed.
    Internal,
    /// The agent or its model was silent for too long; from version 2 on, as all that follow.
    Silence,
    /// More money than the plan allows, or an amount that is not known.
    Budget,
    /// Its tests do not show what they should.
    Proof,
    /// What it changed does not fit what others changed.
    Conflict,
    /// The base moved, and the work does not hold on the new one.
    Moved,
}
