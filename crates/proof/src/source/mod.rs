//! Takes the text of a source file, gives what a proof needs of it: code and tests apart, canaries, mutants.

use std::collections::BTreeSet;

use crate::runner::CanaryRunner;

/// A language whose source is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// `.rs`
    Rust,
    /// `.py`
    Python,
    /// `.js`, `.cjs`, `.mjs`, `.jsx`
    JavaScript,
    /// `.ts`, `.cts`, `.mts`
    TypeScript,
    /// `.tsx`
    Tsx,
    /// `.go`
    Go,
    /// `.java`
    Java,
}

impl Language {
    /// Tells the language of a file by its name.
    pub fn of(path: &str) -> Option<Self> {
        let _ = path;
        None
    }
}

/// Where a file's tests are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tests {
    /// The file is all test.
    Whole,
    /// Some of the file is: code and tests have to be taken apart.
    Within,
    /// There are none.
    None,
}

/// Why code and tests of a file cannot be taken apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("code and tests cannot be taken apart: {0}")]
pub struct Inseparable(pub String);

/// A file with a test that must fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planted {
    /// The whole file.
    pub text: String,
    /// What the ids of the canaries end in, as a report has them. Each must be reported, as failed.
    pub ids: Vec<String>,
}

/// A file with one value of it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutation {
    /// The line, counted from 1.
    pub line: u32,
    /// What was done: "3 became 4".
    pub what: String,
    /// The whole file.
    pub text: String,
}

/// Says where the tests of a file are.
pub fn holds_tests(language: Language, path: &str, text: &str) -> Tests {
    let _ = (language, path, text);
    Tests::None
}

/// Gives the code of one version of a file with the tests of another.
pub fn weld(language: Language, code_from: &str, tests_from: &str) -> Result<String, Inseparable> {
    let _ = (language, code_from, tests_from);
    Err(Inseparable("it is not done yet".to_owned()))
}

/// Appends tests that must fail to a test file; `name` is random, of letters, digits and `_`. `None` if the file cannot
/// carry one.
pub fn canary(language: Language, runner: CanaryRunner, text: &str, name: &str) -> Option<Planted> {
    let _ = (language, runner, text, name);
    None
}

/// Gives the lines of `after`, counted from 1, that `before` has not.
pub fn changed_lines(before: &str, after: &str) -> BTreeSet<u32> {
    let _ = (before, after);
    BTreeSet::new()
}

/// Gives the values on the changed lines of code, each changed by itself: those that matter most first.
pub fn mutations(language: Language, before: Option<&str>, after: &str) -> Vec<Mutation> {
    let _ = (language, before, after);
    Vec::new()
}

/// Chooses `count` of them, spread over files and lines.
pub fn choose(all: Vec<(String, Mutation)>, count: usize) -> Vec<(String, Mutation)> {
    all.into_iter().take(count).collect()
}
