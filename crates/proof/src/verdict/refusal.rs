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
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Base => "without the change",
            Self::Tests => "with the change's tests only",
            Self::Result => "with the change",
            Self::OldTests => "with the change and the old tests",
            Self::Canary => "with a test that must fail",
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
}
