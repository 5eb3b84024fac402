//! Formats: takes the word that a plan writes, gives the format of a report.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// In what form a runner reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// `JUnit`'s XML: pytest, `node --test`, Surefire, nextest and most others.
    Junit,
    /// What `cargo test` prints, with standard output and standard error in one.
    Cargo,
    /// `go test -json`.
    GoJson,
    /// mocha's `json` reporter.
    MochaJson,
    /// jest's `--json`, and vitest's `json` reporter.
    JestJson,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Junit, Self::Cargo, Self::GoJson, Self::MochaJson, Self::JestJson];

    /// The word for it in a plan.
    pub fn word(self) -> &'static str {
        match self {
            Self::Junit => "junit",
            Self::Cargo => "cargo",
            Self::GoJson => "go_json",
            Self::MochaJson => "mocha_json",
            Self::JestJson => "jest_json",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A word that is no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no format of a report: write `junit`, `cargo`, `go_json`, `mocha_json` or `jest_json`")]
pub struct NoFormat(pub String);

impl FromStr for Format {
    type Err = NoFormat;

    fn from_str(word: &str) -> Result<Self, NoFormat> {
        Self::ALL.into_iter().find(|format| format.word() == word).ok_or_else(|| NoFormat(word.to_owned()))
    }
}
