//! Takes a plan's test command, gives how it is asked for a report.

use serde::{Deserialize, Serialize};

use crate::results::Format;

/// Where a runner leaves its report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In what it prints: standard output and standard error in one, as they came.
    Output,
    /// In a file of the folder for reports.
    File(String),
    /// In the files of a folder of the worktree whose names end in the second text. What lies there before is no report.
    Folder(String, String),
    /// In a file of the worktree. What lies there before is no report.
    Worktree(String),
}

/// How a command is run, so that it leaves a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Variables that are set, whatever the step sets.
    pub env: Vec<(String, String)>,
    /// Files that are laid into the folder for reports before: name and text.
    pub files: Vec<(String, String)>,
    /// What the report is.
    pub format: Format,
    /// Where it is.
    pub source: Source,
    /// What a canary has to be written for; without one, what the file's language has by default.
    pub canary: Option<CanaryRunner>,
    /// Only the tests of the files that were named are run.
    pub is_part: bool,
}

/// The runner that a canary has to be written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CanaryRunner {
    /// pytest, which takes unittest's classes, too.
    Pytest,
    /// `python -m unittest`.
    Unittest,
    /// `node --test`.
    NodeTest,
    /// mocha.
    Mocha,
    /// jest.
    Jest,
    /// vitest.
    Vitest,
    /// `cargo test`, or nextest.
    Cargo,
    /// `go test`.
    Go,
    /// `JUnit` 4.
    Junit4,
    /// `JUnit` 5.
    Junit5,
}

/// A command that runs tests, and how to ask it for a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runner {
    argv: Vec<String>,
}

/// A command that nobody knows how to ask.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotKnown(pub String);

impl Runner {
    /// Tells what a command runs its tests by. `files` gives the files of the base: a script of `package.json` is read.
    pub fn of(
        argv: &[String],
        shell: bool,
        files: &dyn Fn(&str) -> Option<Vec<u8>>,
    ) -> Result<Self, NotKnown> {
        let _ = (shell, files);
        Err(NotKnown(format!("nobody knows yet how to ask `{}` for a report", argv.join(" "))))
    }

    /// A command whose plan says what it reports, and where.
    pub fn reporting(argv: &[String], format: Format, path: Option<&str>) -> Self {
        let _ = (format, path);
        Self { argv: argv.to_vec() }
    }

    /// How the command is run so that it leaves a report in `folder`, absolute, as the step sees it; `only`: the test
    /// files that are of interest, for a runner that can select them.
    pub fn asked(&self, folder: &str, only: Option<&[String]>) -> Asked {
        let _ = (folder, only);
        Asked {
            argv: self.argv.clone(),
            env: Vec::new(),
            files: Vec::new(),
            format: Format::Junit,
            source: Source::Output,
            canary: None,
            is_part: false,
        }
    }
}
