//! In what form a runner reports, as a plan writes it and as it is shown.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Format {
    /// `JUnit`'s XML.
    Junit,
    /// What `cargo test` prints.
    Cargo,
    /// What `go test -json` prints.
    GoJson,
    /// Mocha's JSON.
    MochaJson,
    /// Jest's JSON, and Vitest's.
    JestJson,
}

/// As a plan writes it.
impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Junit => "junit",
            Self::Cargo => "cargo",
            Self::GoJson => "go_json",
            Self::MochaJson => "mocha_json",
            Self::JestJson => "jest_json",
        })
    }
}
